import { z } from 'zod';
import { fullJitter, type Timing } from '../github/timing.ts';
import { type ApplicationStatus, parseApplication, parseApplicationList } from './application-status.ts';
import { cleanLines } from './cluster-text.ts';
import { ArgoCdError, faultOf, wordsOf } from './fault.ts';
import { parseResourceTree, type ResourceTree } from './resource-tree.ts';
import { openTransport, type TransportAnswer, TransportError } from './transport.ts';

/**
 * Argo CD as the domains above see it (its REST API; server/application/application.proto). Every method rejects with
 * `ArgoCdError`; reads are repeated while the server is unavailable.
 */
export interface ArgoCdClient {
  /** The server's address, for messages. */
  readonly server: string;
  /** How many requests were sent so far, tries counted. */
  readonly requests: number;
  /**
   * Applications that the token may see, in one request. Those it may not see are left out without a word.
   *
   * Always whole: `fields` knows neither `sync.revisions` nor `operationState.message` nor `reconciledAt` (argo-cd,
   * pkg/apiclient/application/forwarder_overwrite.go), and without them nothing can be judged.
   */
  list(query?: ApplicationQuery): Promise<readonly ApplicationStatus[]>;
  get(name: string): Promise<ApplicationStatus>;
  /** Asks Argo CD to look at git now; `hard` also forgets rendered manifests. */
  refresh(name: string, kind?: 'normal' | 'hard'): Promise<ApplicationStatus>;
  resourceTree(name: string): Promise<ResourceTree>;
  /** Kubernetes events of one object of the application, or without one those of the application itself. Oldest first. */
  events(name: string, of?: EventSubject): Promise<readonly ClusterEvent[]>;
  /** The last lines of a pod, cleaned (cluster-text.ts). Needs `logs, get` in Argo CD's RBAC. */
  logs(name: string, pod: PodQuery): Promise<readonly string[]>;
  /** One live object, as it is in the cluster; null when it is not there (any more). May hold secrets: do not print it. */
  liveObject(name: string, of: ObjectQuery, query?: { readonly once?: boolean }): Promise<unknown>;
  /** What is compared: target and live state as JSON text, where Argo CD gives them. */
  managedResources(name: string): Promise<readonly ManagedResource[]>;
  /** What Argo CD renders, each manifest as JSON text. */
  manifests(name: string, revision?: string): Promise<readonly string[]>;
  /** Asks for a sync to what git has now. @returns false while another operation runs */
  sync(name: string): Promise<boolean>;
  /** Ends the operation that runs. @returns false when none did */
  terminateOperation(name: string): Promise<boolean>;
  clusters(): Promise<readonly ClusterStatus[]>;
  /** `v3.5.7`. */
  version(): Promise<string>;
  whoAmI(): Promise<{ readonly loggedIn: boolean; readonly username: string | undefined }>;
  /**
   * Whether the token may do something, as Argo CD's RBAC says it: `canI('applications', 'sync', 'shop/web-prod-1')`
   * (server/account/account.go, `CanI`).
   */
  canI(resource: string, action: string, object: string): Promise<boolean>;
}

export interface ApplicationQuery {
  /** Of labels: `kajitori.dev/environment=production,kajitori.dev/app in (api,web)`. */
  readonly selector?: string;
  readonly projects?: readonly string[];
  /** For who asks again anyway: one try. */
  readonly once?: boolean;
}

export interface EventSubject {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/** A Kubernetes event. */
export interface ClusterEvent {
  readonly type: string | undefined;
  readonly reason: string | undefined;
  readonly message: string;
  /** `Pod/web-1`. */
  readonly object: string;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number | undefined;
}

export interface PodQuery {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string | undefined;
  /** Default 20. */
  readonly lines?: number;
  /** Of the container before its last restart. */
  readonly previous?: boolean;
}

export interface ObjectQuery {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ManagedResource {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly targetState: string | undefined;
  readonly liveState: string | undefined;
}

/** A cluster that Argo CD deploys to. */
export interface ClusterStatus {
  readonly name: string;
  readonly server: string;
  /** `Successful`, `Failed`, `Unknown`. Stays Successful for long after the cluster died (trap 8). */
  readonly connection: string | undefined;
  readonly connectionMessage: string | undefined;
  readonly kubernetes: string | undefined;
  /** When Argo CD's copy of the cluster's objects was filled. */
  readonly cacheSyncedAt: number | undefined;
}

export interface ArgoCdOptions {
  /** `https://argocd.example.com`, with a path where Argo CD has one (`--rootpath`). */
  readonly server: string;
  /** Called for every request, so that a token that ends may be replaced (sign-in.ts). */
  readonly token: () => Promise<string> | string;
  /** Certificates (PEM) of a private authority, trusted besides the public ones. */
  readonly ca?: string | undefined;
  readonly timing: Timing;
  /** Give up when no answer came in this time. Default 20 s. */
  readonly requestTimeoutMs?: number;
  /** How long a read may be repeated before it fails. Default 30 s. */
  readonly patienceMs?: number;
}

const BACKOFF = { baseMs: 250, capMs: 5_000 } as const;

/** Some thousand applications with all their fields; one application's tree with some thousand pods. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Several tries are enough to tell an error of this request (code 2, Unknown, is 500 too) from a server that is busy. */
const MAX_TRIES = 8;

interface Call<Data> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Completes "could not …". */
  readonly doing: string;
  readonly about: 'one-application' | 'operation' | 'server';
  readonly once?: boolean | undefined;
  /** Undefined for what is not such an answer. */
  readonly read: (text: string) => Data | undefined;
}

/**
 * Argo CD's API at one address. Nothing is sent until the first call.
 *
 * @throws Failure (exit 2, `bad-server`) for what is no address
 */
export function openArgoCd(options: ArgoCdOptions): ArgoCdClient {
  const { timing, requestTimeoutMs = 20_000, patienceMs = 30_000 } = options;
  const server = options.server.replace(/\/+$/, '');
  const transport = openTransport(server, options.ca);
  let requests = 0;

  const sendOnce = async (call: Call<unknown>): Promise<TransportAnswer> => {
    const token = await options.token();
    requests += 1;
    try {
      return await transport.send({
        method: call.method,
        path: `/api${call.path}${queryOf(call.query)}`,
        headers: {
          accept: 'application/json',
          // Also without a body: Argo CD answers 415 to a DELETE that does not say so (against cross-site requests).
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
        },
        ...(call.method === 'POST' ? { body: '{}' } : {}),
        timeoutMs: requestTimeoutMs,
        maxBytes: MAX_BYTES,
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      throw new ArgoCdError('unavailable', call.doing, error.message);
    }
  };

  const attempt = async <Data>(call: Call<Data>): Promise<Data> => {
    const answer = await sendOnce(call);
    if (answer.status !== 200) {
      const error = new ArgoCdError(faultOf(answer, call.about), call.doing, wordsOf(answer), answer.status);
      throw Object.assign(error, { retryAfterMs: retryAfter(answer) });
    }
    const data = call.read(answer.text);
    if (data === undefined) {
      throw new ArgoCdError('invalid', call.doing, 'the answer is not one of Argo CD’s API', answer.status);
    }
    return data;
  };

  const ask = async <Data>(call: Call<Data>): Promise<Data> => {
    const deadline = timing.now() + patienceMs;
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(call);
      } catch (error) {
        const isWorthIt = error instanceof ArgoCdError && error.fault === 'unavailable' && call.once !== true;
        const asked = (error as { retryAfterMs?: number }).retryAfterMs ?? 0;
        const pause = Math.max(asked, fullJitter(tries, BACKOFF, timing.random));
        if (!isWorthIt || tries >= MAX_TRIES || timing.now() + pause > deadline) throw error;
        await timing.sleep(pause);
      }
    }
  };

  /** @returns false where another operation, or none, is in the way */
  const operate = async (call: Pick<Call<unknown>, 'method' | 'path' | 'doing'>): Promise<boolean> => {
    try {
      await ask({ ...call, about: 'operation', read: json((body) => z.object({}).safeParse(body).data) });
      return true;
    } catch (error) {
      if (error instanceof ArgoCdError && error.fault === 'conflict') return false;
      throw error;
    }
  };

  const ofApplication = <Data>(
    name: string,
    what: string,
    rest: string,
    read: Call<Data>['read'],
    query?: Call<Data>['query'],
    once?: boolean,
  ): Promise<Data> =>
    ask({
      method: 'GET',
      path: `/v1/applications/${encodeURIComponent(name)}${rest}`,
      ...(query === undefined ? {} : { query }),
      doing: `read ${what} ${name}`,
      about: 'one-application',
      once,
      read,
    });

  return {
    server,
    get requests() {
      return requests;
    },
    list: ({ selector, projects, once } = {}) =>
      ask({
        method: 'GET',
        path: '/v1/applications',
        query: { selector, projects },
        doing: 'list applications',
        about: 'server',
        once,
        read: json(parseApplicationList),
      }),
    get: (name) => ofApplication(name, 'application', '', json(parseApplication)),
    refresh: (name, kind = 'normal') =>
      ofApplication(name, 'application', '', json(parseApplication), { refresh: kind }),
    resourceTree: (name) => ofApplication(name, 'the objects of', '/resource-tree', json(parseResourceTree)),
    events: (name, of) =>
      ofApplication(name, 'events of', '/events', json(parseEvents), {
        resourceUID: of?.uid,
        resourceNamespace: of?.namespace,
        resourceName: of?.name,
      }),
    logs: (name, { namespace, pod, container, lines = 20, previous }) =>
      ofApplication(
        name,
        `the log of pod ${pod} of`,
        `/pods/${encodeURIComponent(pod)}/logs`,
        (text) => parseLog(text, lines),
        {
          namespace,
          container,
          tailLines: String(lines),
          follow: 'false',
          previous: previous === true ? 'true' : undefined,
        },
      ),
    liveObject: (name, { group, version, kind, namespace, name: resourceName }, { once } = {}) =>
      ofApplication(
        name,
        `${kind} ${resourceName} of`,
        '/resource',
        json(parseLiveObject),
        { group, version, kind, namespace, resourceName },
        once,
      ),
    managedResources: (name) =>
      ofApplication(name, 'the objects of', '/managed-resources', json(parseManagedResources)),
    manifests: (name, revision) =>
      ofApplication(name, 'the manifests of', '/manifests', json(parseManifestList), { revision }),
    sync: (name) =>
      operate({
        method: 'POST',
        path: `/v1/applications/${encodeURIComponent(name)}/sync`,
        doing: `sync ${name}`,
      }),
    terminateOperation: (name) =>
      operate({
        method: 'DELETE',
        path: `/v1/applications/${encodeURIComponent(name)}/operation`,
        doing: `end the operation of ${name}`,
      }),
    clusters: () =>
      ask({
        method: 'GET',
        path: '/v1/clusters',
        doing: 'list clusters',
        about: 'server',
        read: json(parseClusters),
      }),
    version: () =>
      ask({
        method: 'GET',
        path: '/version',
        doing: 'read the version',
        about: 'server',
        // `v3.5.7+unknown`: a build's own words follow the plus.
        read: json((body) => z.object({ Version: z.string() }).safeParse(body).data?.Version.split('+')[0]),
      }),
    whoAmI: () =>
      ask({
        method: 'GET',
        path: '/v1/session/userinfo',
        doing: 'read who the token is',
        about: 'server',
        read: json((body) => {
          const { data } = z.object({ loggedIn: z.boolean().nullish(), username: text }).safeParse(body);
          return data && { loggedIn: data.loggedIn ?? false, username: data.username };
        }),
      }),
    canI: (resource, action, object) =>
      ask({
        method: 'GET',
        // The object's slashes are part of the route: `{subresource=**}` (server/account/account.proto).
        path: `/v1/account/can-i/${[resource, action, ...object.split('/')].map(encodeURIComponent).join('/')}`,
        doing: `ask whether the token may ${action} ${resource}`,
        about: 'server',
        read: json((body) => {
          const { data } = z.object({ value: z.enum(['yes', 'no']) }).safeParse(body);
          return data && { may: data.value === 'yes' };
        }),
      }).then(({ may }) => may),
  };
}

/** `?a=1&b=2&b=3`; what is undefined is left out. */
function queryOf(query: Call<unknown>['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of typeof value === 'string' ? [value] : (value ?? [])) parameters.append(name, each);
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/** Milliseconds; only seconds are understood, not a date. */
function retryAfter({ headers }: TransportAnswer): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}

const json =
  <Data>(read: (body: unknown) => Data | undefined) =>
  (answer: string): Data | undefined => {
    try {
      return read(JSON.parse(answer));
    } catch {
      return undefined;
    }
  };

const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === '' ? undefined : value));

const timeOf = (written: string | undefined): number | undefined => {
  const at = Date.parse(written ?? '');
  return Number.isNaN(at) ? undefined : at;
};

const eventList = z.object({
  items: z
    .array(
      z.object({
        type: text,
        reason: text,
        message: text,
        count: z.number().nullish(),
        lastTimestamp: text,
        eventTime: text,
        involvedObject: z.object({ kind: text, name: text }).nullish(),
      }),
    )
    .nullish(),
});

function parseEvents(body: unknown): readonly ClusterEvent[] | undefined {
  const { data } = eventList.safeParse(body);
  return (
    data?.items
      ?.map((event) => ({
        type: event.type,
        reason: event.reason,
        message: event.message ?? '',
        object: `${event.involvedObject?.kind ?? ''}/${event.involvedObject?.name ?? ''}`,
        count: event.count ?? 1,
        lastSeen: timeOf(event.lastTimestamp ?? event.eventTime),
      }))
      .toSorted((one, other) => (one.lastSeen ?? 0) - (other.lastSeen ?? 0)) ??
    (data && [])
  );
}

const logEntry = z.object({ result: z.object({ content: text, last: z.boolean().nullish() }) });

/** One JSON object a line, or server-sent events (grpc-gateway, streams). */
function parseLog(answer: string, lines: number): readonly string[] | undefined {
  const entries: string[] = [];
  for (const line of answer.split('\n')) {
    const entry = line.replace(/^data: /, '').trim();
    if (entry === '') continue;
    const parsed = json((body) => logEntry.safeParse(body).data)(entry);
    if (parsed === undefined) return undefined;
    if (parsed.result.content !== undefined) entries.push(...cleanLines(parsed.result.content));
  }
  return entries.slice(-lines);
}

function parseLiveObject(body: unknown): unknown {
  const { data } = z.object({ manifest: text }).safeParse(body);
  return data === undefined ? undefined : (JSON.parse(data.manifest ?? 'null') as unknown);
}

const managed = z.object({
  items: z
    .array(
      z.object({
        group: text,
        kind: z.string(),
        namespace: text,
        name: z.string(),
        targetState: text,
        liveState: text,
      }),
    )
    .nullish(),
});

function parseManagedResources(body: unknown): readonly ManagedResource[] | undefined {
  const { data } = managed.safeParse(body);
  return data && (data.items ?? []).map((each) => ({ ...each, group: each.group ?? '' }));
}

function parseManifestList(body: unknown): readonly string[] | undefined {
  const { data } = z.object({ manifests: z.array(z.string()).nullish() }).safeParse(body);
  return data && (data.manifests ?? []);
}

const clusterList = z.object({
  items: z
    .array(
      z.object({
        name: text,
        server: z.string(),
        serverVersion: text,
        connectionState: z.object({ status: text, message: text }).nullish(),
        info: z
          .object({
            serverVersion: text,
            connectionState: z.object({ status: text, message: text }).nullish(),
            cacheInfo: z.object({ lastCacheSyncTime: text }).nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
});

function parseClusters(body: unknown): readonly ClusterStatus[] | undefined {
  const { data } = clusterList.safeParse(body);
  return (
    data &&
    (data.items ?? []).map(({ name, server, serverVersion, connectionState, info }) => {
      const state = info?.connectionState ?? connectionState;
      return {
        name: name ?? server,
        server,
        connection: state?.status,
        connectionMessage: state?.message,
        kubernetes: info?.serverVersion ?? serverVersion,
        cacheSyncedAt: timeOf(info?.cacheInfo?.lastCacheSyncTime),
      };
    })
  );
}
