{{- /* What all containers have in common. */ -}}
{{- define "governsai.container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{ toYaml .Values.containerSecurityContext | nindent 2 }}
{{- end -}}

{{- /* What all pods have in common. They never speak to the Kubernetes API. */ -}}
{{- define "governsai.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{ toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Settings that say whom to trust and how to check PostgreSQL. */ -}}
{{- define "governsai.trustSettings" -}}
{{- if or .Values.trustedAuthorities.existingSecret .Values.trustedAuthorities.existingConfigMap }}
NODE_EXTRA_CA_CERTS: /etc/governsai/trusted.crt
{{- end }}
{{- with .Values.database.tls.mode }}
PGSSLMODE: {{ . }}
{{- end }}
{{- end -}}

{{- /* Sources of the projected volume for that. */ -}}
{{- define "governsai.trustFiles" -}}
{{- with .Values.trustedAuthorities }}
{{- if .existingSecret }}
- secret:
    name: {{ .existingSecret }}
    items: [{key: {{ .key }}, path: trusted.crt}]
{{- else if .existingConfigMap }}
- configMap:
    name: {{ .existingConfigMap }}
    items: [{key: {{ .key }}, path: trusted.crt}]
{{- end }}
{{- end }}
{{- end -}}

{{- /* Volumes of every pod: /tmp and the secrets. (list $ sources), sources as YAML text. */ -}}
{{- define "governsai.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: files
  projected:
    # The container has one user, who is not root: the file's owner is.
    defaultMode: 0444
    {{- with index . 1 | trim }}
    sources: {{ . | nindent 6 }}
    {{- else }}
    sources: []
    {{- end }}
{{- end -}}

{{- define "governsai.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: files, mountPath: /etc/governsai, readOnly: true}
{{- end -}}
