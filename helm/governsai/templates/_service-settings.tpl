{{- /* The environment of one service that is no secret, as a map: (list $ name settings). */ -}}
{{- define "governsai.settings" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $service := index . 2 -}}
{{- $topology := $root.Files.Get "files/topology.yaml" | fromYaml -}}
NODE_ENV: {{ $root.Values.environment }}
HOST: 0.0.0.0
PORT: '8080'
DRAIN_SECONDS: {{ $service.drainSeconds | quote }}
INTERNAL_TOKEN_FILE: /etc/governsai/internal-token
DATABASE_URL_FILE: /etc/governsai/database-url
DATABASE_POOL_SIZE: {{ $root.Values.database.poolSize | quote }}
{{ include "governsai.kafkaSettings" (list $root (include "governsai.kafkaSecret" .)) }}
{{- include "governsai.trustSettings" $root }}
{{- if eq $name "auth" }}
{{- $targets := list }}
{{- range (index $topology $name).calls }}
{{- $targets = append $targets (printf "%s=%s" . (include "governsai.url" (list $root .))) }}
{{- end }}
JWT_SECRET_FILE: /etc/governsai/jwt-secret
{{- if $root.Values.secrets.keys.jwtSecretPrevious }}
JWT_SECRET_PREVIOUS_FILE: /etc/governsai/jwt-secret-previous
{{- end }}
HEALTH_TARGETS: {{ join "," $targets }}
{{- else }}
AUTH_URL: {{ include "governsai.url" (list $root "auth") }}
{{- if has "ingest-gateway" (index $topology $name).calls }}
INGEST_URL: {{ include "governsai.url" (list $root "ingest-gateway") }}
{{- end }}
{{- if has "budget-tracker" (index $topology $name).calls }}
BUDGETS_URL: {{ include "governsai.url" (list $root "budget-tracker") }}
{{- end }}
{{- end }}
{{- if and (eq $name "decision-writer") $root.Values.secrets.keys.checkpointKey }}
CHECKPOINT_KEY_FILE: /etc/governsai/checkpoint-key
{{- end }}
{{- with $root.Values.trustedProxies }}
TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- with $root.Values.allowedOrigins }}
ALLOWED_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- with $root.Values.tracing }}
{{- if .endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .endpoint }}
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ include "governsai.text" .ratio | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The same with `config` of the release and of the service on top, ready for a ConfigMap. */ -}}
{{- define "governsai.configData" -}}
{{- $data := include "governsai.settings" . | fromYaml -}}
{{- range $name, $value := mergeOverwrite (deepCopy (index . 0).Values.config) (deepCopy (index . 2).config) -}}
{{- $_ := set $data $name (include "governsai.text" $value) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}

{{- /* Environment of one service that is not in its ConfigMap. */ -}}
{{- define "governsai.env" -}}
{{- $root := index . 0 -}}
{{- $service := index . 2 -}}
{{- include "governsai.kafkaUsername" (list $root (include "governsai.kafkaSecret" .)) }}
{{- with $root.Values.tracing }}
{{- if .endpoint }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- $attributes := dict "k8s.namespace.name" $root.Release.Namespace "k8s.pod.name" "$(POD_NAME)" "k8s.node.name" "$(NODE_NAME)" "service.version" (include "governsai.version" $root) }}
{{- $pairs := list }}
{{- range $key, $value := mergeOverwrite $attributes .attributes }}
{{- $pairs = append $pairs (printf "%s=%s" $key $value) }}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $pairs | quote }}
{{- with .headersSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $root.Values.tracing.headersKey }}}}
{{- end }}
{{- end }}
{{- end }}
{{- with concat $root.Values.extraEnv $service.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Files of one service. */ -}}
{{- define "governsai.files" -}}
{{- $root := index . 0 -}}
{{- $keys := $root.Values.secrets.keys -}}
- secret:
    name: {{ $root.Values.secrets.existingSecret }}
    items:
      - {key: {{ $keys.internalToken }}, path: internal-token}
      {{- if eq (index . 1) "auth" }}
      - {key: {{ $keys.jwtSecret }}, path: jwt-secret}
      {{- with $keys.jwtSecretPrevious }}
      - {key: {{ . }}, path: jwt-secret-previous}
      {{- end }}
      {{- end }}
      {{- if eq (index . 1) "decision-writer" }}
      {{- with $keys.checkpointKey }}
      - {key: {{ . }}, path: checkpoint-key}
      {{- end }}
      {{- end }}
- secret:
    name: {{ $root.Values.database.app.existingSecret }}
    items: [{key: {{ $root.Values.database.app.key }}, path: database-url}]
{{- include "governsai.kafkaFiles" (list $root (include "governsai.kafkaSecret" .)) }}
{{- include "governsai.trustFiles" $root }}
{{- end -}}
