{{- /*
Requests and limits. A component that says anything about CPU (or memory) says all about it; otherwise the platform's
defaults hold. As in Kubernetes, a limit alone is also the request. Memory is limited to its request unless someone
says more, as it cannot be taken back from a process; CPU has no limit unless someone sets one. (list $ .Values.web)
*/}}
{{- define "kajitori.resources" -}}
{{- $root := index . 0 }}
{{- $own := (index . 1).resources | default dict }}
{{- $own = dict "requests" ($own.requests | default dict) "limits" ($own.limits | default dict) }}
{{- $requests := dict }}
{{- $limits := dict }}
{{- range $name := list "cpu" "memory" }}
{{- $limit := dig "limits" $name "" $own }}
{{- $request := dig "requests" $name $limit $own }}
{{- if not $request }}
{{- $request = include "kajitori.platform" (list $root "resources" "requests" $name) }}
{{- $limit = get ($root.Values.platform.resources.limits | default dict) $name }}
{{- end }}
{{- if eq $name "memory" }}{{ $limit = $limit | default $request }}{{ end }}
{{- $_ := set $requests $name $request }}
{{- if $limit }}{{ $_ := set $limits $name $limit }}{{ end }}
{{- end }}
{{- /* Kubernetes shares no GPU and overcommits none: the limit is also the request. */}}
{{- with (index . 1).gpu }}{{ $_ := set $limits "nvidia.com/gpu" (int . | toString) }}{{ end }}
{{- toYaml (dict "requests" $requests "limits" $limits) }}
{{- end }}
