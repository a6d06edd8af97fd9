import { expect, test } from 'vitest';
import { type WaitWorld, waitWorld, writeStatus } from '../../test/wait-world.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { NotifiedLookout } from './notified-lookout.ts';

/** Waits by what notifications wrote; `meanwhile` is what Argo CD does before each look. */
async function waiting(script: (at: WaitWorld, look: number) => Promise<void>) {
  const at = await waitWorld();
  const commit = await at.deploy(2);
  const target = { repository: parseRepositoryName(at.gitops.fullName) };
  const lookout = new NotifiedLookout({ client: at.client, target, timing: at.world.timing });
  let looks = 0;
  const outputs = await at.wait(
    () => ({}),
    { commit },
    {
      lookout: async () => ({
        look: async (awaited) => {
          await script(at, ++looks);
          return lookout.look(awaited);
        },
        pause: () => lookout.pause(),
        explain: () => lookout.explain(),
        endOperation: () => lookout.endOperation(),
        close: () => lookout.close(),
      }),
    },
  );
  return { at, commit, outputs };
}

/** What Argo CD notifies of web in both clusters. */
async function notifiedOfBoth(
  at: WaitWorld,
  commit: string,
  state: Parameters<typeof writeStatus>[3],
  words: string,
): Promise<void> {
  for (const cluster of ['prod-1', 'prod-2']) {
    await writeStatus(at, commit, `argocd/web-${cluster}`, state, words);
  }
}

test('healthy when Argo CD has notified it of every application, at our commit or a later one', async () => {
  let later = '';
  const { outputs } = await waiting(async (at, look) => {
    const head = await at.gitops.head();
    if (look === 2) await writeStatus(at, head, 'argocd/web-prod-1', 'success', 'healthy');
    if (look === 3) later = await at.gitops.commit({ 'README.md': 'x' }, { message: 'Another one' });
    if (look === 4) await writeStatus(at, later, 'argocd/web-prod-2', 'success', 'healthy');
  });
  expect(outputs.verdict).toBe('healthy');
});

test('what was notified of an earlier commit does not count', async () => {
  const { outputs } = await waiting(async (at, look) => {
    const [, before] = await at.gitops.commits();
    if (look > 1) return;
    await notifiedOfBoth(at, before?.oid ?? '', 'success', 'healthy');
  });
  expect(outputs).toMatchObject({ verdict: 'unknown' });
});

test('failed when one was notified so; the same commit back, and its notifications decide again', async () => {
  const { at, outputs } = await waiting(async (world, look) => {
    const [head] = await world.gitops.commits();
    if (look === 1)
      await writeStatus(world, head?.oid ?? '', 'argocd/web-prod-2', 'failure', 'the sync failed: x');
    if (look === 3) await notifiedOfBoth(world, head?.oid ?? '', 'success', 'healthy');
  });
  expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
  expect(outputs.back.map(({ outcome }) => outcome?.kind)).toEqual(['healthy', 'healthy']);
  expect(await at.gitops.commits()).toHaveLength(3);
});

test('what is on its way is waited for until the deadline, and then has failed', async () => {
  const { outputs } = await waiting(async (at, look) => {
    if (look > 1) return;
    await notifiedOfBoth(at, await at.gitops.head(), 'pending', 'applied; waiting for its pods');
  });
  expect(outputs).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
  expect(outputs.applications[0]?.outcome).toMatchObject({
    kind: 'failed',
    cause: expect.stringMatching(/^not healthy within 15 minutes: applied; waiting for its pods/),
  });
});

test('what Argo CD cannot tell is unknown: nothing is put back for it', async () => {
  const { outputs } = await waiting(async (at, look) => {
    if (look > 1) return;
    await notifiedOfBoth(at, await at.gitops.head(), 'error', 'it was Degraded before');
  });
  expect(outputs).toMatchObject({ verdict: 'unknown', remedy: undefined });
  expect(outputs.applications[0]?.words).toBe('it was Degraded before');
});

test('what was healthy stays so when a later commit is on its way before anybody looked', async () => {
  const { outputs } = await waiting(async (at, look) => {
    if (look > 1) return;
    const ours = await at.gitops.head();
    const later = await at.gitops.commit({ 'README.md': 'x' }, { message: 'Another one' });
    await notifiedOfBoth(at, ours, 'success', 'healthy');
    await notifiedOfBoth(at, later, 'pending', 'syncing');
  });
  expect(outputs.verdict).toBe('healthy');
});

test('a commit with a hundred later ones is still waited for', async () => {
  const { outputs } = await waiting(async (at, look) => {
    if (look > 1) return;
    const ours = await at.gitops.head();
    let later = ours;
    for (let nth = 0; nth < 100; nth += 1) {
      later = await at.gitops.commit({ 'README.md': `${nth}` }, { message: `Another one, ${nth}` });
    }
    await writeStatus(at, ours, 'argocd/web-prod-1', 'success', 'healthy');
    await writeStatus(at, later, 'argocd/web-prod-2', 'success', 'healthy');
  });
  expect(outputs.verdict).toBe('healthy');
});
