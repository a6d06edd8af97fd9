{{- /*
Not app.kubernetes.io/instance: Argo CD may be set to track what it owns by that label, and then overwrites it.
*/}}

{{- /* What every object of an app carries. (the root) */}}
{{- define "kajitori.labels" -}}
app.kubernetes.io/name: {{ include "kajitori.app" . | quote }}
app.kubernetes.io/managed-by: kajitori
kajitori.dev/environment: {{ include "kajitori.fact" (list . "environment") | quote }}
kajitori.dev/team: {{ include "kajitori.team" . | quote }}
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
