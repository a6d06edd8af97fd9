import { mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../report/failure.ts';
import { helmObjects } from './documents.ts';
import { type FleetOptions, type ReleaseResult, renderReleases } from './fleet.ts';
import { schemaValues } from './standard-chart-arbitrary.ts';
import { CHART, CHART_CASES, chartRelease } from './standard-chart-cases.ts';
import { type HelmRelease, helmTemplateText, shownChart } from './template.ts';

/** What one-by-one rendering says, in a form that can be compared. */
async function oneByOne(releases: readonly HelmRelease[], options: FleetOptions = {}): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const release of releases) {
    try {
      results.push(helmObjects(await helmTemplateText(release, options), shownChart(release, options)));
    } catch (error) {
      results.push(failureParts(error));
    }
  }
  return results;
}

const failureParts = (error: unknown) => {
  if (!(error instanceof Failure)) throw error;
  const { message, exitCode, reason, at, todo } = error;
  return { message, exitCode, reason, at, todo };
};

const said = (result: ReleaseResult) => ('objects' in result ? result.objects : failureParts(result.failure));

/** Renders, and says how many releases each helm process had. */
async function together(releases: readonly HelmRelease[], options: FleetOptions = {}) {
  const processes: number[] = [];
  const results = await renderReleases(releases, {
    ...options,
    onProcess: (count) => processes.push(count),
  });
  expect(results.map((result) => result.release)).toEqual(releases);
  return { results: results.map(said), processes: processes.toSorted((a, b) => b - a) };
}

/** A chart in a temporary folder, and releases of it. */
async function chartOf(files: Readonly<Record<string, string>>) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-fleet-'));
  const all: Record<string, string> = {
    'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.2.3\n',
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true });
    await writeFile(path.join(folder.path, file), text);
  }
  return {
    path: folder.path,
    release: (index: number, values: unknown = {}, more: Partial<HelmRelease> = {}): HelmRelease => ({
      name: `app-${index}`,
      namespace: `space-${index}`,
      chart: folder.path,
      valueFiles: [],
      values,
      kubeVersion: '1.34',
      ...more,
    }),
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

const show = (...lines: readonly string[]) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: show }\ndata:\n${lines.map((line) => `  ${line}\n`).join('')}`;
const five = [0, 1, 2, 3, 4] as const;

describe.each(['helm', 'helm4'])('many releases of the standard chart, by %s', (helm) => {
  it('are what each is alone, in their order, by few processes', async () => {
    const releases = CHART_CASES.map(({ name }, index) => ({ ...chartRelease(name), name: `r${index}` }));
    const { results, processes } = await together(releases, { helm, processes: 1 });
    expect(results).toEqual(await oneByOne(releases, { helm }));
    expect(processes).toEqual([releases.length, 1]);
  });

  it('are what each is alone, with any values, also with those that the chart refuses', async () => {
    const anyApp = fc
      .tuple(schemaValues(), fc.constantFrom('one', 'two'), fc.nat(5))
      .map(([values, cluster, chance]) => ({
        ...values,
        image: { repository: 'registry.example/app', tag: '1' },
        app: { team: 'shop' },
        facts: { app: 'shop', environment: 'staging', cluster, region: 'r', account: '1', active: 'true' },
        ...(chance === 0 ? { wbe: {} } : {}),
      }));
    await fc.assert(
      fc.asyncProperty(fc.array(anyApp, { minLength: 12, maxLength: 12 }), async (apps) => {
        const releases = apps.map((values) => ({ ...chartRelease('typical', values), valueFiles: [] }));
        expect((await together(releases, { helm })).results).toEqual(await oneByOne(releases, { helm }));
      }),
      { numRuns: helm === 'helm' ? 3 : 1, endOnFailure: true },
    );
  });

  it('fail each by itself, in helm’s words for it alone', async () => {
    const bad: Record<number, object> = {
      2: { web: { prot: 1 } },
      5: { image: null },
      9: { web: { scale: '5-2' } },
      11: { workers: { web: { run: 'x' } } },
    };
    const releases = Array.from({ length: 14 }, (_, index) => chartRelease('typical', bad[index]));
    const { results, processes } = await together(releases, { helm, processes: 1 });
    expect(results).toEqual(await oneByOne(releases, { helm }));
    expect(results.flatMap((result, index) => (Array.isArray(result) ? [] : [index]))).toEqual([2, 5, 9, 11]);
    expect(processes.filter((count) => count === 1).length).toBeLessThanOrEqual(5);
  });
});

describe('a chart that asks for its release and itself', () => {
  it.each(['helm', 'helm4'])('is told the same in a batch, by %s', async (helm) => {
    await using chart = await chartOf({
      'values.yaml': 'own: { a: 1, b: [1, 2] }\nlist: [x]\nbig: 12345678\ntext: "007"\n',
      'Chart.yaml':
        'apiVersion: v2\nname: demo\nversion: 1.2.3+b\nappVersion: "4.5"\nkubeVersion: ">=1.25.0-0"\n',
      'templates/_names.tpl': `{{ define "names" }}{{ .Release.Name }}-{{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}{{ end }}`,
      'templates/NOTES.txt': 'Read me: {{ .Release.Name }}',
      'templates/b.yaml': show(
        'names: {{ include "names" . | quote }}',
        'sum: {{ include (print $.Template.BasePath "/a/c.yaml") . | sha256sum }}',
        'self: {{ .Template.Name }}',
        'all: {{ list .Release.Namespace .Release.Service .Release.IsInstall .Release.Revision .Chart.AppVersion | toJson | quote }}',
        'values: {{ toJson .Values.own | quote }}',
        'mixed: "{{ .Values.big }} {{ .Values.text }} {{ .Values.list }} {{ .Values.none }} {{ .Values.own.none }}"',
        'known: {{ .Capabilities.APIVersions.Has "a.example/v1/B" | quote }}',
      ),
      'templates/a/c.yaml': `---\n{{- range $i, $_ := until 2 }}\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: s{{ $i }} }\n{{- end }}\n---\n# nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: {{ .Release.Namespace }} }`,
      'templates/hook.yaml': `apiVersion: batch/v1\nkind: Job\nmetadata: { name: h, annotations: { helm.sh/hook: pre-install } }\n`,
      'templates/test.yaml': `apiVersion: v1\nkind: Pod\nmetadata: { name: t, annotations: { helm.sh/hook: test } }\n`,
      'templates/empty.yaml': '{{ if false }}a{{ end }}',
    });
    const values = [
      {},
      { own: { a: 2 } },
      { list: [] },
      { big: 1.5, own: { c: { d: 'e' } } },
      { text: 'none' },
    ];
    for (const more of [{}, { skipTests: true, apiVersions: ['a.example/v1/B'] }]) {
      const releases = five.map((index) => chart.release(index, values[index], more));
      const { results, processes } = await together(releases, { helm, processes: 1 });
      expect(results).toEqual(await oneByOne(releases, { helm }));
      expect(processes).toEqual([5, 1]);
    }
  });

  it('does not take one release’s change of a default over to the next', async () => {
    await using chart = await chartOf({
      'values.yaml': 'own: {}\n',
      'templates/a.yaml': `{{ $_ := set .Values.own .Release.Name "x" }}${show('own: {{ toJson .Values.own | quote }}')}`,
      'templates/b.yaml': show('own: {{ toJson .Values.own | quote }}'),
    });
    const releases = five.map((index) => chart.release(index));
    expect((await together(releases)).results).toEqual(await oneByOne(releases));
  });

  it.each(['helm', 'helm4'])(
    'has the space at the ends of its documents, which counts in text, by %s',
    async (helm) => {
      const text = 'x: |+\n    {{ .Values.text }}\n\n\n';
      await using chart = await chartOf({
        'templates/a.yaml': `${show(text)}---\n${show(text).replace('ConfigMap', 'Unknown')}`,
        'templates/b.yaml': show(text).replace(
          'name: show',
          'name: b, annotations: { helm.sh/hook: pre-install }',
        ),
        'templates/c.yaml': show('x: |\n    {{ .Values.text }}\n     ').replace('name: show', 'name: c'),
        'templates/d.yaml': `{{ if .Values.more }}${show(text)}{{ end }}`,
      });
      const releases = five.map((index) => chart.release(index, { text: `${index}`, more: index % 2 === 0 }));
      const { results } = await together(releases, { helm });
      expect(results).toEqual(await oneByOne(releases, { helm }));
    },
  );

  it.each(['helm', 'helm4'])(
    'has its objects in the order that helm installs them in, by %s',
    async (helm) => {
      const kinds = [
        'Zebra',
        'Ingress',
        'Pod',
        'Alpha',
        'Secret',
        'Namespace',
        'APIService',
        'RoleBindingList',
      ];
      const document = (kind: string, name: string, hook?: string) =>
        `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}${hook === undefined ? '' : `, annotations: { helm.sh/hook: "${hook}" }`} }\n`;
      await using chart = await chartOf({
        'templates/z.yaml': kinds.map((kind) => document(kind, 'z')).join('---\n'),
        'templates/B.yaml': kinds.map((kind) => document(kind, 'b')).join('\n--- # next\n\n'),
        'templates/a/b.yaml': `---\n---\n${document('Pod', 'one')}---\n# nothing\n---\n${document('Pod', 'two')}`,
        'templates/hooks.yaml': ['post-install', 'Test, pre-install', 'test', 'pre-delete']
          .flatMap((hook, at) => kinds.map((kind) => document(kind, `h${at}`, hook)))
          .join('---\n'),
        'templates/list.yaml': `apiVersion: v1\nkind: SecretList\nitems:\n- ${document('Secret', 'x').trimEnd().replaceAll('\n', '\n  ')}\n`,
      });
      for (const skipTests of [false, true]) {
        const releases = five.map((index) => chart.release(index, {}, { skipTests }));
        const { results, processes } = await together(releases, { helm, processes: 1 });
        expect(results).toEqual(await oneByOne(releases, { helm }));
        expect(processes).toEqual([5, 1]);
      }
    },
  );

  it.each(['helm', 'helm4'])(
    'is taken and refused as helm takes and refuses what templates print, by %s',
    async (helm) => {
      await using chart = await chartOf({
        'templates/a.yaml': show('a: b').replace('name: show', 'name: a'),
        'templates/b.yaml': '{{ .Values.text }}',
      });
      const document = [
        'apiVersion: v1',
        'kind: ConfigMap',
        'metadata: { name: one, labels: { a: "b" }, annotations: { helm.sh/hook: pre-install, c: d } }',
        'data:',
        '  list: [a, b]',
        '  text: |\n    some\n     text',
        '  "quoted": \'it\'',
        '---',
        'apiVersion: v1',
        'kind: Secret',
        'metadata:',
        '  name: two',
        '',
      ].join('\n');
      const oddities =
        '\n|  |:|: |- |---\n|\n--- |#|"|\'|{|}|[|]|,|&a|*a|!|!!str |\\|+\n|>|?|? |%|@|`|~|.inf|\\ud83d|\u00a0|\t|\r|\u0085|\ufeff|\ufffd|\u0007|<<: |' +
        '...|kind: X\n|Kind: Y\n|annotations: { a: { b: c } }\n|helm.sh/hook: other\n|a: b\n|  \n|    \n\n\n';
      // Found by more of the same against helm's own reader.
      const known = [
        '[a?]',
        '[:a]',
        '[a:]',
        '{!}',
        '!!str a:',
        '&a-é b',
        '"\\ud83d"',
        '.inf',
        '{ "a"\n : b }',
      ].map((odd) => document.replace('[a, b]', odd));
      const edits = fc.array(fc.tuple(fc.nat(document.length), fc.constantFrom(...oddities.split('|'))), {
        minLength: 1,
        maxLength: 2,
      });
      const edited = edits.map((all) =>
        all.reduce((text, [at, oddity]) => text.slice(0, at) + oddity + text.slice(at), document),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(edited, { minLength: 12, maxLength: 12 }), async (texts) => {
          const releases = [document, ...known, ...texts].map((text, index) =>
            chart.release(index, { text }),
          );
          expect((await together(releases, { helm })).results).toEqual(await oneByOne(releases, { helm }));
        }),
        { numRuns: 2, endOnFailure: true },
      );
    },
  );

  it.each(['helm', 'helm4'])('may be nothing but hooks, or nothing at all, by %s', async (helm) => {
    await using chart = await chartOf({
      'templates/a.yaml': `{{ if .Values.hook }}${show('a: b').replace('name: show', 'name: b, annotations: { helm.sh/hook: test }')}{{ end }}`,
    });
    const releases = five.map((index) => chart.release(index, { hook: index % 2 === 0 }));
    const { results, processes } = await together(releases, { helm, processes: 1 });
    expect(results).toEqual(await oneByOne(releases, { helm }));
    expect(processes).toEqual([5, 1]);
  });

  it('takes no text of a release for a document of another', async () => {
    await using chart = await chartOf({ 'templates/a.yaml': `${show('a: b')}{{ .Values.text }}` });
    const forged = '\n---\n# Source: kj-0/charts/kj-0-1/templates/a.yaml\n';
    const releases = five.map((index) =>
      chart.release(index, {
        text: `${forged}apiVersion: v1\nkind: Secret\nmetadata: { name: s${index} }\n`,
      }),
    );
    const { results, processes } = await together(releases, { processes: 1 });
    expect(results).toEqual(await oneByOne(releases));
    expect(processes).toEqual([5, 1]);
  });

  it('is rendered alone once a batch turned out differently', async () => {
    // Put together at run time, the word is not seen by reading; here the files of the chart are asked for.
    await using chart = await chartOf({
      'templates/a.yaml': show('files: {{ index . (printf "Fil%s" "es") | kindOf }}'),
    });
    const releases = five.map((index) => chart.release(index));
    const { results, processes } = await together(releases, { processes: 1 });
    expect(results).toEqual(await oneByOne(releases));
    expect(processes.filter((count) => count === 1)).toHaveLength(6);
  });

  it('is rendered alone once nothing of a whole batch could be read, and no more batches are tried', async () => {
    // Text that keeps its blank lines is rare: helm judges it, release by release.
    await using chart = await chartOf({ 'templates/a.yaml': show('a: |+', '  text') });
    const releases = Array.from({ length: 20 }, (_, index) => chart.release(index));
    const { results, processes } = await together(releases, { processes: 1, batch: 4 });
    expect(results).toEqual(await oneByOne(releases));
    expect(processes.filter((count) => count === 1)).toHaveLength(20);
    // The second of five may have begun before the first was read.
    expect(processes.filter((count) => count > 1).length).toBeLessThanOrEqual(2);
  });

  it('is still rendered in batches where helm refused all of one: its values may be wrong, not the chart', async () => {
    await using chart = await chartOf({
      'templates/a.yaml': show('a: {{ required "a is missing" .Values.a }}'),
    });
    const releases = Array.from({ length: 12 }, (_, index) =>
      chart.release(index, index < 4 ? {} : { a: 'b' }),
    );
    const { results, processes } = await together(releases, { processes: 1, batch: 4 });
    expect(results).toEqual(await oneByOne(releases));
    // The four that are refused, and one to compare with.
    expect(processes.filter((count) => count === 1)).toHaveLength(5);
  });
});

describe('what is not batched', () => {
  it.each<[string, Readonly<Record<string, string>>, ((index: number) => unknown)?]>([
    ['files of the chart', { 'a.txt': 'x', 'templates/a.yaml': show('a: {{ .Files.Get "a.txt" }}') }],
    ['values as templates', { 'templates/a.yaml': show('a: {{ tpl "{{ .Release.Name }}" . }}') }],
    ['a look into the cluster', { 'templates/a.yaml': show('a: {{ lookup "v1" "Pod" "a" "b" | toJson }}') }],
    ['all facts of the chart', { 'templates/a.yaml': show('a: {{ toJson .Chart | quote }}') }],
    ['all values at once', { 'templates/a.yaml': show('a: {{ toJson .Values | quote }}') }],
    [
      'a dependency',
      {
        'charts/b/Chart.yaml': 'apiVersion: v2\nname: b\nversion: 1.0.0\n',
        'templates/a.yaml': show('a: b'),
      },
    ],
    [
      'definitions of kinds',
      { 'crds/a.yaml': 'apiVersion: v1\nkind: A\nmetadata: { name: a }\n', 'templates/a.yaml': show('a: b') },
    ],
    [
      'a file that helm is told to ignore',
      { '.helmignore': 'templates/x.*\n', 'templates/x.yaml': 'bad', 'templates/a.yaml': show('a: b') },
    ],
    [
      'null among the values',
      { 'values.yaml': 'a: b\n', 'templates/a.yaml': show('a: {{ .Values.a | quote }}') },
      () => ({ a: null }),
    ],
    [
      'a value in place of a map',
      { 'values.yaml': 'a: { b: c }\n', 'templates/a.yaml': show('a: {{ .Values.a | quote }}') },
      () => ({ a: 'x' }),
    ],
    [
      'global values',
      { 'templates/a.yaml': show('a: {{ .Values.global.b | quote }}') },
      () => ({ global: { b: 'c' } }),
    ],
    [
      'a number that is too large',
      { 'templates/a.yaml': show('a: {{ .Values.a | quote }}') },
      () => ({ a: 2 ** 60 }),
    ],
    [
      'a schema without room for `global`',
      { 'values.schema.json': '{"additionalProperties": false}', 'templates/a.yaml': show('a: b') },
    ],
  ])('%s', async (_, files, values = () => ({})) => {
    await using chart = await chartOf(files);
    const releases = five.map((index) => chart.release(index, values(index)));
    const { results, processes } = await together(releases);
    expect(results).toEqual(await oneByOne(releases));
    expect(processes).toEqual([1, 1, 1, 1, 1]);
  });

  it('a chart with a link in it', async () => {
    await using chart = await chartOf({ 'templates/a.yaml': show('a: b') });
    await symlink(path.join(CHART, 'values.yaml'), path.join(chart.path, 'values.yaml'));
    const releases = five.map((index) => chart.release(index));
    const { results, processes } = await together(releases);
    expect(results).toEqual(await oneByOne(releases));
    expect(processes).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('values files', () => {
  it.each([
    ['rare numbers', 'a: 0o17\nb: 1_000\nc: 0644\nd: 1e3\ne: 08'],
    ['words for true', 'a: yes\nb: on\nc: n'],
    ['an anchor', 'a: &x b\nc: *x'],
    ['two documents', 'a: b\n---\na: c'],
    ['a repeated key', 'a: b\na: c'],
    ['nothing', '# only a comment\n'],
    ['a list', '- a'],
    ['a mistake', 'a: [b\n'],
    ['bytes that are no text', 'a: \xff'],
    ['versions and dates', 'a: 1.2.3\nb: 2026-11-21\nc: 1:30\nd: 1f3c9e2b\ne: 10m'],
  ])('with %s mean what helm reads in them', async (_, text) => {
    await using chart = await chartOf({
      'templates/a.yaml': show(
        ...['a', 'b', 'c', 'd', 'e'].map(
          (key) => `${key}: {{ printf "%T %v" .Values.${key} .Values.${key} | quote }}`,
        ),
      ),
    });
    const file = path.join(chart.path, 'own.values');
    await writeFile(file, text, 'latin1');
    const releases = five.map((index) => chart.release(index, {}, { valueFiles: [file] }));
    expect((await together(releases)).results).toEqual(await oneByOne(releases));
  });
});

describe('a chart with mistakes', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['an action that is not closed', { 'templates/a.yaml': 'a: {{ if .Values.a }}b' }],
    ['an `end` too many', { 'templates/a.yaml': `${show('a: b')}{{ end }}` }],
    ['no YAML', { 'templates/a.yaml': 'kind: {{ .Release.Name }}\na: b: c\n' }],
    ['no object', { 'templates/a.yaml': 'hello: {{ .Release.Name }}' }],
    [
      'a Kubernetes it is not for',
      {
        'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.0.0\nkubeVersion: ">=1.99.0-0"\n',
        'templates/a.yaml': show('a: b'),
      },
    ],
    ['a schema that is none', { 'values.schema.json': '{"type": 1}', 'templates/a.yaml': show('a: b') }],
  ])('%s: is refused as it is alone', async (_, files) => {
    await using chart = await chartOf(files);
    const releases = five.map((index) => chart.release(index));
    const { results } = await together(releases);
    expect(results).toEqual(await oneByOne(releases));
    expect(results[0]).toMatchObject({ exitCode: 2 });
  });

  it('the time that it takes is limited, and none of its releases is taken for rendered', async () => {
    await using chart = await chartOf({
      'templates/a.yaml': show('a: "{{ range until 30000 }}{{ range until 50000 }}{{ end }}{{ end }}"'),
    });
    const limits = { milliseconds: 300, bytes: 1_000_000 };
    const { results } = await together(
      five.map((index) => chart.release(index)),
      { limits },
    );
    expect(results).toEqual(five.map(() => expect.objectContaining({ reason: 'render-limit' })));
  });
});

it.each(['helm', 'helm4'])('a chart as `%s create` makes it is rendered in batches too', async (helm) => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-create-'));
  await execa(helm, ['create', 'web'], { cwd: folder.path });
  const values = [
    {},
    { ingress: { enabled: true } },
    { autoscaling: { enabled: true } },
    { fullnameOverride: 'x' },
    {},
  ];
  const releases = five.map(
    (index): HelmRelease => ({
      name: index === 3 ? 'web' : `app-${index}`,
      namespace: 'apps',
      chart: path.join(folder.path, 'web'),
      valueFiles: [],
      values: values[index],
      kubeVersion: '1.34',
    }),
  );
  const { results, processes } = await together(releases, { helm, processes: 1 });
  expect(results).toEqual(await oneByOne(releases, { helm }));
  expect(processes).toEqual([5, 1]);
});

it('stops when it is told to', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(renderReleases([chartRelease('typical')], { signal })).rejects.toThrow('enough');
});
