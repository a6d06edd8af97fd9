{{- /* The ports that a component listens on. (list $ "web" .Values.web) */}}
{{- define "kajitori.ports" -}}
{{- $isWeb := eq (index . 1) "web" }}
{{- $metrics := fromJson (include "kajitori.metrics" .) }}
{{- if or $isWeb $metrics -}}
ports:
  {{- if $isWeb }}
  - name: http
    containerPort: {{ int (index . 2).port }}
    protocol: TCP
  {{- end }}
  {{- if and $metrics $metrics.ownPort }}
  - name: metrics
    containerPort: {{ int $metrics.port }}
    protocol: TCP
  {{- end }}
{{- end }}
{{- end }}

{{- /* How long web may take to start. (the root) */}}
{{- define "kajitori.startSeconds" -}}
{{- dig "health" "startSeconds" "" .Values.web | default (include "kajitori.platform" (list . "health" "startSeconds")) }}
{{- end }}

{{- /* The path that says whether web wants requests. (the root) */}}
{{- define "kajitori.readyPath" -}}
{{- dig "health" "ready" "" .Values.web | default (include "kajitori.platform" (list . "health" "ready")) }}
{{- end }}

{{- /* What only the container that serves requests has: probes, draining. (the root) */}}
{{- define "kajitori.web" -}}
{{- $live := dig "health" "live" "" .Values.web | default (include "kajitori.platform" (list $ "health" "live")) -}}
{{- /* Until it has answered once, nothing else is asked, so that a slow start is not taken for a hang. */ -}}
startupProbe:
  httpGet:
    path: {{ $live | quote }}
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ divf (include "kajitori.startSeconds" .) 2 | ceil | int }}
livenessProbe:
  httpGet:
    path: {{ $live | quote }}
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: {{ include "kajitori.readyPath" . | quote }}
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
lifecycle:
  preStop:
    sleep:
      seconds: {{ include "kajitori.platform" (list $ "drainSeconds") }}
{{- end }}
