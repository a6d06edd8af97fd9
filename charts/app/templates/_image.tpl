{{- /*
Which image a component runs: the entry of `images` that it names, else `image` (then this is empty), else the entry with its
own name, else the only entry. (list $ "web" .Values.web)
*/}}
{{- define "kajitori.imageName" -}}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
{{- $wanted := get (index . 2) "image" }}
{{- $images := $root.Values.images | default dict }}
{{- $names := keys $images | sortAlpha }}
{{- if $wanted }}
{{- if not (hasKey $images $wanted) }}
{{- fail (printf "%s: there is no image %q in images. There are: %s." $component $wanted (join ", " $names | default "none")) }}
{{- end }}
{{- $wanted }}
{{- else if $root.Values.image }}
{{- else if hasKey $images $component }}
{{- $component }}
{{- else if eq (len $names) 1 }}
{{- first $names }}
{{- else if $names }}
{{- fail (printf "%s: which image? Name one of images in its key `image`: %s." $component (join ", " $names)) }}
{{- else }}
{{- fail (printf "%s: there is no image. A deploy writes it to apps/%s/release.%s.yaml (release.yml, or `kajitori bump`); do not write it into values.yaml." $component (include "kajitori.app" $root) (include "kajitori.fact" (list $root "environment"))) }}
{{- end }}
{{- end }}

{{- /* That image. As JSON. (list $ "web" .Values.web) */}}
{{- define "kajitori.imageEntry" -}}
{{- $root := index . 0 }}
{{- $name := include "kajitori.imageName" . }}
{{- if $name }}
{{- get $root.Values.images $name | toJson }}
{{- else }}
{{- toJson $root.Values.image }}
{{- end }}
{{- end }}

{{- /* The same as a reference: repository:tag@digest. */}}
{{- define "kajitori.image" -}}
{{- $image := fromJson (include "kajitori.imageEntry" .) }}
{{- $image.repository }}{{ with $image.tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* Its tag, else the beginning of its digest, as the value of a label: at most 63 characters. */}}
{{- define "kajitori.imageVersion" -}}
{{- $image := fromJson (include "kajitori.imageEntry" .) }}
{{- $image.tag | default (trimPrefix "sha256:" ($image.digest | default "")) | trunc 63 | trimAll "-_." }}
{{- end }}
