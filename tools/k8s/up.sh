#!/usr/bin/env bash
# The whole system in a Kubernetes cluster: the one KUBECONFIG names, or a new one made by kind. Builds the images, brings Kafka and
# PostgreSQL of one node each (k8s/laptop) and installs the chart with values-small.yaml.
#   TAG, REGISTRY, NODE_IMAGE, KAFKA_IMAGE, POSTGRES_IMAGE   as in images.sh and common.sh
#   BUILD=no                                                 the images are there already
set -euo pipefail
# shellcheck source=tools/k8s/common.sh
. "$(dirname "$0")/common.sh"

need kubectl 'install it from https://kubernetes.io/docs/tasks/tools'
need helm 'install it from https://helm.sh/docs/intro/install'
TAG=${TAG:-$(release_version)}

if ! kubectl version >/dev/null 2>&1; then
  need kind 'no cluster answers: point KUBECONFIG at one, or install kind from https://kind.sigs.k8s.io'
  kind create cluster --name governsai --wait 120s
fi

if [ "${BUILD:-}" != no ]; then TAG=$TAG "$(dirname "$0")/images.sh"; fi
if [ -z "${REGISTRY:-}" ]; then
  local_images=()
  for name in "${IMAGES[@]}"; do local_images+=("governsai/$name:$TAG"); done
  load_images "${local_images[@]}"
fi

say 'bringing up Kafka and PostgreSQL'
kustomize_laptop | kubectl apply -f - >/dev/null
kubectl -n "$NAMESPACE" rollout status statefulset/kafka statefulset/postgres --timeout=300s >/dev/null

say 'installing the chart'
mapfile -t images < <(chart_images "$TAG")
begin=$SECONDS
helm upgrade --install "$RELEASE" "$ROOT/helm/governsai" --namespace "$NAMESPACE" \
  --values "$ROOT/helm/governsai/values-small.yaml" "${images[@]}" --wait --timeout 10m
say "ready after $((SECONDS - begin)) s"
