import type { Timing } from '../github/timing.ts';
import { type Applied, applyChange } from './apply.ts';
import type { Change, ComputeChange } from './change.ts';
import type { GitopsRepository } from './gitops-repository.ts';
import { readSnapshot } from './snapshot.ts';
import type { FileEdits, Tree } from './tree.ts';

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
  /** How long lost races are tried again; undefined: as `applyChange` does. */
  readonly patienceMs?: number | undefined;
  readonly onRetry?: ((reason: string, attempt: number, pauseMs: number) => void) | undefined;
}

export interface Brought<Result> extends Applied<Result> {
  /** What was written or proposed, or would be. */
  readonly edits: FileEdits;
  readonly dryRun: boolean;
  /** What was computed, also where it is proposed already; undefined: nothing was to be changed. */
  readonly computed: Computed | undefined;
}

/** A change, and the files that it was computed from. */
interface Computed {
  readonly tree: Tree;
  readonly edits: FileEdits;
}

/**
 * Brings a change to a GitOps repository: as a commit or a pull request on GitHub, or into the files of a working copy.
 * Every use case that writes does it by this.
 *
 * @throws Failure as `applyChange`; what the computation throws is passed on
 */
export async function bring<Result>(
  compute: ComputeChange<Result>,
  options: BringOptions,
): Promise<Brought<Result>> {
  const { on, dryRun, files, branch, labels = [], autoMerge = false, key, timing } = options;
  let last: Computed | undefined;
  const remembering: ComputeChange<Result> = async (tree) => {
    const change: Change<Result> = await compute(tree);
    // After a lost answer the tree has our change already, and computing it again gives none.
    if (change.edits.size > 0) {
      last = { tree, edits: change.edits };
    }
    return change;
  };
  if (on.kind === 'github' && !dryRun) {
    const applied = await applyChange(on.client, on.target, remembering, {
      files,
      key,
      timing,
      proposal: { branch, labels, autoMerge },
      ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
      ...(options.onRetry === undefined ? {} : { onRetry: options.onRetry }),
    });
    return {
      ...applied,
      dryRun,
      edits: applied.changed ? (last?.edits ?? new Map()) : new Map(),
      computed: last,
    };
  }
  const [tree, readBranch] =
    on.kind === 'github'
      ? await readSnapshot(on.client, on.target, files).then(({ tree, branch }) => [tree, branch] as const)
      : ([on.copy, ''] as const);
  const { edits, result } = await remembering(tree);
  const computed = last;
  if (on.kind === 'working-copy' && !dryRun && edits.size > 0) {
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
    computed,
  };
}
