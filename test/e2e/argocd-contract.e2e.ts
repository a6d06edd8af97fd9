import { afterAll, beforeAll, describe } from 'vitest';
import { openArgoCd } from '../../src/argocd/client.ts';
import { type ArgoCdDriver, argoCdContract } from '../argocd-contract.ts';
import { startClock } from './clock.ts';
import { startGitops } from './gitops.ts';
import { type Rig, startRig } from './rig/rig.ts';

const CLUSTERS = ['prod-1', 'prod-2'] as const;

describe('our client, judge and words, on a real Argo CD', () => {
  let rig: Rig;
  let driver: ArgoCdDriver;

  beforeAll(async () => {
    rig = await startRig(...CLUSTERS);
    const gitops = await startGitops(rig);
    const { url, token } = rig.argocd;
    const timing = startClock();
    const client = openArgoCd({ server: url, token: () => token, timing });
    driver = { client, timing, clusters: CLUSTERS, gitops, skip: timing.skip };
  });
  afterAll(() => rig?.[Symbol.asyncDispose]());

  argoCdContract(() => driver);
});
