import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  applicationsOf,
  type Discovered,
  type DiscoverOptions,
  discoverApplications,
} from '../../src/applications/discover.ts';
import { formatPlace } from '../../src/report/failure.ts';
import { openWorkingCopy } from '../../src/repository/working-copy.ts';
import { applicationYaml, sourceAt, treeOf, URL_HERE } from './tree-of.ts';

const discover = (
  files: Readonly<Record<string, string>>,
  options: DiscoverOptions = {},
): Promise<Discovered> => discoverApplications(treeOf(files), { urls: [URL_HERE], ...options });

const names = ({ applications }: Pick<Discovered, 'applications'>): string[] =>
  applications.map(({ name }) => name);

/** What could not be read, as `place: message`. */
const notRead = (discovered: Pick<Discovered, 'notRead'>): string[] =>
  discovered.notRead.map(({ at, failure }) => `${formatPlace(at)}: ${failure.message}`);

describe('Applications are found', () => {
  test('in any file, in several documents, in lists, as JSON', async () => {
    const json = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Application',
          metadata: { name: 'json' },
          spec: { destination: { namespace: 'x' }, source: { repoURL: URL_HERE, path: 'x' } },
        },
      ],
    });
    const found = await discover({
      'a/one.yaml': `# two of them\n---\n${applicationYaml('one', sourceAt('x'))}---\n${applicationYaml('two', sourceAt('x'))}`,
      'b/deep/list.json': json,
      'c.yml': applicationYaml('three', sourceAt('x')),
      'README.md': applicationYaml('not-this', sourceAt('x')),
      'values.yaml': 'kind: Application\n',
      '.github/app.yaml': applicationYaml('hidden', sourceAt('x')),
    });
    expect(names(found)).toEqual(['hidden', 'one', 'two', 'json', 'three']);
    expect(notRead(found)).toEqual([]);
    expect(found.applications.map(({ declaredAt }) => formatPlace(declaredAt))).toEqual([
      '.github/app.yaml:1',
      'a/one.yaml:3',
      'a/one.yaml:8',
      'b/deep/list.json:1:43',
      'c.yml:1',
    ]);
  });

  test('a source that only holds values applies nothing', async () => {
    const found = await discover({
      'root.yaml': applicationYaml('root', sourceAt('apps')),
      'apps/web.yaml': applicationYaml('web', `sources: [{ repoURL: "${URL_HERE}", ref: values }]`),
    });
    expect(found.applications.map(({ name, appliedBy }) => [name, appliedBy])).toEqual([
      ['web', 'root'],
      ['root', undefined],
    ]);
  });

  test('not in the templates of a chart, which are no YAML', async () => {
    const found = await discover({
      'charts/web/Chart.yaml': 'name: web',
      'charts/web/templates/app.yaml': `${applicationYaml('x', sourceAt('x'))}{{ end }}`,
      'charts/web/charts/sub/app.yaml': applicationYaml('x', sourceAt('x')),
      'charts/web/application.yaml': applicationYaml('beside', sourceAt('x')),
      'templates/app.yaml': applicationYaml('no-chart', sourceAt('x')),
    });
    expect(names(found)).toEqual(['beside', 'no-chart']);
  });

  test('and it is said which application applies them', async () => {
    const found = await discover({
      'argocd/root.yaml': applicationYaml('root', sourceAt('argocd', 'directory: { exclude: "skip*" }')),
      'argocd/web.yaml': applicationYaml('web', sourceAt('apps/web')),
      'argocd/skipped.yaml': applicationYaml('skipped', sourceAt('apps/web')),
      'argocd/deep/far.yaml': applicationYaml('far', sourceAt('apps/web')),
    });
    expect(found.applications.map(({ name, appliedBy }) => [name, appliedBy])).toEqual([
      ['far', undefined],
      ['root', undefined],
      ['skipped', undefined],
      ['web', 'root'],
    ]);
  });

  test('with the cluster of kajitori.yaml, and with the sources that are this repository', async () => {
    const [application] = (
      await discover(
        {
          'kajitori.yaml': `apiVersion: kajitori.dev/v1
repository: { url: "git@github.com:acme/gitops.git" }
environments: { production: { clusters: [prod-1] } }
clusters: { prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example.com]
`,
          'app.yaml': applicationYaml(
            'web',
            `sources: [{ repoURL: "${URL_HERE}", path: a }, { repoURL: "${URL_HERE}", targetRevision: v1, path: a }, { repoURL: "https://charts.example.com", chart: redis, targetRevision: 1.2.3 }]`,
          ),
        },
        { urls: [] },
      )
    ).applications;
    expect(application?.destination.cluster).toMatchObject({ name: 'prod-1', kubernetes: '1.34' });
    expect(application?.sources.map(({ here }) => here)).toEqual([true, false, false]);
  });

  test('also where one name occurs twice: several Argo CDs can read one repository', async () => {
    const found = await discover({
      'stg/web.yaml': applicationYaml('web', sourceAt('x')),
      'prod/web.yaml': applicationYaml('web', sourceAt('y')),
    });
    expect(found.applications.map(({ declaredAt }) => declaredAt.file)).toEqual([
      'prod/web.yaml',
      'stg/web.yaml',
    ]);
  });
});

describe('never silently green:', () => {
  test('YAML that is broken, with its line', async () => {
    const broken = applicationYaml('web', sourceAt('x')).replace('spec:', 'spec: {');
    const found = await discover({
      'ok.yaml': applicationYaml('ok', sourceAt('x')),
      'web.yaml': `---\n${broken}`,
    });
    expect(names(found)).toEqual(['ok']);
    expect(notRead(found)).toEqual([expect.stringMatching(/^web\.yaml:\d+:\d+: The YAML cannot be read/)]);
  });

  test('one broken document beside a good one', async () => {
    const found = await discover({
      'two.yaml': `${applicationYaml('ok', sourceAt('x'))}---\n${applicationYaml('web', 'a: [')}`,
    });
    expect(names(found)).toEqual(['ok']);
    expect(notRead(found)).toHaveLength(1);
  });

  test('an alias bomb', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) =>
        `  l${n}: &l${n} [${n === 0 ? '1' : Array.from({ length: 10 }, () => `*l${n - 1}`).join(', ')}]`,
    );
    const bomb = `apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: { name: bomb }\nspec:\n${levels.join('\n')}\n`;
    expect(notRead(await discover({ 'bomb.yaml': bomb }))).toEqual([
      expect.stringContaining('bomb.yaml:1: The YAML grows too large'),
    ]);
  });

  test('a kind that is spelled with escapes', async () => {
    const hidden = applicationYaml('web', sourceAt('x'))
      .replace('Application', '"\\x41pplication"')
      .replace('argoproj.io', 'argoproj.io');
    expect(names(await discover({ 'web.yaml': hidden }))).toEqual(['web']);
  });

  test.each([
    ['no source', applicationYaml('web', 'other: 1'), 'web.yaml:4:7: Application/web has no source.'],
    [
      'a wrong type',
      applicationYaml('web', sourceAt('x', 'helm: { valueFiles: values.yaml }')),
      /^web\.yaml:4:\d+: Application\/web: spec\.source\.helm\.valueFiles: /,
    ],
    [
      'a name that is none',
      applicationYaml('Web_App', sourceAt('x')),
      /^web\.yaml:3:19: .*"Web_App" is not a name/,
    ],
    [
      'the source hydrator',
      applicationYaml('web', 'sourceHydrator: { drySource: {} }'),
      /^web\.yaml:4:\d+: .*source hydrator/,
    ],
  ])('an Application with %s', async (_what, text, message) => {
    const found = await discover({ 'web.yaml': text });
    expect(names(found)).toEqual([]);
    const [said] = notRead(found);
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  test('keys that are names of prototypes are keys like others', async () => {
    const found = await discover({
      'web.yaml': applicationYaml(
        'web',
        sourceAt('x', 'helm: { valuesObject: { __proto__: { polluted: 1 }, constructor: 2 } }'),
      ),
    });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const values = found.applications[0]?.sources[0]?.helm?.valuesObject ?? {};
    expect(Object.entries(values)).toEqual([
      ['__proto__', { polluted: 1 }],
      ['constructor', 2],
    ]);
  });

  test('large files and symbolic links, which are named', async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'kajitori-discover-'));
    stack.defer(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'apps'));
    await writeFile(
      join(folder, 'apps/large.yaml'),
      `${applicationYaml('large', sourceAt('x'))}#${'x'.repeat(1024 * 1024)}`,
    );
    await writeFile(join(folder, 'apps/binary.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
    await symlink('/etc/passwd', join(folder, 'apps/link.yaml'));
    await symlink('/etc', join(folder, 'apps/folder'));
    await symlink('.', join(folder, 'apps/circle'));
    const found = await discoverApplications(await openWorkingCopy(folder));
    expect(found.applications).toEqual([]);
    expect(found.notLookedInto.map(({ at }) => at?.file ?? '').toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'apps/binary.yaml',
      'apps/circle',
      'apps/folder',
      'apps/large.yaml',
      'apps/link.yaml',
    ]);
  });

  test('a kajitori.yaml that is broken stops all', async () => {
    await expect(discover({ 'kajitori.yaml': 'a: 1' })).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('what is rendered can be Applications again', () => {
  const object = (name: string, kind = 'Application') => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind,
    metadata: { name },
    spec: { destination: { namespace: name }, source: { repoURL: URL_HERE, path: `apps/${name}` } },
  });

  test('they stand where their parent is declared', async () => {
    const known = await discover({ 'root.yaml': applicationYaml('root', sourceAt('charts/apps')) });
    const [root] = known.applications;
    if (root === undefined) throw new Error('no root');
    const found = await applicationsOf([object('web'), object('other', 'AppProject')], root, known);
    expect(found.applications).toMatchObject([
      {
        name: 'web',
        appliedBy: 'root',
        declaredAt: { file: 'root.yaml', line: 1 },
        sources: [{ here: true }],
      },
    ]);
  });

  test('those that the parent holds as files were read already', async () => {
    const known = await discover({
      'root.yaml': applicationYaml('root', sourceAt('argocd')),
      'argocd/web.yaml': applicationYaml('web', 'other: broken'),
    });
    const [root] = known.applications;
    if (root === undefined) throw new Error('no root');
    expect(names(await applicationsOf([object('web'), object('other')], root, known))).toEqual(['other']);
  });

  test('and a circle of them ends', async () => {
    let known = await discover({ 'root.yaml': applicationYaml('root', sourceAt('charts/apps')) });
    let left = [...known.applications];
    let rounds = 0;
    for (; left.length > 0 && rounds < 100; rounds += 1) {
      const [next, ...rest] = left;
      if (next === undefined) break;
      // Each renders the root again, and one more.
      const found = await applicationsOf([object('root'), object(`${next.name}-x`)], next, known);
      known = { ...known, applications: [...known.applications, ...found.applications] };
      left = [...rest, ...found.applications];
    }
    expect(left).toEqual([]);
  });
});
