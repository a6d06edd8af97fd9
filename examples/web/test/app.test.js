import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp } from '../src/app.js';
import { createLog } from '../src/log.js';

async function start(queue = {}) {
  const lines = [];
  const app = createApp({ queue, log: createLog((line) => lines.push(JSON.parse(line))) });
  const url = `http://127.0.0.1:${await app.listen(0)}`;
  return { app, url, lines, [Symbol.asyncDispose]: () => app.close().catch(() => undefined) };
}
const order = (url, body) => fetch(`${url}/orders`, { method: 'POST', body });

test('it is alive and ready', async () => {
  await using web = await start();
  for (const path of ['/', '/healthz', '/readyz']) {
    assert.equal((await fetch(web.url + path)).status, 200);
  }
  assert.equal((await fetch(`${web.url}/nowhere`)).status, 404);
});

test('an order goes to the queue', async () => {
  const sent = [];
  await using web = await start({ send: async (body) => sent.push(body) });
  assert.equal((await order(web.url, '{"id":"1","item":"tea","price":0}')).status, 202);
  assert.deepEqual(sent, [{ id: '1', item: 'tea' }]);
});

test('an order that is none, or too long, is refused', async () => {
  await using web = await start();
  for (const body of ['', '{', 'null', '{"id":1}', `{"id":"1","item":"${'x'.repeat(70_000)}"}`]) {
    assert.equal((await order(web.url, body)).status, 400);
  }
});

test('a failure is answered, logged and counted', async () => {
  await using web = await start({ send: () => Promise.reject(new Error('no queue')) });
  assert.equal((await order(web.url, '{"id":"1","item":"tea"}')).status, 500);
  assert.equal(web.lines.find((line) => line.level === 'error').error, 'Error: no queue');
  const metrics = await (await fetch(`${web.url}/metrics`)).text();
  assert.match(metrics, /^http_requests_total\{method="POST",route="POST \/orders",status="500"\} 1$/m);
  assert.match(metrics, /^http_request_duration_seconds_bucket\{route="POST \/orders",le="\+Inf"\} 1$/m);
});

test('while it drains it still serves, but is not ready', async () => {
  await using web = await start();
  web.app.drain();
  assert.equal((await fetch(`${web.url}/readyz`)).status, 503);
  assert.equal((await fetch(`${web.url}/healthz`)).status, 200);
  assert.equal((await fetch(web.url)).headers.get('connection'), 'close');
});

test('a request that has begun is finished while the app stops, a new one is not taken', async () => {
  const arrived = Promise.withResolvers();
  const go = Promise.withResolvers();
  const send = () => {
    arrived.resolve();
    return go.promise;
  };
  await using web = await start({ send });
  const answer = order(web.url, '{"id":"1","item":"tea"}');
  await arrived.promise;
  const closed = web.app.close();
  await assert.rejects(fetch(web.url));
  go.resolve();
  assert.equal((await answer).status, 202);
  assert.equal((await answer).headers.get('connection'), 'close');
  await closed;
});
