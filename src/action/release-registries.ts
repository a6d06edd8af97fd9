import * as core from '@actions/core';
import type { ImageCheckDeps } from '../build/check-images.ts';
import type { MarkLiveDeps, markLive } from '../build/mark-live.ts';
import type { imageGate } from '../build/open-image-check.ts';
import { systemTiming } from '../github/timing.ts';
import { booleanInput, input, oidcToken, runnerContext } from './inputs.ts';

/** What a bump asks of registries, where its inputs say so. */
export interface ReleaseRegistries {
  /** undefined: images are not looked at. */
  readonly checkImages: ReturnType<typeof imageGate> | undefined;
  /** undefined: nothing is marked as live. */
  readonly markLive: ((deployed: MarkLiveDeps['deployed']) => ReturnType<typeof markLive>) | undefined;
}

/** The inputs `check-image`, `scan-threshold`, `mark-live` and `registry-role`. */
export async function releaseRegistries(): Promise<ReleaseRegistries> {
  const [isChecked, isMarked] = [booleanInput('check-image'), booleanInput('mark-live')];
  if (!isChecked && !isMarked) return { checkImages: undefined, markLive: undefined };
  // Only here: what ECR needs would cost every bump its time to load.
  const [{ imageGate, openImageCheck, parseSeverity }, { markLive }, { registryRoles }, { httpsAgent }] =
    await Promise.all([
      import('../build/open-image-check.ts'),
      import('../build/mark-live.ts'),
      import('../build/build-target.ts'),
      import('../aws/https-agent.ts'),
    ]);
  const threshold = parseSeverity(input('scan-threshold'));
  const deps: ImageCheckDeps & Pick<MarkLiveDeps, 'tag'> = openImageCheck({
    identityFor: registryRoles(input('registry-role'), {
      idToken: process.env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined ? undefined : oidcToken,
      sessionName: `kajitori-${runnerContext().runKey}`,
    }),
    timing: systemTiming,
    agent: httpsAgent(),
    onSecret: core.setSecret,
  });
  return {
    checkImages: isChecked ? imageGate(deps, threshold) : undefined,
    markLive: isMarked ? (deployed) => markLive({ deployed, tag: deps.tag }) : undefined,
  };
}
