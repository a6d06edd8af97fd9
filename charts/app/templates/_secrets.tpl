{{- /* What the ExternalSecret reads: name of the variable → path in Parameter Store. As JSON. (the root) */}}
{{- define "kajitori.secretPaths" -}}
{{- $paths := dict }}
{{- range .Values.secrets }}
{{- $_ := set $paths . (include "kajitori.fill" (list $ (include "kajitori.platform" (list $ "secrets" "path")) (dict "name" .))) }}
{{- end }}
{{- toJson $paths }}
{{- end }}

{{- /*
The name of the ExternalSecret and of its Secret. It changes with what is read: Argo CD takes an ExternalSecret that
was changed for healthy until the controller has seen the change, and a migration would start without the new secret.
A new one is waited for; and the pods start again, with it. (the root)
*/}}
{{- define "kajitori.secretName" -}}
{{- include "kajitori.name" (list . "secrets") }}-{{ include "kajitori.secretPaths" . | sha256sum | trunc 8 }}
{{- end }}
