import { mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Application, ApplicationSource, HelmSource } from '../applications/application.ts';
import { servedApis } from '../kubernetes/served-apis.ts';
import { anApplication, aSource, helmOptions } from './application-fixture.ts';
import { planApplication } from './plan.ts';
import type { RenderWorld } from './world.ts';

/** Plans an application over files; paths in the plan are shown without the temporary folder. */
async function plan(
  files: Readonly<Record<string, string>>,
  sources: readonly Partial<ApplicationSource>[],
  more: {
    readonly application?: Partial<Application>;
    readonly world?: Partial<RenderWorld>;
    readonly links?: Readonly<Record<string, string>>;
  } = {},
) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-plan-'));
  const root = path.join(folder.path, 'repository');
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  for (const [link, target] of Object.entries(more.links ?? {})) {
    await symlink(target, path.join(root, link));
  }
  const world = { root, charts: path.join(folder.path, 'charts'), ...more.world };
  const planned = await planApplication(
    anApplication({ sources: sources.map(aSource), ...more.application }),
    world,
  );
  const steps = planned.steps.map((step) =>
    step.kind === 'not-rendered'
      ? { kind: step.kind, source: step.source, reason: step.failure.reason, message: step.failure.message }
      : JSON.parse(JSON.stringify(step).replaceAll(`${root}/`, '')),
  );
  return { ...planned, steps };
}

/** The release of the only source, with these options of helm. */
async function release(
  files: Readonly<Record<string, string>>,
  helm: Partial<HelmSource>,
  more?: Parameters<typeof plan>[2],
) {
  const { steps } = await plan(
    { 'web/Chart.yaml': '', ...files },
    [{ path: 'web', helm: helmOptions(helm) }],
    more,
  );
  return steps[0].release ?? steps[0];
}

describe('the plan of an application', () => {
  it.each<[string, Readonly<Record<string, string>>, Partial<ApplicationSource>, string]>([
    ['a chart by its Chart.yaml', { 'web/Chart.yaml': '' }, {}, 'helm'],
    ['a kustomization by its file', { 'web/kustomization.yml': '' }, {}, 'kustomize'],
    ['both as kustomize', { 'web/Chart.yaml': '', 'web/Kustomization': '' }, {}, 'kustomize'],
    ['plain files as a directory', { 'web/a.yaml': '', 'web/sub/Chart.yaml': '' }, {}, 'directory'],
    [
      'what the source says, whatever the files are',
      { 'web/Chart.yaml': '' },
      { directory: { recurse: true } },
      'directory',
    ],
    ['options that say nothing as none', { 'web/Chart.yaml': '' }, { directory: { recurse: false } }, 'helm'],
  ])('takes %s', async (_, files, source, kind) => {
    const { steps } = await plan(files, [{ path: 'web', ...source }]);
    expect(steps).toMatchObject([{ kind, source: 0 }]);
  });

  it('names a release after the application and renders it for its cluster, unless the source says otherwise', async () => {
    expect(await release({}, {})).toMatchObject({
      name: 'web',
      namespace: 'shop',
      kubeVersion: '1.34',
      chart: 'web',
    });
    expect(
      await release(
        {},
        { releaseName: 'other', namespace: 'ns', kubeVersion: '1.31', apiVersions: ['a/v1'] },
      ),
    ).toMatchObject({
      name: 'other',
      namespace: 'ns',
      kubeVersion: '1.31',
      apiVersions: ['a/v1'],
    });
  });

  it('knows what the cluster serves: the built-in kinds of its version, and what kajitori.yaml says of it', async () => {
    const { cluster } = anApplication().destination;
    const apiVersions = ['monitoring.coreos.com/v1/ServiceMonitor', 'monitoring.coreos.com/v1/PodMonitor'];
    const destination = { namespace: 'shop', ...(cluster && { cluster: { ...cluster, apiVersions } }) };
    const planned = await release({}, {}, { application: { destination } });
    expect(planned.apiVersions).toEqual([
      ...(await servedApis('1.34')),
      'monitoring.coreos.com/v1',
      'monitoring.coreos.com/v1/ServiceMonitor',
      'monitoring.coreos.com/v1/PodMonitor',
    ]);
  });

  it('says when the version of Kubernetes is a guess', async () => {
    const elsewhere = { destination: { name: 'unknown', namespace: 'shop' } };
    const planned = (world: Partial<RenderWorld>, destination = {}) =>
      plan({ 'web/Chart.yaml': '' }, [{ path: 'web' }], { world, application: destination });
    expect(await planned({}, elsewhere)).toMatchObject({ isGuessedKubernetes: true });
    expect(await planned({ kubernetes: '1.32' }, elsewhere)).toMatchObject({
      kubernetes: '1.32',
      isGuessedKubernetes: true,
    });
    expect(await planned({ kubernetes: '1.32' })).toMatchObject({
      kubernetes: '1.34',
      isGuessedKubernetes: false,
    });
  });

  it('finds values files beside the chart, at the root, in other sources and by patterns', async () => {
    const files = {
      'web/values.a.yaml': '',
      'shared/b.yaml': '',
      'envs/prod/c.yaml': '',
      'many/2.yaml': '',
      'many/10.yaml': '',
      'many/deep/1.yaml': '',
      'web/Chart.yaml': '',
    };
    const valueFiles = [
      'values.a.yaml',
      '/shared/b.yaml',
      '$values/envs/prod/c.yaml',
      '../many/**/*.yaml',
      '/many/2.yaml',
    ];
    const { steps } = await plan(files, [
      { path: 'web', helm: helmOptions({ valueFiles }) },
      { ref: 'values' },
    ]);
    expect(steps).toHaveLength(1);
    expect(steps[0].release.valueFiles).toEqual([
      'web/values.a.yaml',
      'shared/b.yaml',
      'envs/prod/c.yaml',
      'many/10.yaml',
      'many/deep/1.yaml',
      'many/2.yaml',
    ]);
  });

  it('fills the build environment into names of values files and parameters', async () => {
    const parameters = [
      { name: 'a', value: '$ARGOCD_APP_NAME-${ARGOCD_APP_NAMESPACE}-$$-$NOBODY', forceString: false },
      { name: 'b', value: '1', forceString: true },
      { name: 'a2', value: '$ARGOCD_APP_REVISION_SHORT', forceString: false },
    ];
    const world = { revision: '0123456789abcdef0123456789abcdef01234567' };
    expect(
      await release(
        { 'web/web.yaml': '' },
        { valueFiles: [`\${ARGOCD_APP_NAME}.yaml`], parameters },
        { world },
      ),
    ).toMatchObject({
      set: [
        { name: 'a', value: 'web-shop-$-' },
        { name: 'a2', value: '0123456' },
      ],
      setString: [{ name: 'b', value: '1' }],
    });
  });

  it('lets the values object replace the block of values', async () => {
    expect(await release({}, { values: 'a: 1' })).toMatchObject({ valuesText: 'a: 1' });
    const both = await release({}, { values: 'a: 1', valuesObject: {} });
    expect(both).toMatchObject({ values: {} });
    expect(both.valuesText).toBeUndefined();
  });

  it('leaves out missing values files only where that is allowed', async () => {
    const valueFiles = ['gone.yaml', 'none-*.yaml'];
    expect((await release({}, { valueFiles, ignoreMissingValueFiles: true })).valueFiles).toEqual([]);
    expect(await release({}, { valueFiles })).toMatchObject({ reason: 'values-missing' });
    expect(await release({}, { valueFiles: ['none-*.yaml'] })).toMatchObject({ reason: 'values-missing' });
  });

  it('merges the override files that Argo CD Image Updater writes', async () => {
    const overrides = {
      'web/.argocd-source.yaml': 'helm: { parameters: [{ name: a, value: general }] }',
      'web/.argocd-source-web.yaml':
        'helm: { parameters: [{ name: image.tag, value: v2, forceString: true }] }\npath: /etc\n',
    };
    expect(await release(overrides, { releaseName: 'kept' })).toMatchObject({
      name: 'kept',
      setString: [{ name: 'image.tag', value: 'v2' }],
    });
  });

  it.each<[string, Partial<ApplicationSource>, string, string]>([
    ['a plugin', { path: 'web', plugin: { name: 'x' } }, 'not-rendered', 'plugin'],
    ['another repository', { path: 'web', here: false }, 'not-rendered', 'which is not here'],
    ['a folder that does not exist', { path: 'gone' }, 'path-missing', 'there is no such folder'],
    ['a path out of the repository', { path: '../..' }, 'outside-repository', 'leads out'],
    ['an absolute path', { path: '/etc' }, 'bad-path', 'absolute'],
    ['a link out of the repository', { path: 'link' }, 'outside-repository', 'leads out'],
    ['no path', {}, 'not-rendered', 'without `path`'],
    [
      'two tools',
      { path: 'web', directory: { recurse: true }, helm: helmOptions({ releaseName: 'x' }) },
      'not-rendered',
      'helm and directory',
    ],
    [
      'values by URL',
      { path: 'web', helm: helmOptions({ valueFiles: ['https://example.com/v.yaml'] }) },
      'not-rendered',
      'is a URL',
    ],
    [
      'values of a source that is not there',
      { path: 'web', helm: helmOptions({ valueFiles: ['$x/v.yaml'] }) },
      'not-rendered',
      '$x',
    ],
    [
      'values out of the repository',
      { path: 'web', helm: helmOptions({ valueFiles: ['../../v.yaml'] }) },
      'outside-repository',
      'leads out',
    ],
    [
      'values through a link out of it',
      { path: 'web', helm: helmOptions({ valueFiles: ['../link/v.yaml'] }) },
      'outside-repository',
      'leads out',
    ],
    [
      'values out of git itself',
      { path: 'web', helm: helmOptions({ valueFiles: ['/.git/config'] }) },
      'outside-repository',
      'leads out',
    ],
    [
      'a pattern that leads out',
      { path: 'web', helm: helmOptions({ valueFiles: ['../../*.yaml'] }) },
      'outside-repository',
      'leads out',
    ],
    [
      'the commit where it is not known',
      {
        path: 'web',
        helm: helmOptions({ parameters: [{ name: 'a', value: '$ARGOCD_APP_REVISION', forceString: false }] }),
      },
      'not-rendered',
      'not known',
    ],
  ])('says that it does not render %s', async (_, source, reason, words) => {
    const files = { 'web/Chart.yaml': '', '.git/config': '', 'other/a.yaml': '' };
    const { steps } = await plan(
      files,
      [source, { path: 'other' }].slice(0, source.path === undefined ? 1 : 2),
      {
        links: { link: '/tmp' },
      },
    );
    expect(steps[0]).toMatchObject({ kind: 'not-rendered', reason, message: expect.stringContaining(words) });
    // The other source is planned all the same.
    expect(steps.slice(1)).toEqual(
      source.path === undefined
        ? []
        : [{ kind: 'directory', source: 1, folder: 'other', at: { file: 'argocd/web.yaml', line: 1 } }],
    );
  });
});
