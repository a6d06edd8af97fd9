{{- /*
Name and namespace come from facts.app, never from the release: many apps are rendered as aliased dependencies of one
umbrella chart, where all of them share one release.
*/}}

{{- /* One fact. (list $ "app") */}}
{{- define "kajitori.fact" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $facts := $root.Values.facts | default dict }}
{{- if not (get $facts $name) }}
{{- fail (printf "facts.%s is missing. The ApplicationSet gives the facts (app, environment, cluster, region, account); to render by hand, use `kajitori render`, or add `--set facts.%s=…`." $name $name) }}
{{- end }}
{{- get $facts $name }}
{{- end }}

{{- /* The app, which is also its namespace and its service account. (the root) */}}
{{- define "kajitori.app" -}}
{{- include "kajitori.fact" (list . "app") }}
{{- end }}

{{- /* The name of what belongs to one component of the app: <app>-<component>. (list $ "web") */}}
{{- define "kajitori.name" -}}
{{- include "kajitori.app" (index . 0) }}-{{ index . 1 }}
{{- end }}

{{- /*
A default of the platform. The chart has one for each; `null` in a values file takes it away. (list $ "health" "live")
*/}}
{{- define "kajitori.platform" -}}
{{- $value := (index . 0).Values.platform }}
{{- range $key := rest . }}
{{- $value = get ($value | default dict) $key }}
{{- end }}
{{- if not $value }}
{{- fail (printf "platform.%s is missing. A values file sets it to null; defaults/*.yaml may give it another value." (join "." (rest .))) }}
{{- end }}
{{- $value }}
{{- end }}
