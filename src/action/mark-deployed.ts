import * as core from '@actions/core';
import { filesOfApps } from '../release/app-files.ts';
import { deployedImages } from '../release/deployed-images.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import { logText, withoutCommands } from './log-text.ts';
import type { ReleaseRegistries } from './release-registries.ts';

/**
 * Marks what runs now as live, where the input `mark-live` says so; sets the output `live-tags`. What goes wrong is a warning:
 * the release is written already.
 *
 * @param released apps and the environment that they were brought to
 */
export async function markDeployed(
  { markLive }: Pick<ReleaseRegistries, 'markLive'>,
  { client, target }: Pick<Extract<GitopsRepository, { kind: 'github' }>, 'client' | 'target'>,
  released: readonly { readonly apps: readonly string[]; readonly environment: string }[],
): Promise<void> {
  const marked = await markLive?.(async () => {
    const files = released.flatMap(({ apps, environment }) => filesOfApps(apps, [environment]));
    const { tree } = await readSnapshot(client, target, [...new Set(files)]);
    const images = released.map(({ apps, environment }) => deployedImages(tree, apps, environment));
    return (await Promise.all(images)).flat();
  });
  for (const tag of marked?.tags ?? []) {
    logText(`marked as live: ${tag}`);
  }
  for (const problem of marked?.problems ?? []) {
    core.warning(withoutCommands(problem));
  }
  core.setOutput('live-tags', marked?.tags.join('\n') ?? '');
}
