{{- /* homecoming.toml: `config` of the values, and what follows from the secrets. */ -}}
{{- define "homecoming.config" -}}
{{- $access := include "homecoming.access" . | fromYaml -}}
{{- $config := deepCopy .Values.config -}}
{{- $ours := dict -}}
{{- if $access.sasl.existingSecret -}}
{{- $_ := set $ours "sasl.mechanism" $access.sasl.mechanism -}}
{{- if not $access.sasl.usernameKey -}}
{{- $_ := set $ours "sasl.username" $access.sasl.username -}}
{{- end -}}
{{- end -}}
{{- if $access.tls.enabled -}}
{{- $_ := set $ours "security.protocol" (ternary "SASL_SSL" "SSL" (not (empty $access.sasl.existingSecret))) -}}
{{- if $access.tls.caSecret -}}
{{- $_ := set $ours "ssl.ca.location" "/run/secrets/kafka-ca/ca.crt" -}}
{{- end -}}
{{- if $access.tls.clientSecret -}}
{{- $_ := set $ours "ssl.certificate.location" "/run/secrets/kafka-client/client.crt" -}}
{{- $_ := set $ours "ssl.key.location" "/run/secrets/kafka-client/client.key" -}}
{{- end -}}
{{- else if $access.sasl.existingSecret -}}
{{- $_ := set $ours "security.protocol" "SASL_PLAINTEXT" -}}
{{- end -}}
{{- $client := $config.kafka.client | default dict -}}
{{- range $name, $value := $ours -}}
{{- if hasKey $client $name -}}
{{- fail (printf "config.kafka.client sets %s, which follows from kafka.sasl and kafka.tls: set one of them" $name) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config.kafka "client" (merge $ours $client) -}}
{{- if .Values.http.token.existingSecret -}}
{{- $_ := set $config.http "token_file" "/run/secrets/homecoming/token" -}}
{{- end -}}
# Written by the chart. Every option is explained in config/homecoming.toml of the repository; the instance's name and
# what must stay secret come by the environment and by files.
{{- include "homecoming.table" (dict "path" "" "of" $config) }}
{{- end -}}

{{- /* A table of TOML and those below it. toRawJson writes text, numbers, truth and lists as TOML does; Helm's own toToml
would write 5.0 for the 5 of a values file. */ -}}
{{- define "homecoming.table" -}}
{{- $path := .path -}}
{{- range $key, $value := .of -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ if contains "." $key }}{{ $key | quote }}{{ else }}{{ $key }}{{ end }} = {{ toRawJson $value }}
{{- end -}}
{{- end -}}
{{- range $key, $value := .of -}}
{{- if and (kindIs "map" $value) $value -}}
{{- $below := ternary $key (printf "%s.%s" $path $key) (eq $path "") }}

[{{ $below }}]
{{- include "homecoming.table" (dict "path" $below "of" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
