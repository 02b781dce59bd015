{{/*
What must not be installed.

Most of it would only fail in the pod. Some would not fail at all: without a rate card, the service prices by the
generic script's defaults.
*/}}
{{- define "bidprice.refusals" -}}
{{- $values := .Values -}}
{{- if not $values.image.repository -}}
{{- fail "image.repository is missing: name the image, such as registry.example/bidprice" -}}
{{- end -}}
{{- include "bidprice.refuseConfiguration" . -}}
{{- include "bidprice.refuseTls" . -}}
{{- if and $values.metrics.enabled $values.grpc.enabled (eq (int $values.metrics.port) (int $values.grpc.port)) -}}
{{- fail "metrics.port and grpc.port are the same: give each a port of its own" -}}
{{- end -}}
{{- if and $values.metrics.serviceMonitor.enabled (not (include "bidprice.hasMetrics" .)) -}}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled, and a metrics.address that Prometheus can reach" -}}
{{- end -}}
{{- if and $values.socket.hostPath (not $values.nodeSelector) (not $values.affinity) -}}
{{- fail "socket.hostPath is a folder of one node: name that node with nodeSelector or affinity" -}}
{{- end -}}
{{- end }}

{{- define "bidprice.refuseConfiguration" -}}
{{- $values := .Values -}}
{{- if and $values.existingConfigMap $values.existingConfigSecret -}}
{{- fail "existingConfigMap and existingConfigSecret exclude each other: only one can be the configuration" -}}
{{- end -}}
{{- if not (include "bidprice.hasOwnConfiguration" .) -}}
{{- if regexMatch `(?m)^\s*(\[+\s*["']?(listen|rates)\b|(listen|rates)\s*[.=])` $values.configuration -}}
{{- fail "configuration has [listen] or [rates]: the chart writes them; use grpc, tls, metrics and rates, or existingConfigMap" -}}
{{- end -}}
{{- if not (or $values.rates $values.existingRatesConfigMap) -}}
{{- fail "rates is missing: set the rate card with --set-file rates=rates.toml, or name existingRatesConfigMap" -}}
{{- end -}}
{{- end -}}
{{- if and $values.rates $values.existingRatesConfigMap -}}
{{- fail "rates and existingRatesConfigMap exclude each other: only one can be the rate card" -}}
{{- end -}}
{{- end }}

{{- define "bidprice.refuseTls" -}}
{{- $tls := .Values.tls -}}
{{- $texts := compact (list $tls.certificate $tls.key $tls.clientCa) -}}
{{- if and .Values.grpc.enabled $tls.enabled (not $tls.existingSecret) (ne (len $texts) 3) -}}
{{- fail "tls.existingSecret is missing: name a Secret with tls.crt, tls.key and ca.crt, or set tls.certificate, tls.key and tls.clientCa" -}}
{{- end -}}
{{- if and $tls.existingSecret $texts -}}
{{- fail "tls.existingSecret excludes tls.certificate, tls.key and tls.clientCa" -}}
{{- end -}}
{{- if and (not $tls.enabled) (or $tls.existingSecret $texts) -}}
{{- fail "tls.enabled is false, but tls has a certificate" -}}
{{- end -}}
{{- if and .Values.grpc.enabled (not $tls.enabled) (not (include "bidprice.isLoopback" .Values.grpc.address)) -}}
{{- fail (printf "grpc.address is %s: beyond loopback everyone could call the service without tls.enabled" .Values.grpc.address) -}}
{{- end -}}
{{- end }}
