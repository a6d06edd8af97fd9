import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient, explainFault, type Outage } from './client.ts';

/** A GitHub that answers so, and goes away at the end. */
async function gitHub(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Where nobody listens any more. */
async function nowhere(): Promise<string> {
  await using github = await gitHub(() => undefined);
  return github.url;
}

/** Reads or writes, and says what was told of it and how it ended. */
async function asking(apiUrl: string, write = false) {
  const timing = virtualTiming();
  const told: Outage[] = [];
  const started = timing.now();
  const client = createGitHubClient({
    apiUrl,
    token: undefined,
    timing,
    onOutage: (outage) => {
      told.push(outage);
      expect(timing.slept).toEqual([]);
    },
  });
  const error: unknown = await client.rest('GET /meta', {}, { write }).catch((thrown: unknown) => thrown);
  return { started, told, error, tookMs: timing.now() - started };
}

test('who reads and gets no answer is told once, at once, until when it is tried; then it fails in one sentence', async () => {
  const url = await nowhere();
  const { started, told, error, tookMs } = await asking(url);
  expect(told).toEqual([
    { fault: expect.objectContaining({ kind: 'unavailable', status: undefined }), until: started + 60_000 },
  ]);
  expect(tookMs).toBeGreaterThan(50_000);
  expect(tookMs).toBeLessThanOrEqual(60_000);
  expect(explainFault(error, 'read acme/gitops')).toMatchObject({
    message: `Could not read acme/gitops: GitHub did not answer (connect ECONNREFUSED ${url.slice('http://'.length)}).`,
    todo: expect.stringContaining('network'),
    reason: 'github-unavailable',
  });
});

test('a write is not tried again, so nobody is told that it is', async () => {
  expect(await asking(await nowhere(), true)).toMatchObject({ told: [], tookMs: 0 });
});

test('an answer that is bad is GitHub’s own words, with its status', async () => {
  await using github = await gitHub((_, answer) => answer.writeHead(503).end('{"message":"Unicorn"}'));
  const { error, told } = await asking(github.url);
  expect(told).toHaveLength(1);
  expect(explainFault(error, 'read it').message).toMatch(
    /^Could not read it: GitHub said ".+" \(status 503\)\.$/,
  );
});
