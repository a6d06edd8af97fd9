{{- /*
Where a component shows its metrics: {"port": 8080, "path": "/metrics"} as JSON, empty when it shows none. Web does
unless it says otherwise; a worker listens nowhere unless it says so. (list $ "web" .Values.web)
*/}}
{{- define "kajitori.metrics" -}}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
{{- $workload := index . 2 }}
{{- $own := $workload.metrics }}
{{- $isWeb := eq $component "web" }}
{{- $result := dict }}
{{- if and (or $isWeb $own) (not (kindIs "string" $own)) }}
{{- $own = $own | default dict }}
{{- $port := $own.port | default $workload.port | int }}
{{- $path := $own.path | default (include "kajitori.platform" (list $root "monitoring" "path")) }}
{{- $result = dict "port" $port "path" $path "ownPort" (ne $port (int $workload.port)) }}
{{- end }}
{{- toJson $result }}
{{- end }}

{{- /* Which monitoring the company runs. (the root) */}}
{{- define "kajitori.monitoring" -}}
{{- $kind := include "kajitori.platform" (list . "monitoring" "kind") }}
{{- if and (eq $kind "none") (not .Values.platform.monitoring.reason) }}
{{- fail "platform.monitoring.reason is missing. Where nothing is monitored, it says why, and how a failure is noticed." }}
{{- end }}
{{- $kind }}
{{- end }}

{{- /* The pod's labels for monitoring. (list $ "web" .Values.web) */}}
{{- define "kajitori.monitoringLabels" -}}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
{{- $labels := dict }}
{{- if eq (include "kajitori.monitoring" $root) "datadog" }}
{{- /* "Unified Service Tagging": traces, logs and metrics of one service find each other. */}}
{{- $_ := set $labels "tags.datadoghq.com/env" (include "kajitori.fact" (list $root "environment")) }}
{{- $_ := set $labels "tags.datadoghq.com/service" (include "kajitori.name" (list $root $component)) }}
{{- $_ := set $labels "tags.datadoghq.com/version" (include "kajitori.imageVersion" .) }}
{{- end }}
{{- toJson $labels }}
{{- end }}

{{- /* The pod's annotations for monitoring. (list $ "web" .Values.web) */}}
{{- define "kajitori.monitoringAnnotations" -}}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
{{- $annotations := dict }}
{{- $kind := include "kajitori.monitoring" $root }}
{{- $metrics := fromJson (include "kajitori.metrics" .) }}
{{- if $metrics }}
{{- if eq $kind "datadog" }}
{{- $instance := dict "openmetrics_endpoint" (printf "http://%%%%host%%%%:%d%s" (int $metrics.port) $metrics.path) "namespace" (include "kajitori.app" $root) "metrics" (list ".*") }}
{{- $checks := dict "openmetrics" (dict "init_config" dict "instances" (list $instance)) }}
{{- $_ := set $annotations (printf "ad.datadoghq.com/%s.checks" $component) (toJson $checks) }}
{{- else if eq $kind "newrelic" }}
{{- /* What New Relic's Prometheus agent looks for unless it is told otherwise. */}}
{{- $_ := set $annotations "newrelic.io/scrape" "true" }}
{{- $_ := set $annotations "prometheus.io/port" (toString (int $metrics.port)) }}
{{- $_ := set $annotations "prometheus.io/path" $metrics.path }}
{{- end }}
{{- end }}
{{- toJson $annotations }}
{{- end }}
