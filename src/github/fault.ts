import { GraphqlResponseError } from '@octokit/graphql';
import { RequestError } from '@octokit/request-error';

/**
 * What went wrong with one request, in the terms that decide what happens next.
 *
 * - `stale`: the branch moved since it was read; nothing was written.
 * - `limited`: GitHub turned the request away before it ran; it may be sent again after `retryAfterMs`.
 * - `unavailable`: no answer, or 5xx. A write may or may not have happened.
 * - `protected`: the branch's protection or a ruleset does not let this actor write.
 * - `denied`, `missing`, `invalid`: the same request will never succeed.
 */
export interface GitHubFault {
  readonly kind: 'stale' | 'limited' | 'unavailable' | 'protected' | 'denied' | 'missing' | 'invalid';
  /** GitHub's own words. */
  readonly message: string;
  readonly status: number | undefined;
  /** Only for `limited`: what GitHub asks for, undefined when it does not say. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * GitHub's words for a lost race: a compare-and-swap (the type is STALE_DATA, older servers send only the text), a
 * pull request that somebody else opened in between, or a merge whose head or base moved (REST: 405).
 */
const STALE_WORDS =
  /expected branch to point to|is at [0-9a-f]{7,} but expected|pull and try again|a pull request already exists|review and try the merge again/i;

/** Classic protection has a type of its own (BRANCH_PROTECTION_RULE_VIOLATION); a ruleset is told by its words. */
const PROTECTED_WORDS =
  /repository rule violations|protected branch|changes must be made through a pull request|protected ref/i;

/** Docs: "Rate limits for the REST API", secondary limits: 403 or 429, named so in the message. */
const LIMIT_WORDS = /secondary rate limit|abuse detection|rate limit exceeded|submitted too quickly/i;

/** "Something went wrong while executing your query": a time-out inside GitHub, sent with status 200. */
const BROKEN_WORDS = /something went wrong|timedout|timed out|couldn't respond to your request in time/i;

type Headers = Readonly<Record<string, string | number | undefined>>;

/**
 * What an error thrown by Octokit means.
 *
 * @param now milliseconds since the epoch, for `x-ratelimit-reset`
 * @returns undefined when the error is not an answer of GitHub (a defect of ours)
 */
export function faultOf(error: unknown, now: number): GitHubFault | undefined {
  if (error instanceof GraphqlResponseError) {
    return graphqlFault(error, now);
  }
  if (error instanceof RequestError) {
    return restFault(error, now);
  }
  return undefined;
}

function graphqlFault(error: GraphqlResponseError<unknown>, now: number): GitHubFault {
  const errors = error.errors ?? [];
  const message = errors.map((each) => each.message).join('; ') || error.message;
  const types = new Set(errors.map((each) => each.type));
  const base = { message, status: 200 };
  if (types.has('STALE_DATA') || STALE_WORDS.test(message)) {
    return { ...base, kind: 'stale' };
  }
  if (types.has('RATE_LIMITED') || types.has('RATE_LIMIT') || LIMIT_WORDS.test(message)) {
    return { ...base, kind: 'limited', retryAfterMs: retryAfter(error.headers, now) };
  }
  if (types.has('BRANCH_PROTECTION_RULE_VIOLATION') || PROTECTED_WORDS.test(message)) {
    return { ...base, kind: 'protected' };
  }
  if (types.has('NOT_FOUND')) {
    return { ...base, kind: 'missing' };
  }
  if (types.has('FORBIDDEN') || types.has('INSUFFICIENT_SCOPES')) {
    return { ...base, kind: 'denied' };
  }
  if (types.has('SERVICE_UNAVAILABLE') || types.has('INTERNAL') || BROKEN_WORDS.test(message)) {
    return { ...base, kind: 'unavailable' };
  }
  return { ...base, kind: 'invalid' };
}

function restFault(error: RequestError, now: number): GitHubFault {
  const headers = error.response?.headers ?? {};
  const base = { message: error.message, status: error.response === undefined ? undefined : error.status };
  if (error.response === undefined || (error.status >= 500 && error.status !== 501) || error.status === 408) {
    return { ...base, kind: 'unavailable' };
  }
  const exhausted = String(headers['x-ratelimit-remaining'] ?? '') === '0';
  const limited =
    error.status === 429 ||
    (error.status === 403 &&
      (headers['retry-after'] !== undefined || exhausted || LIMIT_WORDS.test(error.message)));
  if (limited) {
    return { ...base, kind: 'limited', retryAfterMs: retryAfter(headers, now) };
  }
  if (STALE_WORDS.test(error.message)) {
    return { ...base, kind: 'stale' };
  }
  if (PROTECTED_WORDS.test(error.message)) {
    return { ...base, kind: 'protected' };
  }
  switch (error.status) {
    case 401:
    case 403:
      return { ...base, kind: 'denied' };
    case 404:
    case 410:
      return { ...base, kind: 'missing' };
    case 409:
      return { ...base, kind: 'stale' };
    default:
      return { ...base, kind: 'invalid' };
  }
}

/** `retry-after` in seconds first; else, when nothing is left of the primary limit, its reset (epoch seconds). */
function retryAfter(headers: Headers, now: number): number | undefined {
  const seconds = Number(headers['retry-after']);
  if (headers['retry-after'] !== undefined && Number.isFinite(seconds)) {
    return Math.max(0, seconds * 1000);
  }
  const reset = Number(headers['x-ratelimit-reset']);
  if (String(headers['x-ratelimit-remaining'] ?? '') === '0' && Number.isFinite(reset)) {
    return Math.max(0, reset * 1000 - now);
  }
  return undefined;
}
