{{- /* Egress to the cluster's DNS. */ -}}
{{- define "governsai.egressDns" -}}
- to: {{ toYaml .Values.networkPolicy.dns.to | nindent 4 }}
  ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{- /* One egress rule: (dict "to" peers "ports" numbers); no peers means anywhere. */ -}}
{{- define "governsai.egressTo" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "governsai.egressKafka" -}}
{{ include "governsai.egressTo" (dict "to" .Values.networkPolicy.kafka "ports" (include "governsai.kafkaPorts" . | fromJsonArray)) }}
{{- end -}}

{{- define "governsai.egressDatabase" -}}
{{ include "governsai.egressTo" (dict "to" .Values.networkPolicy.database "ports" .Values.database.ports) }}
{{- end -}}

{{- /* The port of a URL. */ -}}
{{- define "governsai.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{- /* Peers that are parts of this release: (list $ names). */ -}}
{{- define "governsai.peers" -}}
{{- $root := index . 0 -}}
{{- range index . 1 }}
- podSelector:
    matchLabels: {{ include "governsai.selector" (list $root .) | nindent 6 }}
{{- end }}
{{- end -}}
