{{- /*
Not app.kubernetes.io/instance: Argo CD may be set to track what it owns by that label, and then overwrites it.
*/}}

{{- /* What every object of an app carries. (the root) */}}
{{- define "kajitori.labels" -}}
{{- if not (dig "team" "" (.Values.app | default dict)) }}
{{- fail (printf "app.team is missing. apps/%s/app.yaml says which team owns the app." (include "kajitori.app" .)) }}
{{- end -}}
app.kubernetes.io/name: {{ include "kajitori.app" . | quote }}
app.kubernetes.io/managed-by: kajitori
kajitori.dev/environment: {{ include "kajitori.fact" (list . "environment") | quote }}
kajitori.dev/team: {{ .Values.app.team | quote }}
{{- end }}

{{- /* What the pods of one component are found by. It can never change: a Deployment's selector is immutable. (list $ "web") */}}
{{- define "kajitori.selector" -}}
app.kubernetes.io/name: {{ include "kajitori.app" (index . 0) | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end }}

{{- /* The labels of one component and of its pods. (list $ "web") */}}
{{- define "kajitori.componentLabels" -}}
{{ include "kajitori.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end }}
