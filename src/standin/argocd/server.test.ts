import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasArgoCdCorpus, recorded, recordedStatus } from '../../../test/argocd-corpus.ts';
import { gitopsFiles, releaseFile } from '../../../test/gitops-fixture.ts';
import { virtualTiming } from '../../../test/virtual-timing.ts';
import { openArgoCd } from '../../argocd/client.ts';
import { dexTokenSource } from '../../argocd/sign-in.ts';
import { type StandinRepository, startGitHub } from '../github/server.ts';
import { plainRenderer } from './git-source.ts';
import { type ArgoCdStandin, startArgoCd } from './server.ts';

const FILE = 'apps/web/release.production.yaml';

let started: AsyncDisposableStack;
let timing: ReturnType<typeof virtualTiming>;
let argocd: ArgoCdStandin;
let repository: StandinRepository;

beforeEach(async () => {
  started = new AsyncDisposableStack();
  timing = virtualTiming();
  const github = started.use(await startGitHub());
  repository = await github.createRepository('acme/gitops', {
    files: gitopsFiles({ [FILE]: releaseFile('v1', 'ab', 'a'.repeat(40)) }),
  });
  argocd = started.use(
    await startArgoCd({
      clusters: ['prod-1', 'prod-2'],
      repository,
      clock: timing.now,
      render: plainRenderer,
      dex: { connector: 'github-actions', verify: (token) => token === 'from GitHub' },
    }),
  );
  await timing.sleep(20_000);
  await argocd.settle();
});
afterEach(() => started.disposeAsync());

async function call(method: string, path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${argocd.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${argocd.token}`, 'content-type': 'application/json', ...headers },
  });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
}

/** Every path to a value in an answer, list items folded: `status.resources[].kind`. */
function pathsOf(value: unknown, at = ''): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...pathsOf(item, `${at}[]`)]));
  if (typeof value !== 'object' || value === null) return new Set([at]);
  return new Set(
    Object.entries(value).flatMap(([key, child]) => [...pathsOf(child, at === '' ? key : `${at}.${key}`)]),
  );
}

test('answers have only fields that the real ones have, but for those of several sources', async (context) => {
  context.skip(!hasArgoCdCorpus, 'shared/corpus/argocd is not beside the repository');
  const real = new Set(
    [
      'healthy',
      'hook-failed-on-update',
      'sync-failed-retries',
      'hook-running',
      'syncing.a',
      'create',
    ].flatMap((name) => [...pathsOf(recorded(name))]),
  );
  // What one source has as `source` and `revision`, several have as `sources[]` and `revisions[]` (types.go).
  const asOne = (path: string): string =>
    path.replaceAll(/\bsources\[\]/g, 'source').replaceAll(/revisions\[\]/g, 'revision');
  argocd.image('v2', 'fail');
  await repository.commit({
    [FILE]: releaseFile('v2', 'cd', 'b'.repeat(40)),
    'apps/web/values.yaml': 'migrate: true\n',
  });
  const seen = new Set<string>();
  for (let second = 0; second < 30; second += 1) {
    await timing.sleep(1_000);
    for (const path of pathsOf((await call('GET', '/api/v1/applications/web-prod-1')).body)) seen.add(path);
  }
  const OURS =
    /^metadata\.labels|^spec\.source\.directory|destination\.name|source\.directory|syncPolicy|\.helm|comparedTo/;
  expect([...seen].map(asOne).filter((path) => !real.has(path) && !OURS.test(path))).toEqual([]);
});

test.each([
  ['GET', '/api/v1/applications/none', 'error.403-missing-app'],
  ['DELETE', '/api/v1/applications/web-prod-1/operation', 'terminate-none.answer'],
])('%s %s is refused with the words of the real one', async (method, path, recording) => {
  const { status, body } = await call(method, path);
  if (hasArgoCdCorpus)
    expect({ status, body }).toEqual({ status: recordedStatus(recording), body: recorded(recording) });
  expect(status).toBeGreaterThanOrEqual(400);
});

test('without a token, or with a wrong one, nothing is told', async () => {
  expect((await call('GET', '/api/v1/applications', { authorization: '' })).status).toBe(401);
  expect((await call('GET', '/api/v1/applications', { authorization: 'Bearer x' })).status).toBe(401);
});

test('a change without a content type is 415; a second sync while one runs is 400 with code 9', async () => {
  const sync = '/api/v1/applications/web-prod-1/sync';
  expect((await call('POST', sync, { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await call('POST', sync)).status).toBe(200);
  expect(await call('POST', sync)).toMatchObject({ status: 400, body: { code: 9 } });
});

test('a restricted token sees its own applications, and others are denied as if they were not there', async () => {
  const token = argocd.createToken({ projects: ['billing'] });
  const client = openArgoCd({ server: argocd.url, token: () => token, timing });
  expect(await client.list()).toEqual([]);
  await expect(client.get('web-prod-1')).rejects.toMatchObject({ fault: 'missing-or-denied' });
  const reader = argocd.createToken({ projects: ['web'] });
  const reading = openArgoCd({ server: argocd.url, token: () => reader, timing });
  expect(await reading.list()).toHaveLength(2);
  await expect(reading.terminateOperation('web-prod-1')).rejects.toMatchObject({ status: 403 });
});

test.each([
  ['PATCH', '/api/v1/applications/web-prod-1'],
  ['POST', '/api/v1/applications/web-prod-1/rollback'],
  ['GET', '/api/v1/projects'],
  ['GET', '/api/v1/applications?fields=items.metadata.name'],
])('%s %s: what is not there says so', async (method, path) => {
  expect((await call(method, path)).status).toBe(501);
});

test('GitHub’s token is exchanged for one of Argo CD', async () => {
  const idToken = () => Promise.resolve('from GitHub');
  const token = dexTokenSource({ server: argocd.url, connector: 'github-actions', idToken, timing });
  expect(await openArgoCd({ server: argocd.url, token, timing }).list()).toHaveLength(2);
});

test('what somebody changes by hand is healed, and the history counts on', async () => {
  argocd.drift('web-prod-1', 'Deployment', 'web');
  await timing.sleep(500);
  await argocd.settle();
  expect(argocd.look('web-prod-1')?.sync).toBe('OutOfSync');
  await timing.sleep(20_000);
  const { body } = await call('GET', '/api/v1/applications/web-prod-1');
  const { status } = body as { status: { sync: { status: string }; history: { id: number }[] } };
  expect(status.sync.status).toBe('Synced');
  expect(status.history.map(({ id }) => id)).toEqual([0, 1]);
});

test('right after a sync ended, the application is still shown as it was before (trap 2)', async () => {
  const commit = await repository.commit({ [FILE]: releaseFile('v2', 'cd', 'b'.repeat(40)) });
  const seen: string[] = [];
  for (let step = 0; step < 200; step += 1) {
    await timing.sleep(50);
    const { body } = await call('GET', '/api/v1/applications/web-prod-1');
    const { status } = body as {
      status: {
        sync: { status: string; revisions: string[] };
        operationState?: { phase: string; operation: { sync: { revisions: string[] } } };
      };
    };
    const { operationState } = status;
    if (operationState?.operation.sync.revisions[0] === commit)
      seen.push(`${status.sync.status} ${operationState.phase}`);
  }
  expect(seen).toContain('OutOfSync Succeeded');
  expect(seen.at(-1)).toBe('Synced Succeeded');
});
