{{- /* What only the container that serves requests has: port, probes, draining. (the root) */}}
{{- define "kajitori.web" -}}
{{- with .Values.web }}
{{- $health := .health | default dict }}
{{- $live := $health.live | default (include "kajitori.platform" (list $ "health" "live")) }}
{{- $ready := $health.ready | default (include "kajitori.platform" (list $ "health" "ready")) }}
{{- $startSeconds := $health.startSeconds | default (include "kajitori.platform" (list $ "health" "startSeconds")) -}}
ports:
  - name: http
    containerPort: {{ int .port }}
    protocol: TCP
{{- /* Until it has answered once, nothing else is asked, so that a slow start is not taken for a hang. */}}
startupProbe:
  httpGet:
    path: {{ $live | quote }}
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ divf $startSeconds 2 | ceil | int }}
livenessProbe:
  httpGet:
    path: {{ $live | quote }}
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: {{ $ready | quote }}
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
lifecycle:
  preStop:
    sleep:
      seconds: {{ include "kajitori.platform" (list $ "drainSeconds") }}
{{- end }}
{{- end }}
