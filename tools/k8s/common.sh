# shellcheck shell=bash
# What the scripts beside this one share: names, messages, and how images get into the cluster at hand.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
NAMESPACE=governsai
RELEASE=governsai
SERVICES=(auth ingest-gateway decision-writer budget-tracker push-gateway)
IMAGES=("${SERVICES[@]}" tools)
# The images the platform brings: overridden where these cannot be pulled.
KAFKA_IMAGE=${KAFKA_IMAGE:-apache/kafka:4.1.2}
POSTGRES_IMAGE=${POSTGRES_IMAGE:-postgres:17-bookworm}

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# need PROGRAM REMEDY
need() { command -v "$1" >/dev/null || fail "$1 is missing: $2"; }

release_version() { node -p "require('$ROOT/package.json').version"; }

# Where a cluster of KUBECONFIG takes images from: kind, the local cluster tool, or a registry it can reach.
cluster_kind() {
  case $(kubectl config current-context 2>/dev/null) in
    kind-*) echo kind ;;
    *) if command -v "${CLUSTER_TOOL:-cluster}" >/dev/null; then echo local; else echo registry; fi ;;
  esac
}

# load_images IMAGE...: copies them into the cluster.
load_images() {
  case $(cluster_kind) in
    kind) kind load docker-image --name "$(kubectl config current-context | sed 's/^kind-//')" "$@" >&2 ;;
    local) "${CLUSTER_TOOL:-cluster}" load "$@" >/dev/null ;;
    registry) say "The cluster is to pull the images itself: set REGISTRY to where you pushed them." ;;
  esac
}

# kustomize_laptop: the laptop's Kafka and PostgreSQL with the chosen images, as YAML.
kustomize_laptop() {
  local dir
  dir=$(mktemp -d)
  cat >"$dir/kustomization.yaml" <<END
resources: [$(realpath --relative-to="$dir" "$ROOT/k8s/laptop")]
images:
  - {name: apache/kafka, newName: ${KAFKA_IMAGE%:*}, newTag: '${KAFKA_IMAGE##*:}'}
  - {name: postgres, newName: ${POSTGRES_IMAGE%:*}, newTag: '${POSTGRES_IMAGE##*:}'}
END
  kubectl kustomize "$dir" --load-restrictor LoadRestrictionsNone
  rm -r "$dir"
}

# chart_images TAG: arguments of helm for the images that were built.
chart_images() {
  printf -- '--set\nimage.tag=%s\n' "$1"
  [ -z "${REGISTRY:-}" ] || printf -- '--set\nimage.registry=%s\n' "$REGISTRY"
}
