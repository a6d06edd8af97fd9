import type { Timing } from '../github/timing.ts';
import { applyChange } from '../repository/apply.ts';
import type { Change, ComputeChange } from '../repository/change.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import type { PullRequestReference } from '../repository/proposal.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import type { WorkingCopy } from '../repository/working-copy.ts';

export interface CarryOutOptions {
  readonly on: GitopsRepository;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
  /** Files that the change surely reads. */
  readonly files: readonly string[];
  /** The branch of the pull request: the same name is the same pull request. */
  readonly branch: string;
  readonly labels: readonly string[];
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly timing: Timing;
  readonly onRetry?: ((reason: string, attempt: number, pauseMs: number) => void) | undefined;
}

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
  options: CarryOutOptions,
): Promise<CarriedOut<Result>> {
  const { on } = options;
  let last: { tree: Tree; change: Change<Result> } | undefined;
  const remembering: ComputeChange<Result> = async (tree) => {
    const change: Change<Result> = { ...(await compute(tree)), via: 'pull-request' };
    if (change.edits.size > 0) {
      last = { tree, change };
    }
    return change;
  };
  const applied =
    on.kind === 'github'
      ? await onGitHub(remembering, options, on)
      : await inWorkingCopy(remembering, options, on.copy);
  const written = applied.reason === 'already-there' ? undefined : last;
  const edits: FileEdits = written?.change.edits ?? new Map();
  const originals = await Promise.all(
    [...edits.keys()].map(async (file) => [file, await written?.tree.read(file)] as const),
  );
  return { ...applied, edits, originals: new Map(originals) };
}

type Outcome<Result> = Pick<CarriedOut<Result>, 'result' | 'reason' | 'pullRequest'>;

async function onGitHub<Result>(
  compute: ComputeChange<Result>,
  { dryRun, files, branch, labels, key, timing, onRetry }: CarryOutOptions,
  { client, target }: Extract<GitopsRepository, { kind: 'github' }>,
): Promise<Outcome<Result>> {
  if (dryRun) {
    const { edits, result } = await compute((await readSnapshot(client, target, files)).tree);
    return { result, reason: edits.size > 0 ? 'would-write' : 'already-there', pullRequest: undefined };
  }
  const { result, changed, pullRequest } = await applyChange(client, target, compute, {
    files,
    key,
    timing,
    proposal: { branch, labels, autoMerge: false },
    ...(onRetry === undefined ? {} : { onRetry }),
  });
  if (pullRequest === undefined) {
    return { result, reason: 'already-there', pullRequest };
  }
  return { result, reason: changed ? 'proposed' : 'already-proposed', pullRequest };
}

async function inWorkingCopy<Result>(
  compute: ComputeChange<Result>,
  { dryRun }: CarryOutOptions,
  copy: WorkingCopy,
): Promise<Outcome<Result>> {
  const { edits, result } = await compute(copy);
  if (edits.size === 0) {
    return { result, reason: 'already-there', pullRequest: undefined };
  }
  if (!dryRun) {
    await copy.write(edits);
  }
  return { result, reason: dryRun ? 'would-write' : 'written', pullRequest: undefined };
}
