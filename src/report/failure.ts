/** A place in a file. Lines and columns count from 1, as editors show them. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** What a `Failure` says besides its message. */
export interface FailureDetails {
  /** Where it is. */
  readonly at?: Place;
  /** What to do about it: one sentence in the imperative, for someone who is late. */
  readonly todo?: string;
  /** A stable word for machines, e.g. `unknown-app`, `hold`, `foreign-source`. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/**
 * An error that a person is meant to read: what is wrong, where, what to do.
 *
 * `exitCode` is what the command ends with (docs: "Exit codes"): 1 when a policy refused, 2 when we could not
 * find out (bad input, service down). Anything that is not a `Failure` is a defect of ours.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: 1 | 2;
  readonly at: Place | undefined;
  readonly todo: string | undefined;
  readonly reason: string | undefined;

  constructor(exitCode: 1 | 2, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exitCode = exitCode;
    this.at = details.at;
    this.todo = details.todo;
    this.reason = details.reason;
  }
}

/** Bad input, or something we could not find out: exit code 2. */
export const couldNot = (message: string, details?: FailureDetails): Failure =>
  new Failure(2, message, details);

/** A policy says no (hold, freeze, foreign source…): exit code 1. */
export const refused = (message: string, details?: FailureDetails): Failure =>
  new Failure(1, message, details);

/** `file:line:column`, as far as it is known. Editors and terminals make it a link. */
export function formatPlace(at: Place): string {
  return [at.file, at.line, at.line === undefined ? undefined : at.column]
    .filter((part) => part !== undefined)
    .join(':');
}

/** The whole error for a terminal or a log: place, what is wrong, what to do. */
export function formatFailure(failure: Failure): string {
  const where = failure.at === undefined ? '' : `${formatPlace(failure.at)}: `;
  const todo = failure.todo === undefined ? '' : `\n  → ${failure.todo}`;
  return `${where}${failure.message}${todo}`;
}
