import { expect, test } from 'vitest';
import { brings, smooth, type WaitWorld, waitWorld } from '../../test/wait-world.ts';
import { createGitHubClient } from '../github/client.ts';
import type { AnnouncedDeploy, AnnouncedVerdict } from '../release/announce.ts';
import { announcer } from '../release/announcer.ts';
import { couldNot } from '../report/failure.ts';
import type { Tell } from './tell.ts';
import { waitSummary, waitText } from './wait-report.ts';

/** Writes down what is told. */
function listener() {
  const told: { deploy: AnnouncedDeploy; verdict: AnnouncedVerdict }[] = [];
  const tell: Tell = async (deploy, verdict) => {
    told.push({ deploy, verdict });
    return [];
  };
  const lines = (at: WaitWorld) =>
    told.map(({ deploy, verdict }) =>
      [
        `build ${at.world.commits.indexOf(deploy.source.commit)}`,
        ...verdict.clusters.map(({ cluster, state }) => `${cluster} ${state}`),
        ...(verdict.rolledBack ? ['rolled back'] : []),
      ].join(', '),
    );
  return { told, tell, lines };
}

/** Build 2 fails in prod-2. */
const badBuild = (about: Parameters<typeof smooth>[0]) =>
  brings(about.awaited, 2) && about.awaited.cluster === 'prod-2'
    ? { state: 'failed' as const, words: 'the image cannot be pulled' }
    : smooth(about);

test('people are told at the beginning and at the end, with the commit of the app and where it is seen', async () => {
  const at = await waitWorld();
  await at.gitops.commit(
    {
      'defaults/platform.yaml': 'platform: { ingress: { domain: "{environment}.example.com" } }\n',
      'apps/web/values.yaml': 'web: { port: 8080, host: shop }\n',
    },
    { message: 'Values' },
  );
  const commit = await at.deploy(2);
  const { told, tell, lines } = listener();
  const outputs = await at.wait(smooth, { commit }, { tell });
  expect(lines(at)).toEqual([
    'build 2, prod-1 pending, prod-2 pending',
    'build 2, prod-1 success, prod-2 success',
  ]);
  expect(told[1]?.deploy).toMatchObject({
    app: 'web',
    environment: 'production',
    production: true,
    source: { repository: 'acme/web' },
    commit: { oid: commit },
    url: 'https://shop.production.example.com',
  });
  expect(outputs.untold).toEqual([]);
});

test('a deploy that is undone is told with its cause, and so is the earlier one that runs again', async () => {
  const at = await waitWorld();
  const commit = await at.deploy(2);
  const { told, tell, lines } = listener();
  const outputs = await at.wait(badBuild, { commit }, { tell });
  expect(lines(at)).toEqual([
    'build 2, prod-1 pending, prod-2 pending',
    'build 1, prod-1 success, prod-2 success',
    'build 2, prod-1 error, prod-2 failure, rolled back',
  ]);
  expect(told[1]?.deploy.commit.oid).toBe((outputs.remedy as { commit: string }).commit);
  expect(told[2]?.verdict.clusters[1]?.words).toBe('the image cannot be pulled');
});

test('nobody is told that all run the earlier release again when they do not', async () => {
  const at = await waitWorld();
  const commit = await at.deploy(2);
  const { tell, lines } = listener();
  const always = (about: Parameters<typeof smooth>[0]) =>
    about.awaited.cluster === 'prod-2'
      ? { state: 'failed' as const, words: 'the node is gone' }
      : smooth(about);
  await at.wait(always, { commit }, { tell });
  expect(lines(at).slice(1)).toEqual([
    'build 1, prod-1 success, prod-2 failure',
    'build 2, prod-1 error, prod-2 failure',
  ]);
});

test('what could not be found out is told as that', async () => {
  const at = await waitWorld();
  const commit = await at.deploy(2);
  const { tell, lines } = listener();
  const lookout = {
    look: async () => Promise.reject(couldNot('Argo CD refused the token.', { todo: 'Make a new one.' })),
    pause: async () => {},
    explain: async () => ({}),
    endOperation: async () => true,
    close: () => {},
  };
  await expect(at.wait(smooth, { commit }, { tell, lookout: async () => lookout })).rejects.toThrow(
    'Argo CD refused',
  );
  expect(lines(at).at(-1)).toBe('build 2, prod-1 error, prod-2 error');
});

test('a change of values is no deploy of the app’s commit, and is not told there', async () => {
  const at = await waitWorld();
  const commit = await at.gitops.commit(
    { 'apps/web/values.yaml': 'web: { scale: 2 }\n' },
    { message: 'Scale' },
  );
  const { tell, lines } = listener();
  expect(await at.wait(smooth, { commit }, { tell })).toMatchObject({ verdict: 'healthy' });
  expect(lines(at)).toEqual([]);
});

test.each<[string, Tell]>([
  ['gives problems', async () => ['acme/web was not told: no right']],
  ['breaks', async () => Promise.reject(new TypeError('acme/web was not told: no right'))],
])('who tells and %s changes no verdict, and the report says so', async (_, tell) => {
  const at = await waitWorld();
  const bad = await at.wait(badBuild, { commit: await at.deploy(2) }, { tell });
  expect(bad).toMatchObject({ verdict: 'failed', remedy: { kind: 'written' } });
  expect(bad.untold).toEqual(['acme/web was not told: no right']);
  expect(waitText(bad)).toContain('  not told: acme/web was not told: no right');
  expect(waitSummary(bad)).toContain('Not told: acme/web was not told: no right');
});

test('waiting does not stand still while somebody is told', async () => {
  const at = await waitWorld();
  let looked = () => {};
  const firstLook = new Promise<void>((resolve) => {
    looked = resolve;
  });
  at.meanwhile = async () => looked();
  const { lines, tell } = listener();
  const slow: Tell = async (deploy, verdict) => {
    await firstLook;
    return tell(deploy, verdict);
  };
  await at.wait(smooth, { commit: await at.deploy(2) }, { tell: slow });
  expect(lines(at)).toEqual([
    'build 2, prod-1 pending, prod-2 pending',
    'build 2, prod-1 success, prod-2 success',
  ]);
});

test('on GitHub: a deployment for each cluster and a status on the commit; a bad webhook and no App are sentences', async () => {
  const at = await waitWorld();
  const { github, timing, commits } = at.world;
  const token = github.actionsToken('acme/web', {
    deployments: 'write',
    statuses: 'write',
    pull_requests: 'write',
  });
  const tell = announcer({
    clientOf: async () => createGitHubClient({ apiUrl: github.apiUrl, token, timing }),
    webhook: 'geheim',
  });
  const outputs = await at.wait(smooth, { commit: await at.deploy(2) }, { tell });
  const web = github.repository('acme/web');
  expect(web.deployments().map(({ environment, statuses }) => [environment, statuses[0]?.state])).toEqual([
    ['web/production/prod-2', 'success'],
    ['web/production/prod-1', 'success'],
  ]);
  expect(web.statuses(commits[2] ?? '').at(-1)).toMatchObject({
    context: 'kajitori/web/production',
    state: 'success',
  });
  expect(outputs.untold).toEqual(['the chat: The webhook is not an https URL.']);

  const without = announcer({
    clientOf: async () => {
      throw couldNot('The App is not installed on acme/web.', { todo: 'Install it.' });
    },
    webhook: undefined,
  });
  const next = await at.wait(smooth, { commit: await at.deploy(3) }, { tell: without });
  expect(next).toMatchObject({
    verdict: 'healthy',
    untold: ['acme/web: The App is not installed on acme/web.'],
  });
});
