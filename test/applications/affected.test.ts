import { describe, expect, test } from 'vitest';
import { affectedApplications } from '../../src/applications/affected.ts';
import { discoverApplications } from '../../src/applications/discover.ts';
import { inputsOf, openChangedPaths } from '../../src/applications/inputs.ts';
import { applicationYaml, sourceAt, treeOf, URL_HERE } from './tree-of.ts';

type Files = Readonly<Record<string, string>>;

const discover = (files: Files) => discoverApplications(treeOf(files), { urls: [URL_HERE] });

const byText = (a = '', b = ''): number => (a < b ? -1 : 1);

const BASE: Files = {
  'argocd/chart.yaml': applicationYaml(
    'chart',
    sourceAt(
      'charts/web',
      'helm: { valueFiles: [own.yaml, /config/a.yaml, "/config/$ARGOCD_APP_NAME.yaml", "/many/*.yaml", "https://example.com/x.yaml"], fileParameters: [{ name: a, path: a.txt }] }',
    ),
  ),
  'argocd/umbrella.yaml': applicationYaml('umbrella', sourceAt('charts/umbrella')),
  'argocd/overlay.yaml': applicationYaml('overlay', sourceAt('./k/overlay/')),
  'argocd/flat.yaml': applicationYaml('flat', sourceAt('plain')),
  'argocd/chosen.yaml': applicationYaml(
    'chosen',
    sourceAt('plain', 'directory: { recurse: true, include: "{extra/**,*.json}", exclude: "*skip*" }'),
  ),
  'argocd/ref.yaml': applicationYaml(
    'ref',
    `sources: [{ repoURL: "https://charts.example.com", chart: redis, targetRevision: 1.2.3, helm: { valueFiles: [$values/config/redis.yaml, not-here.yaml] } }, { repoURL: "${URL_HERE}", ref: values }]`,
  ),
  'argocd/elsewhere.yaml': applicationYaml(
    'elsewhere',
    'source: { repoURL: "https://github.com/acme/other", path: plain }',
  ),
  'charts/web/Chart.yaml': 'name: web\n',
  'charts/umbrella/Chart.yaml':
    'name: umbrella\ndependencies: [{ name: web, repository: "file://../web" }, { name: self, repository: "file://../umbrella" }]\n',
  'k/overlay/kustomization.yaml':
    'resources: [../base, own.yaml, "https://example.com/remote.yaml"]\nconfigMapGenerator: [{ name: a, files: [key=../files/a.conf] }]\npatches: [{ path: ../patch.yaml }]\n',
  'k/base/kustomization.yaml': 'resources: [deployment.yaml, ../overlay]\n',
  'k/base/deployment.yaml': '',
  'k/files/a.conf': '',
};

describe('a changed file touches the applications that are made from it:', () => {
  test.each([
    ['charts/web/templates/a.yaml', ['chart', 'umbrella']],
    ['charts/umbrella/values.yaml', ['umbrella']],
    ['charts/web2/values.yaml', []],
    ['config/a.yaml', ['chart']],
    ['config/chart.yaml', ['chart']],
    ['many/deep.yaml', ['chart']],
    ['k/overlay/anything', ['overlay']],
    ['k/base/deployment.yaml', ['overlay']],
    ['k/files/a.conf', ['overlay']],
    ['k/patch.yaml', ['overlay']],
    ['k/other/a.yaml', []],
    ['plain/a.yaml', ['flat']],
    ['plain/a.json', ['chosen', 'flat']],
    ['plain/deep/a.yaml', []],
    ['plain/extra/deep/a.yaml', ['chosen']],
    ['plain/extra/skip/a.yaml', []],
    ['plain/extra/a.txt', []],
    ['plain/.argocd-source-flat.yaml', ['flat']],
    ['config/redis.yaml', ['ref']],
    ['not-here.yaml', []],
    ['README.md', []],
  ])('%s', async (path, expected) => {
    const discovered = await discover(BASE);
    const { applications, untouched } = await affectedApplications(discovered, discovered, [path]);
    expect(applications.map(({ head }) => head?.name).toSorted(byText)).toEqual(expected);
    expect(applications.every(({ reasons }) => reasons.length === 1 && reasons[0]?.kind === 'inputs')).toBe(
      true,
    );
    expect(untouched).toBe(discovered.applications.length - expected.length);
  });
});

test('plugins may read any file', async () => {
  const { applications, world } = await discover({
    'a.yaml': applicationYaml('a', sourceAt('x', 'plugin: { name: own }')),
  });
  const [application] = applications;
  if (application === undefined) throw new Error('no application');
  expect(openChangedPaths(['far/away']).among(await inputsOf(application, world.listing))).toEqual([
    'far/away',
  ]);
});

describe('an application is affected', () => {
  const reasons = async (base: Files, head: Files, paths: readonly string[] = []) => {
    const { applications } = await affectedApplications(await discover(base), await discover(head), paths);
    return applications.map((each) => [
      each.base?.name,
      each.head?.name,
      each.reasons.map(({ kind }) => kind),
    ]);
  };

  test('that is new, gone, or defined otherwise; not one that only moved', async () => {
    const one = applicationYaml('one', sourceAt('one'));
    const base = {
      'a.yaml': one,
      'b.yaml': applicationYaml('two', sourceAt('two')),
      'c.yaml': applicationYaml('same', sourceAt('same')),
    };
    const head = {
      'moved.yaml': `# its file has another name\n${one}`,
      'b.yaml': applicationYaml('two', sourceAt('two', 'helm: { releaseName: other }')),
      'd.yaml': applicationYaml('three', sourceAt('three')),
    };
    expect(await reasons(base, head, ['two/values.yaml'])).toEqual([
      ['two', 'two', ['definition', 'inputs']],
      [undefined, 'three', ['added']],
      ['same', undefined, ['removed']],
    ]);
  });

  test('of two with one name, only the one whose file says something else', async () => {
    const base = {
      'stg/web.yaml': applicationYaml('web', sourceAt('stg')),
      'prod/web.yaml': applicationYaml('web', sourceAt('prod')),
    };
    const head = { ...base, 'prod/web.yaml': applicationYaml('web', sourceAt('prod-2')) };
    const { applications } = await affectedApplications(await discover(base), await discover(head), []);
    expect(applications.map(({ head: after }) => after?.sources[0]?.path)).toEqual(['prod-2']);
  });
});
