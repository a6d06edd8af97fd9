{{- /* A command as a list: a string is split at spaces; no shell reads it. (the command) */}}
{{- define "kajitori.command" -}}
{{- if kindIs "string" . }}{{ regexSplit "\\s+" (trim .) -1 | toJson }}{{ else }}{{ toJson . }}{{ end }}
{{- end }}

{{- /*
The pod of a component, as the "restricted" Pod Security Standard wants it, and with a read-only file system.
(dict "root" $ "component" "web" "workload" .Values.web "grace" seconds "restart" "Always"
"container" YAML that only this kind of component has, may be empty)
*/}}
{{- define "kajitori.pod" -}}
{{- $root := .root }}
{{- $workload := .workload -}}
metadata:
  labels:
    {{- include "kajitori.componentLabels" (list $root .component) | nindent 4 }}
spec:
  serviceAccountName: {{ include "kajitori.app" $root | quote }}
  {{- /* AWS credentials (IRSA, Pod Identity) come by a token of their own; this one would only open the Kubernetes API. */}}
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: {{ .restart }}
  terminationGracePeriodSeconds: {{ int .grace }}
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: {{ .component | quote }}
      image: {{ include "kajitori.image" (list $root .component $workload) | quote }}
      imagePullPolicy: IfNotPresent
      {{- with $workload.run }}
      {{- /* `args`, as in `docker run IMAGE COMMAND`: an entry point of the image (an init, a wrapper) stays in front. */}}
      args: {{ include "kajitori.command" . }}
      {{- end }}
      {{- /* Not `merge`, which takes a wanted empty text for nothing. */}}
      {{- $env := dict }}
      {{- range $name, $value := $root.Values.env }}{{ $_ := set $env $name $value }}{{ end }}
      {{- range $name, $value := $workload.env }}{{ $_ := set $env $name $value }}{{ end }}
      {{- with $env }}
      env:
        {{- range $name, $value := . }}
        - name: {{ $name | quote }}
          value: {{ $value | toJson }}
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
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- range $index, $_ := $root.Values.writable }}
    - name: writable-{{ $index }}
      emptyDir:
        sizeLimit: 1Gi
    {{- end }}
{{- end }}
