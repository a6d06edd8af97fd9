import type { ReadText } from '../release/release-record.ts';

/**
 * A commit that changed a file, with the texts of some files at it. What a merge commit brought is told as that commit: there it
 * reached the branch, and there its verdicts are.
 */
export interface Revision {
  readonly commit: string;
  /** Its page; undefined for a working copy. */
  readonly url: string | undefined;
  /** When it reached the repository (the committer's date). */
  readonly at: Date;
  /** The author, as GitHub's login where there is one; of what was merged. */
  readonly author: string;
  /** Of what was merged. */
  readonly message: string;
  readonly read: ReadText;
}

export interface RevisionBounds {
  /** How many at most. */
  readonly limit: number;
  /**
   * Back to this moment, and one more: what a commit changed is seen only beside the one before it.
   */
  readonly since?: Date | undefined;
}

export interface FoundRevisions {
  /** Newest first. */
  readonly revisions: readonly Revision[];
  /** There may be older ones, which were not read. */
  readonly more: boolean;
}

/** The history of a GitOps repository, seen from one commit. */
export interface Revisions {
  /**
   * The commits that changed `path`.
   *
   * @param files whose text each of them brings
   */
  changing(path: string, files: readonly string[], bounds: RevisionBounds): Promise<FoundRevisions>;
}

/**
 * One revision for each commit, newest first. Git lists what was merged by the date of its making, and beside it the merge commit
 * where that differs from both of its parents.
 *
 * @param found as git lists them, each as the commit that brought it
 */
export function asMerged(found: readonly (Revision & { readonly isMerged: boolean })[]): readonly Revision[] {
  if (!found.some(({ isMerged }) => isMerged)) return found;
  const byCommit = new Map<string, Revision & { readonly isMerged: boolean }>();
  for (const each of found) {
    const known = byCommit.get(each.commit);
    if (known === undefined || (each.isMerged && !known.isMerged)) byCommit.set(each.commit, each);
  }
  return [...byCommit.values()].sort((a, b) => b.at.getTime() - a.at.getTime());
}

/** Whether one of them is older than a moment. */
export const reaches = (revisions: readonly Revision[], since: Date | undefined): boolean =>
  since !== undefined && revisions.some(({ at }) => at < since);

/** Down to the first that is older than a moment. */
export function upTo(found: FoundRevisions, since: Date | undefined): FoundRevisions {
  const older = found.revisions.findIndex(({ at }) => since !== undefined && at < since);
  return older === -1 || older === found.revisions.length - 1
    ? found
    : { revisions: found.revisions.slice(0, older + 1), more: true };
}
