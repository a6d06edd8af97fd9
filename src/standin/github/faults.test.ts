import { expect, test } from 'vitest';
import { commitInput, commitMutation, errorsOf, refusalOf, startFixture } from './fixture.ts';
import type { Fault } from './server.ts';

const commits = (request: { fields: readonly string[] }): boolean =>
  request.fields.includes('createCommitOnBranch');

/** Commits once under a fault: the HTTP status (0 for a reset), and how many commits the branch has afterwards. */
async function under(
  fault: Omit<Fault, 'match'>,
): Promise<{ status: number; commits: number; headers: Headers | undefined }> {
  await using at = await startFixture();
  at.github.inject({ match: commits, ...fault });
  const variables = commitInput(await at.repository.head(), { a: 'b' });
  const response = await fetch(at.github.graphqlUrl, {
    method: 'POST',
    headers: { authorization: `bearer ${at.app.token('acme')}` },
    body: JSON.stringify({ query: commitMutation, variables }),
  }).catch(() => undefined);
  const made = (await at.repository.commits()).length - 1;
  expect(at.github.log.at(-1)).toMatchObject({
    fault: fault.kind,
    operation: 'Commit',
    status: response?.status ?? 0,
  });
  return { status: response?.status ?? 0, commits: made, headers: response?.headers };
}

test.each<[Omit<Fault, 'match'>, number]>([
  [{ kind: 'status', status: 503 }, 503],
  [{ kind: 'reset-before' }, 0],
  [{ kind: 'secondary-limit', retryAfterSeconds: 7 }, 403],
  [{ kind: 'secondary-limit', status: 429 }, 429],
  [{ kind: 'primary-limit' }, 200],
])('%j strikes before the commit is made', async (fault, status) => {
  expect(await under(fault)).toMatchObject({ status, commits: 0 });
});

test.each<[Omit<Fault, 'match'>, number]>([
  [{ kind: 'reset-after' }, 0],
  [{ kind: 'lost-response' }, 502],
])('%j strikes after the commit was made', async (fault, status) => {
  expect(await under(fault)).toMatchObject({ status, commits: 1 });
});

test('rate limits say when to come back', async () => {
  const secondary = await under({ kind: 'secondary-limit', retryAfterSeconds: 7 });
  expect(secondary.headers?.get('retry-after')).toBe('7');
  const primary = await under({ kind: 'primary-limit', resetAfterSeconds: 30 });
  expect(primary.headers?.get('x-ratelimit-remaining')).toBe('0');
  expect(Number(primary.headers?.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
});

test('a fault strikes as often as it says, and counts requests from its injection', async () => {
  await using at = await startFixture();
  const ask = (): Promise<number> =>
    at.octokit.request('GET /rate_limit').then(
      ({ status }) => status,
      ({ status }: { status: number }) => status,
    );
  await ask();
  at.github.inject({ kind: 'status', status: 500, match: ({ count }) => count === 2 });
  at.github.inject({
    kind: 'status',
    status: 503,
    times: 2,
    match: ({ operation }) => operation === 'GET /rate_limit',
  });
  expect([await ask(), await ask(), await ask(), await ask()]).toEqual([503, 500, 503, 200]);
  at.github.inject({ kind: 'status', match: () => true, times: Number.POSITIVE_INFINITY });
  expect(await ask()).toBe(502);
  at.github.clearFaults();
  expect(await ask()).toBe(200);
});

test('a slow commit takes effect only when it is released; a slow answer after it took effect', async () => {
  await using at = await startFixture();
  const head = await at.repository.head();
  const before = at.github.inject({ kind: 'slow', match: commits });
  const first = errorsOf(at.octokit.graphql(commitMutation, commitInput(head, { a: 'slow' })));
  await before.reached;
  expect(await at.repository.head()).toBe(head);
  await at.octokit.graphql(commitMutation, commitInput(head, { a: 'quick' }));
  before.release();
  expect(await first).toMatchObject([{ type: 'STALE_DATA' }]);
  expect(await at.repository.read('a')).toBe('quick');

  const after = at.github.inject({ kind: 'slow-after', match: commits });
  const second = errorsOf(
    at.octokit.graphql(commitMutation, commitInput(await at.repository.head(), { a: 'late answer' })),
  );
  await expect.poll(() => at.repository.read('a')).toBe('late answer');
  after.release();
  expect(await second).toEqual([]);
});

test('the 81st content-creating request in a minute is a secondary rate limit, by the given clock', async () => {
  let now = new Date('2026-11-21T09:00:00Z');
  await using at = await startFixture({}, undefined, () => now);
  at.github.limits.contentPerMinute = 2;
  const label = (name: string): Promise<unknown> =>
    at.octokit.request('POST /repos/{owner}/{repo}/labels', { owner: 'acme', repo: 'gitops', name });
  await label('one');
  now = new Date('2026-11-21T09:00:20Z');
  await label('two');
  const refused = await refusalOf(label('three'));
  expect(refused).toMatchObject({ status: 403 });
  expect(refused.message).toContain('secondary rate limit');
  now = new Date('2026-11-21T09:01:01Z');
  await label('three');
});

test('an injected round trip does not change what is answered', async () => {
  await using at = await startFixture();
  at.github.latencyMs = 2;
  const { data } = await at.octokit.request('GET /repos/{owner}/{repo}', { owner: 'acme', repo: 'gitops' });
  expect(data.full_name).toBe('acme/gitops');
});
