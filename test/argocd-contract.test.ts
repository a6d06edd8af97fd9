import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { openArgoCd } from '../src/argocd/client.ts';
import { startArgoCd } from '../src/standin/argocd/server.ts';
import { startGitHub } from '../src/standin/github/server.ts';
import { type ArgoCdDriver, argoCdContract } from './argocd-contract.ts';
import { startGitops } from './e2e/gitops.ts';
import { virtualTiming } from './virtual-timing.ts';

const CLUSTERS = ['prod-1', 'prod-2'] as const;

describe('the stand-in for Argo CD behaves as the real one (test/e2e/argocd-contract.e2e.ts runs the same)', () => {
  const started = new AsyncDisposableStack();
  let driver: ArgoCdDriver;

  beforeAll(async () => {
    const timing = virtualTiming();
    const folder = started.use(await mkdtempDisposable(join(tmpdir(), 'argocd-contract-'))).path;
    const github = started.use(await startGitHub());
    const clusters = CLUSTERS.map((name) => ({ name, kubectl: () => Promise.resolve() }));
    const gitops = await startGitops({
      github,
      clusters,
      argocd: { refresh: () => Promise.resolve() },
      folder,
    });
    const repository = github.repository('acme/gitops');
    const argocd = started.use(await startArgoCd({ clusters: CLUSTERS, repository, clock: timing.now }));
    const client = openArgoCd({ server: argocd.url, token: () => argocd.token, timing });
    driver = { client, timing, clusters: CLUSTERS, gitops };
  });
  afterAll(() => started.disposeAsync());

  argoCdContract(() => driver);
});
