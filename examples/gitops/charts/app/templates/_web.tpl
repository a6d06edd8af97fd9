{{- /* What only the container that serves requests has: port, probes, draining. (the root) */}}
{{- define "kajitori.web" -}}
{{- with .Values.web }}
{{- $health := merge dict (.health | default dict) $.Values.platform.health -}}
ports:
  - name: http
    containerPort: {{ int .port }}
    protocol: TCP
{{- /* Until it has answered once, nothing else is asked, so that a slow start is not taken for a hang. */}}
startupProbe:
  httpGet:
    path: {{ $health.live | quote }}
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: {{ divf $health.startSeconds 2 | ceil | int }}
livenessProbe:
  httpGet:
    path: {{ $health.live | quote }}
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: {{ $health.ready | quote }}
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
lifecycle:
  preStop:
    sleep:
      seconds: {{ int $.Values.platform.drainSeconds }}
{{- end }}
{{- end }}
