{{- /* The prefix of all names: room is left for the longest suffix within 63 characters. */ -}}
{{- define "governsai.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* The services, separated by spaces. */ -}}
{{- define "governsai.services" -}}
auth ingest-gateway decision-writer budget-tracker push-gateway
{{- end -}}

{{- /* Labels that select: (list $ component). */ -}}
{{- define "governsai.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- /* Labels of an object: (list $ component). */ -}}
{{- define "governsai.labels" -}}
{{- $root := index . 0 -}}
{{ include "governsai.selector" . }}
app.kubernetes.io/part-of: governsai
app.kubernetes.io/version: {{ include "governsai.version" $root | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The release of the services, fit for a label. */ -}}
{{- define "governsai.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimSuffix "." | trimSuffix "-" | trimSuffix "_" -}}
{{- end -}}

{{- /* The image of one service: (list $ name settings). */ -}}
{{- define "governsai.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index . 2).image -}}
{{- $path := $image.repository | default (list $root.Values.image.registry $root.Values.image.repository (index . 1) | compact | join "/") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $path $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $path ($image.tag | default $root.Values.image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* A setting as text: Helm reads whole numbers as floats and would write 1e+06. */ -}}
{{- define "governsai.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{- /* Where the services of this release find one of them: (list $ name). */ -}}
{{- define "governsai.url" -}}
http://{{ include "governsai.fullname" (index . 0) }}-{{ index . 1 }}
{{- end -}}
