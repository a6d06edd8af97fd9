import { parseTrailers } from '../repository/commit-message.ts';

/**
 * What a commit has to tell of its parents, so that it can be seen whether it merged a proposal. One level more than the parents:
 * the button "Update branch" puts a merge of the base on top of what was proposed.
 */
export const MERGED_FIELDS =
  'parents(first: 2) { nodes { oid message parents(first: 1) { totalCount nodes { oid message } } } }';

/** A commit, as `MERGED_FIELDS` tell it. */
export interface MergeableCommit extends CommitWords {
  readonly parents: Nodes<
    CommitWords & { readonly parents: Nodes<CommitWords> & { readonly totalCount: number } }
  >;
}

interface CommitWords {
  readonly oid: string;
  readonly message: string;
}

interface Nodes<Node> {
  readonly nodes: readonly (Node | null)[] | null;
}

/**
 * Git's own words for a merge of the base into a clone of it, which was pushed then: its second parent is not what was merged, but
 * where the base was before.
 */
const PULLED_WORDS = /^Merge (?:remote-tracking )?branch '(?!(?:[\w.-]+\/)?kajitori\/)/;

/** Whether a merge commit merged the branch into itself: what it brought was made on the branch, and stands for itself. */
export const isPulled = (message: string): boolean => PULLED_WORDS.test(message);

/**
 * The proposed commit that a merge commit brought; undefined where it is none. The deploy is the merge commit's: that one reached the
 * base, Argo CD syncs it, and verdicts stand on it. What was deployed stands in the proposed commit, unless who merged gave the
 * words anew.
 */
export function proposedBy({ message, parents }: MergeableCommit): CommitWords | undefined {
  const second = parents.nodes?.[1];
  if (second === null || second === undefined || isPulled(message)) {
    return undefined;
  }
  const under = second.parents.totalCount > 1 ? (second.parents.nodes?.[0] ?? undefined) : undefined;
  return [second, under].find((each) => each !== undefined && isDeploy(each.message));
}

/** The text that tells what a commit deployed: its own, else that of what it merged. */
export const wordsOf = (message: string, proposed: string | undefined): string =>
  proposed === undefined || isDeploy(message) ? message : proposed;

const isDeploy = (message: string): boolean =>
  parseTrailers(message).some(({ name }) => name === 'Kajitori-App');
