import { mkdir, mkdtempDisposable, open, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ApplicationSource } from '../applications/application.ts';
import { renderApplication } from './application.ts';
import { anApplication, aSource, helmOptions } from './application-fixture.ts';
import type { RenderWorld } from './world.ts';

interface BadRepository {
  readonly files?: Readonly<Record<string, string>>;
  /** Empty files of 100 MB. */
  readonly large?: readonly string[];
  /** Links, by their place; `OUTSIDE` is a folder beside the repository, with a manifest, a chart and a kustomization. */
  readonly links?: Readonly<Record<string, string>>;
  readonly source: Partial<ApplicationSource>;
  readonly limits?: RenderWorld['limits'];
}

const MANIFEST = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n';
const CHART = 'apiVersion: v2\nname: web\nversion: 1.0.0\n';
const chart = (template: string) => ({ 'web/Chart.yaml': CHART, 'web/templates/a.yaml': template });
/** Nine levels of ten aliases. */
const BOMB = `a0: &a0 [x]\n${[1, 2, 3, 4, 5, 6, 7, 8, 9]
  .map(
    (level) =>
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
  )
  .join('\n')}\n`;

async function write(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
}

async function render({ files = {}, large = [], links = {}, source, limits }: BadRepository) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-bad-'));
  const root = path.join(folder.path, 'repository');
  await write(path.join(folder.path, 'OUTSIDE'), {
    'manifest.yaml': MANIFEST,
    'Chart.yaml': CHART,
    'kustomization.yaml': 'resources: [manifest.yaml]\n',
  });
  await write(root, files);
  for (const file of large) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await using handle = await open(path.join(root, file), 'w');
    await handle.truncate(100_000_000);
  }
  for (const [link, target] of Object.entries(links)) {
    await mkdir(path.dirname(path.join(root, link)), { recursive: true });
    await symlink(target, path.join(root, link));
  }
  const world = {
    root,
    charts: path.join(folder.path, 'charts'),
    ...(limits === undefined ? {} : { limits }),
  };
  return await renderApplication(anApplication({ sources: [aSource(source)] }), world);
}

/** Of what takes for ever, how long it may. */
const SOON = { milliseconds: 1500, bytes: 1_000_000 };

describe('a repository that is broken, or wants to break us', () => {
  it.each<[string, BadRepository, { reason: string; at: object; words?: string }]>([
    [
      'a manifest that is no YAML',
      { files: { 'm/a.yaml': `${MANIFEST}data: { a: b: c }\n` }, source: { path: 'm' } },
      { reason: 'bad-manifest', at: { file: 'm/a.yaml', line: 4 } },
    ],
    [
      'a manifest that is no JSON',
      { files: { 'm/a.json': '{' }, source: { path: 'm' } },
      { reason: 'bad-manifest', at: { file: 'm/a.json', line: 1 } },
    ],
    [
      'a manifest without a name',
      {
        files: { 'm/a.yaml': '# one\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n' },
        source: { path: 'm' },
      },
      { reason: 'bad-manifest', at: { file: 'm/a.yaml', line: 2 }, words: 'without metadata.name' },
    ],
    [
      'values that are no YAML',
      {
        files: { ...chart(MANIFEST), 'web/v.yaml': 'a: b\nc: d: e\n' },
        source: { path: 'web', helm: helmOptions({ valueFiles: ['v.yaml'] }) },
      },
      { reason: 'render-failed', at: { file: 'web/v.yaml', line: 2 } },
    ],
    [
      'a template that fails',
      { files: chart(`${MANIFEST}data: { a: {{ .Values.a.b.c }} }\n`), source: { path: 'web' } },
      { reason: 'render-failed', at: { file: 'web/templates/a.yaml', line: 4 } },
    ],
    [
      'a chart that is not there',
      { files: { 'web/a.yaml': MANIFEST }, source: { path: 'web', helm: helmOptions({ releaseName: 'x' }) } },
      { reason: 'chart-missing', at: { file: 'web' } },
    ],
    [
      'a Chart.yaml that is none',
      { files: { 'web/Chart.yaml': 'a: [', 'web/templates/a.yaml': MANIFEST }, source: { path: 'web' } },
      { reason: 'render-failed', at: { file: 'web/Chart.yaml', line: 1 } },
    ],
    [
      'a manifest of aliases that multiply',
      { files: { 'm/a.yaml': `${MANIFEST}data:\n${BOMB.replaceAll(/^/gm, '  ')}` }, source: { path: 'm' } },
      { reason: 'bad-manifest', at: { file: 'm/a.yaml' } },
    ],
    [
      'values of aliases that multiply',
      {
        files: { ...chart(MANIFEST), 'web/v.yaml': BOMB },
        source: { path: 'web', helm: helmOptions({ valueFiles: ['v.yaml'] }) },
      },
      { reason: 'render-failed', at: { file: 'web/v.yaml' }, words: 'aliasing' },
    ],
    [
      'a kustomization of aliases that multiply',
      { files: { 'k/kustomization.yaml': BOMB }, source: { path: 'k' } },
      { reason: 'render-failed', at: { file: 'k/kustomization.yaml' } },
    ],
    [
      'overrides of aliases that multiply',
      { files: { ...chart(MANIFEST), 'web/.argocd-source.yaml': BOMB }, source: { path: 'web' } },
      { reason: 'not-rendered', at: { file: 'web/.argocd-source.yaml' } },
    ],
    [
      'a manifest nested deeper than anybody reads',
      { files: { 'm/a.yaml': `${MANIFEST}data: ${'['.repeat(100_000)}` }, source: { path: 'm' } },
      { reason: 'bad-manifest', at: { file: 'm/a.yaml' } },
    ],
    [
      'a manifest of 100 MB',
      { large: ['m/a.yaml'], source: { path: 'm' } },
      { reason: 'file-too-large', at: { file: 'm/a.yaml' } },
    ],
    [
      'values of 100 MB',
      {
        files: chart(MANIFEST),
        large: ['web/v.yaml'],
        source: { path: 'web', helm: helmOptions({ valueFiles: ['v.yaml'] }) },
      },
      { reason: 'file-too-large', at: { file: 'web/v.yaml' } },
    ],
    [
      'a chart with 100 MB in it',
      { files: chart(MANIFEST), large: ['web/values.yaml'], source: { path: 'web' } },
      { reason: 'file-too-large', at: { file: 'web/values.yaml' } },
    ],
    [
      'a kustomization with 100 MB in it',
      {
        files: { 'k/kustomization.yaml': 'resources:\n  - a.yaml\n' },
        large: ['k/a.yaml'],
        source: { path: 'k' },
      },
      { reason: 'file-too-large', at: { file: 'k/kustomization.yaml', line: 2 } },
    ],
    [
      'values through a link out of it',
      {
        files: chart(MANIFEST),
        links: { 'web/v.yaml': '../../OUTSIDE/manifest.yaml' },
        source: { path: 'web', helm: helmOptions({ valueFiles: ['v.yaml'] }) },
      },
      { reason: 'outside-repository', at: { file: 'web/v.yaml' } },
    ],
    [
      'values by a pattern through a link out of it',
      {
        files: chart(MANIFEST),
        links: { 'many/v.yaml': '../../OUTSIDE/manifest.yaml' },
        source: { path: 'web', helm: helmOptions({ valueFiles: ['/many/*.yaml'] }) },
      },
      { reason: 'outside-repository', at: { file: 'many/v.yaml' } },
    ],
    [
      'a chart with a link out of it',
      {
        files: { 'web/Chart.yaml': CHART },
        links: { 'web/templates': '../../OUTSIDE' },
        source: { path: 'web' },
      },
      { reason: 'outside-repository', at: { file: 'web/templates' } },
    ],
    [
      'a chart with a link in a circle',
      { files: { 'web/Chart.yaml': CHART }, links: { 'web/files/again': '..' }, source: { path: 'web' } },
      { reason: 'render-limit', at: {} },
    ],
    [
      'a chart that is a link out of it',
      { files: { 'a.txt': '' }, links: { web: '../OUTSIDE' }, source: { path: 'web' } },
      { reason: 'outside-repository', at: { file: 'argocd/web.yaml' } },
    ],
    [
      'a manifest that is a link out of it',
      {
        files: { 'm/b.yaml': MANIFEST },
        links: { 'm/a.yaml': '../../OUTSIDE/manifest.yaml' },
        source: { path: 'm' },
      },
      { reason: 'outside-repository', at: { file: 'm/a.yaml' } },
    ],
    [
      'a base that is a link out of it',
      {
        files: { 'k/kustomization.yaml': 'resources:\n  - base\n' },
        links: { 'k/base': '../../OUTSIDE' },
        source: { path: 'k' },
      },
      { reason: 'outside-repository', at: { file: 'k/kustomization.yaml', line: 2 } },
    ],
    [
      'a base out of it',
      { files: { 'k/kustomization.yaml': 'bases: [../../OUTSIDE]\n' }, source: { path: 'k' } },
      { reason: 'outside-repository', at: { file: 'k/kustomization.yaml', line: 1 } },
    ],
    [
      'a file of a kustomization through a link out of it',
      {
        files: { 'k/kustomization.yaml': 'configMapGenerator: [{ name: a, files: [a.txt] }]\n' },
        links: { 'k/a.txt': '../../OUTSIDE/manifest.yaml' },
        source: { path: 'k' },
      },
      { reason: 'render-failed', at: { file: 'k/kustomization.yaml' }, words: 'not in or below' },
    ],
    [
      'a template that repeats itself for ever',
      {
        files: chart(
          `${MANIFEST}data: { a: "{{ range until 50000 }}{{ range until 50000 }}{{ end }}{{ end }}" }\n`,
        ),
        source: { path: 'web' },
        limits: SOON,
      },
      { reason: 'render-limit', at: { file: 'web' }, words: 'longer than 1.5 seconds' },
    ],
    [
      'a template that includes itself',
      {
        files: {
          ...chart(`{{ include "a" . }}\n`),
          'web/templates/_a.tpl': '{{ define "a" }}{{ include "a" . }}{{ end }}',
        },
        source: { path: 'web' },
      },
      { reason: 'render-failed', at: { file: 'web/templates/_a.tpl', line: 1 }, words: 'nested reference' },
    ],
    [
      'a template that renders without end',
      {
        files: chart(`${MANIFEST}data: { a: "{{ repeat 2000000 "x" }}" }\n`),
        source: { path: 'web' },
        limits: SOON,
      },
      { reason: 'render-limit', at: { file: 'web' }, words: 'more than 1000000 bytes' },
    ],
    [
      'a base on another server',
      {
        files: {
          'k/kustomization.yaml': 'resources:\n  - a.yaml\n  - https://github.com/acme/base//x?ref=v1\n',
          'k/a.yaml': MANIFEST,
        },
        source: { path: 'k' },
      },
      { reason: 'not-rendered', at: { file: 'k/kustomization.yaml', line: 3, column: 5 } },
    ],
    [
      'a patch on another server',
      {
        files: {
          'k/kustomization.yaml':
            'resources: [a.yaml]\npatches: [{ path: "http://example.invalid/p.yaml" }]\n',
          'k/a.yaml': MANIFEST,
        },
        source: { path: 'k' },
      },
      {
        reason: 'not-rendered',
        at: { file: 'k/kustomization.yaml' },
        words: 'http://example.invalid/p.yaml',
      },
    ],
    [
      'a chart in a kustomization',
      { files: { 'k/kustomization.yaml': 'helmCharts:\n  - name: x\n' }, source: { path: 'k' } },
      { reason: 'not-rendered', at: { file: 'k/kustomization.yaml', line: 1 } },
    ],
    [
      'bases in a circle',
      {
        files: {
          'a/kustomization.yaml': 'resources: [../b]\n',
          'b/kustomization.yaml': 'resources:\n  - ../a\n',
        },
        source: { path: 'a' },
      },
      { reason: 'render-failed', at: { file: 'b/kustomization.yaml', line: 2 } },
    ],
    [
      'bases that multiply',
      {
        files: {
          ...Object.fromEntries(
            Array.from({ length: 14 }, (_, level) => [
              `k${level}/kustomization.yaml`,
              `resources: [../l${level + 1}, ../r${level + 1}]\n`,
            ]),
          ),
          ...Object.fromEntries(
            Array.from({ length: 15 }, (_, level) =>
              ['l', 'r'].map((side) => [`${side}${level}/kustomization.yaml`, `resources: [../k${level}]\n`]),
            ).flat(),
          ),
          'k14/kustomization.yaml': 'resources: []\n',
        },
        source: { path: 'k0' },
      },
      { reason: 'render-limit', at: {} },
    ],
    [
      'a kustomization that names a broken file',
      {
        files: {
          'k/kustomization.yaml': 'resources: [a.yaml]\n',
          'k/a.yaml': `${MANIFEST}data: { a: b: c }\n`,
        },
        source: { path: 'k' },
      },
      { reason: 'render-failed', at: { file: 'k/a.yaml', line: 4 } },
    ],
    [
      'a kustomization that is no YAML',
      { files: { 'k/kustomization.yaml': 'resources: []\nnamePrefix: a: b\n' }, source: { path: 'k' } },
      { reason: 'render-failed', at: { file: 'k/kustomization.yaml', line: 2 } },
    ],
    [
      'a pattern that cannot be read',
      { files: { 'm/a.yaml': MANIFEST }, source: { path: 'm', directory: { recurse: true, include: '[a' } } },
      { reason: 'bad-pattern', at: { file: 'argocd/web.yaml', line: 1 } },
    ],
    [
      'Jsonnet',
      { files: { 'm/a.jsonnet': '{}' }, source: { path: 'm' } },
      { reason: 'not-rendered', at: { file: 'm/a.jsonnet' } },
    ],
  ])('is not rendered, with place and words: %s', async (_, repository, { reason, at, words = '' }) => {
    const { objects, notRendered } = await render(repository);
    expect(objects).toEqual([]);
    expect(notRendered).toHaveLength(1);
    expect(notRendered[0]).toMatchObject({
      exitCode: 2,
      reason,
      at,
      message: expect.stringContaining(words),
    });
    expect(notRendered[0]?.todo).toMatch(/\.$/);
    expect(notRendered[0]?.message).not.toContain(tmpdir());
  });

  it('does not show a chart the files of git', async () => {
    const { objects, notRendered } = await render({
      files: {
        'Chart.yaml': CHART,
        'templates/a.yaml': `${MANIFEST}data: { token: {{ .Files.Get ".git/config" | quote }}, other: {{ .Files.Get "x.txt" }} }\n`,
        '.git/config': 'token',
        'x.txt': 'x',
      },
      source: { path: '.' },
    });
    expect(notRendered).toEqual([]);
    expect(objects.map((each) => [each.object.data, each.file])).toEqual([
      [{ token: '', other: 'x' }, 'templates/a.yaml'],
    ]);
  });
});
