{{- /* A command as a list: a string is split at spaces; no shell reads it. (the command) */}}
{{- define "kajitori.command" -}}
{{- if kindIs "string" . }}{{ regexSplit "\\s+" (trim .) -1 | toJson }}{{ else }}{{ toJson . }}{{ end }}
{{- end }}

{{- /*
The variables of a component, by name, as JSON: the app's, then its own. (list $ "web" .Values.web)
*/}}
{{- define "kajitori.env" -}}
{{- $root := index . 0 }}
{{- $workload := index . 2 }}
{{- /* Not `merge`, which takes a wanted empty text for nothing. */}}
{{- $env := dict }}
{{- with $workload.queue }}{{ $_ := set $env "QUEUE_URL" (include "kajitori.queueUrl" (list $root .)) }}{{ end }}
{{- range $name, $value := $root.Values.env }}{{ $_ := set $env $name $value }}{{ end }}
{{- range $name, $value := $workload.env }}{{ $_ := set $env $name $value }}{{ end }}
{{- range $root.Values.secrets }}
{{- if hasKey $env . }}
{{- fail (printf "secrets: %s is also a variable in `env` of %s, which would hide the secret. Name it in one of both places." . (index $ 1)) }}
{{- end }}
{{- end }}
{{- toJson $env }}
{{- end }}

{{- /*
The pod of a component, as the "restricted" Pod Security Standard wants it, and with a read-only file system.
(dict "root" $ "component" "web" "workload" .Values.web "grace" seconds "job" whether it runs to an end
"container" YAML that only this kind of component has, may be empty)
*/}}
{{- define "kajitori.pod" -}}
{{- $root := .root }}
{{- $component := .component }}
{{- $workload := .workload }}
{{- $of := list $root $component $workload }}
{{- $patch := fromJson (include "kajitori.podTemplate" (list $root $workload)) }}
{{- $spec := $patch.spec | default dict }}
{{- $container := $patch.container | default dict }}
{{- $labels := dig "metadata" "labels" dict $patch }}
{{- $annotations := dig "metadata" "annotations" dict $patch }}
{{- $nodes := $spec.nodeSelector | default dict }}
{{- $tolerations := $spec.tolerations | default list }}
{{- if not .job }}
{{- range $name, $value := fromJson (include "kajitori.monitoringLabels" $of) }}{{ $_ := set $labels $name $value }}{{ end }}
{{- range $name, $value := fromJson (include "kajitori.monitoringAnnotations" $of) }}{{ $_ := set $annotations $name $value }}{{ end }}
{{- with $workload.maxLifetime }}
{{- $known := dig "maxLifetimes" list $root.Values.platform }}
{{- if not (has . $known) }}
{{- fail (printf "%s: nothing ends pods after %s in this company, only after: %s. The platform team adds a profile to the descheduler and names it in platform.maxLifetimes." $component . (join ", " $known | default "nothing")) }}
{{- end }}
{{- $_ := set $labels "kajitori.dev/max-lifetime" . }}
{{- end }}
{{- else }}
{{- /* A job that is moved begins again; who makes room among nodes (Karpenter, cluster-autoscaler) waits for its end. */}}
{{- $_ := set $annotations "karpenter.sh/do-not-disrupt" "true" }}
{{- $_ := set $annotations "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" }}
{{- end }}
{{- if $workload.gpu }}
{{- range $name, $value := dig "gpu" "nodeSelector" (dict "nvidia.com/gpu.present" "true") $root.Values.platform }}{{ $_ := set $nodes $name $value }}{{ end }}
{{- $tolerations = append $tolerations (dict "key" "nvidia.com/gpu" "operator" "Exists" "effect" "NoSchedule") }}
{{- end -}}
metadata:
  labels:
    {{- include "kajitori.componentLabels" (list $root $component) | nindent 4 }}
    {{- with $labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "kajitori.app" $root | quote }}
  {{- /* AWS credentials (IRSA, Pod Identity) come by a token of their own; this one would only open the Kubernetes API. */}}
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: {{ ternary "Never" "Always" .job }}
  terminationGracePeriodSeconds: {{ int .grace }}
  {{- with $spec.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  securityContext:
    {{- with $spec.securityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  {{- with $nodes }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $spec.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $spec.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not .job }}
  topologySpreadConstraints:
    {{- /* Over zones and nodes as far as there are any: a pod in the wrong zone is better than none. Only pods of the same
    rollout count, or the old ones would decide where the new ones go. */}}
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "kajitori.selector" (list $root $component) | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  containers:
    - name: {{ $component | quote }}
      image: {{ include "kajitori.image" $of | quote }}
      imagePullPolicy: IfNotPresent
      {{- with $workload.run }}
      {{- /* `args`, as in `docker run IMAGE COMMAND`: an entry point of the image (an init, a wrapper) stays in front. */}}
      args: {{ include "kajitori.command" . }}
      {{- end }}
      {{- $env := fromJson (include "kajitori.env" $of) }}
      {{- if or $env $container.env }}
      env:
        {{- range $name, $value := $env }}
        - name: {{ $name | quote }}
          value: {{ $value | toJson }}
        {{- end }}
        {{- with $container.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      {{- if or $root.Values.secrets $container.envFrom }}
      envFrom:
        {{- with $container.envFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $root.Values.secrets }}
        - secretRef:
            name: {{ include "kajitori.secretName" $root | quote }}
        {{- end }}
      {{- end }}
      {{- with .container }}
      {{- . | nindent 6 }}
      {{- end }}
      resources:
        {{- include "kajitori.resources" (list $root $workload) | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- range $index, $folder := $root.Values.writable }}
        - name: writable-{{ $index }}
          mountPath: {{ $folder | quote }}
        {{- end }}
        {{- with $container.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- range $index, $_ := $root.Values.writable }}
    - name: writable-{{ $index }}
      emptyDir:
        sizeLimit: 1Gi
    {{- end }}
    {{- with $spec.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
