import { Octokit } from '@octokit/core';
import { couldNot, Failure } from '../report/failure.ts';
import { faultOf, type GitHubFault } from './fault.ts';
import { fullJitter, type Timing } from './timing.ts';

/** A request that GitHub did not answer as hoped. `fault` says what that means. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly fault: GitHubFault;
  /** GraphQL answers may carry data beside errors. */
  readonly data: unknown;
  /** It was a write and there was no answer: it may have happened, or may happen yet. */
  readonly mayHaveHappened: boolean;

  constructor(
    fault: GitHubFault,
    operation: string,
    options: { cause: unknown; data?: unknown; write?: boolean | undefined },
  ) {
    super(`${operation}: ${fault.message}`, { cause: options.cause });
    this.fault = fault;
    this.data = options.data;
    this.mayHaveHappened = options.write === true && fault.kind === 'unavailable';
  }
}

/** An answer of the REST API. */
export interface RestAnswer<Data> {
  readonly status: number;
  readonly data: Data;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
}

/** How often a request may be sent. */
export interface Repetition {
  /**
   * Reads are repeated by the client when GitHub is unavailable; a write is not, because it may have happened:
   * whoever writes must look first.
   */
  readonly write?: boolean;
}

/** GitHub as the domains above see it: two calls, `GitHubError` for every bad answer. */
export interface GitHubClient {
  /** `GET /repos/{owner}/{repo}` and its parameters, as in GitHub's REST documentation. */
  rest<Data>(
    route: string,
    parameters?: Readonly<Record<string, unknown>>,
    repetition?: Repetition,
  ): Promise<RestAnswer<Data>>;
  graphql<Data>(
    document: string,
    variables: Readonly<Record<string, unknown>>,
    repetition?: Repetition,
  ): Promise<Data>;
}

/** A read that had no good answer, and is sent again. */
export interface Outage {
  readonly fault: GitHubFault;
  /** When it is given up, in milliseconds since the epoch. */
  readonly until: number;
}

export interface GitHubClientOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server (GITHUB_API_URL). */
  readonly apiUrl: string;
  readonly token: string | undefined;
  readonly timing: Timing;
  /** Give up when no answer came in this time. Default 30 s: GitHub itself ends a GraphQL query after 10 s. */
  readonly requestTimeoutMs?: number;
  /**
   * How long a read may be repeated before it fails. Default 60 s. Also where a name cannot be resolved: a runner's name server
   * that is overwhelmed says ENOTFOUND too, so it cannot be told from a laptop without a network.
   */
  readonly patienceMs?: number;
  /** Is told, once for each such read, before it is sent again for the first time: until it is given up nothing else is heard of it. */
  readonly onOutage?: ((outage: Outage) => void) | undefined;
}

const READ_BACKOFF = { baseMs: 250, capMs: 8_000 } as const;

/** Without GitHub's own figure, wait at least a minute (docs: "Exceeding the rate limit"). */
const LIMIT_PAUSE_MS = 60_000;

/** A client for one host and one token. Nothing is sent until the first call. */
export function createGitHubClient(options: GitHubClientOptions): GitHubClient {
  const { timing, requestTimeoutMs = 30_000, patienceMs = 60_000 } = options;
  const octokit = new Octokit({
    baseUrl: options.apiUrl,
    ...(options.token === undefined ? {} : { auth: options.token }),
    // Octokit warns on the console about deprecated end points; a log is no place for that.
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });

  const answered = async <Answer>(
    operation: string,
    repetition: Repetition | undefined,
    send: () => Promise<Answer>,
  ): Promise<Answer> => {
    const deadline = timing.now() + patienceMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await send();
      } catch (error) {
        const fault = error instanceof GitHubError ? error.fault : faultOf(error, timing.now());
        if (fault === undefined) {
          throw error;
        }
        const pause =
          repetition?.write === true ? undefined : pauseBeforeRepeating(fault, attempt, timing.random);
        if (pause === undefined || timing.now() + pause > deadline) {
          throw new GitHubError(fault, operation, {
            cause: error,
            data: dataOf(error),
            write: repetition?.write,
          });
        }
        if (attempt === 1) options.onOutage?.({ fault, until: deadline });
        await timing.sleep(pause);
      }
    }
  };

  return {
    rest: <Data>(
      route: string,
      parameters: Readonly<Record<string, unknown>> = {},
      repetition?: Repetition,
    ): Promise<RestAnswer<Data>> =>
      answered(route, repetition, async () => {
        const answer = await octokit.request(route, {
          ...parameters,
          request: { signal: AbortSignal.timeout(requestTimeoutMs) },
        });
        if (typeof answer.data === 'string' && answer.status !== 204) {
          throw brokenOff(route, answer.status);
        }
        return { status: answer.status, data: answer.data as Data, headers: answer.headers };
      }),
    graphql: <Data>(
      document: string,
      variables: Readonly<Record<string, unknown>>,
      repetition?: Repetition,
    ): Promise<Data> =>
      answered('POST /graphql', repetition, async () => {
        const data = await octokit.graphql<Data | undefined | null>(document, {
          ...variables,
          request: { signal: AbortSignal.timeout(requestTimeoutMs) },
        });
        if (data === undefined || data === null) {
          throw brokenOff('POST /graphql', 200);
        }
        return data;
      }),
  };
}

/** Octokit hands over a body that broke off as an empty text instead of failing. */
function brokenOff(operation: string, status: number): GitHubError {
  const fault: GitHubFault = { kind: 'unavailable', message: 'the answer broke off', status };
  return new GitHubError(fault, operation, { cause: undefined });
}

function pauseBeforeRepeating(fault: GitHubFault, attempt: number, random: () => number): number | undefined {
  switch (fault.kind) {
    case 'unavailable':
      return fullJitter(attempt, READ_BACKOFF, random);
    case 'limited':
      return limitPause(fault, random);
    default:
      return undefined;
  }
}

/** How long to stay away after a `limited` answer: what GitHub asks for, and up to a second more so that not all return at once. */
export function limitPause(fault: GitHubFault, random: () => number): number {
  return (fault.retryAfterMs ?? LIMIT_PAUSE_MS) + random() * 1_000;
}

function dataOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
}

/**
 * A bad answer as a message for people. `doing` completes "Could not …".
 *
 * @param todos what to do, by the kind of fault; GitHub's own words are always shown
 */
export function explainFault(
  error: unknown,
  doing: string,
  todos: Partial<Record<GitHubFault['kind'], string>> = {},
): Failure {
  if (error instanceof Failure) {
    return error;
  }
  if (!(error instanceof GitHubError)) {
    throw error;
  }
  const { fault } = error;
  return couldNot(`Could not ${doing}: ${answerWords(fault)}.`, {
    todo: todos[fault.kind] ?? (fault.status === undefined ? NO_ANSWER : TODOS[fault.kind]),
    reason: `github-${fault.kind}`,
    cause: error,
  });
}

/** What GitHub answered, or that it did not, as a sentence without its end. */
export const answerWords = ({ message, status }: GitHubFault): string =>
  status === undefined
    ? `GitHub did not answer${message === '' ? '' : ` (${message})`}`
    : `GitHub said "${message}" (status ${status})`;

const NO_ANSWER =
  'Check that this machine reaches the network, look at https://www.githubstatus.com, and run it again.';

const TODOS: Record<GitHubFault['kind'], string> = {
  stale: 'Somebody else wrote at the same time. Run it again.',
  limited: 'GitHub limits how often it may be asked. Run it again in some minutes.',
  unavailable: 'Look at https://www.githubstatus.com and run it again.',
  protected:
    'Let the GitHub App bypass the ruleset of this branch, or deploy by pull request (docs/setup.md, "Ruleset").',
  denied: 'Check that the token is valid and that the GitHub App has the permission (docs/setup.md).',
  missing: 'Check the name, and that the GitHub App is installed on that repository (docs/setup.md).',
  invalid: 'This is likely a defect of Kajitori: please report it with the message.',
};
