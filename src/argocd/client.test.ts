import { mkdtempDisposable } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { makeCertificate } from '../standin/ecr/certificate.ts';
import { type ArgoCdClient, openArgoCd } from './client.ts';
import { ArgoCdError, argoCdFailure } from './fault.ts';
import { dexTokenSource } from './sign-in.ts';

const TOKEN = 'very-secret-token';

let started: AsyncDisposableStack;
beforeEach(() => {
  started = new AsyncDisposableStack();
});
afterEach(() => started.disposeAsync());

/** A server of which every answer is given here. */
async function serve(listener: RequestListener, tls?: { key: string; cert: string }): Promise<string> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  started.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = (server: string, timing = virtualTiming()): ArgoCdClient =>
  openArgoCd({ server, token: () => TOKEN, timing });

const rejection = async (promise: Promise<unknown>): Promise<ArgoCdError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ArgoCdError)) throw new Error(`no ArgoCdError: ${String(error)}`);
  return error;
};

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };

describe('what an answer means', () => {
  test.each([
    [401, { error: 'no session information', code: 16 }, 'denied'],
    [403, { error: 'permission denied', code: 7 }, 'missing-or-denied'],
    [404, 'Not Found', 'missing'],
    [501, { message: 'not implemented' }, 'invalid'],
    [200, '<html>Please sign in</html>', 'invalid'],
    [200, { metadata: { name: 7 } }, 'invalid'],
    [307, '', 'invalid'],
  ])('%i %j is %s, and the request is not repeated', async (status, body, fault) => {
    const client = open(await serve(answer(status, body, { location: 'https://sso.example/' })));
    const error = await rejection(client.get('web'));
    expect(error.fault).toBe(fault);
    expect(client.requests).toBe(1);
    const failure = argoCdFailure(error, client.server);
    expect(failure.exitCode).toBe(2);
    expect(failure.todo).toBeTruthy();
  });

  test.each([
    [401, 'invalid session: token has invalid claims: token is expired', /generate-token.*argocd-token/],
    [403, 'permission denied', /^Let the role .* get applications \(docs/],
  ])('%i: who reads it knows whether it is the token or its rights', async (status, message, todo) => {
    const client = open(await serve(answer(status, { message })));
    const failure = argoCdFailure(await rejection(client.list()), client.server);
    expect(failure.message).toContain(message);
    expect(failure.todo).toMatch(todo);
  });

  test('its own words are shown, cleaned; the token never', async () => {
    const echo: RequestListener = (request, response) => {
      const message = `\u001b[31mno\u001b[0m\n::error::${request.headers.authorization}`;
      response.writeHead(403).end(JSON.stringify({ message }));
    };
    const error = await rejection(open(await serve(echo)).get('web'));
    expect(error.message).toContain('read application web: no');
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain(TOKEN);
  });

  test('a list that is denied is the token’s fault, not the application’s', async () => {
    const error = await rejection(open(await serve(answer(403, { message: 'permission denied' }))).list());
    expect(error.fault).toBe('denied');
  });
});

describe('what is worth another try', () => {
  test.each([500, 502, 503, 429])('%i: reads are repeated until it is well', async (status) => {
    let asked = 0;
    const timing = virtualTiming();
    const client = open(
      await serve((request, response) => {
        asked += 1;
        answer(asked < 3 ? status : 200, { items: null }, { 'retry-after': '2' })(request, response);
      }),
      timing,
    );
    expect(await client.list()).toEqual([]);
    expect(asked).toBe(3);
    expect(timing.slept.every((milliseconds) => milliseconds >= 2_000)).toBe(true);
  });

  test('a connection that is cut is repeated too; a server that is not there ends it in the end', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      if (asked < 2) return void request.socket.destroy();
      answer(200, { items: [] })(request, response);
    });
    expect(await open(url).list()).toEqual([]);
    const gone = openArgoCd({ server: 'http://127.0.0.1:1', token: () => TOKEN, timing: virtualTiming() });
    expect((await rejection(gone.list())).fault).toBe('unavailable');
    expect(gone.requests).toBeGreaterThan(1);
    // Who asks again anyway is told at once.
    const before = gone.requests;
    expect((await rejection(gone.list({ once: true }))).fault).toBe('unavailable');
    expect(gone.requests).toBe(before + 1);
  });
});

describe('requests', () => {
  test('names and selectors cannot leave their place; a DELETE has a content type', async () => {
    const seen: string[] = [];
    const client = open(
      await serve((request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
        answer(200, request.method === 'DELETE' ? {} : { items: [] })(request, response);
      }),
    );
    await client.terminateOperation('../../session?x=1');
    await client.list({ selector: 'kajitori.dev/app in (a,b)&projects=x' });
    expect(seen).toEqual([
      'DELETE /api/v1/applications/..%2F..%2Fsession%3Fx%3D1/operation application/json',
      'GET /api/v1/applications?selector=kajitori.dev%2Fapp+in+%28a%2Cb%29%26projects%3Dx application/json',
    ]);
  });

  test.each(['', 'argocd.example.com', 'ftp://x', 'https://user:secret@x', 'https://x?y=z'])(
    '%j is no address, and is not repeated in the message',
    (server) => {
      expect(() => open(server)).toThrow(/no https:\/\/ address/);
      expect(() => open(server)).not.toThrow(/secret/);
    },
  );

  test('a private authority is trusted where it is given, and only there', async () => {
    const folder = started.use(await mkdtempDisposable(join(tmpdir(), 'argocd-ca-')));
    const { key, cert } = await makeCertificate(['localhost'], folder.path);
    const address = await serve(answer(200, { items: [] }), { key, cert });
    const url = address.replace('127.0.0.1', 'localhost');
    const untrusted = await rejection(open(url).list({ once: true }));
    expect(untrusted).toMatchObject({ fault: 'unavailable', message: expect.stringMatching(/certificate/i) });
    const trusting = (server: string) =>
      openArgoCd({ server, token: () => TOKEN, ca: cert, timing: virtualTiming() });
    expect(await trusting(url).list({ once: true })).toEqual([]);
    // The authority alone is not enough: this address is not in the certificate.
    expect((await rejection(trusting(address).list({ once: true }))).message).toMatch(/altnames/i);
  });
});

describe('signing in by Dex', () => {
  test('GitHub’s token is exchanged once, until the exchanged one nearly ends', async () => {
    const forms: URLSearchParams[] = [];
    const timing = virtualTiming();
    const server = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        forms.push(new URLSearchParams(body));
        answer(200, { access_token: `token-${forms.length}`, expires_in: 600 })(request, response);
      });
    });
    const source = dexTokenSource({
      server,
      connector: 'github-actions',
      idToken: () => Promise.resolve('id-token'),
      timing,
    });
    expect(await Promise.all([source(), source()])).toEqual(['token-1', 'token-1']);
    expect(await source()).toBe('token-1');
    await timing.sleep(545_000);
    expect(await source()).toBe('token-2');
    expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
      connector_id: 'github-actions',
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'id-token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
  });

  test('a refusal says what to set up, and shows neither token', async () => {
    const server = await serve(
      answer(401, {
        error: 'access_denied',
        error_description: 'unknown connector',
        subject_token: 'id-token',
      }),
    );
    const source = dexTokenSource({
      server,
      connector: 'github-actions',
      idToken: () => Promise.resolve('id-token'),
      timing: virtualTiming(),
    });
    await expect(source()).rejects.toMatchObject({
      exitCode: 2,
      reason: 'argocd-sign-in',
      message: expect.stringMatching(/unknown connector \(401\)$/),
    });
  });
});
