{{- /*
The image of a component: the entry of `images` that it names, else `image`, else the entry with its own name, else the
only entry. (list $ "web" .Values.web)
*/}}
{{- define "kajitori.image" -}}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
{{- $wanted := get (index . 2) "image" }}
{{- $images := $root.Values.images | default dict }}
{{- $names := keys $images | sortAlpha }}
{{- $image := dict }}
{{- if $wanted }}
{{- if not (hasKey $images $wanted) }}
{{- fail (printf "%s: there is no image %q in images. There are: %s." $component $wanted (join ", " $names | default "none")) }}
{{- end }}
{{- $image = get $images $wanted }}
{{- else if $root.Values.image }}
{{- $image = $root.Values.image }}
{{- else if hasKey $images $component }}
{{- $image = get $images $component }}
{{- else if eq (len $names) 1 }}
{{- $image = get $images (first $names) }}
{{- else if $names }}
{{- fail (printf "%s: which image? Name one of images in its key `image`: %s." $component (join ", " $names)) }}
{{- else }}
{{- fail (printf "%s: there is no image. A deploy writes it to apps/%s/release.%s.yaml (release.yml, or `kajitori bump`); do not write it into values.yaml." $component (include "kajitori.app" $root) (include "kajitori.fact" (list $root "environment"))) }}
{{- end }}
{{- $image.repository }}{{ with $image.tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}
