#!/usr/bin/env bash
# Builds the images of the five services, and `tools` for the chart's Jobs and tests, and says how big they are.
#   TAG         their tag; the version of package.json unless given
#   REGISTRY    put before their names, to be pushed afterwards
#   NODE_IMAGE      the image they are built from, by digest for builds that can be repeated
#   RUNTIME_IMAGE   the image the services run on; `scratch` unless given
set -euo pipefail
# shellcheck source=tools/k8s/common.sh
. "$(dirname "$0")/common.sh"

need docker 'install Docker, or another engine with its command line'
need node 'install Node.js 20.19 or later'
TAG=${TAG:-$(release_version)}
prefix=${REGISTRY:+$REGISTRY/}governsai
# The time of the commit: the same commit gives the same image.
args=(--build-arg "VERSION=$TAG"
  --build-arg "REVISION=$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)"
  --build-arg "CREATED=$(git -C "$ROOT" log -1 --format=%cI 2>/dev/null || date -u +%FT%TZ)")
for choice in NODE_IMAGE RUNTIME_IMAGE; do
  [ -z "${!choice:-}" ] || args+=(--build-arg "$choice=${!choice}")
done
# Without credentials that may stand in it.
source=$(git -C "$ROOT" remote get-url origin 2>/dev/null | sed 's#//[^@/]*@#//#' || true)
[ -z "$source" ] || args+=(--label "org.opencontainers.image.source=$source")

for name in "${IMAGES[@]}"; do
  target=(--build-arg "SERVICE=$name")
  [ "$name" != tools ] || target=(--target tools)
  say "building $prefix/$name:$TAG"
  docker build --quiet "${args[@]}" "${target[@]}" --tag "$prefix/$name:$TAG" "$ROOT" >/dev/null
done
docker images --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep -F "$prefix/" | grep -F ":$TAG "
