import { LONGEST_DEADLINE_MS } from '../config/app-yaml.ts';
import { parseApps } from '../release/bump-request.ts';
import { couldNot } from '../report/failure.ts';
import type { FinishInputs } from './finish.ts';
import type { Limits } from './follow.ts';
import type { WaitInputs } from './wait.ts';

/** A wait as people write it: the inputs of the action, or the options of the command. Empty ones are undefined. */
export interface WaitTexts {
  readonly app: string | undefined;
  readonly environment: string | undefined;
  readonly commit: string | undefined;
  /** Whole minutes. */
  readonly deadlineMinutes: number | undefined;
  readonly rollback: string | undefined;
  readonly run: string | undefined;
}

/** Long enough for a migration and a slow start, short enough that somebody still looks. */
const DEADLINE_MINUTES = 15;

/** A job of GitHub may take 6 hours, and a failed deploy is followed by the way back. */
const LONGEST_DEADLINE_MINUTES = LONGEST_DEADLINE_MS / 60_000;

/**
 * Argo CD asks git every 3 minutes where no webhook tells it (docs: "How often does Argo CD check for changes"), and an
 * ApplicationSet makes the application first: so much more than the deadline itself.
 */
const UNSEEN_MS = 5 * 60_000;

/** @throws Failure (exit 2) that names the input which is wrong or missing */
export function waitRequest(texts: WaitTexts): WaitInputs {
  if (texts.environment === undefined) {
    throw couldNot('environment is missing.', {
      todo: 'Give environment, as kajitori.yaml names it.',
      reason: 'missing-input',
    });
  }
  const apps = texts.app === undefined ? [] : parseApps(texts.app);
  if (apps.length === 0 && texts.commit === undefined) {
    throw couldNot('Neither app nor commit is given.', {
      todo: 'Give the app (folder under apps/), or the commit that deployed it.',
      reason: 'missing-input',
    });
  }
  return {
    apps,
    environment: texts.environment,
    commit: texts.commit === undefined ? undefined : parseCommit(texts.commit),
    ...policyOf(texts),
  };
}

/** Which unfinished deploys are meant: all, unless an app or an environment is named. */
export const finishRequest = (texts: Omit<WaitTexts, 'commit'>): FinishInputs => ({
  apps: texts.app === undefined ? [] : parseApps(texts.app),
  environment: texts.environment,
  ...policyOf(texts),
});

/** What a wait is told about time and failure. */
const policyOf = ({
  deadlineMinutes,
  rollback,
  run,
}: Pick<WaitTexts, 'deadlineMinutes' | 'rollback' | 'run'>) => ({
  limits: parseDeadline(deadlineMinutes ?? DEADLINE_MINUTES),
  rollback: parseRollback(rollback ?? 'auto'),
  run,
});

function parseDeadline(minutes: number): Limits {
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > LONGEST_DEADLINE_MINUTES) {
    throw couldNot(`A deadline of ${minutes} minutes is not possible.`, {
      todo: `Give 1 to ${LONGEST_DEADLINE_MINUTES} minutes.`,
      reason: 'bad-deadline',
    });
  }
  return { deadlineMs: minutes * 60_000, unseenMs: minutes * 60_000 + UNSEEN_MS };
}

function parseRollback(text: string): WaitInputs['rollback'] {
  if (text !== 'auto' && text !== 'never') {
    throw couldNot(`rollback is ${JSON.stringify(text)}.`, {
      todo: 'Write auto or never.',
      reason: 'bad-input',
    });
  }
  return text;
}

function parseCommit(text: string): string {
  if (!/^(?:[a-f\d]{40}|[a-f\d]{64})$/.test(text)) {
    throw couldNot(`${JSON.stringify(text)} is not the ID of a commit.`, {
      todo: 'Give the whole ID of a commit of the GitOps repository: the output commit of bump-values.',
      reason: 'bad-commit',
    });
  }
  return text;
}
