import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import type { Timing } from '../github/timing.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import { type Ruleset, startGitHub } from '../standin/github/server.ts';
import { type NewAppTexts, newAppRequest } from './new-app-request.ts';
import { type NewAppOutputs, runNewApp } from './run-new-app.ts';
import { gitHubTeams } from './team-directory.ts';

const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
repository: { url: https://github.com/acme/gitops.git, branch: main }
environments:
  staging: { clusters: [stg-1] }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"]
teams: { pattern: "@acme/*", platform: "@acme/platform" }
`;
const AUTOMATIC = `${KAJITORI_YAML}newApp: { merge: automatic, reserved: [monitoring] }\n`;

const CODEOWNERS = `* @acme/platform

# >>> kajitori: generated from kajitori.yaml and app.yaml files, do not edit up to the end mark
/kajitori.yaml   @acme/platform
/apps/billing/   @acme/money
# <<< kajitori
`;

const NOW = Date.UTC(2026, 10, 21, 9);

interface Options {
  readonly kajitori?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly rules?: Ruleset['rules'];
  /** What the App may do beside writing. */
  readonly permissions?: Readonly<Record<string, 'read' | 'write'>>;
}

async function company({ kajitori = KAJITORI_YAML, files = {}, rules = [], permissions }: Options = {}) {
  const github = await startGitHub();
  const app = github.createApp({
    slug: 'kajitori',
    permissions: {
      contents: 'write',
      pull_requests: 'write',
      ...(permissions ?? { members: 'read', checks: 'read', statuses: 'read' }),
    },
  });
  const gitops = await github.createRepository('acme/gitops', {
    private: true,
    files: {
      'kajitori.yaml': kajitori,
      '.github/CODEOWNERS': CODEOWNERS,
      'apps/billing/app.yaml': 'app: { team: money, sources: [acme/billing] }\n',
      'platform/keda/values.yaml': '{}\n',
      ...files,
    },
    teams: {
      shop: { members: ['ann'], permission: 'write' },
      money: { members: ['bo'], permission: 'write' },
    },
    rulesets: [
      {
        name: 'main',
        enforcement: 'active',
        conditions: { ref_name: { include: ['~DEFAULT_BRANCH'], exclude: [] } },
        bypass_actors: [{ actor_type: 'Integration', actor_id: app.appId, bypass_mode: 'pull_request' }],
        rules,
      },
    ],
  });
  app.install('acme', ['gitops']);
  const client = (timing: Timing) =>
    createGitHubClient({ apiUrl: github.apiUrl, token: app.token('acme'), timing });
  return {
    github,
    gitops,
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
    newApp: (
      texts: Partial<NewAppTexts> = {},
      who: string | undefined = 'ann',
      timing: Timing = virtualTiming(NOW),
    ) =>
      runNewApp(
        {
          request: newAppRequest(
            { name: 'web', team: 'shop', source: 'acme/web', kind: 'web', spec: undefined, ...texts },
            new Date(NOW),
          ),
          asking: { person: who, run: 'https://github.com/acme/gitops/actions/runs/1' },
          dryRun: false,
          labels: ['new-app'],
          patienceMs: 60_000,
        },
        {
          on: {
            kind: 'github',
            client: client(timing),
            target: { repository: { owner: 'acme', name: 'gitops' } },
          },
          teams: gitHubTeams(async () => client(timing), permissions === undefined),
          checks: async () => client(timing),
          timing,
          key: `test/${Math.random()}`,
        },
      ),
  };
}

/** What was refused, with the promise that nothing was proposed. */
async function refusal(
  at: Awaited<ReturnType<typeof company>>,
  work: Promise<NewAppOutputs>,
): Promise<unknown> {
  const before = at.gitops.pullRequests().length;
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(at.gitops.pullRequests()).toHaveLength(before);
  return failure;
}

describe('a new app', () => {
  test('is one pull request with everything in it, and says what was checked and what comes next', async () => {
    await using at = await company();
    const outputs = await at.newApp({ kind: 'mixed', spec: 'web; worker; secrets DATABASE_URL' });
    expect(outputs).toMatchObject({ reason: 'proposed', merge: undefined });
    const [pull] = at.gitops.pullRequests();
    expect(pull).toMatchObject({
      number: 1,
      state: 'open',
      title: 'Add the app web',
      head: 'kajitori/new-app/web',
    });
    expect([...outputs.edits.keys()]).toEqual([
      'apps/web/app.yaml',
      'apps/web/values.yaml',
      'argocd/projects/web.yaml',
      '.github/CODEOWNERS',
    ]);
    expect(pull?.body).toContain('- The team acme/shop exists.\n- ann belongs to it.');
    expect(pull?.body).toContain('--name /web/staging/DATABASE_URL');
    expect(pull?.body).toContain('--region ap-northeast-1 --name /web/production/DATABASE_URL');
    // Two clusters of one account: one parameter.
    expect(pull?.body?.match(/put-parameter/g)).toHaveLength(2);
    expect(pull?.body).toContain('npx kajitori init --app web --gitops acme/gitops');
    expect(
      parseTrailers(pull?.body ?? '')
        .map(({ name, value }) => `${name}=${value}`)
        .slice(0, 3),
    ).toEqual(['Kajitori-App=web', 'Kajitori-Action=new-app', 'Kajitori-Actor=ann']);
    const codeowners = await at.gitops.read('.github/CODEOWNERS', 'kajitori/new-app/web');
    expect(codeowners).toContain('/apps/billing/   @acme/money\n/apps/web/       @acme/shop\n# <<<');
    expect(codeowners?.startsWith('* @acme/platform\n\n')).toBe(true);
  });

  test('asked for twice is the same pull request, also when its values were edited in between', async () => {
    await using at = await company();
    await at.newApp();
    const head = await at.gitops.head('kajitori/new-app/web');
    expect(await at.newApp()).toMatchObject({ reason: 'already-proposed', pullRequest: { number: 1 } });
    expect(await at.gitops.head('kajitori/new-app/web')).toBe(head);
    const edited = await at.gitops.commit(
      { 'apps/web/values.yaml': 'web: { port: 3000 }\n' },
      { branch: 'kajitori/new-app/web', message: 'Our port' },
    );
    expect(await at.newApp()).toMatchObject({ reason: 'already-proposed' });
    expect(await at.gitops.head('kajitori/new-app/web')).toBe(edited);
    expect(at.gitops.pullRequests()).toHaveLength(1);
  });

  test('whose name is taken is refused, also by an open pull request of somebody else', async () => {
    await using at = await company();
    expect(await refusal(at, at.newApp({ name: 'billing' }))).toMatchObject({
      exitCode: 1,
      reason: 'taken',
      message: 'The name billing is taken: it belongs to the team money (acme/billing).',
    });
    await at.newApp();
    expect(await refusal(at, at.newApp({ team: 'money', source: 'acme/other' }, 'bo'))).toMatchObject({
      reason: 'taken',
      message: expect.stringContaining('in pull request #1 of acme/gitops, which is still open'),
    });
  });

  test('cannot have the name of a component, of a namespace that is reserved, or of a left-over folder', async () => {
    await using at = await company({ kajitori: AUTOMATIC, files: { 'apps/old/values.yaml': '{}\n' } });
    for (const [name, reason] of [
      ['keda', 'reserved-name'],
      ['monitoring', 'reserved-name'],
      ['kube-system', 'bad-app-name'],
      ['old', 'taken'],
    ] as const) {
      const work = async () => at.newApp({ name });
      expect(await refusal(at, work()), name).toMatchObject({ reason });
    }
  });

  test('is refused for a team that is not there, and for a person who is not in it', async () => {
    await using at = await company();
    expect(await refusal(at, at.newApp({ team: 'shoop' }))).toMatchObject({
      exitCode: 2,
      reason: 'unknown-team',
    });
    expect(await refusal(at, at.newApp({}, 'bo'))).toMatchObject({
      exitCode: 1,
      reason: 'not-a-member',
      message: 'bo does not belong to the team acme/shop.',
    });
  });

  test('says what was not checked, where the token may not see teams', async () => {
    await using at = await company({ kajitori: AUTOMATIC, permissions: {} });
    const outputs = await at.newApp();
    expect(outputs.result.checks).toEqual({
      verified: false,
      words: [expect.stringContaining('Not checked: whether the team acme/shop exists')],
    });
    expect(at.gitops.pullRequests()[0]?.body).toContain('Not checked');
    // What was not checked is never merged by itself.
    expect(outputs.merge).toEqual({ merged: false, why: expect.stringContaining('it was not seen') });
  });
});

describe('where kajitori.yaml says `merge: automatic`', () => {
  const REVIEWED: Ruleset['rules'] = [
    { type: 'pull_request', parameters: { require_code_owner_review: true } },
    { type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'guard' }] } },
  ];

  /** Time in which checks end: each sleep gives them a state. */
  const whileChecks = (
    at: Awaited<ReturnType<typeof company>>,
    states: ('pending' | 'success' | 'failure')[],
  ) => {
    const timing = virtualTiming(NOW);
    const sleep = async (milliseconds: number) => {
      const state = states.shift();
      if (state !== undefined) {
        await at.gitops.setStatus(await at.gitops.head('kajitori/new-app/web'), 'guard', state);
      }
      await timing.sleep(milliseconds);
    };
    return { ...timing, sleep };
  };

  test('it is merged without a platform engineer once the required checks are green', async () => {
    await using at = await company({ kajitori: AUTOMATIC, rules: REVIEWED });
    const outputs = await at.newApp({}, 'ann', whileChecks(at, ['pending', 'success']));
    expect(outputs.merge).toMatchObject({ merged: true, commit: { oid: await at.gitops.head() } });
    expect(parse((await at.gitops.read('apps/web/app.yaml')) ?? '')).toEqual({
      app: { team: 'shop', sources: ['acme/web'], kind: 'web' },
    });
    const [commit] = await at.gitops.commits();
    expect(parseTrailers(commit?.message ?? '')).toContainEqual({ name: 'Kajitori-App', value: 'web' });
    expect(await at.newApp()).toMatchObject({ reason: 'already-there', pullRequest: undefined });
  });

  test('a check that fails, or does not end in time, leaves it to a person', async () => {
    await using at = await company({ kajitori: AUTOMATIC, rules: REVIEWED });
    expect((await at.newApp({}, 'ann', whileChecks(at, []))).merge).toEqual({
      merged: false,
      why: 'these checks did not end in time: guard',
    });
    expect((await at.newApp({}, 'ann', whileChecks(at, ['failure']))).merge).toEqual({
      merged: false,
      why: 'these checks failed: guard',
    });
    expect(at.gitops.pullRequests()).toMatchObject([{ state: 'open' }]);
  });

  test('a second run merges what the first could not, but nothing that somebody pushed beside it', async () => {
    await using at = await company({ kajitori: AUTOMATIC, rules: REVIEWED });
    await at.newApp({}, 'ann', whileChecks(at, []));
    const head = await at.gitops.head('kajitori/new-app/web');
    await at.gitops.commit(
      { 'kajitori.yaml': `${AUTOMATIC}# mine\n` },
      { branch: 'kajitori/new-app/web', message: 'x' },
    );
    const pushed = await at.newApp({}, 'ann', whileChecks(at, ['success', 'success']));
    expect(pushed.merge).toEqual({ merged: false, why: expect.stringContaining('by hand') });
    expect(await at.gitops.read('kajitori.yaml')).toBe(AUTOMATIC);
    expect(head).not.toBe(await at.gitops.head('kajitori/new-app/web'));
  });

  test('and the form is filled in again after a wait: the same pull request is merged', async () => {
    await using at = await company({ kajitori: AUTOMATIC, rules: REVIEWED });
    await at.newApp({}, 'ann', whileChecks(at, []));
    const again = await at.newApp({}, 'ann', whileChecks(at, ['success']));
    expect(again).toMatchObject({ reason: 'already-proposed', merge: { merged: true } });
  });
});

describe('hostile answers', () => {
  const texts: NewAppTexts = { name: 'web', team: 'shop', source: 'acme/web', kind: 'web', spec: undefined };
  const nasty = [
    '../web',
    'web/../..',
    '/etc',
    '..',
    'a'.repeat(64),
    '🦊',
    'web; rm -rf /',
    '$(touch x)',
    '`id`',
    '${{ secrets.TOKEN }}',
    'web\nteam: evil',
    '__proto__',
    'constructor',
    '-web',
    'Web',
    'wéb',
    'web\u0000',
    'web\u202e',
    '"; kajitori',
    '*a',
    '&a',
    '!!js/function x',
  ];
  test.each(['name', 'team', 'source', 'kind', 'spec'] as const)(
    'are refused in the field %s, or mean what they say',
    (field) => {
      for (const text of nasty) {
        // A team named like that can be; GitHub will say whether it is there.
        const plain = field === 'team' && /^[a-z0-9][a-z0-9_-]*$/.test(text) && text.length < 64;
        const read = () => newAppRequest({ ...texts, [field]: text }, new Date(NOW));
        if (plain) {
          expect(read()).toMatchObject({ team: text });
        } else {
          expect(read, text).toThrow(expect.objectContaining({ name: 'Failure', exitCode: 2 }));
        }
      }
    },
  );
});
