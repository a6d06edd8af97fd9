import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StandinApplication } from './application.ts';
import { StandinCluster } from './cluster.ts';
import { GitReader, type GitSource, helmRenderer, type Renderer } from './git-source.ts';
import type { Fate, ImageScript } from './images.ts';
import {
  type AnswerContext,
  allPods,
  applicationJson,
  clusterJson,
  podEvents,
  podManifest,
  treeJson,
} from './json.ts';
import type { Health } from './live-object.ts';
import { Schedule } from './schedule.ts';

export interface ArgoCdStandinOptions {
  /** The names of the clusters that this Argo CD deploys to; applications of other clusters it does not have. */
  readonly clusters: readonly string[];
  /** The GitOps repository, e.g. `github.repository('acme/gitops')`. */
  readonly repository: GitSource;
  /** Default `main`. */
  readonly branch?: string;
  /** The URL by which applications name the repository. Default: GitHub's, of acme/gitops. */
  readonly repoURL?: string;
  /** Milliseconds since the epoch. With a clock, things move when somebody asks; without one by themselves. */
  readonly clock?: () => number;
  readonly port?: number;
  /** Default: the real helm on the standard layout. */
  readonly render?: Renderer;
  /** GitHub tells Argo CD of every commit at once. Default true; else it looks by itself, every 3 minutes. */
  readonly webhook?: boolean;
  /** Takes GitHub's OIDC tokens at `/api/dex/token`. */
  readonly dex?: { readonly connector: string; readonly verify: (idToken: string) => boolean };
}

/** What went over the wire. */
export interface ArgoCdRequestRecord {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly at: number;
}

export interface ArgoCdFaultScript {
  /** How many requests it meets. Default: until `clearFaults`. */
  readonly times?: number;
  /** `no-answer`: the connection is cut. Default 503. */
  readonly status?: number | 'no-answer';
  readonly path?: RegExp;
}

/** Argo CD's API server and controller in one process, as far as deploying needs them. 501 for what is not there. */
export interface ArgoCdStandin extends AsyncDisposable {
  readonly url: string;
  /** May do everything. */
  readonly token: string;
  readonly log: readonly ArgoCdRequestRecord[];
  /** A token that may only get (and, with `operate`, sync and end operations of) applications of these projects. */
  createToken(may: { readonly projects: readonly string[]; readonly operate?: boolean }): string;
  cluster(name: string): StandinCluster;
  /** Pods with this tag go so in every cluster, from the next sync on. */
  image(tag: string, fate: Fate, logs?: readonly string[]): void;
  /** Git does not answer Argo CD. */
  gitDown(): void;
  gitUp(): void;
  /** Every answer is as it is now, whatever happens. */
  freeze(): void;
  thaw(): void;
  inject(fault: ArgoCdFaultScript): void;
  clearFaults(): void;
  /** Scripts the health of one object of an application, e.g. a cron job that failed; undefined ends it. */
  health(application: string, object: string, health: Health | undefined): void;
  /** Somebody changes an object by hand. */
  drift(application: string, kind: string, name: string): void;
  /** Lets everything happen that is due by the clock, as a request does. */
  settle(): Promise<void>;
  /** How an application is, looked at from inside; undefined when there is none. */
  look(application: string):
    | {
        readonly sync: string | undefined;
        readonly health: string | undefined;
        readonly revision: string | undefined;
      }
    | undefined;
}

/** How often Argo CD looks at git by itself, and ApplicationSets for new files (milliseconds). */
const RECONCILIATION_MS = 180_000;
const REQUEUE_MS = 30_000;

/** How soon a webhook makes an application look (measured on the rig: 1 s, of which most is the look itself). */
const WEBHOOK_MS = 300;

/** How often things move by themselves. */
const TICK_MS = 50;

interface Access {
  readonly projects: readonly string[] | 'all';
  readonly operate: boolean;
}

/** What `can-i` says of `resource/action/project/application`. */
function mayDo(access: Access, [resource, action, project = '']: readonly string[]): boolean {
  if (access.projects === 'all') return true;
  const isTheirs = access.projects.includes(project);
  if (resource === 'logs') return isTheirs && action === 'get';
  return (
    resource === 'applications' && isTheirs && (action === 'get' || (action === 'sync' && access.operate))
  );
}

/** Starts it on the loopback interface. Dispose of it (`await using`) to stop it. */
export async function startArgoCd(options: ArgoCdStandinOptions): Promise<ArgoCdStandin> {
  const desk = new Desk(options);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    desk.handle(request, response).catch((error: unknown) => {
      // The client went away, or the stand-in is broken: either way nobody can be answered.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  await desk.settle();
  const ticking = options.clock === undefined ? setInterval(() => desk.tick(), TICK_MS) : undefined;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    token: desk.createToken({ projects: 'all', operate: true }),
    log: desk.log,
    createToken: ({ projects, operate = false }) => desk.createToken({ projects, operate }),
    cluster: (name) => desk.cluster(name),
    image: (tag, fate, logs) => void desk.images.set(tag, { fate, ...(logs === undefined ? {} : { logs }) }),
    gitDown: () => {
      desk.isGitDown = true;
    },
    gitUp: () => {
      desk.isGitDown = false;
    },
    freeze: () => {
      desk.frozen ??= new Map();
    },
    thaw: () => {
      desk.frozen = undefined;
    },
    inject: (fault) => void desk.faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY }),
    clearFaults: () => void desk.faults.splice(0),
    health: (application, object, health) => {
      const { forced } = desk.known(application);
      if (health === undefined) forced.delete(object);
      else forced.set(object, health);
    },
    drift: (application, kind, name) => desk.known(application).drift(kind, name, desk.now()),
    settle: () => desk.settle(),
    look: (name) => {
      const found = desk.applications.get(name);
      return found && { ...found.overall(desk.now()), revision: found.shownRevision };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await desk[Symbol.asyncDispose]();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** An error as grpc-gateway writes it. */
const refuse = (status: number, code: number, message: string): Answer => ({
  status,
  body: { error: message, code, message },
});
const DENIED = refuse(403, 7, 'permission denied');

class Desk {
  readonly images = new Map<string, ImageScript>();
  readonly applications = new Map<string, StandinApplication>();
  readonly faults: (ArgoCdFaultScript & { left: number })[] = [];
  readonly log: ArgoCdRequestRecord[] = [];
  readonly now: () => number;
  isGitDown = false;
  /** Answers by path, while they are frozen. */
  frozen: Map<string, Answer> | undefined;
  readonly #options: ArgoCdStandinOptions;
  readonly #git: GitReader;
  readonly #schedule = new Schedule();
  readonly #clusters: ReadonlyMap<string, StandinCluster>;
  readonly #tokens = new Map<string, Access>();
  #head: string | undefined;
  #isTicking = false;

  constructor(options: ArgoCdStandinOptions) {
    this.#options = options;
    this.now = options.clock ?? Date.now;
    this.#git = new GitReader(options.repository, options.branch ?? 'main', options.render ?? helmRenderer);
    this.#clusters = new Map(options.clusters.map((name) => [name, new StandinCluster(name)]));
    this.#schedule.at(this.now(), (at) => this.#discover(at, true));
  }

  createToken(access: Access): string {
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, access);
    return token;
  }

  cluster(name: string): StandinCluster {
    const found = this.#clusters.get(name);
    if (found === undefined) throw new Error(`the stand-in for Argo CD has no cluster ${name}`);
    return found;
  }

  known(application: string): StandinApplication {
    const found = this.applications.get(application);
    if (found === undefined) throw new Error(`the stand-in for Argo CD has no application ${application}`);
    return found;
  }

  tick(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.settle()
      // A repository that is gone is the end of the test, not of the process.
      .catch(() => {})
      .finally(() => {
        this.#isTicking = false;
      });
  }

  async settle(): Promise<void> {
    await this.#notice();
    await this.#schedule.runUntil(this.now);
  }

  /** A webhook: what was pushed since the last look is looked at. */
  async #notice(): Promise<void> {
    if (this.#options.webhook === false || this.isGitDown) return;
    const head = await this.#git.head();
    if (head === this.#head) return;
    const isFirst = this.#head === undefined;
    this.#head = head;
    if (isFirst) return;
    const at = this.now();
    this.#schedule.at(at + WEBHOOK_MS, async (seen) => {
      await this.#discover(seen, false);
      for (const application of this.applications.values()) await application.reconcile(seen);
    });
  }

  /** The ApplicationSets: applications appear, and are never deleted (`applicationsSync: create-update`). */
  async #discover(at: number, again: boolean): Promise<void> {
    if (again) this.#schedule.at(at + REQUEUE_MS, (next) => this.#discover(next, true));
    if (this.isGitDown) return;
    const head = await this.#git.head();
    for (const place of await this.#git.applications(head)) {
      const cluster = this.#clusters.get(place.cluster);
      if (cluster === undefined || this.applications.has(place.name)) continue;
      const around = {
        git: this.#git,
        schedule: this.#schedule,
        cluster,
        images: this.images,
        isGitDown: () => this.isGitDown,
      };
      const application = new StandinApplication(place, around, at);
      this.applications.set(place.name, application);
      this.#schedule.at(at + 50, (seen) => this.#reconcileAgain(application, seen));
    }
  }

  async #reconcileAgain(application: StandinApplication, at: number): Promise<void> {
    this.#schedule.at(at + RECONCILIATION_MS, (next) => this.#reconcileAgain(application, next));
    await application.reconcile(at);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const record = (status: number) => this.log.push({ method, path: url, status, at: this.now() });
    const fault = this.faults.find(({ left, path }) => left > 0 && (path === undefined || path.test(url)));
    if (fault !== undefined) {
      fault.left -= 1;
      const { status = 503 } = fault;
      record(status === 'no-answer' ? 0 : status);
      if (status === 'no-answer') return void request.socket.destroy();
      return send(response, { status, body: 'upstream connect error' });
    }
    const body = await readBody(request);
    if (this.#options.clock !== undefined) await this.settle();
    const answer =
      this.#frozenAnswer(url) ?? (await this.#answer(method, new URL(url, 'http://x'), request, body));
    if (method === 'GET' && answer.status === 200) this.frozen?.set(url, answer);
    record(answer.status);
    send(response, answer);
  }

  #frozenAnswer(url: string): Answer | undefined {
    return this.frozen?.get(url);
  }

  async #answer(method: string, url: URL, request: IncomingMessage, body: string): Promise<Answer> {
    if (url.pathname === '/api/version') return { status: 200, body: { Version: 'v3.5.7+standin' } };
    if (url.pathname === '/api/dex/token') return this.#exchange(body);
    if (!url.pathname.startsWith('/api/v1/')) return { status: 404, body: 'Not Found\n' };
    if (method !== 'GET' && request.headers['content-type'] !== 'application/json') {
      return { status: 415, body: 'Invalid content type\n' };
    }
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) return refuse(401, 16, 'no session information');
    const access = this.#tokens.get(token);
    if (access === undefined) return refuse(401, 16, 'invalid session: token signature is invalid');
    const [kind, name, ...rest] = url.pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
    if (kind === 'session' && name === 'userinfo') {
      return { status: 200, body: { loggedIn: true, username: 'ci', iss: 'argocd' } };
    }
    if (kind === 'account' && name === 'can-i' && method === 'GET') {
      return { status: 200, body: { value: mayDo(access, rest) ? 'yes' : 'no' } };
    }
    if (kind === 'clusters' && name === undefined && method === 'GET') return this.#clusterList(access);
    if (kind !== 'applications') return refuse(501, 12, `the stand-in has no ${method} ${url.pathname}`);
    if (name === undefined) {
      return method === 'GET'
        ? this.#list(url, access)
        : refuse(501, 12, 'the stand-in creates no applications');
    }
    const application = this.applications.get(name);
    // Trap 9: who may see it is decided by its project, so what does not exist is denied.
    if (application === undefined || !maySee(access, application)) return DENIED;
    return this.#ofApplication(method, application, rest, url, access);
  }

  async #ofApplication(
    method: string,
    application: StandinApplication,
    rest: readonly string[],
    url: URL,
    access: Access,
  ): Promise<Answer> {
    const now = this.now();
    const query = url.searchParams;
    const pods = () => allPods(application, now);
    switch (
      `${method} ${rest.map((part, index) => (rest[0] === 'pods' && index === 1 ? '*' : part)).join('/')}`
    ) {
      case 'GET ': {
        if (query.has('refresh')) {
          this.#schedule.at(now, (at) => application.reconcile(at));
          await this.#schedule.runUntil(this.now);
        }
        return { status: 200, body: applicationJson(application, this.#context(application)) };
      }
      case 'GET resource-tree':
        return { status: 200, body: treeJson(application, now) };
      case 'GET events': {
        const pod = pods().find(({ uid }) => uid === query.get('resourceUID'));
        return { status: 200, body: { metadata: {}, items: pod === undefined ? [] : podEvents(pod, now) } };
      }
      case 'GET pods/*/logs': {
        const pod = pods().find(({ name }) => name === rest[1]);
        if (pod === undefined) return refuse(404, 5, 'pod not found');
        const lines = pod.logs.slice(-Number(query.get('tailLines') ?? 100));
        return {
          status: 200,
          body: lines.map((content) => `${JSON.stringify({ result: { content } })}\n`).join(''),
        };
      }
      case 'GET resource': {
        const { cluster } = application;
        if (cluster.isDown) return refuse(500, 2, `error getting resource: ${cluster.unreachable}`);
        const [kind, name] = [query.get('kind'), query.get('resourceName')];
        const pod = kind === 'Pod' ? pods().find((each) => each.name === name) : undefined;
        const live = application.liveObject(kind, name);
        const manifest = pod === undefined ? live?.manifest.text : JSON.stringify(podManifest(pod));
        return manifest === undefined
          ? refuse(404, 5, 'resource not found')
          : { status: 200, body: { manifest } };
      }
      case 'GET managed-resources':
        return {
          status: 200,
          body: {
            items: application.desired.map(({ group, kind, namespace, name, text, ...rest2 }) => ({
              group,
              kind,
              namespace,
              name,
              targetState: text,
              liveState:
                application.statusOf({ group, kind, namespace, name, text, ...rest2 }) === 'Synced'
                  ? text
                  : 'null',
            })),
          },
        };
      case 'GET manifests':
        return { status: 200, body: { manifests: application.desired.map(({ text }) => text) } };
      case 'POST sync': {
        if (!access.operate) return DENIED;
        const revision = await this.#git.head();
        if (!application.start({ revision, automated: false }, now)) {
          return refuse(400, 9, 'another operation is already in progress');
        }
        return { status: 200, body: applicationJson(application, this.#context(application)) };
      }
      case 'DELETE operation':
        if (!access.operate) return DENIED;
        return application.terminate(now)
          ? { status: 200, body: {} }
          : refuse(400, 3, 'Unable to terminate operation. No operation is in progress');
      default:
        return refuse(501, 12, `the stand-in has no ${method} ${url.pathname}`);
    }
  }

  #context({ place }: StandinApplication): AnswerContext {
    return {
      now: this.now(),
      repoURL: this.#options.repoURL ?? 'https://github.com/acme/gitops.git',
      branch: this.#options.branch ?? 'main',
      cluster: this.cluster(place.cluster),
    };
  }

  #list(url: URL, access: Access): Answer {
    if (url.searchParams.has('fields')) return refuse(501, 12, 'the stand-in selects no fields');
    const fits = selectorOf(url.searchParams.get('selector') ?? '');
    const projects = url.searchParams.getAll('projects');
    if (fits === undefined) return refuse(501, 12, 'the stand-in does not know this selector');
    const items = [...this.applications.values()]
      .filter((each) => maySee(access, each))
      .filter(({ place }) => projects.length === 0 || projects.includes(place.app))
      .filter(({ place }) =>
        fits({ 'kajitori.dev/app': place.app, 'kajitori.dev/environment': place.environment }),
      )
      .map((each) => applicationJson(each, this.#context(each)));
    // Go writes an empty list as null.
    return { status: 200, body: { metadata: {}, items: items.length === 0 ? null : items } };
  }

  #clusterList(access: Access): Answer {
    const count = (name: string): number =>
      [...this.applications.values()].filter(({ place }) => place.cluster === name).length;
    const items =
      access.projects === 'all'
        ? [...this.#clusters.values()].map((each) => clusterJson(each, this.now(), count(each.name)))
        : null;
    return { status: 200, body: { metadata: {}, items } };
  }

  #exchange(body: string): Answer {
    const form = new URLSearchParams(body);
    const { dex } = this.#options;
    const isRight =
      dex !== undefined &&
      form.get('connector_id') === dex.connector &&
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange' &&
      dex.verify(form.get('subject_token') ?? '');
    if (!isRight) return { status: 401, body: { error: 'access_denied' } };
    const token = this.createToken({ projects: 'all', operate: true });
    return { status: 200, body: { access_token: token, token_type: 'bearer', expires_in: 86_400 } };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#git[Symbol.asyncDispose]();
  }
}

const maySee = ({ projects }: Access, { place }: StandinApplication): boolean =>
  projects === 'all' || projects.includes(place.app);

/** `a=b,c in (d,e)`: what our client uses of Kubernetes' label selectors. */
function selectorOf(text: string): ((labels: Readonly<Record<string, string>>) => boolean) | undefined {
  const terms = text.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  const tests = terms.map((term) => {
    const [, label, equal, list] =
      /^\s*([\w./-]+)\s*(?:=\s*([\w.-]+)|\s+in\s*\(([^)]*)\))\s*$/.exec(term) ?? [];
    if (label === undefined) return undefined;
    const values = equal === undefined ? (list ?? '').split(',').map((each) => each.trim()) : [equal];
    return (labels: Readonly<Record<string, string>>) => values.includes(labels[label] ?? '');
  });
  return tests.includes(undefined) ? undefined : (labels) => tests.every((test) => test?.(labels) === true);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}
