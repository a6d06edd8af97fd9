import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { gitRemoteUrl } from './git-remote.ts';
import { type InitInputs, runInit } from './init.ts';
import type { Questions } from './questions.ts';

const GIVEN: InitInputs = {
  environments: ['staging=stg-1', 'production=prod-1,prod-2'],
  clusters: [
    'stg-1=1.34,ap-northeast-1,111111111111',
    'prod-1=1.33,ap-northeast-1,222222222222',
    'prod-2=1.34,ap-northeast-1,012345678901',
  ],
  registries: ['333333333333.dkr.ecr.ap-northeast-1.amazonaws.com'],
  teams: '@acme/*',
  url: 'https://github.com/acme/gitops.git',
  dryRun: false,
};
const NOTHING_GIVEN: InitInputs = { environments: [], clusters: [], registries: [], dryRun: false };

/** A working copy on disk with some files, and `init` run in it. */
async function workingCopy(files: Record<string, string> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-init-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  }
  const shown: string[] = [];
  return {
    folder,
    shown: () => shown.join('\n'),
    read: (file: string) => readFile(path.join(folder, file), 'utf8'),
    files: async () =>
      (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .filter((file) => !file.startsWith('.git/'))
        .sort(),
    init: async (inputs: Partial<InitInputs>, questions?: Questions) =>
      runInit(
        { ...NOTHING_GIVEN, ...inputs },
        {
          repository: await openWorkingCopy(folder),
          suite: await openSuite(),
          remoteUrl: () => gitRemoteUrl(folder),
          questions,
          show: (text) => shown.push(text),
        },
      ),
  };
}

describe('kajitori init in an empty folder', () => {
  it('writes everything that a GitOps repository needs, and a second run finds nothing to do', async () => {
    const copy = await workingCopy();
    const first = await copy.init(GIVEN);
    expect(first).toMatchObject({ reason: 'written', changed: true, exitCode: 0 });
    expect(await copy.files()).toEqual([...first.written].sort());
    expect(first.written).toEqual(
      expect.arrayContaining([
        'kajitori.yaml',
        'README.md',
        '.github/CODEOWNERS',
        'argocd/root.yaml',
        'argocd/staging.yaml',
        'argocd/production.yaml',
        'charts/app/Chart.yaml',
        'charts/app/values.schema.json',
        'charts/app/templates/deployment.yaml',
        'defaults/platform.yaml',
        'defaults/prod-2.yaml',
      ]),
    );
    expect(await copy.init({})).toMatchObject({ reason: 'nothing-to-do', changed: false, exitCode: 0 });
  });

  it('writes a kajitori.yaml that says what was answered', async () => {
    const copy = await workingCopy();
    await copy.init(GIVEN);
    const config = parseKajitoriYaml(await copy.read('kajitori.yaml'));
    expect(
      Object.entries(config.environments).map(([name, { clusters, promoteFrom }]) => [
        name,
        clusters,
        promoteFrom,
      ]),
    ).toEqual([
      ['staging', ['stg-1'], undefined],
      ['production', ['prod-1', 'prod-2'], 'staging'],
    ]);
    expect(config.clusters['prod-2']).toMatchObject({
      kubernetes: '1.34',
      account: '012345678901',
      active: false,
    });
    expect(config.clusters['prod-1']?.active).toBe(true);
    expect(config.repository).toEqual({ url: 'https://github.com/acme/gitops.git', branch: 'main' });
  });

  it('shows the plan and writes nothing on a dry run', async () => {
    const copy = await workingCopy();
    expect(await copy.init({ ...GIVEN, dryRun: true })).toMatchObject({ reason: 'dry-run', written: [] });
    expect(await copy.files()).toEqual([]);
    expect(copy.shown()).toMatch(/^ {4}production\.yaml +ApplicationSet of production: prod-1, prod-2$/m);
  });

  it('lists all flags that are missing when nobody can be asked', async () => {
    const copy = await workingCopy();
    await expect(copy.init({ registries: GIVEN.registries })).rejects.toThrow(
      expect.objectContaining({
        exitCode: 2,
        reason: 'missing-answers',
        message: expect.stringMatching(/--environment staging=stg-1[\s\S]*--url https:/),
      }),
    );
    expect(await copy.files()).toEqual([]);
  });

  it.each([
    [
      'a misspelt cluster',
      { clusters: ['prd-1=1.34,ap-northeast-1,222222222222'] },
      /"prd-1" belongs to no environment/,
    ],
    [
      'an environment without clusters',
      { environments: ['staging'] },
      /is not an environment with its clusters/,
    ],
    [
      'an account of 11 digits',
      { clusters: ['stg-1=1.34,ap-northeast-1,11111111111'] },
      /is not a cluster with/,
    ],
    ['a registry with a scheme', { registries: ['https://registry.example'] }, /without https/],
    ['a URL with a password', { url: 'https://me:secret@github.com/acme/gitops.git' }, /without a password/],
  ])('refuses %s and writes nothing', async (_, wrong, message) => {
    const copy = await workingCopy();
    await expect(copy.init({ ...GIVEN, ...wrong })).rejects.toThrow(message);
    expect(await copy.files()).toEqual([]);
  });

  it('asks a person for what is missing, and writes nothing when the plan is declined', async () => {
    const copy = await workingCopy();
    const asked: string[] = [];
    const person: Questions = {
      text: async ({ message, check }) => {
        asked.push(message);
        const answer =
          [
            [/^Environments/, 'staging=stg-1 production=prod-1'],
            [/of stg-1$/, '1.34,ap-northeast-1,111111111111'],
            [/of prod-1$/, '1.34,ap-northeast-1,222222222222'],
            [/^Registries/, 'registry.example'],
            [/^The URL/, 'git@github.com:acme/gitops.git'],
          ].find(([pattern]) => (pattern as RegExp).test(message))?.[1] ?? '';
        expect(check?.(String(answer))).toBeUndefined();
        expect(check?.('nonsense =')).toEqual(check === undefined ? undefined : expect.any(String));
        return String(answer);
      },
      confirm: async () => false,
    };
    expect(await copy.init({}, person)).toMatchObject({ reason: 'declined', changed: false, exitCode: 0 });
    expect(asked).toHaveLength(6);
    expect(copy.shown()).toContain('kajitori.yaml');
    expect(await copy.files()).toEqual([]);
  });
});

describe('kajitori init in a repository that exists', () => {
  it('overwrites nothing, and says what it left alone', async () => {
    const copy = await workingCopy({
      'README.md': 'ours\n',
      'argocd/staging.yaml': 'kind: ApplicationSet # by hand\n',
      'defaults/platform.yaml': 'platform: { drainSeconds: 20 }\n',
      'charts/app/Chart.yaml': 'name: our-own\n',
      CODEOWNERS: '* @acme/all\n',
    });
    const outputs = await copy.init(GIVEN);
    expect(Object.fromEntries(outputs.plan.map(({ path: file, state }) => [file, state]))).toMatchObject({
      'README.md': 'keep',
      'defaults/platform.yaml': 'keep',
      'argocd/staging.yaml': 'differs',
      'argocd/production.yaml': 'write',
      'charts/app/templates/deployment.yaml': 'keep',
      CODEOWNERS: 'update',
    });
    expect(await copy.read('README.md')).toBe('ours\n');
    expect(await copy.read('argocd/staging.yaml')).toBe('kind: ApplicationSet # by hand\n');
    expect(await copy.read('CODEOWNERS')).toMatch(/^\* @acme\/all\n\n# >>> kajitori/);
    expect(await copy.files()).not.toContain('charts/app/templates/deployment.yaml');
    expect(copy.shown()).toContain('argocd/staging.yaml  (differs from what kajitori generates');
  });

  it('ends with 1 when all that is left to do is what it must not do', async () => {
    const copy = await workingCopy();
    await copy.init(GIVEN);
    await writeFile(path.join(copy.folder, 'argocd/root.yaml'), 'kind: Application # by hand\n');
    expect(await copy.init({})).toMatchObject({ reason: 'blocked', exitCode: 1, changed: false });
  });

  it('takes kajitori.yaml for what is said, and refuses flags that would be without effect', async () => {
    const copy = await workingCopy();
    await copy.init(GIVEN);
    await expect(copy.init({ registries: ['other.example'] })).rejects.toThrow(
      /--registry would change nothing/,
    );
  });

  it('makes what belongs to the apps that are there', async () => {
    const copy = await workingCopy({ 'apps/web/app.yaml': 'app: { team: shop, sources: [acme/web] }\n' });
    await copy.init(GIVEN);
    expect(parse(await copy.read('argocd/projects/web.yaml'))).toMatchObject({
      kind: 'AppProject',
      spec: {
        destinations: [
          { name: 'stg-1', namespace: 'web' },
          { name: 'prod-1', namespace: 'web' },
          { name: 'prod-2', namespace: 'web' },
        ],
      },
    });
    expect(await copy.read('.github/CODEOWNERS')).toContain('/apps/web/ @acme/shop');
  });

  it('adds no Applications of its own to another layout', async () => {
    const copy = await workingCopy();
    await copy.init({ ...GIVEN, dryRun: true });
    const other = await workingCopy({
      'kajitori.yaml': `apiVersion: kajitori.dev/v1
environments: { staging: { clusters: [stg-1] } }
clusters: { stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [registry.example]
teams: { pattern: "@acme/*" }
apps: { release: "deploy/{app}/values.yaml" }
`,
    });
    expect((await other.init({})).written).toEqual(['.github/CODEOWNERS']);
  });

  it('takes clusters, registry and URL from what is there, and says from where', async () => {
    const copy = await workingCopy({
      'argocd/apps.yaml': `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  generators:
  - list:
      elements:
      - { cluster: stg-1, env: staging, region: ap-northeast-1, account: "111111111111", kubernetes: "1.34" }
`,
      'apps/web/values.yaml':
        'image: { repository: 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web }\n',
    });
    await execa('git', ['init', '-q', copy.folder]);
    await execa('git', [
      '-C',
      copy.folder,
      'remote',
      'add',
      'origin',
      'https://x-access-token:secret@github.com/acme/gitops.git',
    ]);
    const outputs = await copy.init({});
    expect(outputs.reason).toBe('written');
    expect(outputs.detected).toEqual([
      {
        what: 'cluster',
        value: 'stg-1 (staging, 1.34, ap-northeast-1, 111111111111)',
        from: 'argocd/apps.yaml',
      },
      {
        what: 'registry',
        value: '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com',
        from: 'apps/web/values.yaml',
      },
      { what: 'repository', value: 'https://github.com/acme/gitops.git', from: 'git remote origin' },
    ]);
    expect(await copy.read('kajitori.yaml')).not.toContain('secret');
    expect(parseKajitoriYaml(await copy.read('kajitori.yaml')).clusters).toHaveProperty('stg-1');
  });
});

describe("kajitori init in an app's repository", () => {
  it('writes the workflow that calls ours, and only that', async () => {
    const copy = await workingCopy();
    const outputs = await copy.init({ appRepository: { app: 'web', gitops: 'acme/gitops' } });
    expect(outputs.written).toEqual(['.github/workflows/deploy.yml']);
    const workflow = parse(await copy.read('.github/workflows/deploy.yml'));
    expect(workflow.permissions).toEqual({});
    expect(workflow.jobs.deploy).toMatchObject({
      uses: 'kajitori/kajitori/.github/workflows/release.yml@v1',
      with: { app: 'web', 'gitops-repository': 'acme/gitops' },
    });
  });

  it('passes only inputs and secrets that the release workflow has', async () => {
    const copy = await workingCopy();
    await copy.init({ appRepository: { app: 'web', gitops: 'acme/gitops' } });
    const release = parse(
      await readFile(new URL('../../.github/workflows/release.yml', import.meta.url), 'utf8'),
    ).on.workflow_call;
    const caller = parse(await copy.read('.github/workflows/deploy.yml')).jobs.deploy;
    expect(Object.keys(release.inputs)).toEqual(expect.arrayContaining(Object.keys(caller.with)));
    expect(Object.keys(release.secrets)).toEqual(expect.arrayContaining(Object.keys(caller.secrets)));
    const required = Object.entries<{ required?: boolean }>(release.inputs).flatMap(
      ([name, { required: is }]) => (is ? [name] : []),
    );
    expect(Object.keys(caller.with)).toEqual(expect.arrayContaining(required));
  });

  it.each([
    ['app', { app: 'web\n    evil: true', gitops: 'acme/gitops' }],
    ['gitops', { app: 'web', gitops: 'acme/gitops # ${{ secrets.X }}' }],
  ])('refuses a hostile %s', async (_, appRepository) => {
    const copy = await workingCopy();
    await expect(copy.init({ appRepository })).rejects.toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(await copy.files()).toEqual([]);
  });
});
