import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gitEnvironment } from './git-process.ts';

/** What `git http-backend` answered: the head of the response, and the rest as it comes. */
export interface GitAnswer {
  readonly status: number;
}

/**
 * Lets `git http-backend` answer one request of git's smart HTTP protocol. `deliver` false throws the answer away
 * after it took effect (a lost response).
 */
export function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  what: {
    readonly gitDir: string;
    readonly path: string;
    readonly query: string;
    readonly user: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly deliver: boolean;
  },
): Promise<GitAnswer> {
  const child = spawn('git', ['http-backend'], {
    env: {
      ...gitEnvironment(),
      GIT_PROJECT_ROOT: what.gitDir,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: what.path,
      QUERY_STRING: what.query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: what.user,
      REMOTE_ADDR: '127.0.0.1',
      ...what.environment,
    },
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => {});
  response.on('close', () => {
    if (!response.writableFinished && what.deliver) child.kill();
  });
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = Buffer.alloc(0);
    let status = 200;
    child.stdout.on('data', (chunk: Buffer) => {
      if (head === undefined) {
        if (what.deliver && !response.write(chunk)) {
          child.stdout.pause();
          response.once('drain', () => child.stdout.resume());
        }
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const headers: Record<string, string> = { ...what.headers };
      for (const line of head.toString('latin1', 0, end).split('\r\n')) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon);
        const value = line.slice(colon + 1).trim();
        if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
        else headers[name] = value;
      }
      const rest = head.subarray(end + 4);
      head = undefined;
      if (!what.deliver) return;
      response.writeHead(status, headers);
      if (rest.length > 0) response.write(rest);
    });
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', () => {
      if (what.deliver) response.end();
      resolve({ status: head === undefined ? status : 500 });
    });
  });
}
