import { mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ApplicationSource } from '../applications/application.ts';
import { objectName } from '../kubernetes/object.ts';
import { type RenderApplicationOptions, renderApplication } from './application.ts';
import { anApplication, aSource, helmOptions, kustomizeOptions } from './application-fixture.ts';

interface Case {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly sources: readonly Partial<ApplicationSource>[];
  readonly options?: RenderApplicationOptions;
}

/** Renders an application over files. */
async function render({ files = {}, links = {}, sources, options }: Case) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-application-'));
  const root = path.join(folder.path, 'repository');
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  for (const [link, target] of Object.entries(links)) {
    await symlink(target, path.join(root, link));
  }
  const application = anApplication({ sources: sources.map(aSource) });
  return await renderApplication(application, { root, charts: path.join(folder.path, 'charts') }, options);
}

const configMap = (name: string, more = '') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}`;
const names = ({ objects }: Awaited<ReturnType<typeof render>>) =>
  objects.map((each) => objectName(each.object));
const chart = (templates: Readonly<Record<string, string>>) => ({
  'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  ...Object.fromEntries(Object.entries(templates).map(([file, text]) => [`web/templates/${file}`, text])),
});
describe('an application of a chart', () => {
  it('is what helm renders, each object with its template and in its namespace', async () => {
    const rendered = await render({
      files: chart({
        'a.yaml': `${configMap('{{ .Release.Name }}-{{ .Release.Namespace }}')}---\n${configMap('second')}`,
        'job.yaml': `apiVersion: batch/v1\nkind: Job\nmetadata: { generateName: migrate-, annotations: { helm.sh/hook: pre-upgrade } }\n`,
      }),
      sources: [{ path: 'web' }],
    });
    expect(rendered.notRendered).toEqual([]);
    expect(rendered.objects).toMatchObject([
      {
        object: { metadata: { name: 'web-shop', namespace: 'shop' } },
        source: 0,
        file: 'web/templates/a.yaml',
        role: 'resource',
      },
      { object: { metadata: { name: 'second' } }, file: 'web/templates/a.yaml' },
      { object: { kind: 'Job' }, file: 'web/templates/job.yaml', role: 'hook', phases: ['PreSync'] },
    ]);
  });

  it('takes parameters over values, literally or as text, and files as text', async () => {
    const show = 'data: { show: {{ toJson .Values | quote }} }\n';
    const { objects } = await render({
      files: { ...chart({ 'a.yaml': configMap('a', show) }), 'text.txt': 'one, two' },
      sources: [
        {
          path: 'web',
          helm: helmOptions({
            values: 'a: 1\nb: 1\n',
            parameters: [
              { name: 'b', value: '2', forceString: false },
              { name: 'c', value: '2', forceString: true },
              { name: 'd', value: 'x,y', forceString: false },
              { name: 'e', value: '{x,y}', forceString: false },
            ],
            fileParameters: [{ name: 'f', path: '../text.txt' }],
          }),
        },
      ],
    });
    const data = objects[0]?.object.data as { readonly show: string } | undefined;
    expect(JSON.parse(data?.show ?? '')).toMatchObject({
      a: 1,
      b: 2,
      c: '2',
      d: 'x,y',
      e: ['x', 'y'],
      f: 'one, two',
    });
  });

  it('leaves out what it is told to: definitions, tests, the schema', async () => {
    const files = {
      ...chart({
        'a.yaml': configMap('a'),
        'test.yaml': configMap('test').replace(
          'name: test',
          'name: test, annotations: { helm.sh/hook: test }',
        ),
      }),
      'web/crds/c.yaml': configMap('c'),
      'web/values.schema.json': '{"required":["x"]}',
    };
    const options = { skipCrds: true, skipTests: true, skipSchemaValidation: true };
    expect(names(await render({ files, sources: [{ path: 'web', helm: helmOptions(options) }] }))).toEqual([
      'ConfigMap/a',
    ]);
    const without = helmOptions({ skipSchemaValidation: true });
    const all = await render({ files, sources: [{ path: 'web', helm: without }] });
    expect(all.objects.map((each) => [objectName(each.object), each.role, each.file])).toEqual([
      ['ConfigMap/c', 'resource', 'web/crds/c.yaml'],
      ['ConfigMap/a', 'resource', 'web/templates/a.yaml'],
      ['ConfigMap/test', 'ignored', 'web/templates/test.yaml'],
    ]);
  });

  it('names the template that renders something else than objects', async () => {
    const { notRendered } = await render({ files: chart({ 'a.yaml': 'a: b' }), sources: [{ path: 'web' }] });
    expect(notRendered).toMatchObject([
      { reason: 'bad-manifest', exitCode: 2, at: { file: 'web/templates/a.yaml' } },
    ]);
  });
});

describe('an application of several sources', () => {
  const files = {
    'a/x.yaml': configMap('x', 'data: { from: a }'),
    'b/x.yaml': configMap('x', 'data: { from: b }'),
  };

  it('has each object once, the last of them, and says so', async () => {
    const rendered = await render({ files, sources: [{ path: 'a' }, { path: 'b' }] });
    expect(rendered.objects).toMatchObject([
      { object: { data: { from: 'b' } }, source: 1, file: 'b/x.yaml' },
    ]);
    expect(rendered.repeated).toEqual([{ name: 'ConfigMap/x', namespace: 'shop', times: 2, isSame: false }]);
  });

  it('is as the repo-server prints it, when that is asked for', async () => {
    const options = { form: 'manifests', tracking: 'annotation' } as const;
    const rendered = await render({ files, sources: [{ path: 'a' }, { path: 'b' }], options });
    expect(rendered.objects.map((each) => each.object.metadata)).toEqual(
      Array(2).fill({
        name: 'x',
        annotations: { 'argocd.argoproj.io/tracking-id': 'web:/ConfigMap:shop/x' },
      }),
    );
  });

  it('is refused as Argo CD refuses it: annotations that are no text, YAML directives', async () => {
    const annotated = (value: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, annotations: ${value} }\n`;
    const failures = async (text: string) => {
      const { notRendered } = await render({ files: { 'p/a.yaml': text }, sources: [{ path: 'p' }] });
      return notRendered.map(({ message, at }) => [message, at]);
    };
    const at = { file: 'p/a.yaml' };
    expect(await failures(annotated('{ on: 1 }'))).toEqual([
      ['ConfigMap/a has an annotation "true" that is not text.', at],
    ]);
    expect(await failures(annotated('{ a: null }'))).toEqual([
      ['ConfigMap/a has an annotation "a" that is not text.', at],
    ]);
    expect(await failures(annotated('[]'))).toEqual([
      ['ConfigMap/a has an annotation that is not text.', at],
    ]);
    expect(await failures(annotated('null'))).toEqual([]);
    expect(await failures(`# first\n%YAML 1.1\n---\n${configMap('a')}`)).toEqual([
      [expect.stringContaining('directive'), { ...at, line: 2 }],
    ]);
    expect(await failures(`${configMap('a', 'data:\n  a: |\n    x\n')}# b\n`)).toEqual([]);
  });

  it('never passes over a source that could not be rendered', async () => {
    const rendered = await render({
      files,
      sources: [{ path: 'a' }, { path: 'gone' }, { path: 'b', here: false }],
    });
    expect(names(rendered)).toEqual(['ConfigMap/x']);
    expect(rendered.notRendered.map((each) => [each.exitCode, each.reason])).toEqual([
      [2, 'path-missing'],
      [2, 'not-rendered'],
    ]);
  });
});

describe('an application of plain manifests', () => {
  const files = {
    'm/b.yaml': configMap('b'),
    'm/a.yml': `${configMap('a')}---\n---\n# nothing\n---\napiVersion: v1\nkind: ConfigMapList\nitems:\n  - { apiVersion: v1, kind: ConfigMap, metadata: { name: a2 } }\n---\napiVersion: v1\nkind: ConfigMapList\nitems: null\n`,
    'm/c.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
    'm/skipped.yaml': `# +argocd:skip-file-rendering\n${configMap('skipped')}`,
    'm/values.yaml': 'a: b\n',
    'm/notes.txt': 'x',
    'm/sub/d.yaml': configMap('d'),
  };

  it('has the objects of its files in the order of their names', async () => {
    expect(names(await render({ files, sources: [{ path: 'm' }] }))).toEqual([
      'ConfigMap/a',
      'ConfigMap/a2',
      'ConfigMap/b',
      'ConfigMap/c',
    ]);
  });

  it('has subfolders only with recurse, and files as include and exclude say', async () => {
    const chosen = async (directory: ApplicationSource['directory']) =>
      names(await render({ files, sources: [{ path: 'm', ...(directory && { directory }) }] }));
    expect(await chosen({ recurse: true })).toContain('ConfigMap/d');
    expect(await chosen({ recurse: true, include: 'sub/*' })).toEqual(['ConfigMap/d']);
    expect(await chosen({ recurse: true, exclude: '{a.yml,*.json}' })).toEqual([
      'ConfigMap/b',
      'ConfigMap/d',
    ]);
  });

  it('reads links that stay in the repository', async () => {
    const rendered = await render({
      files,
      links: { 'm/sub/link.yaml': '../b.yaml' },
      sources: [{ path: 'm/sub' }],
    });
    expect(names(rendered)).toEqual(['ConfigMap/d', 'ConfigMap/b']);
  });
});

describe('an application of a kustomization', () => {
  const deployment = (name: string) =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: ${name} }\nspec: { replicas: 1, selector: { matchLabels: { app: x } }, template: { metadata: { labels: { app: x } }, spec: { containers: [{ name: c, image: "registry.example/app:v1" }] } } }\n`;
  const files = {
    'base/kustomization.yaml':
      'resources: [web.yaml]\nimages: [{ name: registry.example/app, newName: registry.example/moved }]\n',
    'base/web.yaml': deployment('web'),
    'overlay/Kustomization': 'resources: [../base]\nnamePrefix: old-\n',
    'more/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [map.yaml]\n',
    'more/map.yaml': configMap('more'),
  };

  it('is what kustomize builds', async () => {
    const rendered = await render({ files, sources: [{ path: 'overlay' }] });
    expect(rendered.notRendered).toEqual([]);
    expect(rendered.objects).toMatchObject([
      { object: { kind: 'Deployment', metadata: { name: 'old-web', namespace: 'shop' } }, source: 0 },
    ]);
  });

  it('has what the source changes, and leaves the files of people alone', async () => {
    const kustomize = kustomizeOptions({
      namePrefix: 'new-',
      nameSuffix: '-x',
      namespace: 'elsewhere',
      images: ['registry.example/moved:$ARGOCD_APP_NAME'],
      replicas: [{ name: 'web', count: 3 }],
      commonLabels: { team: '$ARGOCD_APP_NAME' },
      labelWithoutSelector: true,
      labelIncludeTemplates: true,
      commonAnnotations: { plain: '$ARGOCD_APP_NAME' },
      patches: [
        { target: { kind: 'Deployment' }, patch: '[{ "op": "add", "path": "/spec/paused", "value": true }]' },
      ],
      components: ['../more', '../gone'],
      ignoreMissingComponents: true,
    });
    const rendered = await render({ files, sources: [{ path: 'overlay', kustomize }] });
    expect(rendered.notRendered).toEqual([]);
    const web = rendered.objects.find((each) => each.object.kind === 'Deployment')?.object;
    expect(web).toMatchObject({
      metadata: {
        name: 'new-web-x',
        namespace: 'elsewhere',
        labels: { team: 'web' },
        annotations: { plain: '$ARGOCD_APP_NAME' },
      },
      spec: {
        paused: true,
        replicas: 3,
        selector: { matchLabels: { app: 'x' } },
        template: {
          metadata: { labels: { app: 'x', team: 'web' } },
          spec: { containers: [{ image: 'registry.example/moved:web' }] },
        },
      },
    });
    expect(names(rendered)).toContain('ConfigMap/new-more-x');
  });

  it('at the root of the repository does not read git', async () => {
    const kustomization = 'configMapGenerator: [{ name: a, files: [config] }]\n';
    const rendered = await render({
      files: {
        'kustomization.yaml': kustomization.replace('config]', '.git/config]'),
        '.git/config': 'token',
      },
      sources: [{ path: '.' }],
    });
    expect(rendered.objects).toEqual([]);
    expect(rendered.notRendered).toMatchObject([{ exitCode: 2, reason: 'render-failed' }]);
  });
});
