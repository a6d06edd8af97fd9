{{- /*
Requests and limits. A component that says anything about CPU (or memory) says all about it; otherwise the platform's
defaults hold. As in Kubernetes, a limit alone is also the request. Memory is limited to its request unless someone
says more, as it cannot be taken back from a process; CPU has no limit unless someone sets one. (list $ .Values.web)
*/}}
{{- define "kajitori.resources" -}}
{{- $own := (index . 1).resources | default dict }}
{{- $default := (index . 0).Values.platform.resources }}
{{- $own = dict "requests" ($own.requests | default dict) "limits" ($own.limits | default dict) }}
{{- $requests := dict }}
{{- $limits := dict }}
{{- range $name := list "cpu" "memory" }}
{{- $from := ternary $own $default (or (dig "requests" $name "" $own) (dig "limits" $name "" $own) | empty | not) }}
{{- $limit := dig "limits" $name "" $from }}
{{- $request := dig "requests" $name $limit $from }}
{{- if eq $name "memory" }}{{ $limit = $limit | default $request }}{{ end }}
{{- if $request }}{{ $_ := set $requests $name $request }}{{ end }}
{{- if $limit }}{{ $_ := set $limits $name $limit }}{{ end }}
{{- end }}
{{- toYaml (dict "requests" $requests "limits" $limits) }}
{{- end }}
