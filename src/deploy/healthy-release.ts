import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { GitHubClient } from '../github/client.ts';
import { gitHubRevisions } from '../history/github-revisions.ts';
import { isHealthyStill, type PastRelease, pastReleases, runsTheSame } from '../history/past-releases.ts';
import type { AppRollback } from '../release/compute-rollback.ts';
import type { ReleaseRecord } from '../release/release-record.ts';
import { readVerdicts } from '../release/verdict.ts';
import type { BranchTarget } from '../repository/snapshot.ts';

/** How many commits of a release file are looked at. */
const LOOK_BACK = 20;

/**
 * A release that nobody judges within a day is not waited for (unfinished.ts): it is what people run, as far as anybody
 * knows. Milliseconds.
 */
const UNJUDGED_FOR_MS = 24 * 60 * 60_000;

/**
 * Which release an app goes back to: the one right before the failed deploy, unless that was not found healthy (it had
 * failed, or was replaced before it was known) and an earlier one was.
 *
 * @param releases of the app up to the failed deploy's parent, newest first, with their verdicts
 * @param now milliseconds since the epoch
 */
export function healthyBefore(
  { to, ours }: Pick<AppRollback, 'to' | 'ours'>,
  releases: readonly PastRelease[],
  now: number,
): ReleaseRecord | undefined {
  const [before] = releases;
  // What a person wrote there by hand, nobody judges.
  if (to === undefined || before === undefined || !runsTheSame(before, { release: to })) {
    return to;
  }
  if (before.verdict === 'none' && now - before.at.getTime() >= UNJUDGED_FOR_MS) {
    return to;
  }
  const failed = (past: PastRelease) => ours !== undefined && runsTheSame(past, { release: ours });
  const healthy = releases.find((past) => isHealthyStill(past, releases) && !failed(past));
  return healthy === undefined || healthy === before ? to : healthy.release;
}

/**
 * The releases of an app up to a commit, newest first, with their verdicts.
 *
 * @throws Failure (exit 2) when GitHub does not answer
 */
export async function judgedReleases(
  { client, target: { repository } }: { readonly client: GitHubClient; readonly target: BranchTarget },
  config: KajitoriConfig,
  about: { readonly app: string; readonly environment: string; readonly upTo: string },
): Promise<readonly PastRelease[]> {
  const { app, environment, upTo } = about;
  const revisions = gitHubRevisions(client, repository, upTo);
  const verdictsOf = (commits: readonly string[]) => readVerdicts(client, repository, commits);
  return (await pastReleases(revisions, config, app, environment, { limit: LOOK_BACK }, verdictsOf)).releases;
}
