import { type BringOptions, type Brought, bring } from '../repository/bring.ts';
import type { ComputeChange } from '../repository/change.ts';
import type { PullRequestReference } from '../repository/pull-request.ts';
import type { FileEdits } from '../repository/tree.ts';

export interface CarriedOut<Result> {
  readonly result: Result;
  /**
   * - `proposed`: a pull request was made or brought up to date; `already-proposed`: it stands as it should be.
   * - `written`: into the files of a working copy; `would-write`: a dry run that would change something.
   * - `already-there`: nothing to do.
   */
  readonly reason: 'proposed' | 'already-proposed' | 'written' | 'would-write' | 'already-there';
  /** What was written or proposed, or would be. */
  readonly edits: FileEdits;
  /** The texts before, of the files in `edits`. */
  readonly originals: ReadonlyMap<string, string | undefined>;
  readonly pullRequest: PullRequestReference | undefined;
}

/**
 * Brings a change to a GitOps repository as one pull request, or as edits of a working copy.
 *
 * @throws Failure as `applyChange`; what the computation throws is passed on
 */
export async function carryOut<Result>(
  compute: ComputeChange<Result>,
  options: BringOptions,
): Promise<CarriedOut<Result>> {
  const brought = await bring(async (tree) => ({ ...(await compute(tree)), via: 'pull-request' }), options);
  const { result, pullRequest, computed } = brought;
  const reason = reasonOf(brought, options);
  const edits: FileEdits = (reason === 'already-there' ? undefined : computed?.edits) ?? new Map();
  const originals = await Promise.all(
    [...edits.keys()].map(async (file) => [file, await computed?.tree.read(file)] as const),
  );
  return { result, reason, pullRequest, edits, originals: new Map(originals) };
}

function reasonOf<Result>(
  { changed, pullRequest, edits }: Brought<Result>,
  { on, dryRun }: BringOptions,
): CarriedOut<Result>['reason'] {
  if (on.kind === 'github' && !dryRun) {
    return pullRequest === undefined ? 'already-there' : changed ? 'proposed' : 'already-proposed';
  }
  return edits.size === 0 ? 'already-there' : dryRun ? 'would-write' : 'written';
}
