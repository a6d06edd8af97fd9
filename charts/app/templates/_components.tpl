{{- /*
Web and workers, by name: what becomes a Deployment in this cluster. As JSON. (the root)
*/}}
{{- define "kajitori.workloads" -}}
{{- $workloads := dict }}
{{- range $name, $worker := .Values.workers }}
{{- if has $name (list "web" "migrate") }}
{{- fail (printf "workers.%s: the name is taken by the key `%s`. Call this worker after what it does." $name $name) }}
{{- end }}
{{- /* Null: an environment's values took this worker away. */}}
{{- if $worker }}
{{- $key := printf "workers.%s.runsOn" $name }}
{{- if include "kajitori.runsHere" (list $ $key ($worker.runsOn | default (ternary "active" "all" (not (empty $worker.queue))))) }}
{{- $_ := set $workloads $name $worker }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.web }}{{ $_ := set $workloads "web" . }}{{ end }}
{{- toJson $workloads }}
{{- end }}

{{- /*
Not empty when something runs in this cluster. Elsewhere it is left out whole, and not only suspended: a CronJob that
waited suspended would, once it is on, make up for runs that the other cluster has already made (it counts from its
own creation), while a new one looks only ahead. (list $ "cron.report.runsOn" "active")
*/}}
{{- define "kajitori.runsHere" -}}
{{- $root := index . 0 }}
{{- $runsOn := index . 2 }}
{{- if eq $runsOn "all" }}
{{- true }}
{{- else if eq $runsOn "active" }}
{{- /* An ApplicationSet can only give text, and the text "false" is not empty. */}}
{{- if eq (include "kajitori.fact" (list $root "active")) "true" }}{{ true }}{{ end }}
{{- else if eq $runsOn (include "kajitori.fact" (list $root "cluster")) }}
{{- true }}
{{- end }}
{{- end }}

{{- /*
How many pods: {"min": 2, "max": 10, "automatic": true}, as JSON. (list $ "web" .Values.web)
*/}}
{{- define "kajitori.scale" -}}
{{- $component := index . 1 }}
{{- $workload := index . 2 }}
{{- $scale := ternary 2 1 (eq $component "web") }}
{{- if $workload.queue }}{{ $scale = "1-10" }}{{ end }}
{{- /* `dig`, since `default` would take a wanted 0 for nothing. */}}
{{- $scale = dig "scale" $scale $workload }}
{{- if kindIs "string" $scale }}
{{- $bounds := splitList "-" $scale }}
{{- $min := first $bounds | int }}
{{- $max := last $bounds | int }}
{{- if gt $min $max }}
{{- fail (printf "%s: scale %s ends below its start. Write the lower number first." $component $scale) }}
{{- end }}
{{- if and (eq $min 0) (not $workload.queue) }}
{{- fail (printf "%s: scale %s cannot begin at 0: without pods there is no CPU use to scale by. Begin at 1, or name a `queue`." $component $scale) }}
{{- end }}
{{- toJson (dict "min" $min "max" $max "automatic" true) }}
{{- else }}
{{- toJson (dict "min" (int $scale) "max" (int $scale) "automatic" false) }}
{{- end }}
{{- end }}

{{- /* The cron jobs that run in this cluster, by name. As JSON. (the root) */}}
{{- define "kajitori.cronJobs" -}}
{{- $jobs := dict }}
{{- range $name, $job := .Values.cron }}
{{- if or (has $name (list "web" "migrate")) (hasKey ($.Values.workers | default dict) $name) }}
{{- fail (printf "cron.%s: the name is taken by another component of the app, and its pods would be taken for those of this job. Call it after what it does." $name) }}
{{- end }}
{{- if $job }}
{{- if include "kajitori.runsHere" (list $ (printf "cron.%s.runsOn" $name) ($job.runsOn | default "active")) }}
{{- $_ := set $jobs $name $job }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $jobs }}
{{- end }}

{{- /* The URL of a worker's queue. (list $ "orders") */}}
{{- define "kajitori.queueUrl" -}}
{{- include "kajitori.fill" (list (index . 0) (include "kajitori.platform" (list (index . 0) "queue" "url")) (dict "queue" (index . 1))) }}
{{- end }}
