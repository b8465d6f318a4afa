{{- /* Names and labels. */ -}}

{{- define "homecoming.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* At most 52 characters: a StatefulSet's revision hash is added to it in a label of 63. No dots: a Service has none. */ -}}
{{- define "homecoming.fullname" -}}
{{- $name := include "homecoming.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "homecoming.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "homecoming.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* All pods of the release. */ -}}
{{- define "homecoming.releaseLabels" -}}
app.kubernetes.io/name: {{ include "homecoming.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pods that are instances of the service. */ -}}
{{- define "homecoming.instanceLabels" -}}
{{ include "homecoming.releaseLabels" . }}
app.kubernetes.io/component: instance
{{- end -}}

{{- /* What every object bears; no selector may contain the version. */ -}}
{{- define "homecoming.labels" -}}
{{ include "homecoming.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Not the chart's version: a pod need not be replaced because the chart has changed elsewhere. */ -}}
{{- define "homecoming.podLabels" -}}
{{ include "homecoming.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "homecoming.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The port of `config.http.listen`. */ -}}
{{- define "homecoming.port" -}}
{{- regexFind "[0-9]+$" .Values.config.http.listen -}}
{{- end -}}

{{- /* The service ends within 10 s of SIGTERM; the rest is for a node that is out of breath. */ -}}
{{- define "homecoming.gracePeriod" -}}
{{- $drain := .Values.config.engine.drain_timeout | default "5s" -}}
{{- $seconds := 0 -}}
{{- if hasSuffix "ms" $drain -}}
{{- $seconds = divf (trimSuffix "ms" $drain | atoi) 1000 | ceil | int -}}
{{- else -}}
{{- $seconds = trimSuffix "s" $drain | atoi -}}
{{- end -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- add 20 $seconds -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}
