import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient, type GitHubClient } from '../github/client.ts';
import { type Fixture, startFixture } from '../standin/github/fixture.ts';
import {
  parseVerdictContext,
  readVerdicts,
  type Verdict,
  type VerdictState,
  verdictContext,
  verdictOf,
  writeVerdict,
} from './verdict.ts';

const gitops = { owner: 'acme', name: 'gitops' };

const verdict = (cluster: string, state: VerdictState, description = 'x', app = 'web'): Verdict => ({
  app,
  cluster,
  state,
  description,
  url: undefined,
});

describe('verdicts are commit statuses on the GitOps commit', () => {
  let fixture: Fixture;
  let client: GitHubClient;
  beforeAll(async () => {
    fixture = await startFixture({ private: true });
    client = createGitHubClient({
      apiUrl: fixture.github.apiUrl,
      token: fixture.app.token('acme'),
      timing: virtualTiming(),
    });
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  const commit = (nth: string) => fixture.repository.commit({ nth });
  const sentStatuses = () =>
    fixture.github.log.filter(({ method, path }) => method === 'POST' && path.includes('/statuses/'));

  test('what was written is read again, for many commits by one query', async () => {
    const commits = [await commit('a'), await commit('b'), await commit('c')];
    const [first = '', second = '', third = ''] = commits;
    await writeVerdict(client, gitops, first, {
      ...verdict('prod-1', 'success', 'healthy'),
      url: 'https://github.com/acme/web/actions/runs/7',
    });
    await writeVerdict(client, gitops, first, verdict('prod-2', 'pending'));
    await writeVerdict(client, gitops, second, verdict('prod-1', 'failure', 'image cannot be pulled'));
    const before = fixture.github.log.length;

    const read = await readVerdicts(client, gitops, [...commits, 'f'.repeat(40)]);

    expect(fixture.github.log.length - before).toBe(1);
    expect(read.get(first)).toEqual([
      {
        app: 'web',
        cluster: 'prod-1',
        state: 'success',
        description: 'healthy',
        url: 'https://github.com/acme/web/actions/runs/7',
        at: expect.any(Date),
      },
      expect.objectContaining({ cluster: 'prod-2', state: 'pending', url: undefined }),
    ]);
    expect(read.get(second)).toEqual([expect.objectContaining({ state: 'failure' })]);
    expect(read.get(third)).toEqual([]);
    expect(read.get('f'.repeat(40))).toEqual([]);
  });

  test('the newest status of a name counts', async () => {
    const oid = await commit('newest');
    await writeVerdict(client, gitops, oid, verdict('prod-1', 'pending'));
    await writeVerdict(client, gitops, oid, verdict('prod-1', 'success'));
    expect((await readVerdicts(client, gitops, [oid])).get(oid)).toEqual([
      expect.objectContaining({ state: 'success' }),
    ]);
  });

  test('a verdict that is there already is not written again', async () => {
    const oid = await commit('twice');
    const long = verdict('prod-1', 'failure', 'The image of pod web-7f9c cannot be pulled. '.repeat(9));
    await writeVerdict(client, gitops, oid, long);
    const recorded = (await readVerdicts(client, gitops, [oid])).get(oid);
    const before = sentStatuses().length;
    await writeVerdict(client, gitops, oid, long, recorded);
    expect(sentStatuses()).toHaveLength(before);
    await writeVerdict(client, gitops, oid, verdict('prod-1', 'success'), recorded);
    expect(sentStatuses()).toHaveLength(before + 1);
  });

  test('a description is one line of 140 characters at most, never cut inside a character', async () => {
    const oid = await commit('long');
    await writeVerdict(client, gitops, oid, verdict('prod-1', 'error', `a\nb ${'🦊'.repeat(99)}`));
    const [read] = (await readVerdicts(client, gitops, [oid])).get(oid) ?? [];
    expect(read?.description).toBe(`a b ${'🦊'.repeat(67)}…`);
  });

  test("statuses of others, and of names that can be no app's, are left out", async () => {
    const oid = await commit('others');
    for (const context of [
      'ci',
      'kajitori/web',
      'kajitori/../prod-1',
      'kajitori/web/prod-1/x',
      'Kajitori/web/a',
    ]) {
      await fixture.octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
        owner: 'acme',
        repo: 'gitops',
        sha: oid,
        state: 'success',
        context,
      });
    }
    expect((await readVerdicts(client, gitops, [oid])).get(oid)).toEqual([]);
  });

  test('without the permission it is told which one is missing, and is not taken for "no verdict"', async () => {
    const oid = await commit('denied');
    const app = fixture.github.createApp({ slug: 'poor', permissions: { contents: 'write' } });
    app.install('acme');
    const poor = createGitHubClient({
      apiUrl: fixture.github.apiUrl,
      token: app.token('acme'),
      timing: virtualTiming(),
    });
    const todo = expect.stringContaining('statuses: write on acme/gitops');
    await expect(readVerdicts(poor, gitops, [oid])).rejects.toMatchObject({ exitCode: 2, todo });
    await expect(writeVerdict(poor, gitops, oid, verdict('prod-1', 'success'))).rejects.toMatchObject({
      exitCode: 2,
      todo,
    });
  });
});

describe('the verdict of a deploy', () => {
  const clusters = ['prod-1', 'prod-2'];
  const all = (...states: readonly (VerdictState | undefined)[]) =>
    verdictOf(
      'web',
      clusters,
      states.flatMap((state, index) => (state === undefined ? [] : [verdict(clusters[index] ?? '', state)])),
    );

  test.each([
    ['healthy', all('success', 'success')],
    ['failed', all('success', 'failure')],
    ['failed', all('pending', 'failure')],
    ['failed', all('error', 'failure')],
    ['running', all('pending', 'success')],
    ['running', all('pending', 'error')],
    ['running', all('pending', undefined)],
    ['unknown', all('success', 'error')],
    ['unknown', all('success', undefined)],
    ['none', all(undefined, undefined)],
  ])('%s', (expected, got) => {
    expect(got).toBe(expected);
  });

  test('of other apps and other clusters nothing counts', () => {
    const others = [verdict('prod-1', 'failure', 'x', 'shop'), verdict('stg-1', 'failure')];
    expect(verdictOf('web', clusters, others)).toBe('none');
  });
});

test('context and its parts belong together', () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
  fc.assert(
    fc.property(label, label, (name, cluster) => {
      // Prefixed: some short words cannot be the name of an app.
      const app = `app-${name}`;
      fc.pre(cluster !== 'platform');
      expect(parseVerdictContext(verdictContext(app, cluster))).toEqual({ app, cluster });
    }),
  );
});
