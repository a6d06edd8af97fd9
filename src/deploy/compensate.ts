import type { GitHubClient } from '../github/client.ts';
import type { Timing } from '../github/timing.ts';
import { filesOfApps, readConfig } from '../release/app-files.ts';
import {
  type AppRollback,
  computeRollback,
  goesBack,
  type RollbackResult,
  undoing,
} from '../release/compute-rollback.ts';
import { appsOf } from '../release/deploy-message.ts';
import type { Deployer } from '../release/deployer.ts';
import { sameReleased } from '../release/release-record.ts';
import { Failure } from '../report/failure.ts';
import { type Applied, applyChange } from '../repository/apply.ts';
import type { PullRequestReference } from '../repository/pull-request.ts';
import { type BranchTarget, gitHubTree } from '../repository/snapshot.ts';
import { type DeployCommit, readRecentCommits } from './deploy-history.ts';
import { healthyBefore, judgedReleases } from './healthy-release.ts';

/** What is undone, and why. */
export interface Compensation {
  readonly commit: DeployCommit;
  /** Those that the commit deployed; all of them go back together. */
  readonly apps: readonly string[];
  readonly environment: string;
  /** Why: in the hold, in the commit, and in every refusal until the hold ends. */
  readonly reason: string;
  /** The page of the run. */
  readonly run: string | undefined;
}

/**
 * What became of it:
 *
 * - `written`: one commit puts the environment back, `proposed`: a pull request does, when it is merged.
 * - `done-before`: another run wrote that commit. `superseded`: somebody deployed since, and that stays.
 * - `nothing-earlier`: the app's first deploy, or a commit that changed no image: there is nothing to go back to.
 */
export type Compensated =
  | {
      readonly kind: 'written' | 'done-before';
      readonly commit: string;
      readonly url: string;
      readonly apps: readonly string[];
    }
  | { readonly kind: 'proposed'; readonly pullRequest: PullRequestReference }
  | { readonly kind: 'superseded' | 'nothing-earlier' };

export interface CompensateDeps {
  readonly client: GitHubClient;
  readonly target: BranchTarget;
  readonly timing: Timing;
  readonly deployer: Deployer;
  readonly onRetry?: ((reason: string, attempt: number, pauseMs: number) => void) | undefined;
}

/**
 * Puts an environment back to what was healthy before a commit, by one commit for all of its clusters.
 *
 * Only what the commit changed, and only as long as it still is so: it is computed from the head and written by
 * compare-and-swap, so a newer deploy is never undone, and of two runs that do this at once one writes.
 *
 * An app's first deploy stays. Taking the release file away would not stop it: the ApplicationSet never deletes an
 * Application (a file that disappeared is no order to take an app down), and the chart does not render without an image.
 * All clusters are at the same commit, as they should be, and the next deploy mends them; no hold stands in its way.
 *
 * @throws Failure (exit 2) when GitHub refuses or does not answer
 */
export async function compensate(compensation: Compensation, deps: CompensateDeps): Promise<Compensated> {
  const { commit, apps, environment, reason, run } = compensation;
  const { client, target, timing } = deps;
  const changed = await whatGoesBack(compensation, deps);
  if (commit.parent === undefined || !changed.some(canGoBack)) {
    return { kind: 'nothing-earlier' };
  }
  const back = await toWhatWasHealthy(changed, commit.parent, environment, deps);
  const write = (autoMerge: boolean) =>
    applyChange(
      client,
      target,
      (tree) =>
        computeRollback(
          tree,
          { apps: back, environment, reason, by: 'kajitori', holdUntil: undefined, run, via: undefined },
          { now: new Date(timing.now()), deployer: deps.deployer },
        ),
      {
        files: filesOfApps(apps, [environment]),
        // The same for every run that undoes this commit.
        key: `undo/${environment}/${commit.oid}`,
        timing,
        proposal: {
          branch: `kajitori/undo/${environment}/${[...apps].sort().join('+')}`,
          labels: [],
          autoMerge,
        },
        ...(deps.onRetry === undefined ? {} : { onRetry: deps.onRetry }),
      },
    );
  const applied = await write(true).catch((error: unknown) => {
    if (error instanceof Failure && error.reason === 'no-auto-merge') {
      // The pull request is open, and a person has to merge it: proposed again, it is found and kept.
      return write(false);
    }
    throw error;
  });
  return compensated(applied, compensation, deps);
}

type Undone = Pick<Compensation, 'commit' | 'apps' | 'environment'>;

/**
 * Whether there is something to go back to: a failed deploy without is left as it is.
 *
 * @throws Failure (exit 2) when GitHub does not answer
 */
export const canBeUndone = async (
  undone: Undone,
  deps: Pick<CompensateDeps, 'client' | 'target'>,
): Promise<boolean> => (await whatGoesBack(undone, deps)).some(canGoBack);

async function whatGoesBack(
  { commit, apps, environment }: Undone,
  { client, target }: Pick<CompensateDeps, 'client' | 'target'>,
): Promise<readonly AppRollback[]> {
  const treeAt = (oid: string) => gitHubTree(client, target.repository, oid);
  return commit.parent === undefined
    ? []
    : undoing(treeAt(commit.parent), treeAt(commit.oid), apps, environment);
}

/** The release right before need not have been healthy: it may have been replaced before that was known. */
async function toWhatWasHealthy(
  apps: readonly AppRollback[],
  parent: string,
  environment: string,
  deps: CompensateDeps,
): Promise<readonly AppRollback[]> {
  const config = await readConfig(gitHubTree(deps.client, deps.target.repository, parent));
  return Promise.all(
    apps.map(async (each) => {
      if (!canGoBack(each)) {
        return each;
      }
      const releases = await judgedReleases(deps, config, { app: each.app, environment, upTo: parent });
      return { ...each, to: healthyBefore(each, releases, deps.timing.now()) };
    }),
  );
}

/** Whether a deploy changed something that ran before. */
const canGoBack = ({ to, ours }: AppRollback): boolean =>
  to !== undefined &&
  [...(ours?.images.keys() ?? [])].some((name) => !sameReleased(ours?.images.get(name), to.images.get(name)));

async function compensated(
  applied: Applied<RollbackResult>,
  { apps, environment }: Compensation,
  { client, target }: CompensateDeps,
): Promise<Compensated> {
  const { images } = applied.result;
  if (applied.commit !== undefined) {
    const { oid, url } = applied.commit;
    return { kind: 'written', commit: oid, url, apps: appsOf(images.filter(goesBack)) };
  }
  if (applied.pullRequest !== undefined) {
    return { kind: 'proposed', pullRequest: applied.pullRequest };
  }
  const isBack = images.some(({ before, after }) => after !== undefined && sameReleased(before, after));
  if (!isBack) {
    return { kind: 'superseded' };
  }
  const undone = (await readRecentCommits(client, target)).find(({ deploys }) =>
    deploys.some((each) => each.environment === environment && apps.includes(each.app)),
  );
  return undone === undefined
    ? { kind: 'superseded' }
    : {
        kind: 'done-before',
        commit: undone.oid,
        url: undone.url,
        apps: undone.deploys.filter((each) => apps.includes(each.app)).map(({ app }) => app),
      };
}
