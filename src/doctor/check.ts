import { explainFault, GitHubError } from '../github/client.ts';
import { Failure, formatPlace } from '../report/failure.ts';

/** One thing that was looked at. */
export interface Check {
  /** A stable name for machines, e.g. `repository-access`. */
  readonly name: string;
  /**
   * - `ok`: looked at, and right. - `warn`: works, but not as well as it could.
   * - `fail`: a deploy will not work, or not be safe. - `not-checked`: could not be found out; never the same as ok.
   */
  readonly status: 'ok' | 'warn' | 'fail' | 'not-checked';
  /** What was found, in one sentence. */
  readonly what: string;
  /** What to do about it; always there unless the status is `ok`. */
  readonly todo?: string;
}

export const ok = (name: string, what: string): Check => ({ name, status: 'ok', what });

export const warn = (name: string, what: string, todo: string): Check => ({
  name,
  status: 'warn',
  what,
  todo,
});

export const fail = (name: string, what: string, todo: string): Check => ({
  name,
  status: 'fail',
  what,
  todo,
});

export const notChecked = (name: string, what: string, todo: string): Check => ({
  name,
  status: 'not-checked',
  what,
  todo,
});

/** A `Failure` of what is checked, as a check that fails. */
export function failed(name: string, failure: Failure): Check {
  const where = failure.at === undefined ? '' : `${formatPlace(failure.at)}: `;
  return fail(name, `${where}${failure.message}`, failure.todo ?? 'Correct it.');
}

/**
 * Runs a check that asks GitHub or AWS. What cannot be found out is `not-checked`, whatever the reason; a defect of
 * ours is thrown on.
 *
 * @param doing completes "Could not …"
 * @param todo what to do when the answer is denied
 */
export async function finding(
  name: string,
  doing: string,
  todo: string,
  check: () => Promise<Check | readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    const found = await check();
    return Array.isArray(found) ? found : [found as Check];
  } catch (error) {
    if (!(error instanceof GitHubError) && !(error instanceof Failure)) {
      throw error;
    }
    const failure = explainFault(error, doing, { denied: todo, missing: todo });
    return [notChecked(name, failure.message, failure.todo ?? todo)];
  }
}
