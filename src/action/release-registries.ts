import * as core from '@actions/core';
import type { ImageCheckDeps } from '../build/check-images.ts';
import type { openImageCopy } from '../build/copy-images.ts';
import type { MarkLiveDeps, markLive } from '../build/mark-live.ts';
import type { imageGate } from '../build/open-image-check.ts';
import { systemTiming } from '../github/timing.ts';
import { demandImageCheck } from '../release/scan-threshold.ts';
import { booleanInput, input, oidcToken, runnerContext } from './inputs.ts';

/** What a bump asks of registries, where its inputs say so. */
export interface ReleaseRegistries {
  /** undefined: images are not looked at. */
  readonly checkImages: ReturnType<typeof imageGate> | undefined;
  /** undefined: a promotion to another registry copies nothing. */
  readonly copyImage: ReturnType<typeof openImageCopy> | undefined;
  /** undefined: nothing is marked as live. */
  readonly markLive: ((deployed: MarkLiveDeps['deployed']) => ReturnType<typeof markLive>) | undefined;
}

/** The inputs `check-image`, `scan-threshold`, `copy-image`, `mark-live` and `registry-role`; an action has some of them; those that it has not are empty. */
export async function releaseRegistries(): Promise<ReleaseRegistries> {
  const [isChecked, isCopied, isMarked] = ['check-image', 'copy-image', 'mark-live'].map(booleanInput);
  demandImageCheck(input('scan-threshold'), isChecked === true);
  const none = { checkImages: undefined, copyImage: undefined, markLive: undefined };
  if (isChecked !== true && isCopied !== true && isMarked !== true) return none;
  // Only here: what ECR needs would cost every bump its time to load.
  const [
    { imageGate, openImageCheck, parseSeverity },
    { openImageCopy },
    { markLive },
    { registryRoles },
    { httpsAgent },
  ] = await Promise.all([
    import('../build/open-image-check.ts'),
    import('../build/copy-images.ts'),
    import('../build/mark-live.ts'),
    import('../build/build-target.ts'),
    import('../aws/https-agent.ts'),
  ]);
  const threshold = parseSeverity(input('scan-threshold'));
  const reader = {
    identityFor: registryRoles(input('registry-role'), {
      idToken: process.env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined ? undefined : oidcToken,
      sessionName: `kajitori-${runnerContext().runKey}`,
    }),
    timing: systemTiming,
    agent: httpsAgent(),
    onSecret: core.setSecret,
  };
  const deps: ImageCheckDeps & Pick<MarkLiveDeps, 'tag'> = openImageCheck(reader);
  return {
    checkImages: isChecked === true ? imageGate(deps, threshold) : undefined,
    copyImage: isCopied === true ? openImageCopy(reader) : undefined,
    markLive: isMarked === true ? (deployed) => markLive({ deployed, tag: deps.tag }) : undefined,
  };
}
