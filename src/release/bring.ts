import type { Timing } from '../github/timing.ts';
import { type Applied, applyChange } from '../repository/apply.ts';
import type { Change, ComputeChange } from '../repository/change.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import type { FileEdits } from '../repository/tree.ts';

export interface BringOptions {
  readonly on: GitopsRepository;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
  /** Files that the change surely reads. */
  readonly files: readonly string[];
  /** The branch of the pull request, where one is made. */
  readonly branch: string;
  readonly labels?: readonly string[];
  readonly autoMerge?: boolean;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly timing: Timing;
  readonly onRetry?: ((reason: string, attempt: number, pauseMs: number) => void) | undefined;
}

export interface Brought<Result> extends Applied<Result> {
  /** What was written or proposed, or would be. */
  readonly edits: FileEdits;
  readonly dryRun: boolean;
}

/**
 * Brings a change to a GitOps repository: as a commit or a pull request on GitHub, or into the files of a working copy.
 *
 * @throws Failure as `applyChange`; what the computation throws is passed on
 */
export async function bring<Result>(
  compute: ComputeChange<Result>,
  options: BringOptions,
): Promise<Brought<Result>> {
  const { on, dryRun, files, branch, labels = [], autoMerge = false, key, timing, onRetry } = options;
  let last: Change<Result> | undefined;
  const remembering: ComputeChange<Result> = async (tree) => {
    last = await compute(tree);
    return last;
  };
  if (on.kind === 'github' && !dryRun) {
    const applied = await applyChange(on.client, on.target, remembering, {
      files,
      key,
      timing,
      proposal: { branch, labels, autoMerge },
      ...(onRetry === undefined ? {} : { onRetry }),
    });
    return { ...applied, edits: applied.changed ? (last?.edits ?? new Map()) : new Map(), dryRun };
  }
  const [tree, readBranch] =
    on.kind === 'github'
      ? await readSnapshot(on.client, on.target, files).then(({ tree, branch }) => [tree, branch] as const)
      : ([on.copy, ''] as const);
  const { edits, result } = await remembering(tree);
  if (on.kind === 'working-copy' && !dryRun) {
    await on.copy.write(edits);
  }
  return {
    result,
    changed: !dryRun && edits.size > 0,
    commit: undefined,
    pullRequest: undefined,
    merging: 'no',
    branch: readBranch,
    attempts: 1,
    edits,
    dryRun,
  };
}
