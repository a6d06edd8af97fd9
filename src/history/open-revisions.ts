import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import type { Tree } from '../repository/tree.ts';
import { gitRevisions } from './git-revisions.ts';
import { gitHubRevisions } from './github-revisions.ts';
import type { Revisions } from './revisions.ts';

/**
 * A GitOps repository's files at its head, and the history behind it.
 *
 * @param files that are surely read: fetched together with the head
 */
export async function openRevisions(
  on: GitopsRepository,
  files: readonly string[],
): Promise<{ readonly tree: Tree; readonly revisions: Revisions }> {
  if (on.kind === 'working-copy') {
    return { tree: on.copy, revisions: gitRevisions(on.copy.root) };
  }
  const { tree, head } = await readSnapshot(on.client, on.target, files);
  return { tree, revisions: gitHubRevisions(on.client, on.target.repository, head) };
}
