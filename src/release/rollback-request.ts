import { parseEnd } from '../config/date-time.ts';
import { oneLine } from '../repository/commit-message.ts';
import { MAX_REASON, parseApps, required } from './bump-request.ts';
import { LONGEST_HOLD_MS } from './release-state.ts';
import type { RollbackInputs } from './rollback.ts';
import { parseRollbackTarget } from './rollback-target.ts';

/** A rollback as people write it: the inputs of the action, or the options of the command. */
export interface RollbackTexts {
  readonly apps: string | undefined;
  readonly environment: string | undefined;
  readonly to: string | undefined;
  readonly reason: string | undefined;
  readonly until: string | undefined;
  /** Who asks: a login. */
  readonly by: string;
  readonly run: string | undefined;
  readonly pullRequest: boolean | undefined;
  readonly dryRun: boolean;
}

/**
 * Checks a rollback as far as it can be checked without the repository.
 *
 * @throws Failure (exit 2) that names the input which is wrong or missing
 */
export function rollbackRequest(texts: RollbackTexts, now: Date): RollbackInputs {
  const { until, by, run, dryRun, pullRequest } = texts;
  const reason = oneLine(texts.reason ?? '').slice(0, MAX_REASON);
  return {
    apps: parseApps(required(texts.apps, 'app')),
    environment: required(texts.environment, 'environment'),
    to: parseRollbackTarget(texts.to),
    reason: reason === '' ? `rolled back by ${by}` : reason,
    by,
    holdUntil: until === undefined ? undefined : parseEnd(until, now, LONGEST_HOLD_MS),
    run,
    via: pullRequest === undefined ? undefined : pullRequest ? 'pull-request' : 'commit',
    dryRun,
  };
}
