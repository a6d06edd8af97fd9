import { couldNot, type Failure } from '../report/failure.ts';
import { cleanLine } from './cluster-text.ts';
import type { TransportAnswer } from './transport.ts';

/**
 * What an answer, or its absence, means.
 *
 * - `unavailable`: no answer in time, 5xx, 429, a broken connection: worth another try.
 * - `denied`: the token is no good (401), or does not allow this.
 * - `missing-or-denied`: 403 for one application: Argo CD does not say which (trap 9), so as not to tell names.
 * - `missing`: 404: no such route (another server, an old Argo CD) or object.
 * - `conflict`: 400 code 9 or 3 of an operation: another one runs, or there is none to end.
 * - `invalid`: the request is refused, or the answer is not what it should be.
 */
export type ArgoCdFault = 'unavailable' | 'denied' | 'missing-or-denied' | 'missing' | 'conflict' | 'invalid';

/** An answer of Argo CD that is not the one hoped for. Its message holds Argo CD's words, cleaned, and never a token. */
export class ArgoCdError extends Error {
  override readonly name = 'ArgoCdError';
  readonly fault: ArgoCdFault;
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  /** What was done, for people: `read application web-prod-1`. */
  readonly doing: string;

  constructor(fault: ArgoCdFault, doing: string, words: string, status?: number) {
    super(`Could not ${doing}: ${cleanLine(words)}`);
    this.fault = fault;
    this.status = status;
    this.doing = doing;
  }
}

/**
 * What a bad answer means. Argo CD answers with gRPC codes beside the status: 7 with 403, 9 (failed precondition) with
 * 400 (recordings error.*, sync-while-running, terminate-none).
 *
 * @param about what the request was for: a 403 for one application may mean that it does not exist
 */
export function faultOf(
  answer: TransportAnswer,
  about: 'one-application' | 'operation' | 'server',
): ArgoCdFault {
  const { status } = answer;
  if (status === 401) return 'denied';
  if (status === 403) return about === 'server' ? 'denied' : 'missing-or-denied';
  if (status === 404) return 'missing';
  if (status === 429 || status === 408 || (status >= 500 && status !== 501)) return 'unavailable';
  if (about === 'operation' && status === 400 && isNoOperation(answer.text)) return 'conflict';
  return 'invalid';
}

/** 9: another operation is in progress; 3 with these words: there is none. */
const isNoOperation = (text: string): boolean =>
  /"code":\s*9\b|No operation is in progress|another operation is already in progress/.test(text);

/** Argo CD's own words in a bad answer. */
export function wordsOf({ status, text, headers }: TransportAnswer): string {
  try {
    const { message, error } = JSON.parse(text) as { message?: unknown; error?: unknown };
    const words = typeof message === 'string' && message !== '' ? message : error;
    if (typeof words === 'string' && words !== '') return `${words} (${status})`;
  } catch {
    // A proxy in front answers with a page of its own: its status says more than its HTML.
  }
  const to = String(headers.location ?? 'somewhere else');
  return status >= 300 && status < 400 ? `it redirects to ${to}` : `HTTP status ${status}`;
}

/** The failure to show to a person. */
export const argoCdFailure = (error: ArgoCdError, server: string): Failure =>
  couldNot(`${error.message} (Argo CD at ${server})`, {
    todo: error.status === 401 ? NOT_ACCEPTED : TODO[error.fault],
    reason: `argocd-${error.fault}`,
    cause: error,
  });

/** 401: what a role may do was not even asked. Tokens of accounts end by time, or with a new password of the account. */
const NOT_ACCEPTED =
  'Argo CD does not take this token (any more). Make a new one (argocd account generate-token --account kajitori) and put it where the run has it from: the secret argocd-token (of forms KAJITORI_ARGOCD_TOKEN), on a laptop ARGOCD_AUTH_TOKEN. Or sign in without one: argocd-connector (docs/setup.md, "Argo CD").';

const TODO: Readonly<Record<ArgoCdFault, string>> = {
  unavailable: 'Check that this runner reaches Argo CD, and run it again.',
  denied: 'Let the role of this token, or of this repository, get applications (docs/setup.md, "Argo CD").',
  'missing-or-denied':
    'Check that the application exists and that the token’s role may get it: Argo CD answers the same for both.',
  missing: 'Check the address: it must be that of Argo CD’s own API server.',
  conflict: 'Another operation runs there; wait for it, or end it.',
  invalid: 'Check the address and Argo CD’s version (3.0 or newer).',
};
