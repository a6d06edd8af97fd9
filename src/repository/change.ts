import type { CommitMessage } from './commit-message.ts';
import type { FileEdits, Tree } from './tree.ts';

/** A set of file edits and the commit that carries them. No edits: there is nothing to do. */
export interface Change<Result> {
  readonly edits: FileEdits;
  readonly message: CommitMessage;
  /** No edits, because the tree holds something newer than what we bring (and not the same). */
  readonly superseded?: boolean;
  /** How it reaches the branch. */
  readonly via: 'commit' | 'pull-request';
  /** What the caller wants to know of the computation, e.g. the image before. */
  readonly result: Result;
}

/**
 * A change is a function of the tree: whoever loses a race computes it again from the new head, so stale content is
 * never replayed over somebody else's work.
 */
export type ComputeChange<Result> = (tree: Tree) => Promise<Change<Result>>;
