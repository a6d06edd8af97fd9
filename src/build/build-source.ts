import { couldNot } from '../report/failure.ts';
import { gitOutput } from './git-output.ts';
import { type BuildRef, parseRef } from './image-tags.ts';

/** What is built, as git and the runner say it. */
export interface BuildSource {
  /** The commit that is checked out, 40 (or 64) hex digits. */
  readonly commit: string;
  readonly committedAt: Date;
  readonly ref: BuildRef;
  /** For the cache of a pull request: what it is merged into. */
  readonly baseBranch: string | undefined;
  readonly defaultBranch: string;
  /** GITHUB_EVENT_NAME; undefined on a laptop. */
  readonly event: string | undefined;
  /** The page of the repository. */
  readonly url: string | undefined;
}

/** What the runner says (docs: "Variables reference"). */
export interface RunnerSays {
  /** GITHUB_REF */
  readonly ref: string | undefined;
  /** GITHUB_SHA */
  readonly commit: string | undefined;
  /** GITHUB_BASE_REF, of a pull request */
  readonly baseBranch: string | undefined;
  readonly event: string | undefined;
  readonly defaultBranch: string | undefined;
  readonly url: string | undefined;
}

/**
 * Reads what is checked out. It counts, and not GITHUB_SHA: a workflow may have checked out another commit; the run's ref
 * is not that commit's then.
 *
 * @throws Failure (exit 2): `no-commit`
 */
export async function readSource(workspace: string, runner: RunnerSays | undefined): Promise<BuildSource> {
  const [shown, symbolic] = await Promise.all([
    gitOutput(workspace, ['show', '--no-patch', '--no-show-signature', '--format=%H %ct', 'HEAD']),
    runner === undefined ? gitOutput(workspace, ['symbolic-ref', '--quiet', 'HEAD']) : undefined,
  ]);
  const [commit, seconds] = shown?.trim().split(' ') ?? [];
  if (commit === undefined || seconds === undefined) {
    throw couldNot(`There is no commit in ${workspace}, and so no tag for an image.`, {
      todo: 'Check the repository out in a step before (actions/checkout).',
      reason: 'no-commit',
    });
  }
  const isRuns = runner?.commit === commit;
  const said = runner === undefined ? (symbolic?.trim() ?? '') : isRuns ? (runner.ref ?? '') : '';
  const ref = parseRef(said);
  return {
    commit,
    committedAt: new Date(Number(seconds) * 1000),
    ref,
    baseBranch: runner?.baseBranch,
    defaultBranch: runner?.defaultBranch ?? 'main',
    event: runner?.event,
    url: runner?.url,
  };
}
