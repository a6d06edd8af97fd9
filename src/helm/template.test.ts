import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HelmOptions, type HelmRelease, helmTemplate } from './template.ts';

interface Case {
  /** Files of the chart, beside a Chart.yaml. */
  readonly chart?: Readonly<Record<string, string>>;
  /** Texts of values files, in their order, by file name. */
  readonly values?: Readonly<Record<string, string>>;
  readonly release?: Partial<HelmRelease>;
  readonly options?: HelmOptions;
}

async function render({ chart = {}, values = {}, release = {}, options = {} }: Case) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-helm-'));
  const root = folder.path;
  const write = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  };
  await write('chart/Chart.yaml', 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');
  for (const [file, text] of Object.entries(chart)) {
    await write(`chart/${file}`, text);
  }
  for (const [file, text] of Object.entries(values)) {
    await write(file, text);
  }
  return await helmTemplate(
    {
      name: 'demo',
      namespace: 'demo',
      chart: path.join(root, 'chart'),
      valueFiles: Object.keys(values).map((file) => path.join(root, file)),
      kubeVersion: '1.34',
      ...release,
    },
    { root, ...options },
  );
}

/** A chart that shows what reached it. */
const configMap = (data: string) => ({
  'templates/show.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: show }\ndata:\n  ${data}\n`,
});
const dataOf = async (one: Case) => (await render(one))[0]?.data;

describe('helm template', () => {
  it('lets later values win, and the values object over all files', async () => {
    const data = await dataOf({
      chart: {
        'values.yaml': 'a: chart\nb: chart\nc: chart\nd: chart',
        ...configMap('all: "{{ .Values.a }} {{ .Values.b }} {{ .Values.c }} {{ .Values.d }}"'),
      },
      values: { 'one.yaml': 'b: one\nc: one\nd: one', 'two.yaml': 'c: two\nd: two' },
      release: { values: { d: 'object' } },
    });
    expect(data).toEqual({ all: 'chart one two object' });
  });

  it('renders for the version and the extra kinds of the cluster, not for those that helm was built with', async () => {
    const data = await dataOf({
      chart: configMap(
        'all: "{{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.APIVersions.Has "a.example/v1/B" }} {{ .Capabilities.APIVersions.Has "a.example/v1/C" }}"',
      ),
      release: { kubeVersion: '1.33', apiVersions: ['a.example/v1/B'] },
    });
    expect(data).toEqual({ all: '33 true false' });
  });

  it('takes names with commas, quotes and blanks for names', async () => {
    const data = await dataOf({
      chart: configMap('a: {{ .Values.a }}'),
      values: { 'with, comma "and" quote.yaml': 'a: found' },
    });
    expect(data).toEqual({ a: 'found' });
  });

  it('takes a name that looks like an option for a name, which helm then refuses', async () => {
    await expect(render({ chart: configMap('a: b'), release: { name: '--debug' } })).rejects.toMatchObject({
      reason: 'render-failed',
      message: expect.stringContaining('--debug'),
    });
  });

  it('keeps custom resource definitions, as Argo CD does', async () => {
    const crd =
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: b.a.example }\n';
    const objects = await render({ chart: { 'crds/b.yaml': crd } });
    expect(objects.map((object) => object.kind)).toEqual(['CustomResourceDefinition']);
  });

  it.each<[string, Case, object]>([
    [
      'a template that asks for what is not there',
      { chart: { 'templates/a.yaml': 'a: b\nc: {{ .Values.x.y.z }}\n' } },
      {
        message: expect.stringMatching(/^The template fails: <\.Values\.x\.y\.z>: nil pointer/),
        at: { file: 'chart/templates/a.yaml', line: 2, column: 14 },
      },
    ],
    [
      'a template that says itself what is wrong',
      {
        chart: {
          'templates/_a.tpl': '{{ define "a" }}\n{{ fail "choose: a\\nor b" }}{{ end }}',
          'templates/a.yaml': '{{ include "a" . }}',
        },
      },
      { message: 'choose: a\nor b', at: { file: 'chart/templates/a.yaml', line: 1, column: 4 } },
    ],
    [
      'a template that cannot be read',
      { chart: { 'templates/a.yaml': 'a: b\n{{ if }}\n' } },
      {
        message: expect.stringMatching(/^The template fails: missing value for if/),
        at: { file: 'chart/templates/a.yaml', line: 2 },
      },
    ],
    [
      'a template that renders no YAML',
      { chart: { 'templates/a.yaml': 'kind: A\na: b: c\n' } },
      {
        message: expect.stringMatching(
          /^What this template renders is not YAML \(its line 2\): mapping values/,
        ),
        at: { file: 'chart/templates/a.yaml' },
      },
    ],
    [
      'values that are no YAML',
      { values: { 'apps/web/values.yaml': 'a: b\nc: d: e\n' } },
      {
        message: expect.stringMatching(/^helm cannot read these values: mapping values are not allowed/),
        at: { file: 'apps/web/values.yaml', line: 2 },
      },
    ],
    [
      'a template that renders something else than objects',
      { chart: { 'templates/a.yaml': 'hello: world\n' } },
      { reason: 'bad-manifest', message: expect.stringContaining('apiVersion or kind is missing') },
    ],
    [
      'no chart',
      { release: { chart: '/nowhere/chart' } },
      { reason: 'chart-missing', message: expect.stringContaining('There is no chart here') },
    ],
    [
      'no helm',
      { options: { helm: 'no-helm-of-this-name' } },
      { reason: 'tool-missing', message: 'no-helm-of-this-name could not be started.' },
    ],
    [
      'too much output',
      {
        chart: configMap('a: {{ repeat 100000 "x" }}'),
        options: { limits: { milliseconds: 30_000, bytes: 50_000 } },
      },
      { reason: 'render-limit', message: 'Rendering took more than 50000 bytes and was stopped.' },
    ],
    [
      'a template that does not end',
      {
        chart: configMap('a: "{{ range until 50000 }}{{ range until 50000 }}{{ end }}{{ end }}"'),
        options: { limits: { milliseconds: 300, bytes: 1_000_000 } },
      },
      { reason: 'render-limit', message: 'Rendering took longer than 0.3 seconds and was stopped.' },
    ],
  ])('stops with exit code 2 and the place: %s', async (_, one, expected) => {
    await expect(render(one)).rejects.toMatchObject({ exitCode: 2, ...expected });
  });

  it('shows no control characters of what others wrote', async () => {
    await expect(
      render({ chart: { 'templates/a.yaml': '{{ fail "\\u001b[31mred\\u202e" }}' } }),
    ).rejects.toThrow(/^red$/);
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(render({ chart: configMap('a: b'), options: { signal } })).rejects.toThrow('enough');
  });
});
