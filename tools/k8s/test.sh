#!/usr/bin/env bash
# Takes the chart through its life in the cluster KUBECONFIG names, under load, and counts every decision: install, `helm test`,
# upgrade, pods deleted by force, scaling up and down, rollback, network policies, uninstall. Uses the namespace `governsai`, which
# must not exist yet, and leaves nothing behind. Ends with `N passed, N failed`.
#   TAG, OTHER_TAG   two releases to move between, built when they are not there; by default one build under two names
#   RATE             decisions a second, 200 unless given
#   KEEP=yes         leaves everything as it is at the first failure
#   ONLY="a b"       of upgrade, kill, scale, network, admin: only these parts; `none`: install, helm test and uninstall
# and those of images.sh and common.sh: NODE_IMAGE, REGISTRY, KAFKA_IMAGE, POSTGRES_IMAGE.
set -euo pipefail
# shellcheck source=tools/k8s/common.sh
. "$(dirname "$0")/common.sh"

need kubectl 'install it from https://kubernetes.io/docs/tasks/tools'
need helm 'install it from https://helm.sh/docs/intro/install'
kubectl version >/dev/null 2>&1 || fail 'No cluster answers: point KUBECONFIG at one.'
TAG=${TAG:-$(release_version)}
OTHER_TAG=${OTHER_TAG:-$TAG-again}
RATE=${RATE:-200}
ONLY=${ONLY:-upgrade kill scale network admin}
CHART=$ROOT/helm/governsai
# The demo data's own key: public.
DEMO_KEY=gai_demo_acme_admin_0000000000000000000000000
WORK=$(mktemp -d)
exec 3>&2
PASSED=0
FAILED=0

k() { kubectl --namespace "$NAMESPACE" "$@"; }

pass() { PASSED=$((PASSED + 1)); say "  ok      $*"; }
flunk() {
  FAILED=$((FAILED + 1))
  say "  FAILED  $*"
  [ "${KEEP:-}" != yes ] || finish
}
# check SENTENCE COMMAND...
check() {
  local sentence=$1
  shift
  if "$@" >"$WORK/out" 2>&1; then pass "$sentence"; else sed 's/^/          /' "$WORK/out" | tail -n 25 >&2; flunk "$sentence"; fi
}
part() { [[ " $ONLY " == *" $1 "* ]] && say "$1"; }

finish() {
  if [ "${KEEP:-}" != yes ] || [ "$FAILED" -eq 0 ]; then
    helm uninstall "$RELEASE" --namespace "$NAMESPACE" --ignore-not-found --wait >/dev/null 2>&1 || true
    kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait >/dev/null || true
  fi
  rm -rf "$WORK"
  echo "$PASSED passed, $FAILED failed"
  [ "$FAILED" -eq 0 ] || exit 1
  exit 0
}

# --- images and platform ---------------------------------------------------------------------------------------------------------

prepare() {
  local name missing=() both=()
  if [ -z "${REGISTRY:-}" ]; then
    need docker 'the images are built here; or set REGISTRY to where they are'
    for name in "${IMAGES[@]}"; do docker image inspect "governsai/$name:$TAG" >/dev/null 2>&1 || missing+=("$name"); done
    [ ${#missing[@]} -eq 0 ] || TAG=$TAG "$(dirname "$0")/images.sh" >&2
    for name in "${IMAGES[@]}"; do
      docker image inspect "governsai/$name:$OTHER_TAG" >/dev/null 2>&1 || docker tag "governsai/$name:$TAG" "governsai/$name:$OTHER_TAG"
      both+=("governsai/$name:$TAG" "governsai/$name:$OTHER_TAG")
    done
    say 'copying the images into the cluster'
    load_images "${both[@]}"
    for name in "$KAFKA_IMAGE" "$POSTGRES_IMAGE"; do
      if docker image inspect "$name" >/dev/null 2>&1; then load_images "$name"; fi
    done
  fi
  say 'bringing up Kafka and PostgreSQL'
  kustomize_laptop | kubectl apply --filename - >/dev/null
  k rollout status statefulset/kafka --timeout=300s >/dev/null
  k rollout status statefulset/postgres --timeout=300s >/dev/null
}

# release TAG [HELM ARGUMENT...]: installs or upgrades, and waits.
release() {
  local tag=$1 images
  shift
  mapfile -t images < <(chart_images "$tag")
  helm upgrade --install "$RELEASE" "$CHART" --namespace "$NAMESPACE" --values "$CHART/values-small.yaml" "${images[@]}" "$@" \
    --wait --timeout 10m
}

# --- the load --------------------------------------------------------------------------------------------------------------------

# A pod beside the services, with the rights of a test pod, so that it works in every cluster.
start_load() {
  local image
  image=$(k get deployment "$RELEASE-auth" --output 'jsonpath={.spec.template.spec.containers[0].image}' | sed 's#/auth:#/tools:#')
  k create configmap load --from-file "$ROOT/k8s/test/load.mjs" --dry-run=client --output yaml | k apply --filename - >/dev/null
  k apply --filename - >/dev/null <<END
apiVersion: v1
kind: Pod
metadata:
  name: load
  labels: {app.kubernetes.io/name: governsai, app.kubernetes.io/instance: $RELEASE, app.kubernetes.io/component: test}
spec:
  automountServiceAccountToken: false
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: load
      image: $image
      command: [node, /load/load.mjs]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      env:
        - {name: ORG, value: acme}
        - {name: API_KEY, value: $DEMO_KEY}
        - {name: RATE, value: '$RATE'}
        - {name: INGEST_URL, value: http://$RELEASE-ingest-gateway}
        - {name: PUSH_URL, value: http://$RELEASE-push-gateway}
        - {name: RECORDS_URL, value: http://$RELEASE-decision-writer}
      volumeMounts: [{name: load, mountPath: /load}, {name: tmp, mountPath: /tmp}]
  volumes: [{name: load, configMap: {name: load}}, {name: tmp, emptyDir: {}}]
END
  k wait pod/load --for=condition=Ready --timeout=120s >/dev/null
  until [ "$(load_state acked)" -gt $((RATE * 3)) ]; do
    [ "$(k get pod load --output 'jsonpath={.status.phase}')" = Running ] || fail "The load has ended: $(k logs load --tail 5)"
    sleep 1
  done
}

# load_state NAME: a figure of the running load.
load_state() {
  k exec load -- node -p "try { JSON.parse(require('fs').readFileSync('/tmp/state.json', 'utf8')).$1 } catch { 0 }" 2>/dev/null || echo 0
}

# Stops the load, shows its report and fails if it found fault.
stop_load() {
  k exec load -- node -e "require('fs').writeFileSync('/tmp/stop', '')"
  k wait pod/load --for=jsonpath='{.status.phase}'=Succeeded --timeout=240s >/dev/null 2>&1 || true
  k logs load --tail 30 | tee "$WORK/load.log"
  echo "          $(tail -n 1 "$WORK/load.log")" >&3
  local phase
  phase=$(k get pod load --output 'jsonpath={.status.phase}')
  k delete pod load --wait >/dev/null
  [ "$phase" = Succeeded ]
}

# --- the parts -------------------------------------------------------------------------------------------------------------------

install() {
  local begin=$SECONDS
  say 'install'
  if release "$TAG" >"$WORK/out" 2>&1; then
    pass "the chart is ready $((SECONDS - begin)) s after helm install, migration and topics included"
  else
    tail -n 20 "$WORK/out" >&2
    k get pods,events >&2
    flunk 'helm install'
    KEEP=no finish
  fi
  check 'helm test: a decision goes in and comes out, through Services' helm test "$RELEASE" --namespace "$NAMESPACE"
}

upgrade() {
  start_load
  local begin=$SECONDS
  check "helm upgrade to another tag under $RATE decisions/s" release "$OTHER_TAG"
  say "          took $((SECONDS - begin)) s"
  sleep 5
  check 'the upgrade lost nothing, doubled nothing, and subscribers resumed' stop_load
  check 'every pod runs the other tag' all_run "$OTHER_TAG"
}

all_run() {
  local images
  images=$(k get pods --selector app.kubernetes.io/name=governsai --field-selector status.phase=Running \
    --output 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}')
  echo "$images"
  ! grep -v ":$1\$" <<<"$images"
}

kill_pods() {
  local service pod
  start_load
  for service in "${SERVICES[@]}"; do
    pod=$(k get pods --selector "app.kubernetes.io/component=$service" --output 'jsonpath={.items[0].metadata.name}')
    k delete pod "$pod" --force --grace-period=0 >/dev/null 2>&1
    check "$service comes back after its pod was deleted by force" k rollout status "deployment/$RELEASE-$service" --timeout=180s
    sleep 3
  done
  check 'pods deleted by force lost nothing and doubled nothing' stop_load
}

replicas() { k get deployment "$RELEASE-push-gateway" --output 'jsonpath={.status.readyReplicas}'; }

# wait_replicas LEAST MOST SECONDS
wait_replicas() {
  local end=$((SECONDS + $3)) now
  until now=$(replicas); [ "${now:-0}" -ge "$1" ] && [ "${now:-0}" -le "$2" ]; do
    if [ $SECONDS -ge $end ]; then
      k get hpa
      k describe hpa "$RELEASE-push-gateway" | tail -n 15
      return 1
    fi
    sleep 3
  done
}

scale() {
  # One gateway under the load uses more than half of 150m, two without it less than that together.
  local scaling=services.push-gateway.autoscaling
  check 'an autoscaler is added' release "$OTHER_TAG" --set "$scaling.enabled=true" --set "$scaling.minReplicas=1" --set "$scaling.maxReplicas=2" \
    --set "$scaling.cpu=50" --set "$scaling.behavior.scaleDown.stabilizationWindowSeconds=15" --set services.push-gateway.resources.requests.cpu=150m
  start_load
  check 'under load the autoscaler adds a push-gateway' wait_replicas 2 2 240
  check 'what it added lost nothing' stop_load
  start_calm_subscribers
  check 'without load it removes the push-gateway' wait_replicas 1 1 300
  check 'with a drain: the subscribers on it lost nothing' stop_load
}

# Five decisions a second: subscribers are watched while the second replica goes.
start_calm_subscribers() { RATE=5 start_load; }

network() {
  k apply --filename - >/dev/null <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: canary}
spec: {podSelector: {matchLabels: {app: canary}}, policyTypes: [Ingress]}
END
  stranger canary 'require("http").createServer((_, answer) => answer.end("here")).listen(8080)'
  stranger intruder 'setInterval(() => {}, 1000)'
  local canary
  canary=$(k get pod canary --output 'jsonpath={.status.podIP}')
  if reaches "http://$canary:8080"; then
    say '  left out: this cluster does not enforce NetworkPolicies, a pod behind one that denies everything could be reached'
  else
    check 'a stranger cannot reach push-gateway' cannot_reach "http://$RELEASE-push-gateway/livez"
    check 'a stranger cannot reach ingest-gateway' cannot_reach "http://$RELEASE-ingest-gateway/livez"
    check 'helm test can, with the policies on' helm test "$RELEASE" --namespace "$NAMESPACE"
  fi
  k delete pod canary intruder --wait=false >/dev/null
  k delete networkpolicy canary >/dev/null
}

# stranger NAME SCRIPT: a pod that is no part of the release.
stranger() {
  local image
  image=$(k get deployment "$RELEASE-auth" --output 'jsonpath={.spec.template.spec.containers[0].image}')
  k run "$1" --image "$image" --labels "app=$1" --restart=Never --command --overrides '{"spec": {
    "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
    "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "'"$1"'", "image": "'"$image"'", "command": ["node", "-e", '"$(node -p 'JSON.stringify(process.argv[1])' "$2")"'],
      "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}' -- node >/dev/null
  k wait "pod/$1" --for=condition=Ready --timeout=60s >/dev/null
}
reaches() { k exec intruder -- node -e "fetch('$1', { signal: AbortSignal.timeout(3000) }).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))" >/dev/null 2>&1; }
cannot_reach() { ! reaches "$1"; }

# The operator's commands, as the chart's README shows them.
admin() {
  local in_pod=(exec "deployment/$RELEASE-admin" --)
  k scale "deployment/$RELEASE-admin" --replicas=1 >/dev/null
  check 'the pod for admin commands starts when it is wanted' k rollout status "deployment/$RELEASE-admin" --timeout=60s
  check 'admin dlq-list reads the dead letters' k "${in_pod[@]}" admin dlq-list
  check 'admin key-create makes a key' k "${in_pod[@]}" admin key-create --org acme --name by-hand
  check 'every budget is the sum of its ledger' k "${in_pod[@]}" budgets-check
  check 'an export of the chain verifies in it' verify_export
  k scale "deployment/$RELEASE-admin" --replicas=0 >/dev/null
}

# An auditor's way: the export comes over the edge, which is not there, so through a forwarded port.
verify_export() {
  local forward port code=0
  k port-forward "service/$RELEASE-decision-writer" :80 >"$WORK/forward" &
  forward=$!
  until port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$WORK/forward"); [ -n "$port" ] || ! kill -0 $forward; do sleep 0.2; done
  node -e 'fetch(process.argv[1], { headers: { authorization: `Bearer ${process.argv[2]}` } }).then(async (answer) => process.stdout.write(await answer.text()))' \
    "http://127.0.0.1:$port/v1/orgs/acme/decisions/export" "$DEMO_KEY" >"$WORK/export.ndjson" || code=$?
  kill $forward
  [ $code -eq 0 ] && k exec -i "deployment/$RELEASE-admin" -- governsai-verify --quiet - <"$WORK/export.ndjson"
}

rollback() {
  say 'rollback'
  check 'helm rollback to the first revision' helm rollback "$RELEASE" 1 --namespace "$NAMESPACE" --wait --timeout 10m
  check 'every pod runs the first tag' settle all_run "$TAG"
  check 'helm test passes after it' helm test "$RELEASE" --namespace "$NAMESPACE"
}

# settle COMMAND...: the old pods may still be draining.
settle() {
  local end=$((SECONDS + 90))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 2
  done
}

uninstall() {
  say 'uninstall'
  check 'helm uninstall' helm uninstall "$RELEASE" --namespace "$NAMESPACE" --wait --timeout 5m
  check 'it leaves nothing of the release behind' settle nothing_left
  check 'it leaves the database and the topics alone' k exec postgres-0 -- psql -U postgres -d governsai -c 'SELECT count(*) FROM decisions'
}

nothing_left() {
  local kinds left
  kinds=$(kubectl api-resources --namespaced --verbs=list --output=name | grep -v -e events -e '\.metrics\.k8s\.io' | paste -sd,)
  left=$(k get "$kinds" --selector "app.kubernetes.io/instance=$RELEASE" --output name --ignore-not-found 2>/dev/null)
  echo "$left"
  [ -z "$left" ]
}

! kubectl get namespace "$NAMESPACE" >/dev/null 2>&1 || fail "The namespace $NAMESPACE exists: this test wants it for itself. Remove it with: kubectl delete namespace $NAMESPACE"
prepare
install
if part upgrade; then upgrade; fi
if part kill; then kill_pods; fi
if part scale; then scale; fi
if part network; then network; fi
if part admin; then admin; fi
if [ "$(k get secrets --selector "owner=helm,name=$RELEASE" --output name | wc -l)" -gt 1 ]; then rollback; fi
uninstall
finish
