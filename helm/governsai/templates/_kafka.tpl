{{- /* The Secret with a service's identity at Kafka, empty when it has none: (list $ name settings). */ -}}
{{- define "governsai.kafkaSecret" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.kafka -}}
{{- if not .sasl.mechanism -}}
{{- else if .strimzi.users -}}
{{- printf "%s-%s" (include "governsai.fullname" $root) (index $ 1) -}}
{{- else -}}
{{- (index $ 2).kafkaSecret | default .sasl.existingSecret -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The name that goes with such a Secret, as an environment variable (KEDA reads it there): (list $ secret). */ -}}
{{- define "governsai.kafkaUsername" -}}
{{- $root := index . 0 -}}
{{- with index . 1 }}
- name: KAFKA_SASL_USERNAME
{{- if $root.Values.kafka.strimzi.users }}
  value: {{ . }}
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $root.Values.kafka.sasl.usernameKey }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Settings of everything that speaks to Kafka: (list $ secret). */ -}}
{{- define "governsai.kafkaSettings" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.kafka -}}
KAFKA_BROKERS: {{ join "," .brokers | quote }}
KAFKA_TOPIC_PREFIX: {{ .topicPrefix | quote }}
KAFKA_TLS: {{ .tls.enabled | quote }}
{{- if and .tls.enabled .tls.existingSecret }}
KAFKA_TLS_CA_FILE: /etc/governsai/kafka-ca.crt
{{- end }}
{{- if and .tls.enabled .tls.clientSecret }}
KAFKA_TLS_CERT_FILE: /etc/governsai/kafka-tls.crt
KAFKA_TLS_KEY_FILE: /etc/governsai/kafka-tls.key
{{- end }}
{{- if index $ 1 }}
KAFKA_SASL_MECHANISM: {{ .sasl.mechanism }}
KAFKA_SASL_PASSWORD_FILE: /etc/governsai/kafka-password
{{- end }}
{{- end }}
{{- end -}}

{{- /* Sources of the projected volume for Kafka: (list $ secret). */ -}}
{{- define "governsai.kafkaFiles" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.kafka -}}
{{- if and .tls.enabled .tls.existingSecret }}
- secret:
    name: {{ .tls.existingSecret }}
    items: [{key: {{ .tls.key }}, path: kafka-ca.crt}]
{{- end }}
{{- if and .tls.enabled .tls.clientSecret }}
- secret:
    name: {{ .tls.clientSecret }}
    items: [{key: tls.crt, path: kafka-tls.crt}, {key: tls.key, path: kafka-tls.key}]
{{- end }}
{{- if index $ 1 }}
- secret:
    name: {{ index $ 1 }}
    items: [{key: {{ .sasl.passwordKey }}, path: kafka-password}]
{{- end }}
{{- end }}
{{- end -}}

{{- /* The ports of kafka.brokers, as a YAML list. */ -}}
{{- define "governsai.kafkaPorts" -}}
{{- $ports := list -}}
{{- range .Values.kafka.brokers -}}
{{- $ports = append $ports (splitList ":" . | last | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
