{{- /*
Annotations of what runs before install and upgrade: (list weight). It is deleted once all of it succeeded; what failed stays to be
read until the next try.
*/ -}}
{{- define "governsai.beforeHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ index . 0 | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- /* One Job of the setup: (dict "root" $ "name" … "weight" … "command" … "settings" … "env" … "files" …), the last three as YAML text. */ -}}
{{- define "governsai.job" -}}
{{- $root := .root -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "governsai.fullname" $root }}-{{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{ include "governsai.labels" (list $root .name) | nindent 4 }}
  annotations: {{ include "governsai.beforeHook" (list .weight) | nindent 4 }}
spec:
  backoffLimit: {{ $root.Values.migrations.backoffLimit }}
  activeDeadlineSeconds: {{ $root.Values.migrations.activeDeadlineSeconds }}
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels: {{ include "governsai.labels" (list $root .name) | nindent 8 }}
    spec:
      {{- include "governsai.pod" $root | nindent 6 }}
      serviceAccountName: {{ include "governsai.fullname" $root }}-setup
      # A failed try leaves its pod, and the pod its log.
      restartPolicy: Never
      terminationGracePeriodSeconds: 10
      {{- with $root.Values.defaults.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.defaults.tolerations }}
      tolerations: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.defaults.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "governsai.image" (list $root "tools" (dict "image" (dict))) }}
          {{- include "governsai.container" $root | nindent 10 }}
          command: {{ toJson (prepend .command "node") }}
          env:
            {{- range $name, $value := .settings | fromYaml }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
            {{- with .env | trim }}
            {{- . | nindent 12 }}
            {{- end }}
          resources: {{ toYaml $root.Values.migrations.resources | nindent 12 }}
          volumeMounts: {{ include "governsai.volumeMounts" $root | nindent 12 }}
      volumes: {{ include "governsai.volumes" (list $root .files) | nindent 8 }}
{{- end -}}
