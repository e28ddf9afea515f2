#!/usr/bin/env bash
# Runs an admin command (`npm run admin`) in the cluster, in a pod with the settings and secrets of decision-writer, and removes it.
#   tools/k8s/admin.sh org-suspend --org acme
#   RELEASE, NAMESPACE   which installation; both `governsai` unless given
set -euo pipefail
NAMESPACE=${NAMESPACE:-governsai}
RELEASE=${RELEASE:-governsai}
command -v kubectl >/dev/null || { echo 'kubectl is missing: install it from https://kubernetes.io/docs/tasks/tools' >&2; exit 1; }
command -v node >/dev/null || { echo 'Node.js is missing: install Node.js 20.19 or later' >&2; exit 1; }

name=admin-$(date +%s)
deployment=$(kubectl --namespace "$NAMESPACE" get deployment --output json \
  --selector "app.kubernetes.io/instance=$RELEASE,app.kubernetes.io/component=decision-writer")
node -e '
  const [name, ...args] = process.argv.slice(1);
  const deployment = JSON.parse(require("node:fs").readFileSync(0, "utf8")).items[0];
  if (!deployment) throw new Error("There is no such installation: set RELEASE and NAMESPACE.");
  const { metadata, spec } = deployment.spec.template;
  const { image, env, envFrom, volumeMounts, securityContext, imagePullPolicy } = spec.containers[0];
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    // Other labels than the services have: no traffic comes here, and a network policy of its own lets it out.
    metadata: { name, labels: { ...metadata.labels, "app.kubernetes.io/component": "admin" } },
    spec: {
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      imagePullSecrets: spec.imagePullSecrets,
      securityContext: spec.securityContext,
      tolerations: spec.tolerations,
      nodeSelector: spec.nodeSelector,
      volumes: spec.volumes,
      containers: [{
        name: "admin",
        image: image.replace("/decision-writer", "/tools"),
        imagePullPolicy, env, envFrom, volumeMounts, securityContext,
        command: ["node", "tools/dist/admin-cli.js", ...args],
        resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "1", memory: "256Mi" } },
      }],
    },
  };
  process.stdout.write(JSON.stringify(pod));
' "$name" "$@" <<<"$deployment" | kubectl --namespace "$NAMESPACE" create --filename - >/dev/null
trap 'kubectl --namespace "$NAMESPACE" delete pod "$name" --wait=false >/dev/null' EXIT

until phase=$(kubectl --namespace "$NAMESPACE" get pod "$name" --output 'jsonpath={.status.phase}'); [[ $phase =~ Succeeded|Failed ]]; do sleep 1; done
kubectl --namespace "$NAMESPACE" logs "$name"
[ "$phase" = Succeeded ]
