import { afterAll, beforeAll, describe } from 'vitest';
import { openArgoCd } from '../../src/argocd/client.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { type ArgoCdDriver, argoCdContract } from '../argocd-contract.ts';
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
    const client = openArgoCd({ server: url, token: () => token, timing: systemTiming });
    driver = { client, timing: systemTiming, clusters: CLUSTERS, gitops };
  });
  afterAll(() => rig?.[Symbol.asyncDispose]());

  argoCdContract(() => driver);
});
