import { describe, expect, it } from 'vitest';
import { templateActions, wordForAlone } from './template-facts.ts';

const word = (template: string) => wordForAlone(templateActions(template) ?? []);

describe('the actions of a template', () => {
  it.each<[string, string[] | undefined]>([
    ['a {{ b }} c {{- .d -}} e', [' b ', '- .d -']],
    ['{{/* {{ a }} */}}{{- /* b\n}} */ -}}{{ c }}', [' c ']],
    ['{{ "}}" }}{{ `{{ "` }}{{ \'"\' }}', [' "" ', ' "" ', ' "" ']],
    ['{{ "a\\"}}" }}b', [' "" ']],
    ['{{\n  a\n}}', ['\n  a\n']],
    ['{{ "{{/*" }} {{ .Files }} {{ "*/}}" }}', [' "" ', ' .Files ', ' "" ']],
    ['{{ a', undefined],
    ['{{ "a }}', undefined],
    ['{{/* a }}', undefined],
    ['a }} b', []],
  ])('of %j', (template, code) => {
    expect(templateActions(template)?.map((action) => action.code)).toEqual(code);
  });
});

describe('the word for which a template is rendered alone', () => {
  it.each([
    ['{{ .Files.Get "a" }}', 'Files'],
    ['{{ $.Release.Foo }}', 'Release'],
    ['{{ $root.Chart.Annotations }}', 'Chart'],
    ['{{ .Chart }}', 'Chart'],
    ['{{ toYaml .Values }}', 'Values'],
    ['{{ index .Values "a" }}', 'Values'],
    ['{{ index . "Files" }}', 'Files'],
    ['{{ .Subcharts.a.Values.b }}', 'Subcharts'],
    ['{{ (lookup "v1" "Pod" "a" "b").metadata }}', 'lookup'],
    ['{{ tpl .Values.a . }}', 'tpl'],
    ['{{ randAlphaNum 5 }}', 'randAlphaNum'],
    ['{{ now | date "2006" }}', 'now'],
    ['{{ $ca := genCA "a" 365 }}', 'genCA'],
  ])('of %j is %s', (template, expected) => {
    expect(word(template)).toBe(expected);
  });

  it.each([
    'text about Files, Release and lookup',
    '{{/* .Files.Get of old */}}',
    '{{ .Values.now }} {{ $now }} {{ .Values.env }} {{ "tpl" }}',
    '{{ .Release.Name }} {{ $.Release.Namespace }} {{ .Chart.Version }} {{ $.Template.BasePath }}',
    '{{ with .Values.a }}{{ toYaml . }}{{ end }}',
    '{{ .Capabilities.KubeVersion.Version }}',
  ])('is none for %j', (template) => {
    expect(word(template)).toBeUndefined();
  });
});
