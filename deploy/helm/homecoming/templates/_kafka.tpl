{{- /* How the brokers are reached: what the user says, or what a KafkaUser of this release brings along. As YAML. */ -}}
{{- define "homecoming.access" -}}
{{- $sasl := deepCopy .Values.kafka.sasl -}}
{{- $tls := deepCopy .Values.kafka.tls -}}
{{- $user := .Values.strimzi.user -}}
{{- $isHere := or (empty .Values.strimzi.namespace) (eq .Values.strimzi.namespace .Release.Namespace) -}}
{{- if and $user.enabled $isHere -}}
{{- if and (eq $user.authentication "scram-sha-512") (empty $sasl.existingSecret) -}}
{{- $_ := set $sasl "existingSecret" (include "homecoming.fullname" .) -}}
{{- $_ := set $sasl "username" (include "homecoming.fullname" .) -}}
{{- $_ := set $sasl "usernameKey" "" -}}
{{- $_ := set $sasl "passwordKey" "password" -}}
{{- $_ := set $sasl "mechanism" "SCRAM-SHA-512" -}}
{{- end -}}
{{- if and (eq $user.authentication "tls") (empty $tls.clientSecret) -}}
{{- $_ := set $tls "clientSecret" (include "homecoming.fullname" .) -}}
{{- $_ := set $tls "clientCertKey" "user.crt" -}}
{{- $_ := set $tls "clientKeyKey" "user.key" -}}
{{- end -}}
{{- end -}}
{{- if and $sasl.existingSecret (empty $sasl.username) (empty $sasl.usernameKey) -}}
{{- fail "kafka.sasl.existingSecret needs kafka.sasl.username, or kafka.sasl.usernameKey" -}}
{{- end -}}
{{- if and (or $tls.caSecret $tls.clientSecret) (not $tls.enabled) -}}
{{- fail "a certificate is of use with kafka.tls.enabled only" -}}
{{- end -}}
{{- toYaml (dict "sasl" $sasl "tls" $tls) -}}
{{- end -}}

{{- define "homecoming.env" -}}
{{- $access := include "homecoming.access" . | fromYaml -}}
{{- with $access.sasl -}}
{{- if .existingSecret -}}
{{- if .usernameKey }}
- name: HOMECOMING__KAFKA__CLIENT__SASL_USERNAME
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .usernameKey }}
{{- end }}
- name: HOMECOMING__KAFKA__CLIENT__SASL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .passwordKey }}
{{- end -}}
{{- end -}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{- define "homecoming.volumeMounts" -}}
{{- $access := include "homecoming.access" . | fromYaml }}
- name: config
  mountPath: /etc/homecoming
  readOnly: true
{{- if .Values.http.token.existingSecret }}
- name: token
  mountPath: /run/secrets/homecoming
  readOnly: true
{{- end }}
{{- if $access.tls.caSecret }}
- name: kafka-ca
  mountPath: /run/secrets/kafka-ca
  readOnly: true
{{- end }}
{{- if $access.tls.clientSecret }}
- name: kafka-client
  mountPath: /run/secrets/kafka-client
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "homecoming.volumes" -}}
{{- $access := include "homecoming.access" . | fromYaml }}
- name: config
  configMap:
    name: {{ include "homecoming.fullname" . }}
    defaultMode: 0444
{{- if .Values.http.token.existingSecret }}
- name: token
  secret:
    secretName: {{ .Values.http.token.existingSecret }}
    defaultMode: 0440
    items:
      - {key: {{ .Values.http.token.key }}, path: token}
{{- end }}
{{- with $access.tls }}
{{- if .caSecret }}
- name: kafka-ca
  secret:
    secretName: {{ .caSecret }}
    defaultMode: 0440
    items:
      - {key: {{ .caKey }}, path: ca.crt}
{{- end }}
{{- if .clientSecret }}
- name: kafka-client
  secret:
    secretName: {{ .clientSecret }}
    defaultMode: 0440
    items:
      - {key: {{ .clientCertKey }}, path: client.crt}
      - {key: {{ .clientKeyKey }}, path: client.key}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The ports of the brokers named in bootstrap_servers, each once, as a YAML list. */ -}}
{{- define "homecoming.brokerPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.brokers.ports -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- if empty $ports -}}
{{- range splitList "," .Values.config.kafka.bootstrap_servers -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) -}}
{{- end -}}
{{- end -}}
{{- toYaml (uniq $ports) -}}
{{- end -}}
