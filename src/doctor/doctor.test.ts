import { describe, expect, it, onTestFinished } from 'vitest';
import { appJwt, signerFromPrivateKey } from '../github/app-token.ts';
import { createGitHubClient } from '../github/client.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import type { Timing } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { editedTree, emptyTree } from '../scaffold/edited-tree.ts';
import { generateExamples } from '../scaffold/examples.ts';
import { type RepositoryOptions, startGitHub } from '../standin/github/server.ts';
import { type DoctorDependencies, runDoctor } from './doctor.ts';
import { doctorJson, formatDoctorReport } from './report.ts';

/** Time that does not pass by itself: repeated requests cost nothing. */
function stillTiming(): Timing {
  let now = Date.now();
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      now += milliseconds;
    },
    random: () => 0.5,
  };
}

const TOOLS: Record<string, string> = { git: 'git version 2.39.5', helm: 'v3.22.0' };

const RIGHT = { contents: 'write', pull_requests: 'write', statuses: 'write', checks: 'read' } as const;

interface SetUp {
  readonly gitops?: RepositoryOptions;
  readonly suite?: RepositoryOptions;
  readonly source?: RepositoryOptions;
  readonly permissions?: Readonly<Record<string, 'read' | 'write'>>;
  /** false: the App is made, but not installed. */
  readonly installed?: boolean;
  readonly edit?: (files: Map<string, string>) => void;
  /** Told the App's id, for bypass lists. */
  readonly gitopsFor?: (appId: number) => RepositoryOptions;
}

const DEPLOY = '.github/workflows/deploy.yml';
const WAITS = `jobs:
  release:
    uses: kajitori/kajitori/.github/workflows/release.yml@v1
    with:
      app: web
      argocd: api
`;

const EXAMPLES = await generateExamples();

/** The company acme on a stand-in of GitHub, all right unless told otherwise, seen by an administrator. */
async function acme(setUp: SetUp = {}) {
  const github = await startGitHub();
  onTestFinished(() => github[Symbol.asyncDispose]());
  const { token } = github.createUser('admin');
  const app = github.createApp({ slug: 'acme-deploys', permissions: setUp.permissions ?? RIGHT });
  const base: RepositoryOptions = {
    private: true,
    collaborators: { admin: 'admin' },
    files: { 'README.md': 'x' },
  };
  await github.createRepository('acme/gitops', { ...base, ...setUp.gitops, ...setUp.gitopsFor?.(app.appId) });
  await github.createRepository('kajitori/kajitori', { files: { 'README.md': 'x' }, ...setUp.suite });
  for (const source of ['acme/web', 'acme/billing']) {
    await github.createRepository(source, { ...base, files: { [DEPLOY]: WAITS }, ...setUp.source });
  }
  if (setUp.installed !== false) {
    app.install('acme', ['acme/gitops']);
  }
  const timing = stillTiming();
  const files = new Map([...EXAMPLES].map(([path, text]) => [path, text ?? '']));
  setUp.edit?.(files);
  const tree: Tree = editedTree(emptyTree('acme/gitops'), files);
  const jwt = await appJwt(app.clientId, signerFromPrivateKey(app.privateKey), Date.now());
  const deps: DoctorDependencies = {
    tree,
    github: createGitHubClient({ apiUrl: github.apiUrl, token, timing }),
    githubAsApp: createGitHubClient({ apiUrl: github.apiUrl, token: jwt, timing }),
    kms: undefined,
    argocd: { server: undefined, open: undefined },
    nodeVersion: '24.21.0',
    toolVersion: async (command) => TOOLS[command],
  };
  const examine = async (changed: Partial<DoctorDependencies> = {}) => {
    const report = await runDoctor(
      { repository: parseRepositoryName('acme/gitops'), suite: parseRepositoryName('kajitori/kajitori') },
      { ...deps, ...changed },
    );
    const of = (name: string) => report.checks.filter((check) => check.name === name);
    return { ...report, of };
  };
  return { github, examine, timing };
}

const edited = (file: string, from: string, to: string) => (files: Map<string, string>) => {
  expect(files.get(file)).toContain(from);
  files.set(file, (files.get(file) ?? '').replace(from, to));
};

const failing = (what: RegExp, todo: RegExp) => [
  expect.objectContaining({
    status: 'fail',
    what: expect.stringMatching(what),
    todo: expect.stringMatching(todo),
  }),
];

describe('kajitori doctor', () => {
  it('finds a right set-up right, and changes nothing', async () => {
    const { github, examine } = await acme();
    const report = await examine();
    expect(report.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(report.exitCode).toBe(0);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'node',
      'git',
      'helm',
      'kajitori-yaml',
      'app-yaml',
      'generated-files',
      'workflows',
      'code-owners',
      'token',
      'repository',
      'write-access',
      'app-installation',
      'app-permissions',
      'rulesets',
      'branch-protection',
      'suite-access',
      'oidc-subject',
      'release-callers',
    ]);
    const asked = github.log.map(({ method, path }) => `${method} ${path}`);
    // GraphQL asks by POST.
    expect(asked.filter((each) => !/^GET |^POST \S*\/graphql$/.test(each))).toEqual([]);
  });

  it('says how to mend each thing that is not ok', async () => {
    const { examine } = await acme({
      installed: false,
      suite: { private: true },
      edit: (files) => files.clear(),
    });
    const { checks } = await examine({ nodeVersion: '18.0.0', toolVersion: async () => undefined });
    for (const check of checks.filter(({ status }) => status !== 'ok')) {
      expect(check.todo).toMatch(/\w.*[.)]$/);
    }
    expect(checks.filter(({ status }) => status === 'fail').map(({ name }) => name)).toEqual([
      'node',
      'git',
      'helm',
      'kajitori-yaml',
      'app-installation',
    ]);
  });
});

describe('the files', () => {
  it('with a mistake fail with its place', async () => {
    const { examine } = await acme({ edit: edited('kajitori.yaml', 'region: ap', 'regoin: ap') });
    expect((await examine()).of('kajitori-yaml')).toEqual(
      failing(
        /kajitori\.yaml:8:\d+: clusters\.stg-1\.regoin: there is no such key; did you mean "region"/,
        /Correct/,
      ),
    );
  });

  it('fail when one app.yaml of many is wrong', async () => {
    const { examine } = await acme({ edit: edited('apps/web/app.yaml', 'acme/web', 'https://acme/web') });
    const report = await examine();
    expect(report.of('app-yaml')).toEqual(failing(/apps\/web\/app\.yaml:\d+:\d+: /, /Correct/));
    expect(report.exitCode).toBe(1);
  });

  it('fail when Argo CD would be told something else than kajitori.yaml says', async () => {
    const { examine } = await acme({
      edit: (files) => {
        edited('argocd/production.yaml', 'cluster: prod-2', 'cluster: prod-1')(files);
        files.delete('argocd/projects/web.yaml');
      },
    });
    expect((await examine()).of('generated-files')).toEqual(
      failing(/: argocd\/production\.yaml, argocd\/projects\/web\.yaml \(missing\)\.$/, /kajitori init/),
    );
  });

  it('are warned of when CODEOWNERS does not know an app', async () => {
    const { examine } = await acme({
      edit: edited('.github/CODEOWNERS', '/apps/web/       @acme/shop\n', ''),
    });
    expect((await examine()).of('code-owners')).toEqual([expect.objectContaining({ status: 'warn' })]);
  });
});

describe('the GitOps repository', () => {
  it('fails when it is archived', async () => {
    const { examine } = await acme({ gitops: { archived: true } });
    expect((await examine()).of('repository')).toEqual(failing(/is archived/, /Unarchive/));
  });

  it('fails when the token may only read it', async () => {
    const { github, examine, timing } = await acme({ gitops: { collaborators: { admin: 'read' } } });
    const reader = createGitHubClient({
      apiUrl: github.apiUrl,
      token: github.createUser('admin').token,
      timing,
    });
    expect((await examine({ github: reader })).of('write-access')).toEqual(
      failing(/may not write/, /contents: write/),
    );
  });

  it('fails when the token may not see it', async () => {
    const { github, examine, timing } = await acme();
    const stranger = createGitHubClient({
      apiUrl: github.apiUrl,
      token: github.createUser('eve').token,
      timing,
    });
    expect((await examine({ github: stranger })).of('repository')).toEqual(
      failing(/is not there, or this token/, /install/),
    );
  });

  it('fails when Argo CD reads another one', async () => {
    const { examine } = await acme({
      edit: edited('kajitori.yaml', 'acme/gitops.git', 'acme/old-gitops.git'),
    });
    expect((await examine()).of('repository-url')).toEqual(
      failing(/reads acme\/old-gitops/, /repository\.url/),
    );
  });

  it('is not checked, and so not green, when GitHub is down', async () => {
    const { github, examine } = await acme();
    github.inject({ match: () => true, times: 1_000, kind: 'status', status: 503 });
    const report = await examine();
    expect(report.exitCode).toBe(2);
    expect(report.of('repository')).toEqual([expect.objectContaining({ status: 'not-checked' })]);
    expect(report.of('rulesets')).toEqual([]);
  });
});

const RULESET = {
  name: 'main',
  rules: [{ type: 'pull_request' }, { type: 'required_signatures' }],
} as const;

describe('the rules of the branch', () => {
  it('fail when a ruleset refuses commits and the App may not bypass it', async () => {
    const { examine } = await acme({ gitops: { rulesets: [RULESET] } });
    expect((await examine()).of('rulesets')).toEqual(
      failing(
        /"main" refuses commits on the branch \(pull_request\), and the App acme-deploys may not/,
        /bypass list.*via: pull-request.*staging and production/,
      ),
    );
  });

  it('are right when the App may always bypass the ruleset', async () => {
    const { examine } = await acme({
      gitopsFor: (appId) => ({
        rulesets: [
          {
            ...RULESET,
            bypass_actors: [{ actor_type: 'Integration', actor_id: appId, bypass_mode: 'always' }],
          },
        ],
      }),
    });
    expect((await examine()).of('rulesets')).toEqual([expect.objectContaining({ status: 'ok' })]);
  });

  it('fail when the App may bypass only for pull requests', async () => {
    const { examine } = await acme({
      gitopsFor: (appId) => ({
        rulesets: [
          {
            ...RULESET,
            bypass_actors: [{ actor_type: 'Integration', actor_id: appId, bypass_mode: 'pull_request' }],
          },
        ],
      }),
    });
    expect((await examine()).of('rulesets')).toEqual(failing(/may not bypass/, /"Always"/));
  });

  it('are not checked when the token may not see who bypasses', async () => {
    const { github, examine, timing } = await acme({
      gitops: { rulesets: [RULESET], collaborators: { admin: 'admin', dev: 'write' } },
    });
    const developer = createGitHubClient({
      apiUrl: github.apiUrl,
      token: github.createUser('dev').token,
      timing,
    });
    const report = await examine({ github: developer });
    expect(report.of('rulesets')).toEqual([expect.objectContaining({ status: 'not-checked' })]);
    expect(report.exitCode).not.toBe(0);
  });

  it('fail with classic protection, which no bypass of a ruleset helps against', async () => {
    const { examine } = await acme({ gitops: { protection: { main: { pullRequest: { approvals: 1 } } } } });
    expect((await examine()).of('branch-protection')).toEqual(
      failing(/refuses commits \(pull requests are required\)/, /Replace it by a ruleset/),
    );
  });

  it('do not matter when every deploy is a pull request; then auto-merge does', async () => {
    const { examine } = await acme({
      gitops: { rulesets: [RULESET] },
      edit: (files) => {
        edited('kajitori.yaml', '[stg-1] }', '[stg-1], via: pull-request }')(files);
        edited('kajitori.yaml', 'promoteFrom: staging }', 'promoteFrom: staging, via: pull-request }')(files);
      },
    });
    const report = await examine();
    expect(report.of('rulesets')).toEqual([]);
    expect(report.of('auto-merge')).toEqual([expect.objectContaining({ status: 'warn' })]);
  });
});

describe('the GitHub App', () => {
  it('fails when it is not installed', async () => {
    const { examine } = await acme({ installed: false });
    expect((await examine()).of('app-installation')).toEqual(
      failing(/is not installed on acme\/gitops/, /Install it/),
    );
  });

  it('fails without contents: write, and says why it is needed', async () => {
    const { examine } = await acme({ permissions: { ...RIGHT, contents: 'read' } });
    expect((await examine()).of('app-permissions')).toEqual(
      failing(/contents: write \(to commit deploys\)/, /accept/),
    );
  });

  it('is warned of when a permission of comfort is missing, or one is dangerous', async () => {
    const { examine } = await acme({
      permissions: { contents: 'write', pull_requests: 'write', administration: 'write' },
    });
    const report = await examine();
    expect(report.of('app-permissions')).toEqual([
      expect.objectContaining({ status: 'warn', what: expect.stringContaining('statuses: write') }),
    ]);
    expect(report.of('app-excess')).toEqual([
      expect.objectContaining({ status: 'warn', what: expect.stringContaining('administration: write') }),
    ]);
  });

  it('is not checked, and so not green, without its key', async () => {
    const { examine } = await acme();
    const report = await examine({ githubAsApp: undefined });
    expect(report.of('app-permissions')).toEqual([expect.objectContaining({ status: 'not-checked' })]);
    expect(report.exitCode).toBe(2);
  });

  it("fails when its key in KMS does not sign, in the words of the key's own failure", async () => {
    const { examine } = await acme();
    const kms = async () => {
      throw couldNot('AWS KMS did not sign.', { todo: 'Allow kms:Sign.' });
    };
    expect((await examine({ kms })).of('kms-key')).toEqual(failing(/did not sign/, /kms:Sign/));
    expect((await examine({ kms: async () => new Uint8Array() })).of('kms-key')).toEqual([
      expect.objectContaining({ status: 'ok' }),
    ]);
  });
});

describe('the suite', () => {
  const shared = { private: true, collaborators: { admin: 'admin' } } as const;

  it('fails when it is private and nobody else may use it', async () => {
    const { examine } = await acme({ suite: { ...shared, actionsAccess: 'none' } });
    expect((await examine()).of('suite-access')).toEqual(failing(/no other repository may use/, /Access/));
  });

  it('is not checked when it is shared in another organization', async () => {
    const { examine } = await acme({ suite: { ...shared, actionsAccess: 'organization' } });
    expect((await examine()).of('suite-access')).toEqual([
      expect.objectContaining({ status: 'not-checked' }),
    ]);
  });

  it('is right when it is shared in the enterprise', async () => {
    const { examine } = await acme({ suite: { ...shared, actionsAccess: 'enterprise' } });
    expect((await examine()).of('suite-access')).toEqual([expect.objectContaining({ status: 'ok' })]);
  });
});

it('warns of sources whose OIDC subject is not what trust policies expect', async () => {
  const { examine } = await acme({
    source: {
      oidcSubject: { use_default: false, include_claim_keys: ['repository_owner', 'job_workflow_ref'] },
    },
  });
  const checks = (await examine()).of('oidc-subject');
  expect(checks.map(({ status }) => status)).toEqual(['warn', 'warn']);
  expect(checks[0]?.what).toBe(
    'The OIDC subject of acme/billing is made of repository_owner, job_workflow_ref, not of "repo:".',
  );
});

describe('the report', () => {
  const report = {
    checks: [
      { name: 'git', status: 'ok', what: 'git 2.39.5.' },
      { name: 'x', status: 'fail', what: 'two\nlines \u001b[31mred\u0007', todo: 'Mend it.' },
      { name: 'y', status: 'not-checked', what: 'Nobody knows.', todo: 'Ask.' },
    ],
    exitCode: 1,
  } as const;

  it('shows each check in a line, what to do below it, and never control characters of others', () => {
    expect(formatDoctorReport(report, false).split('\n')).toEqual([
      'ok           git 2.39.5.',
      'FAIL         two',
      '             lines red',
      '             → Mend it.',
      'not checked  Nobody knows.',
      '             → Ask.',
      '',
      '1 ok, 1 FAIL, 1 not checked.',
    ]);
  });

  it('shows only what is ok in green', () => {
    const green = '\u001b[32m';
    const lines = formatDoctorReport(report, true).split('\n');
    expect(lines.filter((line) => line.includes(green))).toEqual([expect.stringContaining('git 2.39.5')]);
  });

  it('is for machines the same, with the verdict', () => {
    expect(doctorJson(report)).toEqual({ ok: false, checks: report.checks });
  });
});

describe('the workflows that deploy', () => {
  it('warns where a form is missing in the GitOps repository, or calls another version', async () => {
    const { examine } = await acme({
      edit: (files) => {
        files.delete('.github/workflows/rollback.yml');
        edited('.github/workflows/hold.yml', 'hold.yml@v1', 'hold.yml@v0')(files);
      },
    });
    expect((await examine()).of('workflows').map(({ status, what }) => [status, what])).toEqual([
      ['warn', expect.stringContaining('.github/workflows/rollback.yml')],
      ['warn', expect.stringMatching(/do not call Kajitori v1.*hold\.yml/)],
    ]);
  });

  it('warns where nobody waits, and where nothing deploys', async () => {
    const silent = await acme({ source: { files: { [DEPLOY]: WAITS.replace('      argocd: api\n', '') } } });
    expect((await silent.examine()).of('release-callers')[0]?.what).toContain('does not wait');
    const variable = WAITS.replace('argocd: api', 'argocd: ${{ vars.KAJITORI_ARGOCD }}');
    const told = await acme({ source: { files: { [DEPLOY]: variable } } });
    expect((await told.examine()).of('release-callers')[0]?.what).toContain('it was not looked at');
    const nothing = await acme({ source: { files: { 'README.md': 'x' } } });
    expect((await nothing.examine()).of('release-callers')[0]?.what).toContain('nothing deploys from there');
  });

  it('fails where a run waits for notifications that Argo CD does not write', async () => {
    const { examine } = await acme({
      source: { files: { [DEPLOY]: WAITS.replace('argocd: api', 'argocd: notifications') } },
    });
    expect((await examine()).of('release-callers')).toContainEqual(
      expect.objectContaining({ status: 'fail', todo: expect.stringContaining('notifications: true') }),
    );
  });
});
