import { parseEnd } from '../config/date-time.ts';
import type { Timing } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { type Brought, bring } from '../repository/bring.ts';
import { oneLine } from '../repository/commit-message.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { readAllApps } from './all-apps.ts';
import { filesOfApps } from './app-files.ts';
import { MAX_REASON, parseApps, required } from './bump-request.ts';
import { computeHold, type HoldRequest, type HoldResult } from './compute-hold.ts';
import type { Deployer } from './deployer.ts';
import { readRelease } from './release-record.ts';
import { type Hold, isInForce, LONGEST_HOLD_MS } from './release-state.ts';

export interface HoldInputs {
  readonly request: HoldRequest;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
}

export interface HoldDeps {
  readonly on: GitopsRepository;
  readonly deployer: Deployer;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

/** A hold as people write it: the inputs of the action, or the options of the command. */
export interface HoldTexts {
  readonly apps: string | undefined;
  readonly environment: string | undefined;
  readonly reason: string | undefined;
  readonly until: string | undefined;
  readonly end: boolean;
  readonly by: string;
  readonly run: string | undefined;
  readonly pullRequest: boolean | undefined;
}

/**
 * Checks a hold as far as it can be checked without the repository.
 *
 * @throws Failure (exit 2) that names the input which is wrong or missing
 */
export function holdRequest(texts: HoldTexts, now: Date): HoldRequest {
  const { until, end, by, run, pullRequest } = texts;
  const reason = oneLine(texts.reason ?? '').slice(0, MAX_REASON);
  if (end && until !== undefined) {
    throw couldNot('end and until do not go together.', {
      todo: 'Leave out until: the hold ends now.',
      reason: 'bad-input',
    });
  }
  if (!end && reason === '') {
    throw couldNot('A hold needs a reason.', {
      todo: 'Give reason: it is what people read whose deploy is refused.',
      reason: 'no-reason',
    });
  }
  return {
    apps: parseApps(required(texts.apps, 'app')),
    environment: required(texts.environment, 'environment'),
    hold: end
      ? undefined
      : { reason, until: until === undefined ? undefined : parseEnd(until, now, LONGEST_HOLD_MS) },
    by,
    reason,
    run,
    via: pullRequest === undefined ? undefined : pullRequest ? 'pull-request' : 'commit',
  };
}

/**
 * Stops deploys of apps to an environment, or ends such a stop.
 *
 * @throws Failure: exit 1 when the app is not theirs; exit 2 for bad input or when GitHub refuses or does not answer
 */
export function runHold({ request, dryRun }: HoldInputs, deps: HoldDeps): Promise<Brought<HoldResult>> {
  const { apps, environment } = request;
  return bring(
    (tree) => computeHold(tree, request, { now: new Date(deps.timing.now()), deployer: deps.deployer }),
    {
      ...deps,
      dryRun,
      files: filesOfApps(apps, [environment]),
      branch: `kajitori/hold/${environment}/${[...apps].sort().join('+')}`,
      onRetry: deps.onRetry,
    },
  );
}

/** One hold, as it stands. */
export interface StandingHold {
  readonly app: string;
  readonly team: string;
  readonly environment: string;
  readonly hold: Hold;
  /** False: its end is over, and it stops nothing any more. */
  readonly inForce: boolean;
}

/** All holds of a GitOps repository, those in force first, the oldest first. */
export async function listHolds(on: GitopsRepository, now: Date): Promise<readonly StandingHold[]> {
  const { tree, config, apps, unreadable } = await readAllApps(on);
  const [broken] = unreadable;
  if (broken !== undefined) {
    throw broken;
  }
  const found: StandingHold[] = [];
  for (const [app, { team }] of apps) {
    for (const environment of Object.keys(config.environments)) {
      const hold = (await readRelease((file) => tree.read(file), config, app, environment))?.hold;
      if (hold !== undefined) {
        found.push({ app, team, environment, hold, inForce: isInForce(hold, now) });
      }
    }
  }
  const since = ({ hold }: StandingHold) => hold.at?.getTime() ?? 0;
  return found.sort((a, b) => Number(b.inForce) - Number(a.inForce) || since(a) - since(b));
}
