import { parseAppName } from '../config/app-name.ts';
import { clusterName } from '../config/names.ts';
import { explainFault, type GitHubClient } from '../github/client.ts';
import { type CommitStatus, readStatuses } from '../github/commit-statuses.ts';
import { shortDescription } from '../github/description.ts';
import { formatRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { Failure } from '../report/failure.ts';
import { oneLine } from '../repository/commit-message.ts';

/**
 * - `pending`: a run is waiting, or died while it waited.
 * - `success`: the cluster runs the commit and is healthy.
 * - `failure`: it does not, and that is known.
 * - `error`: could not find out (Argo CD did not answer, or a newer deploy came before it was known).
 */
export type VerdictState = 'pending' | 'success' | 'failure' | 'error';

/** What is known of an app in one cluster at one commit of the GitOps repository: a commit status of GitHub. */
export interface Verdict {
  readonly app: string;
  readonly cluster: string;
  readonly state: VerdictState;
  /** One sentence for people. Longer than 140 characters is cut off when it is written. */
  readonly description: string;
  /** The run that says so. */
  readonly url: string | undefined;
}

/** A verdict that was read: with the time it was written at. */
export interface RecordedVerdict extends Verdict {
  readonly at: Date;
}

/** The name of the commit status. A cluster belongs to one environment, so it needs none. */
export const verdictContext = (app: string, cluster: string): string => `kajitori/${app}/${cluster}`;

/** App and cluster of a commit status; undefined for one that is not a verdict of ours. */
export function parseVerdictContext(
  context: string,
): { readonly app: string; readonly cluster: string } | undefined {
  const [prefix, app, cluster, ...rest] = context.split('/');
  if (prefix !== 'kajitori' || app === undefined || rest.length > 0) {
    return undefined;
  }
  const parsed = clusterName.safeParse(cluster);
  try {
    return parsed.success ? { app: parseAppName(app), cluster: parsed.data } : undefined;
  } catch (error) {
    if (error instanceof Failure) {
      return undefined;
    }
    throw error;
  }
}

/**
 * The verdicts of commits of the GitOps repository, by commit. A commit that is not there has none.
 *
 * @param commits whole object IDs
 * @throws Failure (exit 2) when GitHub does not answer
 */
export async function readVerdicts(
  client: GitHubClient,
  repository: RepositoryName,
  commits: readonly string[],
): Promise<ReadonlyMap<string, readonly RecordedVerdict[]>> {
  const statuses = await readStatuses(client, repository, commits);
  return new Map([...statuses].map(([commit, each]) => [commit, each.flatMap(toVerdict)]));
}

function toVerdict({ context, ...status }: CommitStatus): readonly RecordedVerdict[] {
  const about = parseVerdictContext(context);
  return about === undefined ? [] : [{ ...about, ...status }];
}

/**
 * Records a verdict on a commit of the GitOps repository; nothing is sent when `recorded` says the same already.
 *
 * Sent again when GitHub does not answer: the newest status of a name counts, so a second one that says the same
 * changes nothing. Each is kept, and GitHub takes 1000 of one name on a commit: write changes of state, not progress.
 *
 * @param recorded what is known to be there, from `readVerdicts`
 * @throws Failure (exit 2) when GitHub refuses or does not answer
 */
export async function writeVerdict(
  client: GitHubClient,
  repository: RepositoryName,
  commit: string,
  verdict: Verdict,
  recorded: readonly Verdict[] = [],
): Promise<void> {
  const description = shortDescription(oneLine(verdict.description));
  const before = recorded.find(({ app, cluster }) => app === verdict.app && cluster === verdict.cluster);
  if (
    before?.state === verdict.state &&
    before.description === description &&
    (verdict.url === undefined || before.url === verdict.url)
  ) {
    return;
  }
  const full = formatRepositoryName(repository);
  try {
    await client.rest('POST /repos/{owner}/{repo}/statuses/{sha}', {
      owner: repository.owner,
      repo: repository.name,
      sha: commit,
      state: verdict.state,
      context: verdictContext(verdict.app, verdict.cluster),
      description,
      ...(verdict.url === undefined ? {} : { target_url: verdict.url }),
    });
  } catch (error) {
    const todo = `Give the GitHub App statuses: write on ${full} (docs/setup.md, "GitHub App").`;
    throw explainFault(error, `record the verdict on commit ${commit.slice(0, 8)} of ${full}`, {
      denied: todo,
      missing: todo,
    });
  }
}

/**
 * What a deploy came to, all clusters of the environment together:
 *
 * - `failed`: one cluster at least is known to have failed.
 * - `running`: none failed, and one is not judged yet: a run waits, or it died and somebody must finish it.
 * - `unknown`: could not be found out for one of them, or one has no verdict at all while others have.
 * - `healthy`: every cluster.
 * - `none`: nobody judged this commit for this app.
 */
export type DeployVerdict = 'healthy' | 'failed' | 'unknown' | 'running' | 'none';

/**
 * The verdict of an app's deploy from the verdicts on its commit. Those of other apps, and of clusters that are not
 * asked for, do not count.
 *
 * @param clusters names of the clusters of the environment
 */
export function verdictOf(
  app: string,
  clusters: readonly string[],
  verdicts: readonly Verdict[],
): DeployVerdict {
  const states = clusters.map(
    (cluster) => verdicts.find((verdict) => verdict.app === app && verdict.cluster === cluster)?.state,
  );
  if (states.every((state) => state === undefined)) {
    return 'none';
  }
  if (states.includes('failure')) {
    return 'failed';
  }
  if (states.includes('pending')) {
    return 'running';
  }
  return states.every((state) => state === 'success') ? 'healthy' : 'unknown';
}
