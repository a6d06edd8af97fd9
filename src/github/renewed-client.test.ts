import { expect, test } from 'vitest';
import { couldNot } from '../report/failure.ts';
import type { GitHubClient } from './client.ts';
import { openRenewedClient } from './renewed-client.ts';

const MINUTE = 60_000;

const signedInAs = (token: number): GitHubClient => ({
  rest: async <Data>() => ({ status: 200, data: token as Data, headers: {} }),
  graphql: async <Data>() => token as Data,
});

test('signs in again before the token ends, once', async () => {
  let now = 0;
  let tokens = 0;
  const client = await openRenewedClient(async () => signedInAs(++tokens), { now: () => now });
  expect(await client.graphql('', {})).toBe(1);
  now = 49 * MINUTE;
  expect((await client.rest('')).data).toBe(1);
  now = 51 * MINUTE;
  expect(await Promise.all([client.graphql('', {}), client.graphql('', {})])).toEqual([2, 2]);
  expect(tokens).toBe(2);
});

test('goes on with the old token where signing in fails for a moment, and tries again a minute later', async () => {
  let now = 0;
  let tokens = 0;
  const client = await openRenewedClient(
    async () => {
      tokens += 1;
      if (tokens === 2) throw couldNot('no answer');
      return signedInAs(tokens);
    },
    { now: () => now },
  );
  now = 51 * MINUTE;
  expect(await client.graphql('', {})).toBe(1);
  now = 52 * MINUTE;
  expect(await client.graphql('', {})).toBe(3);
});

test('fails where it cannot sign in at first', async () => {
  await expect(openRenewedClient(() => Promise.reject(couldNot('denied')), { now: () => 0 })).rejects.toThrow(
    'denied',
  );
});
