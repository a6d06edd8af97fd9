import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { digest, gitopsFiles, image, KAJITORI_YAML, REGISTRY } from '../../test/gitops-fixture.ts';
import { formatMessage, parseTrailers } from '../repository/commit-message.ts';
import type { Tree } from '../repository/tree.ts';
import { editedTree, emptyTree } from '../scaffold/edited-tree.ts';
import { readConfig } from './app-files.ts';
import { bumpRequest } from './bump-request.ts';
import { computeBump } from './compute-bump.ts';
import { type AppRollback, computeRollback, type RollbackRequest, undoing } from './compute-rollback.ts';
import type { Deployer } from './deployer.ts';
import { readRelease } from './release-record.ts';

const RELEASE = 'apps/web/release.production.yaml';
const commit = (nth: number): string => nth.toString(16).repeat(40).slice(0, 40);
const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 21, 9, minute));

const treeOf = (files: Readonly<Record<string, string>>): Tree =>
  editedTree(emptyTree('gitops'), new Map(Object.entries(files)));

/** The tree after build `nth` was deployed, as the bump writes it. */
async function bumped(
  tree: Tree,
  nth: number,
  images: string,
  app = 'web',
  override?: string,
): Promise<Tree> {
  const request = bumpRequest({
    app,
    environment: 'production',
    image: images,
    tag: undefined,
    digest: undefined,
    files: undefined,
    set: undefined,
    source: `acme/web@${commit(nth)}`,
    build: String(nth),
    workflow: 'deploy.yml',
    force: false,
    override,
    reason: override === undefined ? undefined : 'it is mended',
    run: undefined,
    pullRequest: undefined,
  });
  if (request.kind !== 'apps') throw new Error('not a bump of apps');
  const history = { compareTo: async () => 'newer' as const };
  const change = await computeBump(tree, request, { history, now: at(nth) });
  return editedTree(tree, change.edits);
}

const rollback = async (
  tree: Tree,
  apps: readonly AppRollback[],
  more: Partial<RollbackRequest> & { readonly deployer?: Deployer } = {},
) => {
  const { deployer = { kind: 'own-right' }, ...request } = more;
  return computeRollback(
    tree,
    {
      apps,
      environment: 'production',
      reason: 'prod-2: the pods crash',
      by: 'alice',
      holdUntil: undefined,
      run: undefined,
      via: undefined,
      ...request,
    },
    { now: at(30), deployer },
  );
};

const record = async (tree: Tree, app = 'web') =>
  readRelease((file) => tree.read(file), await readConfig(tree), app, 'production');

describe('back to an earlier release', () => {
  test('image and build of every cluster go back, no migration is rendered, a hold is left', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const change = await rollback(second, [{ app: 'web', to: await record(first) }]);
    expect(change.result).toMatchObject({
      clusters: ['prod-1', 'prod-2'],
      images: [{ app: 'web', name: '', outcome: 'rolled-back' }],
    });
    expect([...change.edits]).toEqual([
      [
        RELEASE,
        `# Written by Kajitori: which image runs. Do not edit it; run \`kajitori bump\` or deploy again.
image:
  repository: ${REGISTRY}/web
  tag: v1
  digest: ${digest('01')}
release:
  source: acme/web@${commit(1)}
  build: 1
  workflow: deploy.yml
  at: "2026-11-21T09:30:00Z"
  rollback: true
hold:
  reason: "prod-2: the pods crash"
  by: alice
  at: "2026-11-21T09:30:00Z"
`,
      ],
    ]);
    const message = formatMessage(change.message);
    expect(message.split('\n')[0]).toBe('Roll back web to v1 in production');
    expect(parseTrailers(message).map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Kajitori-App: web',
      'Kajitori-Environment: production',
      `Kajitori-Source: acme/web@${commit(1)}`,
      'Kajitori-Build: 1',
      'Kajitori-Action: rollback',
      'Kajitori-By: alice',
      'Kajitori-Reason: prod-2: the pods crash',
    ]);
  });

  test('the next bump is refused by the hold; set aside, it renders migrations again', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const back = editedTree(
      second,
      (await rollback(second, [{ app: 'web', to: await record(first) }])).edits,
    );
    await expect(bumped(back, 3, image('v3', '03'))).rejects.toMatchObject({ exitCode: 1, reason: 'hold' });
    const third = await bumped(back, 3, image('v3', '03'), 'web', 'hold');
    expect(await third.read(RELEASE)).not.toContain('rollback');
    expect((await record(back))?.rollback).toBe(true);
  });

  test('comments, quotes and flow maps of the file stay; a record that was not there goes', async () => {
    const file = (tag: string, byte: string, rest: string) =>
      `# paged: shop\nimage: {repository: ${REGISTRY}/web, tag: "${tag}", digest: '${digest(byte)}'} # pinned\n${rest}`;
    const before = treeOf(gitopsFiles({ [RELEASE]: file('1.10', '01', '') }));
    const now = treeOf(
      gitopsFiles({
        [RELEASE]: file('v2', '02', `release: { source: acme/web@${commit(2)}, build: 2 } # ours\n`),
      }),
    );
    const change = await rollback(now, [{ app: 'web', to: await record(before) }]);
    expect(change.edits.get(RELEASE)).toBe(
      `${file('1.10', '01', 'release: { rollback: true } # ours\n')}hold:\n  reason: "prod-2: the pods crash"\n  by: alice\n  at: "2026-11-21T09:30:00Z"\n`,
    );
  });

  test('going back to what runs changes nothing', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const change = await rollback(first, [{ app: 'web', to: await record(first) }]);
    expect(change.edits.size).toBe(0);
    expect(change.result.images).toMatchObject([{ outcome: 'already-there' }]);
  });

  test('an image that the earlier release did not know stays, and is reported', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, `api=${image('v1', '01')}`);
    const second = await bumped(first, 2, `api=${image('v2', '02')}\nproxy=${image('p2', '22')}`);
    const change = await rollback(second, [{ app: 'web', to: await record(first) }]);
    expect(change.result.images.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([
      'api: rolled-back',
      'proxy: kept',
    ]);
    expect((await record(editedTree(second, change.edits)))?.images.get('proxy')?.image.tag).toBe('p2');
  });

  test('each of several images goes back for itself: a bump of one leaves the mark of the other', async () => {
    const both = (nth: number) => `api=${image(`v${nth}`, `0${nth}`)}\nproxy=${image(`p${nth}`, `2${nth}`)}`;
    const first = await bumped(treeOf(gitopsFiles()), 1, both(1));
    const second = await bumped(first, 2, both(2));
    const back = editedTree(
      second,
      (await rollback(second, [{ app: 'web', to: await record(first) }])).edits,
    );
    const marks = async (tree: Tree) => {
      const { release } = parse((await tree.read(RELEASE)) ?? '');
      return [release.rollback, release.images.api.rollback, release.images.proxy.rollback];
    };
    expect(await marks(back)).toEqual([undefined, true, true]);
    const third = await bumped(back, 3, `proxy=${image('p3', '23')}`, 'web', 'hold');
    expect(await marks(third), 'the older api would get its migration again').toEqual([
      undefined,
      true,
      undefined,
    ]);
    expect((await record(third))?.rollback).toBe(true);
    const fourth = await bumped(third, 4, `api=${image('v4', '04')}`, 'web', 'hold');
    expect((await record(fourth))?.rollback).toBe(false);
  });

  test('an image whose build nobody recorded goes back, and the file can be read again', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, `api=${image('v1', '01')}`);
    const unrecorded = editedTree(
      first,
      new Map([[RELEASE, ((await first.read(RELEASE)) ?? '').replace(/^release:[\s\S]*$/m, '')]]),
    );
    const second = await bumped(unrecorded, 2, `api=${image('v2', '02')}`);
    const change = await rollback(second, [{ app: 'web', to: await record(unrecorded) }]);
    const back = await record(editedTree(second, change.edits));
    expect(back).toMatchObject({ rollback: true });
    expect(back?.images.get('api')).toMatchObject({ image: { tag: 'v1' }, build: undefined });
  });

  test('a hold that lasts as long stays as somebody set it; one that ends before is replaced', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const held = async (until: string, holdUntil?: string) => {
      const text = `${await second.read(RELEASE)}hold: { reason: sale, by: bob${until} }\n`;
      const tree = editedTree(second, new Map([[RELEASE, text]]));
      const back = { app: 'web', to: await record(first) };
      const ends = holdUntil === undefined ? {} : { holdUntil: new Date(holdUntil) };
      return (await rollback(tree, [back], ends)).edits.get(RELEASE);
    };
    const untilTomorrow = ', until: "2026-11-22T00:00:00Z"';
    const stays = expect.stringMatching(/hold: \{ reason: sale, by: bob/);
    expect(await held('')).toEqual(stays);
    expect(await held('', '2026-11-23T00:00:00Z')).toEqual(stays);
    expect(await held(untilTomorrow, '2026-11-22T00:00:00Z')).toEqual(stays);
    expect(await held(untilTomorrow, '2026-11-22T00:00:01Z')).not.toContain('bob');
    expect(await held(untilTomorrow)).not.toContain('bob');
    expect(await held(', until: "2026-11-20T00:00:00Z"')).not.toContain('bob');
  });

  test('a freeze does not stop it', async () => {
    const frozen = KAJITORI_YAML.replace('2026-12-29T18:00', '2026-01-01T18:00');
    const start = treeOf(gitopsFiles());
    const first = await bumped(start, 1, image('v1', '01'));
    const second = editedTree(
      await bumped(first, 2, image('v2', '02')),
      new Map([['kajitori.yaml', frozen]]),
    );
    await expect(bumped(second, 3, image('v3', '03'))).rejects.toMatchObject({ reason: 'freeze' });
    expect((await rollback(second, [{ app: 'web', to: await record(first) }])).edits.size).toBe(1);
  });

  test('two apps go back in one commit', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'), 'web, billing');
    const second = await bumped(first, 2, image('v2', '02'), 'web, billing');
    const change = await rollback(second, [
      { app: 'web', to: await record(first) },
      { app: 'billing', to: await record(first, 'billing') },
    ]);
    expect([...change.edits.keys()]).toEqual([RELEASE, 'apps/billing/release.production.yaml']);
    expect(
      parseTrailers(formatMessage(change.message)).filter(({ name }) => name === 'Kajitori-App'),
    ).toHaveLength(2);
  });
});

describe('undoing our own deploy', () => {
  test('puts back exactly what it wrote', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, `api=${image('v1', '01')}`);
    const second = await bumped(first, 2, `api=${image('v2', '02')}\nproxy=${image('p2', '22')}`);
    const change = await rollback(second, await undoing(first, second, ['web'], 'production'));
    expect(change.result.images.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([
      'api: rolled-back',
      'proxy: removed',
    ]);
    expect([...((await record(editedTree(second, change.edits)))?.images.keys() ?? [])]).toEqual(['api']);
  });

  test('a newer deploy by somebody else is never undone', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const third = await bumped(second, 3, image('v3', '03'));
    const change = await rollback(third, await undoing(first, second, ['web'], 'production'));
    expect(change).toMatchObject({ result: { images: [{ outcome: 'superseded' }] } });
    expect(change.edits.size).toBe(0);
  });

  test('of a batch, the app that somebody deployed since stays, the others go back', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'), 'web, billing');
    const second = await bumped(first, 2, image('v2', '02'), 'web, billing');
    const third = await bumped(second, 3, image('v3', '03'), 'billing');
    const change = await rollback(third, await undoing(first, second, ['web', 'billing'], 'production'));
    expect([...change.edits.keys()]).toEqual([RELEASE]);
    expect(change.result.holds.has('billing')).toBe(false);
  });

  test('the same image deployed again by another run is not ours any more', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const text = (await second.read(RELEASE))?.replace('09:02:00Z', '09:20:00Z') ?? '';
    const again = editedTree(second, new Map([[RELEASE, text]]));
    const change = await rollback(again, await undoing(first, second, ['web'], 'production'));
    expect(change.result.images).toMatchObject([{ outcome: 'superseded' }]);
  });

  test('twice is once', async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    const apps = await undoing(first, second, ['web'], 'production');
    const back = editedTree(second, (await rollback(second, apps)).edits);
    expect((await rollback(back, apps)).edits.size).toBe(0);
  });

  test('a first deploy has nothing to go back to, and says so', async () => {
    const start = treeOf(gitopsFiles());
    const first = await bumped(start, 1, image('v1', '01'));
    const change = await rollback(first, await undoing(start, first, ['web'], 'production'));
    expect(change.edits.size).toBe(0);
    expect(change.result.images).toMatchObject([{ outcome: 'no-earlier' }]);
  });
});

describe('who may', () => {
  const setting = async () => {
    const first = await bumped(treeOf(gitopsFiles()), 1, image('v1', '01'));
    const second = await bumped(first, 2, image('v2', '02'));
    return { second, apps: [{ app: 'web', to: await record(first) }] };
  };
  const teams = (members: readonly string[] | 'unseen') => ({
    hasTeam: async () => (members === 'unseen' ? ('unseen' as const) : true),
    hasMember: async (_organization: string, team: string, person: string) =>
      members === 'unseen' ? ('unseen' as const) : members.includes(`${team}/${person}`),
  });
  const person = (members: readonly string[] | 'unseen'): Deployer => ({
    kind: 'person',
    login: 'alice',
    teams: teams(members),
  });

  test.each([
    [
      'a run of a foreign repository',
      { kind: 'repository', repository: 'acme/evil' } as const,
      'foreign-source',
      1,
    ],
    ['a person of another team', person(['money/alice']), 'not-a-member', 1],
    ['a person of whom nothing is seen: not checked is not allowed', person('unseen'), 'unseen-team', 2],
  ])('%s is refused', async (_name, deployer, reason, exitCode) => {
    const { second, apps } = await setting();
    await expect(rollback(second, apps, { deployer })).rejects.toMatchObject({ reason, exitCode });
  });

  test.each([
    ['a run of one of the app’s repositories', { kind: 'repository', repository: 'ACME/web' } as const],
    ['a person of the owning team', person(['shop/alice'])],
  ])('%s may', async (_name, deployer) => {
    const { second, apps } = await setting();
    expect((await rollback(second, apps, { deployer })).edits.size).toBe(1);
  });

  test('the platform’s team may, at night', async () => {
    const { second, apps } = await setting();
    const platform = KAJITORI_YAML.replace('"@acme/*"', '"@acme/*", platform: "@acme/platform"');
    const tree = editedTree(second, new Map([['kajitori.yaml', platform]]));
    const deployer = person(['platform/alice']);
    expect((await rollback(tree, apps, { deployer })).result.checks).toEqual([
      'alice belongs to acme/platform.',
    ]);
    await expect(rollback(second, apps, { deployer })).rejects.toMatchObject({ reason: 'not-a-member' });
  });

  test('an earlier image of a registry that is not allowed any more', async () => {
    const { second, apps } = await setting();
    const moved = KAJITORI_YAML.replace(REGISTRY, '444444444444.dkr.ecr.ap-northeast-1.amazonaws.com');
    const tree = editedTree(second, new Map([['kajitori.yaml', moved]]));
    await expect(rollback(tree, apps)).rejects.toMatchObject({ reason: 'foreign-registry' });
  });
});

test('in other layouts every cluster’s file goes back, and the state beside them', async () => {
  const files = gitopsFiles({
    'kajitori.yaml': `${KAJITORI_YAML}apps:\n  release: "deploy/{cluster}/{app}.yaml"\n  image: main.image\n`,
    'deploy/prod-1/web.yaml': `main:\n  image: ${REGISTRY}/web:v0 # by hand\n`,
    'deploy/prod-2/web.yaml': `main:\n  image: ${REGISTRY}/web:v0\n# second\n`,
  });
  const first = await bumped(treeOf(files), 1, `${REGISTRY}/web:v1`);
  const second = await bumped(first, 2, `${REGISTRY}/web:v2`);
  const change = await rollback(second, [{ app: 'web', to: await record(first) }]);
  expect(change.edits.get('deploy/prod-1/web.yaml')).toBe(`main:\n  image: ${REGISTRY}/web:v1 # by hand\n`);
  expect(change.edits.get('deploy/prod-2/web.yaml')).toBe(`main:\n  image: ${REGISTRY}/web:v1\n# second\n`);
  expect(change.edits.get('.kajitori/web.production.yaml')).toContain('rollback: true\nhold:');
});
