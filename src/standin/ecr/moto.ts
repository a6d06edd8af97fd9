import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { type StartedServer, startServer } from './started-server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** moto keeps what the stand-in does not: sessions of STS, repositories with their settings and policies, S3, KMS. */
export class Moto implements AsyncDisposable {
  readonly #server: StartedServer;

  private constructor(server: StartedServer) {
    this.#server = server;
  }

  static async start(): Promise<Moto> {
    const command = ['moto_server', '--host', '127.0.0.1', '--port', '0'] as const;
    // A fixed account would win over the one that each request names.
    const env = { MOTO_ACCOUNT_ID: undefined };
    return new Moto(await startServer(command, /Running on http:\/\/127\.0\.0\.1:(\d+)/, env));
  }

  /** Hands a request on, in the name of an account. */
  forward(
    asked: { readonly method?: string | undefined; readonly url?: string | undefined },
    headers: IncomingMessage['headers'],
    body: Buffer,
    account: string,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const port = Number(this.#server.said);
      const onward = request(
        {
          host: '127.0.0.1',
          port,
          method: asked.method,
          path: asked.url,
          headers: { ...headers, 'x-moto-account-id': account },
          agent: false,
        },
        (answer) => {
          answer.toArray().then(
            (chunks) =>
              resolve({
                status: answer.statusCode ?? 0,
                headers: answer.headers,
                body: Buffer.concat(chunks as Buffer[]),
              }),
            reject,
          );
        },
      );
      onward.on('error', reject).end(body);
    });
  }

  /** One call of ECR's API, by the stand-in itself. */
  async ecr(account: string, region: string, operation: string, input: object) {
    const body = Buffer.from(JSON.stringify(input));
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': String(body.length),
      'x-amz-target': `AmazonEC2ContainerRegistry_V20150921.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=standin/20260101/${region}/ecr/aws4_request, SignedHeaders=host, Signature=0`,
    };
    const answer = await this.forward({ method: 'POST', url: '/' }, headers, body, account);
    return { status: answer.status, body: JSON.parse(answer.body.toString()) as Record<string, unknown> };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
