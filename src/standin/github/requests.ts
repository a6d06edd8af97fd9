import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, atLeast, loginOf } from './accounts.ts';
import { type Answer, ApiError, notFound, refusal } from './answers.ts';
import type { Fault, Faults, RequestFacts } from './faults.ts';
import { serveGit } from './git-http.ts';
import { noOid } from './git-objects.ts';
import { answerGraphql, type GraphqlRequest, readGraphqlRequest } from './graphql.ts';
import type { PushGate } from './push-gate.ts';
import { primaryLimit, type RateLimits, secondaryLimit } from './rate-limits.ts';
import type { Repository } from './repository.ts';
import { JsonBody, matchRoute, noRoute } from './rest.ts';
import { routes } from './rest-routes.ts';
import { findRepository, type World } from './world.ts';

/** One line of the request log. */
export interface RequestRecord extends RequestFacts {
  /** Who asked: a login, `anonymous`, or `unknown` where the credential was wrong or a fault struck first. */
  who: string;
  /** undefined while it runs; 0 where the connection was reset. */
  status: number | undefined;
  readonly started: Date;
  ended: Date | undefined;
  /** The kind of fault that struck. */
  fault: Fault['kind'] | undefined;
}

/** What the stand-in's server holds while it runs. */
export interface Desk {
  readonly world: World;
  readonly faults: Faults;
  readonly limits: RateLimits;
  readonly log: RequestRecord[];
  readonly pushGate: PushGate;
  latencyMs: number;
}

const gitPath = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;
const apiRoot = '/api/v3';

type Target =
  | { readonly kind: 'git'; readonly repository: string; readonly service: string; readonly rest: string }
  | { readonly kind: 'graphql'; readonly request: GraphqlRequest }
  | { readonly kind: 'rest'; readonly path: string; readonly found: ReturnType<typeof matchRoute> };

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Answers one HTTP request: what it is, faults, latency, who asks, limits, effect, faults again, log. */
export async function handle(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', desk.world.url());
  const git = gitPath.exec(url.pathname);
  const body = git === null ? await readBody(request) : '';
  const target: Target =
    git !== null
      ? { kind: 'git', repository: git[1] ?? '', service: serviceOf(git[2] ?? '', url), rest: git[2] ?? '' }
      : /^\/(api\/)?graphql$/.test(url.pathname) && method === 'POST'
        ? { kind: 'graphql', request: readGraphqlRequest(body) }
        : restTarget(method, url);
  const facts: RequestFacts = {
    method,
    path: url.pathname + url.search,
    operation: operationOf(target, method),
    fields: target.kind === 'graphql' ? target.request.fields : [],
  };
  const record: RequestRecord = {
    ...facts,
    who: 'unknown',
    status: undefined,
    started: new Date(),
    ended: undefined,
    fault: undefined,
  };
  desk.log.push(record);
  const end = (status: number): void => {
    record.status = status;
    record.ended = new Date();
  };
  const send = (answer: Answer): void => {
    end(answer.status);
    write(response, answer);
  };
  const reset = (): void => {
    end(0);
    request.socket.resetAndDestroy();
  };

  const struck = desk.faults.strike({ ...facts, body });
  record.fault = struck?.fault.kind;
  if (desk.latencyMs > 0) await sleep(desk.latencyMs / 2);
  if (struck?.fault.kind === 'reset-before') return reset();
  if (struck?.fault.kind === 'slow') await struck.released;
  const instead = struck === undefined ? undefined : answerInstead(desk, struck.fault, target);
  if (instead !== undefined) return send(instead);
  const lost = struck?.fault.kind === 'reset-after' || struck?.fault.kind === 'lost-response';

  let answer: Answer | undefined;
  try {
    const actor = authenticate(desk, request);
    record.who = loginOf(actor);
    const usage = desk.limits.begin(request.headers.authorization ?? '', createsContent(target, method));
    try {
      if (target.kind === 'git') {
        const served = await answerGit(
          desk,
          actor,
          target,
          request,
          response,
          url,
          !lost && struck === undefined,
        );
        if (served !== undefined && struck === undefined) return end(served);
        answer = { status: 200 };
      } else {
        const given = await answerApi(desk, actor, target, method, url, body);
        answer = { ...given, headers: { ...usage.headers, ...given.headers } };
      }
    } finally {
      usage.end();
    }
  } catch (error) {
    answer = answerError(error, target);
  }
  if (struck?.fault.kind === 'slow-after') {
    struck.reach();
    await struck.released;
  }
  if (desk.latencyMs > 0) await sleep(desk.latencyMs / 2);
  if (struck?.fault.kind === 'reset-after') return reset();
  if (struck?.fault.kind === 'lost-response')
    return send({ status: struck.fault.status ?? 502, body: { message: 'Server Error' } });
  if (struck?.fault.kind === 'truncated') {
    end(0);
    return truncate(response, answer);
  }
  return send(answer);
}

const serviceOf = (rest: string, url: URL): string =>
  rest === 'info/refs' ? (url.searchParams.get('service') ?? 'info/refs') : rest;

function restTarget(method: string, url: URL): Target {
  const path = url.pathname.startsWith(`${apiRoot}/`) ? url.pathname.slice(apiRoot.length) : '/';
  let found: ReturnType<typeof matchRoute>;
  try {
    found = matchRoute(routes, method, path);
  } catch {
    found = undefined;
  }
  return { kind: 'rest', path, found };
}

function operationOf(target: Target, method: string): string {
  if (target.kind === 'git') return target.service;
  if (target.kind === 'graphql') return target.request.name;
  return target.found === undefined ? `${method} ${target.path}` : `${method} ${target.found.route.pattern}`;
}

/** GitHub counts what creates content apart: mutations, and REST requests that write. */
function createsContent(target: Target, method: string): boolean {
  if (target.kind === 'graphql') return target.request.operation?.operation === 'mutation';
  return (
    target.kind === 'rest' && method !== 'GET' && method !== 'HEAD' && !target.path.endsWith('/access_tokens')
  );
}

/** The answer of a fault that strikes before the request takes effect. */
function answerInstead(desk: Desk, fault: Fault, target: Target): Answer | undefined {
  const retryAfter = fault.retryAfterSeconds;
  switch (fault.kind) {
    case 'status': {
      const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      return { status: fault.status ?? 502, body: fault.body ?? { message: 'Server Error' }, headers };
    }
    case 'secondary-limit':
      return refusal(secondaryLimit(retryAfter ?? 1, fault.status ?? 403));
    case 'primary-limit': {
      const error = primaryLimit(
        new Date(desk.world.clock().getTime() + (fault.resetAfterSeconds ?? 60) * 1000),
      );
      if (target.kind !== 'graphql') return { ...refusal(error), status: fault.status ?? 403 };
      return {
        status: 200,
        headers: error.headers,
        body: {
          errors: [{ type: 'RATE_LIMITED', message: 'API rate limit already exceeded for installation.' }],
        },
      };
    }
    default:
      return undefined;
  }
}

/** Without a credential somebody is anonymous; git clients send none at first and are asked (401) by `answerGit`. */
const authenticate = (desk: Desk, request: IncomingMessage): Actor =>
  desk.world.accounts.authenticate(request.headers.authorization);

async function answerApi(
  desk: Desk,
  actor: Actor,
  target: Exclude<Target, { kind: 'git' }>,
  method: string,
  url: URL,
  body: string,
): Promise<Answer> {
  if (target.kind === 'graphql') return answerGraphql(desk.world, actor, target.request);
  const { found, path } = target;
  if (found === undefined) throw noRoute(method, path);
  const answer = await found.route.answer({
    world: desk.world,
    actor,
    url,
    parameters: found.parameters,
    body: new JsonBody(body),
  });
  return answer;
}

function answerError(error: unknown, target: Target): Answer {
  if (!(error instanceof ApiError)) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // A defect of the stand-in, not an injected fault: it must not look like one.
    return { status: 500, body: { message: `The stand-in for GitHub failed: ${message}` } };
  }
  if (target.kind !== 'git') return refusal(error);
  const headers = error.status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {};
  return { status: error.status, headers, body: error.message };
}

/** Serves git; undefined when nothing was delivered (a fault wants the response). */
async function answerGit(
  desk: Desk,
  actor: Actor,
  target: Extract<Target, { kind: 'git' }>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  deliver: boolean,
): Promise<number | undefined> {
  const [owner = '', name = ''] = target.repository.split('/');
  const repository = findRepository(desk.world, owner, name);
  const pushes = target.service === 'git-receive-pack';
  demandGit(repository, actor, pushes);
  const before = pushes ? await repository.store.refs('refs/heads') : [];
  const gate = pushes ? desk.pushGate.open(repository, actor) : undefined;
  try {
    const { status } = await serveGit(request, response, {
      gitDir: repository.store.folder,
      path: `/${target.rest}`,
      query: url.search.slice(1),
      user: loginOf(actor),
      environment: gate?.environment ?? {},
      headers: {},
      deliver,
    });
    if (pushes && target.rest === 'git-receive-pack') await recordPush(repository, actor, before);
    return status;
  } finally {
    gate?.close();
  }
}

function demandGit(
  repository: Repository | undefined,
  actor: Actor,
  pushes: boolean,
): asserts repository is Repository {
  const anonymous = actor.kind === 'anonymous';
  const needed = pushes ? 'write' : 'read';
  if (repository !== undefined && atLeast(repository.levelOf(actor, 'contents'), needed)) {
    if (pushes && repository.archived) {
      throw new ApiError(403, 'This repository was archived so it is read-only.');
    }
    return;
  }
  if (anonymous) throw new ApiError(401, 'Authentication required');
  if (repository?.visibleTo(actor) !== true) throw notFound();
  throw new ApiError(403, `Permission to ${repository.fullName}.git denied to ${loginOf(actor)}.`);
}

async function recordPush(
  repository: Repository,
  actor: Actor,
  before: readonly { ref: string; oid: string }[],
): Promise<void> {
  const known = new Map(before.map(({ ref, oid }) => [ref, oid]));
  for (const { ref, oid } of await repository.store.refs('refs/heads')) {
    if ((known.get(ref) ?? noOid) !== oid) repository.record('push', ref, oid, actor);
  }
  await repository.afterChange();
}

const textOf = ({ body }: Answer): string =>
  body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);

const headersOf = (answer: Answer): Record<string, string> => ({
  'content-type': typeof answer.body === 'string' ? 'text/plain' : 'application/json; charset=utf-8',
  'x-github-request-id': 'STANDIN',
  'x-github-media-type': 'github.v3; format=json',
  'x-github-enterprise-version': '3.20.0',
  ...answer.headers,
});

function write(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, headersOf(answer));
  response.end(answer.status === 204 ? undefined : textOf(answer));
}

/** The head promises the whole body; the connection ends after half of it. */
function truncate(response: ServerResponse, answer: Answer): void {
  const bytes = Buffer.from(textOf(answer));
  response.writeHead(answer.status, { ...headersOf(answer), 'content-length': String(bytes.length) });
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
}
