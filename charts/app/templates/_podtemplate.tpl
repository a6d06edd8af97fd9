{{- /*
`podTemplate` of the whole app and of one component, as one, as JSON: maps are merged and the component's entries win;
lists are put together. The schema lets in only what cannot weaken a pod. (list $ .Values.web)
*/}}
{{- define "kajitori.podTemplate" -}}
{{- $of := deepCopy ((index . 0).Values.podTemplate | default dict) }}
{{- include "kajitori.podTemplateMerge" (list $of ((index . 1).podTemplate | default dict)) }}
{{- range $kind, $entries := $of.metadata }}
{{- range $name, $_ := $entries }}
{{- /* By the first two pods are found; the others are no additions: they take a protection away, or give another role. */}}
{{- if regexMatch "^(app\\.kubernetes\\.io|kajitori\\.dev|container\\.apparmor\\.security\\.beta\\.kubernetes\\.io|iam\\.amazonaws\\.com)/" $name }}
{{- fail (printf "podTemplate.metadata.%s: %s is not for apps to set. Take another name." $kind $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $of }}
{{- end }}

{{- /* Puts the second map into the first. (list map map) */}}
{{- define "kajitori.podTemplateMerge" -}}
{{- $into := index . 0 }}
{{- range $key, $value := index . 1 }}
{{- $before := get $into $key }}
{{- if and (kindIs "map" $value) (kindIs "map" $before) }}
{{- include "kajitori.podTemplateMerge" (list $before $value) }}
{{- else if and (kindIs "slice" $value) (kindIs "slice" $before) }}
{{- $_ := set $into $key (concat $before $value) }}
{{- else }}
{{- $_ := set $into $key $value }}
{{- end }}
{{- end }}
{{- end }}
