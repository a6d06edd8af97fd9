import { once } from 'node:events';
import { createServer } from 'node:http';
import { createMetrics } from './metrics.js';

const LONGEST_BODY = 64 * 1024;

/** The web process: takes orders and hands them to the worker. `queue` needs `send(body)`. */
export function createApp({ queue, log }) {
  const metrics = createMetrics();
  let draining = false;

  const routes = {
    'GET /': () => [200, { hello: 'world' }],
    // Alive: nothing but this process is asked, or a broken database would restart every pod.
    'GET /healthz': () => [200, { alive: true }],
    'GET /readyz': () => [draining ? 503 : 200, { ready: !draining }],
    'GET /metrics': () => [200, metrics.text()],
    'POST /orders': async (request) => {
      const order = await readOrder(request);
      if (order === undefined) {
        return [400, { error: 'send JSON like {"id": "1", "item": "tea"}' }];
      }
      await queue.send(order);
      return [202, { accepted: order.id }];
    },
  };

  const server = createServer(async (request, response) => {
    const start = performance.now();
    const wanted = `${request.method} ${request.url.split('?', 1)[0]}`;
    const route = Object.hasOwn(routes, wanted) ? wanted : 'none';
    const [status, body] = await answer(routes[route], request).catch((error) => {
      log.error('request failed', { route, error: String(error) });
      return [500, { error: 'it is our fault' }];
    });
    const text = typeof body === 'string';
    response.writeHead(status, {
      'content-type': text ? 'text/plain; version=0.0.4' : 'application/json',
      // The other side would send its next request on this connection.
      ...(draining ? { connection: 'close' } : {}),
    });
    response.end(text ? body : JSON.stringify(body));
    const seconds = (performance.now() - start) / 1000;
    metrics.observe({ method: request.method, route, status, seconds });
    if (!['GET /healthz', 'GET /readyz', 'GET /metrics'].includes(route)) {
      log.info('request', { method: request.method, url: request.url, status, seconds });
    }
  });

  return {
    /** Port 0 takes a free one. Returns the port. */
    async listen(port) {
      server.listen(port);
      await once(server, 'listening');
      return server.address().port;
    },
    /** Goes on serving, and says that it wants no more: for load balancers that ask. */
    drain() {
      draining = true;
    },
    /** Takes nothing new, finishes what has begun. */
    async close() {
      draining = true;
      server.close();
      await once(server, 'close');
    },
  };
}

const answer = async (handle, request) =>
  handle === undefined ? [404, { error: 'no such page' }] : handle(request);

async function readOrder(request) {
  let body = '';
  // Not destroyed when it is too long: the sender is still to read our answer.
  for await (const chunk of request.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    body += chunk;
    if (body.length > LONGEST_BODY) {
      return undefined;
    }
  }
  try {
    const { id, item } = JSON.parse(body);
    return typeof id === 'string' && typeof item === 'string' ? { id, item } : undefined;
  } catch {
    return undefined;
  }
}
