import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { couldNot } from '../report/failure.ts';

/** One HTTP request and the whole of its answer. */
export interface Transport {
  /** @throws TransportError when there is no (whole) answer */
  send(request: TransportRequest): Promise<TransportAnswer>;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the server's address, with a slash in front. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Of the answer, unpacked. */
  readonly maxBytes: number;
}

export interface TransportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** No answer: the connection was refused, broke, took too long, or brought too much. Its message holds no header. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
}

/**
 * Requests to one server, by Node's own client: its `fetch` takes no certificates of a private authority. Redirects are
 * not followed: the token would go with them.
 *
 * @param server `https://argocd.example.com`, with a path where there is one
 * @param ca PEM, trusted besides the public authorities
 * @throws Failure (exit 2, `bad-server`) for what is no address
 */
export function openTransport(server: string, ca?: string): Transport {
  const base = parseServer(server);
  const isTls = base.protocol === 'https:';
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) })
    : new HttpAgent({ keepAlive: true });
  const prefix = base.pathname.replace(/\/+$/, '');
  return {
    send: ({ method, path, headers, body, timeoutMs, maxBytes }) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error): void =>
          reject(new TransportError(wordsOf(error), { cause: error.name }));
        const signal = AbortSignal.timeout(timeoutMs);
        const sent = (isTls ? httpsRequest : httpRequest)(
          new URL(`${base.origin}${prefix}${path}`),
          {
            method,
            agent,
            signal,
            headers: {
              ...headers,
              'accept-encoding': 'gzip, br',
              ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
            },
          },
          (answer) => {
            readAll(answer, maxBytes).then(
              (text) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
              fail,
            );
          },
        );
        sent.on('error', (error) =>
          fail(signal.aborted ? new Error(`no answer in ${timeoutMs / 1000} s`) : error),
        );
        sent.end(body);
      }),
  };
}

/** The address of a server, checked. */
function parseServer(server: string): URL {
  const base = URL.canParse(server) ? new URL(server) : undefined;
  const isPlain = base !== undefined && base.username === '' && base.password === '' && base.search === '';
  if (!isPlain || !/^https?:$/.test(base.protocol)) {
    throw couldNot('The address of Argo CD is no https:// address.', {
      todo: 'Write it as https://argocd.example.com, without a user and without a question mark.',
      reason: 'bad-server',
    });
  }
  return base;
}

/** Node says `connect ECONNREFUSED 10.0.0.1:443`; several addresses that all failed have an empty message. */
function wordsOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return error.message || first?.message || error.name;
}

async function readAll(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const encoding = answer.headers['content-encoding'];
  const body =
    encoding === 'gzip'
      ? answer.pipe(createGunzip())
      : encoding === 'br'
        ? answer.pipe(createBrotliDecompress())
        : answer;
  // A connection that breaks under the pipe would leave the reader waiting.
  if (body !== answer)
    answer
      .on('error', (error) => body.destroy(error))
      .on('aborted', () => body.destroy(new Error('the connection broke')));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      answer.destroy();
      throw new Error(`the answer is larger than ${Math.round(maxBytes / 1024 / 1024)} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
