{{- define "bidprice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 55 characters: `-metrics` is appended, and names of Services have 63. */}}
{{- define "bidprice.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $name = .Release.Name -}}
{{- else -}}
{{- $name = printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- $name | trunc 55 | trimSuffix "-" }}
{{- end }}

{{/* What selects every pod of the release. */}}
{{- define "bidprice.instanceLabels" -}}
app.kubernetes.io/name: {{ include "bidprice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What selects the service's pod, and not that of `helm test`. */}}
{{- define "bidprice.selectorLabels" -}}
{{ include "bidprice.instanceLabels" . }}
app.kubernetes.io/component: service
{{- end }}

{{- define "bidprice.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "bidprice.instanceLabels" . }}
{{- end }}

{{/* The labels of an object or a pod. Takes a dict: root, and optionally component and labels of its own. */}}
{{- define "bidprice.allLabels" -}}
{{ include "bidprice.labels" .root }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with merge (dict) (default dict .labels) .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
The metadata of an object. Takes a dict: root, and optionally name (or suffix, which follows the full name), namespace,
component, labels and annotations of its own.
*/}}
{{- define "bidprice.metadata" -}}
name: {{ .name | default (printf "%s%s" (include "bidprice.fullname" .root) (default "" .suffix)) }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "bidprice.allLabels" . | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "bidprice.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "bidprice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "bidprice.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* Whether other pods can call the service: only over TLS. Empty means no. */}}
{{- define "bidprice.hasTls" -}}
{{- if and .Values.grpc.enabled .Values.tls.enabled }}true{{ end }}
{{- end }}

{{/* Whether other pods can read the metrics. Empty means no. */}}
{{- define "bidprice.hasMetrics" -}}
{{- if and .Values.metrics.enabled (not (include "bidprice.isLoopback" .Values.metrics.address)) }}true{{ end }}
{{- end }}

{{/* Whether an address is one of the pod alone. Empty means no. */}}
{{- define "bidprice.isLoopback" -}}
{{- if has . (list "127.0.0.1" "::1") }}true{{ end }}
{{- end }}

{{- define "bidprice.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "bidprice.fullname" .)) }}
{{- end }}

{{/* Whether the configuration is one that the chart does not write. Empty means no. */}}
{{- define "bidprice.hasOwnConfiguration" -}}
{{- if or .Values.existingConfigMap .Values.existingConfigSecret }}true{{ end }}
{{- end }}

{{/* The ConfigMap of the rate card. Empty where a configuration that the chart does not write has the rates. */}}
{{- define "bidprice.ratesConfigMap" -}}
{{- if .Values.existingRatesConfigMap -}}
{{ .Values.existingRatesConfigMap }}
{{- else if .Values.rates -}}
{{ include "bidprice.fullname" . }}-rates
{{- end }}
{{- end }}

{{/* An address and a port as TOML has them. Takes a list. */}}
{{- define "bidprice.address" -}}
{{- $address := index . 0 -}}
{{- if contains ":" $address }}{{ $address = printf "[%s]" $address }}{{ end -}}
{{ printf "%s:%d" $address (int (index . 1)) | quote }}
{{- end }}

{{/* Configuration, rate card and certificates: one volume, so that they are replaced together. */}}
{{- define "bidprice.configVolume" -}}
name: config
projected:
  # The service refuses a key that others can read. The group is that of the pod.
  defaultMode: 0440
  sources:
    {{- if .Values.existingConfigSecret }}
    - secret:
        name: {{ .Values.existingConfigSecret }}
    {{- else }}
    - configMap:
        name: {{ .Values.existingConfigMap | default (include "bidprice.fullname" .) }}
    {{- end }}
        items:
          - {key: bidprice.toml, path: bidprice.toml}
    {{- with include "bidprice.ratesConfigMap" . }}
    - configMap:
        name: {{ . }}
        items:
          - {key: rates.toml, path: rates.toml}
    {{- end }}
    {{- if include "bidprice.hasTls" . }}
    - secret:
        name: {{ include "bidprice.tlsSecret" . }}
        items:
          - {key: tls.crt, path: tls/tls.crt}
          - {key: tls.key, path: tls/tls.key}
          - {key: ca.crt, path: tls/ca.crt}
    {{- end }}
{{- end }}
