{{- /*
Name and namespace come from facts.app, never from the release: many apps are rendered as aliased dependencies of one
umbrella chart, where all of them share one release.
*/}}

{{- /* One fact. (list $ "app") */}}
{{- define "kajitori.fact" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $facts := $root.Values.facts | default dict }}
{{- /* `active` may be false, which is given nevertheless. */}}
{{- if not (get $facts $name | toString) }}
{{- fail (printf "facts.%s is missing. The ApplicationSet gives the facts (app, environment, cluster, region, account, active); to render by hand, use `kajitori render`, or add `--set facts.%s=…`." $name $name) }}
{{- end }}
{{- get $facts $name }}
{{- end }}

{{- /* The app, which is also its namespace and its service account. (the root) */}}
{{- define "kajitori.app" -}}
{{- include "kajitori.fact" (list . "app") }}
{{- end }}

{{- /* The owning team's short name. (the root) */}}
{{- define "kajitori.team" -}}
{{- $team := dig "team" "" (.Values.app | default dict) }}
{{- if not $team }}
{{- fail (printf "app.team is missing. apps/%s/app.yaml says which team owns the app." (include "kajitori.app" .)) }}
{{- end }}
{{- $team }}
{{- end }}

{{- /* The name of what belongs to one component of the app: <app>-<component>. (list $ "web") */}}
{{- define "kajitori.name" -}}
{{- include "kajitori.app" (index . 0) }}-{{ index . 1 }}
{{- end }}

{{- /*
A default of the platform. The chart has one for most; `null` in a values file takes it away. (list $ "health" "live")
*/}}
{{- define "kajitori.platform" -}}
{{- $value := (index . 0).Values.platform }}
{{- range $key := rest . }}
{{- $value = get ($value | default dict) $key }}
{{- end }}
{{- if not $value }}
{{- fail (printf "platform.%s is missing. The platform team sets it in defaults/platform.yaml, or in defaults/<cluster>.yaml." (join "." (rest .))) }}
{{- end }}
{{- $value }}
{{- end }}

{{- /*
A pattern of the platform with its placeholders filled in. Only facts that it names are needed.
(list $ "/{app}/{name}" (dict "name" "DATABASE_URL"))
*/}}
{{- define "kajitori.fill" -}}
{{- $root := index . 0 }}
{{- $pattern := index . 1 }}
{{- $text := $pattern }}
{{- range $name, $value := index . 2 }}
{{- $text = replace (printf "{%s}" $name) $value $text }}
{{- end }}
{{- range $fact := list "app" "environment" "cluster" "region" "account" }}
{{- $placeholder := printf "{%s}" $fact }}
{{- if contains $placeholder $text }}
{{- $text = replace $placeholder (include "kajitori.fact" (list $root $fact)) $text }}
{{- end }}
{{- end }}
{{- if contains "{team}" $text }}
{{- $text = replace "{team}" (include "kajitori.team" $root) $text }}
{{- end }}
{{- with regexFind "\\{\\w*\\}" $text }}
{{- fail (printf "%q in the platform's values: %s stands for nothing here. There are {app}, {environment}, {cluster}, {region}, {account} and {team}." $pattern .) }}
{{- end }}
{{- $text }}
{{- end }}
