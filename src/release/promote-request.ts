import { couldNot } from '../report/failure.ts';
import { oneLine } from '../repository/commit-message.ts';
import { MAX_REASON, parseApps, required, splitList } from './bump-request.ts';
import type { Override } from './deploy-policy.ts';
import type { PromoteInputs } from './promote.ts';

/** A promotion as people write it: the inputs of the action, or the options of the command. */
export interface PromoteTexts {
  readonly apps: string | undefined;
  readonly to: string | undefined;
  readonly force: boolean;
  readonly override: string | undefined;
  readonly reason: string | undefined;
  readonly by: string;
  readonly run: string | undefined;
  readonly pullRequest: boolean | undefined;
  readonly dryRun: boolean;
}

/**
 * Checks a promotion as far as it can be checked without the repository.
 *
 * @throws Failure (exit 2) that names the input which is wrong or missing
 */
export function promoteRequest(texts: PromoteTexts): PromoteInputs {
  const { by, run, dryRun, pullRequest, force } = texts;
  const words = splitList(texts.override ?? '');
  const overrides = words.filter((word): word is Override => word === 'hold' || word === 'freeze');
  const wrong = words.find((word) => !['hold', 'freeze', 'gates'].includes(word));
  if (wrong !== undefined) {
    throw couldNot(`${JSON.stringify(wrong)} cannot be overridden.`, {
      todo: 'Write hold, freeze, gates, or several of them with commas.',
      reason: 'bad-override',
    });
  }
  const reason = oneLine(texts.reason ?? '').slice(0, MAX_REASON);
  return {
    apps: parseApps(required(texts.apps, 'app')),
    to: required(texts.to, 'to'),
    overriding: {
      overrides: new Set(force ? [...overrides, 'diverged'] : overrides),
      reason: reason === '' ? undefined : reason,
    },
    withoutGates: words.includes('gates'),
    by,
    run,
    via: pullRequest === undefined ? undefined : pullRequest ? 'pull-request' : 'commit',
    dryRun,
  };
}
