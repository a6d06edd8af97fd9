import { GraphqlResponseError } from '@octokit/graphql';
import { RequestError } from '@octokit/request-error';
import { describe, expect, test } from 'vitest';
import { faultOf } from './fault.ts';

const NOW = Date.UTC(2026, 10, 21);
const request = { method: 'POST', url: 'https://api.github.com/graphql', headers: {} } as const;

function rest(status: number, message: string, headers: Record<string, string> = {}) {
  const response = { status, url: request.url, headers, data: {}, retryCount: 0 };
  return faultOf(new RequestError(message, status, { request, response }), NOW);
}

function graphql(type: string | undefined, message: string, headers: Record<string, string> = {}) {
  const error = { message, ...(type === undefined ? {} : { type }) };
  const response = { data: {}, errors: [error] } as unknown as ConstructorParameters<
    typeof GraphqlResponseError
  >[2];
  return faultOf(new GraphqlResponseError(request, headers, response), NOW);
}

describe('what an answer means', () => {
  test.each([
    [503, 'Service Unavailable', {}, 'unavailable', undefined],
    [401, 'Bad credentials', {}, 'denied', undefined],
    [403, 'Resource not accessible by integration', {}, 'denied', undefined],
    [403, 'You have exceeded a secondary rate limit', { 'retry-after': '7' }, 'limited', 7_000],
    [403, 'You have exceeded a secondary rate limit', {}, 'limited', undefined],
    [429, 'Too many requests', { 'retry-after': '1' }, 'limited', 1_000],
    [
      403,
      'API rate limit exceeded',
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 30) },
      'limited',
      30_000,
    ],
    [404, 'Not Found', {}, 'missing', undefined],
    [409, 'is at 1234567 but expected 7654321', {}, 'stale', undefined],
    [405, 'Base branch was modified. Review and try the merge again.', {}, 'stale', undefined],
    [405, 'Pull Request is not mergeable', {}, 'invalid', undefined],
    [422, 'Validation Failed', {}, 'invalid', undefined],
    [422, 'Repository rule violations found', {}, 'protected', undefined],
  ] as const)('REST %i %s: %o → %s', (status, message, headers, kind, retryAfterMs) => {
    expect(rest(status, message, headers)).toMatchObject({
      kind,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });

  test('no answer at all', () => {
    const error = new RequestError('other side closed', 500, { request });
    expect(faultOf(error, NOW)).toMatchObject({ kind: 'unavailable', status: undefined });
  });

  test.each([
    ['STALE_DATA', 'Expected branch to point to "x" but it did not.  Pull and try again.', 'stale'],
    [undefined, 'Expected branch to point to "x" but it did not.', 'stale'],
    ['UNPROCESSABLE', 'A pull request already exists for acme:kajitori/bump.', 'stale'],
    ['NOT_FOUND', 'Could not resolve to a Repository', 'missing'],
    ['FORBIDDEN', 'Resource not accessible by integration', 'denied'],
    ['RATE_LIMITED', 'API rate limit exceeded', 'limited'],
    [undefined, 'Something went wrong while executing your query', 'unavailable'],
    ['BRANCH_PROTECTION_RULE_VIOLATION', 'nope', 'protected'],
    [
      'UNPROCESSABLE',
      'Repository rule violations found\n\nChanges must be made through a pull request.',
      'protected',
    ],
    ['UNPROCESSABLE', 'No commit message', 'invalid'],
  ])('GraphQL %s %s → %s', (type, message, kind) => {
    expect(graphql(type, message)?.kind).toBe(kind);
  });

  test('an error that is not an answer is no fault of GitHub', () => {
    expect(faultOf(new TypeError('x is not a function'), NOW)).toBeUndefined();
  });
});
