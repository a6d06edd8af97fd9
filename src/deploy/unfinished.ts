import { type DeployVerdict, type RecordedVerdict, verdictOf } from '../release/verdict.ts';
import type { DeployCommit, DeployedApp } from './deploy-history.ts';
import { DEAD_AFTER_MS } from './verdict-record.ts';

/**
 * A deploy that nobody finished:
 *
 * - `died`: its run wrote that it waits, and then nothing more. `never-judged`: no run waited.
 * - `not-found-out`: a run could not find out. `not-undone`: it failed, and still is what the environment should run.
 */
export interface UnfinishedDeploy {
  readonly commit: DeployCommit;
  readonly environment: string;
  readonly apps: readonly string[];
  readonly why: 'died' | 'never-judged' | 'not-found-out' | 'not-undone';
}

/** A pending verdict of a commit that something newer has replaced: nobody will judge it any more. */
export interface AbandonedVerdict {
  readonly commit: DeployCommit;
  readonly app: string;
  readonly cluster: string;
  /** The commit that replaced it. */
  readonly by: DeployCommit;
}

/**
 * How far back a deploy is finished (milliseconds). What is unhealthy a day later has many causes, and an old deploy is
 * the least likely one; it also bounds how long something is tried again and again.
 */
const FINISHED_FOR_MS = 24 * 60 * 60_000;

/**
 * A failure that is not undone so long after its commit was left so by people. More than the longest deadline (2 hours),
 * and counted from the commit: whoever judges it again writes new verdicts.
 */
const UNDONE_FOR_MS = 4 * 60 * 60_000;

/**
 * Finds what is to be finished: of each app in each environment only the newest deploy, since an older one is no longer
 * what should run.
 *
 * @param commits newest first
 * @param clusters of each environment
 * @param now milliseconds since the epoch
 */
export function findUnfinished(
  commits: readonly DeployCommit[],
  verdicts: ReadonlyMap<string, readonly RecordedVerdict[]>,
  clusters: ReadonlyMap<string, readonly string[]>,
  now: number,
): { readonly unfinished: readonly UnfinishedDeploy[]; readonly abandoned: readonly AbandonedVerdict[] } {
  const newest = new Map<string, DeployCommit>();
  const unfinished = new Map<string, UnfinishedDeploy>();
  const abandoned: AbandonedVerdict[] = [];
  for (const commit of commits) {
    const recorded = verdicts.get(commit.oid) ?? [];
    const age = now - commit.at.getTime();
    const isRecent = age < FINISHED_FOR_MS;
    for (const { app, environment, action } of commit.deploys) {
      const names = clusters.get(environment);
      if (names === undefined || !isRecent) {
        continue;
      }
      const pair = `${environment}/${app}`;
      const by = newest.get(pair);
      newest.set(pair, by ?? commit);
      const own = recorded.filter((each) => each.app === app && names.includes(each.cluster));
      const isQuiet = now - lastWord(commit, recorded) >= DEAD_AFTER_MS;
      if (by !== undefined) {
        abandoned.push(
          ...own.flatMap(({ cluster, state }) =>
            state === 'pending' && isQuiet ? [{ commit, app, cluster, by }] : [],
          ),
        );
        continue;
      }
      const together = commit.deploys.filter((each) => {
        const newer = newest.get(`${environment}/${each.app}`) ?? commit;
        return each.environment === environment && newer === commit;
      });
      const verdict = deployVerdict(together, app, names, recorded);
      const why = isQuiet ? whyUnfinished(verdict, action, age) : undefined;
      if (why !== undefined) {
        const key = `${commit.oid}/${environment}`;
        const before = unfinished.get(key);
        unfinished.set(key, {
          commit,
          environment,
          apps: [...(before?.apps ?? []), app],
          why: before === undefined || before.why === 'not-undone' ? why : before.why,
        });
      }
    }
  }
  return { unfinished: [...unfinished.values()], abandoned };
}

/** One run waits for all that a commit deployed, and says so on one of the verdicts. */
const lastWord = (commit: DeployCommit, recorded: readonly RecordedVerdict[]): number =>
  Math.max(commit.at.getTime(), ...recorded.map(({ at }) => at.getTime()));

/**
 * The verdict of one app. What a commit deployed together to an environment fails together: once one app has failed, all
 * of them go back, also one that was healthy, or of which nobody knows. One that was replaced since takes none with it: it
 * cannot go back any more, and those that are healthy would be found again by each run.
 *
 * @param together those that nobody replaced since
 */
function deployVerdict(
  together: readonly DeployedApp[],
  app: string,
  clusters: readonly string[],
  recorded: readonly RecordedVerdict[],
): DeployVerdict {
  const verdict = verdictOf(app, clusters, recorded);
  if (
    recorded.some((each) => each.app === app && clusters.includes(each.cluster) && each.state === 'pending')
  ) {
    // Also when another cluster has failed: the run that waited died before it had said all.
    return 'running';
  }
  const isJudged = verdict === 'healthy' || verdict === 'unknown';
  const others = together.filter((each) => each.app !== app);
  return isJudged && others.some((each) => verdictOf(each.app, clusters, recorded) === 'failed')
    ? 'failed'
    : verdict;
}

function whyUnfinished(
  verdict: DeployVerdict,
  action: string,
  age: number,
): UnfinishedDeploy['why'] | undefined {
  switch (verdict) {
    case 'running':
      return 'died';
    case 'none':
      return 'never-judged';
    case 'unknown':
      return 'not-found-out';
    case 'failed':
      return action !== 'rollback' && age < UNDONE_FOR_MS ? 'not-undone' : undefined;
    case 'healthy':
      return undefined;
  }
}
