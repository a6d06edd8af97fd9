import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import { type Cluster, demandOk } from './cluster.ts';
import { freePorts } from './free-ports.ts';
import { built, type Part, type Programs, startPart } from './programs.ts';
import { waitFor } from './wait-for.ts';

/** What we read of an Application as Argo CD answers it. */
export interface Application {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly project: string;
    readonly sources:
      | readonly { readonly helm?: { readonly valuesObject?: { readonly facts?: object } } }[]
      | undefined;
    readonly destination: { readonly name?: string; readonly server?: string; readonly namespace?: string };
  };
  readonly status?: {
    readonly sync:
      | {
          readonly status: string;
          readonly revision: string | undefined;
          readonly revisions: readonly string[] | undefined;
        }
      | undefined;
    readonly health: { readonly status: string } | undefined;
    readonly conditions: readonly { readonly type: string; readonly message: string }[] | undefined;
    readonly operationState: OperationState | undefined;
  };
}

interface OperationState {
  readonly phase: string;
  readonly message: string | undefined;
  readonly syncResult: { readonly resources: readonly ResourceResult[] | undefined } | undefined;
}

/** What became of one object in a sync. */
interface ResourceResult {
  readonly kind: string;
  readonly name: string;
  readonly status: string | undefined;
  readonly message: string | undefined;
}

/** A real Argo CD: API server, repo-server, application and ApplicationSet controllers. */
export interface ArgoCd {
  readonly url: string;
  /** Its API server; the controllers go on without it. */
  readonly server: Part;
  /** Of the account `ci`, which may do everything with applications and read clusters and projects. */
  readonly token: string;
  /** A request of that account. `body` is sent as JSON. */
  request(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Undefined when there is none. */
  application(name: string): Promise<Application | undefined>;
  applications(): Promise<readonly Application[]>;
  /**
   * Starts its notifications controller, which acts by the ConfigMap `argocd-notifications-cm` and the Secret
   * `argocd-notifications-secret`. It ends with the rig.
   */
  startNotifications(): Promise<Part>;
  /** Lets all applications and ApplicationSets look at git now, as a webhook would; they look by themselves every 30 s or more. */
  refresh(): Promise<void>;
}

const NAMESPACE = 'argocd';

/** Starts Argo CD in the first of the clusters, which it then manages by their names. */
export async function startArgoCd(programs: Programs, clusters: readonly Cluster[]): Promise<ArgoCd> {
  const [home] = clusters;
  if (home === undefined) throw new Error('Argo CD needs a cluster');
  await configure(home, clusters);
  const parts = await startParts(programs, home);
  const token = await signIn(parts.url, home);
  return openArgoCd(parts, token, home);
}

async function configure(home: Cluster, clusters: readonly Cluster[]): Promise<void> {
  await home.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }]);
  const apply = (folder: string): Promise<string> =>
    home.kubectl([
      'apply',
      '--server-side',
      '--field-manager=argocd-install',
      `--namespace=${NAMESPACE}`,
      `--filename=${built(folder)}`,
    ]);
  await Promise.all([apply('crds'), apply('configuration')]);
  const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: NAMESPACE, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
    data,
  });
  await home.apply([
    configMap('argocd-cm', { 'accounts.ci': 'apiKey', 'timeout.reconciliation.jitter': '0s' }),
    configMap('argocd-rbac-cm', {
      'policy.csv': `p, role:ci, applications, *, */*, allow
p, role:ci, applicationsets, *, */*, allow
p, role:ci, clusters, get, *, allow
p, role:ci, projects, get, *, allow
g, ci, role:ci
`,
    }),
    ...clusters.map(clusterSecret),
  ]);
}

/** How Argo CD is told of a cluster ("Declarative Setup", Argo CD operator manual). */
const clusterSecret = ({ name, url, token, certificateFile }: Cluster): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: `cluster-${name}`,
    namespace: NAMESPACE,
    labels: { 'argocd.argoproj.io/secret-type': 'cluster' },
  },
  stringData: {
    name,
    server: url,
    config: JSON.stringify({
      bearerToken: token,
      tlsClientConfig: { caData: readFileSync(certificateFile).toString('base64') },
    }),
  },
});

type Parts = Pick<ArgoCd, 'url' | 'server' | 'startNotifications'>;

async function startParts(programs: Programs, home: Cluster): Promise<Parts> {
  const folder = join(programs.folder, 'argocd');
  for (const part of ['tls', 'ssh', 'gpg', 'plugins', 'tmp'])
    await mkdir(join(folder, part), { recursive: true });
  await writeFile(join(folder, 'ssh/ssh_known_hosts'), '');
  const ports = await freePorts(9);
  const [redis, repo, repoMetrics, port, serverMetrics, controllerMetrics, metrics, probe, webhook] = ports;
  const env = {
    KUBECONFIG: home.kubeconfig(NAMESPACE),
    // https://kubernetes.default.svc is then the cluster of KUBECONFIG.
    ARGOCD_FAKE_IN_CLUSTER: 'true',
    ARGOCD_TLS_DATA_PATH: join(folder, 'tls'),
    ARGOCD_SSH_DATA_PATH: join(folder, 'ssh'),
    ARGOCD_GNUPGHOME: join(folder, 'gpg'),
    ARGOCD_GPG_ENABLED: 'false',
    ARGOCD_PLUGINSOCKFILEPATH: join(folder, 'plugins'),
    // Its default is one place for all rigs of a machine (argo-cd, util/askpass/common.go), and the last one would have it.
    ARGOCD_ASK_PASS_SOCK: join(folder, 'ask-pass.sock'),
    TMPDIR: join(folder, 'tmp'),
    HOME: join(folder, 'tmp'),
  };
  const start = (part: string, ...args: string[]) =>
    programs.start(`argocd-${part}`, built('programs', `argocd-${part}`), args, { env });
  const answersOn = (port: number | undefined) => () => demandOk(`http://127.0.0.1:${port}/healthz`);
  programs.start('redis', 'redis-server', [
    '--bind',
    '127.0.0.1',
    '--port',
    `${redis}`,
    '--save',
    '',
    '--dir',
    folder,
  ]);
  const common = [`--redis=127.0.0.1:${redis}`];
  const clients = [...common, `--repo-server=127.0.0.1:${repo}`];
  const repoServer = start(
    'repo-server',
    ...common,
    '--address=127.0.0.1',
    `--port=${repo}`,
    '--metrics-address=127.0.0.1',
    `--metrics-port=${repoMetrics}`,
  );
  const runServer = () =>
    start(
      'server',
      ...clients,
      '--insecure',
      '--address=127.0.0.1',
      `--port=${port}`,
      '--metrics-address=127.0.0.1',
      `--metrics-port=${serverMetrics}`,
    );
  const server = await startPart(runServer, answersOn(port));
  // Only now: the server has written `server.secretkey`, which the controllers need. The port of the application
  // controller's metrics is open on all interfaces; there is no flag for its address.
  const controller = start('application-controller', ...clients, `--metrics-port=${controllerMetrics}`);
  start(
    'applicationset-controller',
    `--argocd-repo-server=127.0.0.1:${repo}`,
    '--enable-leader-election=false',
    `--metrics-addr=127.0.0.1:${metrics}`,
    `--probe-addr=127.0.0.1:${probe}`,
    `--webhook-addr=127.0.0.1:${webhook}`,
  );
  await Promise.all([
    repoServer.ready(answersOn(repoMetrics)),
    controller.ready(answersOn(controllerMetrics)),
  ]);
  const startNotifications = async (): Promise<Part> => {
    const [metricsPort] = await freePorts(1);
    const flags = [`--argocd-repo-server=127.0.0.1:${repo}`, `--metrics-port=${metricsPort}`];
    const run = () =>
      // Argo CD is one program, which looks at this name before its own.
      programs.start('argocd-notifications', built('programs/argocd'), flags, {
        env: { ...env, ARGOCD_BINARY_NAME: 'argocd-notifications' },
      });
    return startPart(run, () => demandOk(`http://127.0.0.1:${metricsPort}/metrics`));
  };
  return { url: `http://127.0.0.1:${port}`, server, startNotifications };
}

/** Signs in as the administrator once, to make a token for `ci`. */
async function signIn(url: string, home: Cluster): Promise<string> {
  const secret = await waitFor(
    'the password of the administrator',
    () => home.get('secret/argocd-initial-admin-secret', NAMESPACE),
    (found) => found !== undefined,
  );
  const { password = '' } = secret.data as Record<string, string>;
  const credentials = { username: 'admin', password: Buffer.from(password, 'base64').toString() };
  const session = await call(url, undefined, 'POST', '/api/v1/session', credentials);
  const { token } = session.body as { token: string };
  const made = await call(url, token, 'POST', '/api/v1/account/ci/token', { id: 'rig', expiresIn: 0 });
  return (made.body as { token: string }).token;
}

async function call(url: string, token: string | undefined, method: string, path: string, body?: object) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      // Also without a body: Argo CD answers 415 to a DELETE that does not say so.
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: answer.status, body: (await answer.json()) as unknown };
}

/** Only what the type has: the rest would bury it in the messages of failed waits. */
function inShort({ metadata, spec, status }: Application): Application {
  const { sync, health, conditions = [], operationState } = status ?? {};
  const { phase, message, syncResult } = operationState ?? {};
  const resources = syncResult?.resources?.map((resource) => {
    const { kind, name, status: outcome, message: words } = resource;
    return { kind, name, status: outcome, message: words };
  });
  return {
    metadata: { name: metadata.name, uid: metadata.uid },
    spec: { project: spec.project, destination: spec.destination, sources: spec.sources },
    status: {
      sync: sync && { status: sync.status, revision: sync.revision, revisions: sync.revisions },
      health: health && { status: health.status },
      conditions: conditions.map((condition) => ({ type: condition.type, message: condition.message })),
      operationState: phase === undefined ? undefined : { phase, message, syncResult: { resources } },
    },
  };
}

function openArgoCd(parts: Parts, token: string, home: Cluster): ArgoCd {
  const { url } = parts;
  const request: ArgoCd['request'] = (method, path, body) => call(url, token, method, path, body);
  const applications = async (): Promise<readonly Application[]> => {
    const { body } = await request('GET', '/api/v1/applications');
    return ((body as { items: Application[] | null }).items ?? []).map(inShort);
  };
  return {
    ...parts,
    token,
    request,
    applications,
    // From the list: Argo CD answers 403 for one that is missing, as for one that is forbidden.
    application: async (name) => (await applications()).find(({ metadata }) => metadata.name === name),
    refresh: async () => {
      const annotate = async (resource: string, annotation: string): Promise<void> => {
        const objects: readonly KubernetesObject[] = await home.list(resource, NAMESPACE);
        if (objects.length === 0) return;
        await home.kubectl([
          'annotate',
          resource,
          '--all',
          `--namespace=${NAMESPACE}`,
          '--overwrite',
          annotation,
        ]);
      };
      await annotate('applications.argoproj.io', 'argocd.argoproj.io/refresh=normal');
      await annotate('applicationsets.argoproj.io', 'argocd.argoproj.io/application-set-refresh=true');
    },
  };
}
