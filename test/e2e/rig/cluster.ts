import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { stringify } from 'yaml';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import { freePorts } from './free-ports.ts';
import { podStages } from './pods.ts';
import { built, type Part, type Programs, startPart } from './programs.ts';

/** An event of a watch, as the API server sends it. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubernetesObject;
}

/** What can be done with a Kubernetes cluster whose API server runs. */
interface ClusterAccess {
  readonly name: string;
  /** Of its API server. */
  readonly url: string;
  /** PEM, of the API server's certificate. */
  readonly certificateFile: string;
  /** Of an administrator. */
  readonly token: string;
  /** A file for kubectl and other clients, whose default namespace is this one. */
  kubeconfig(namespace: string): string;
  /** @returns what it prints @throws execa's error with kubectl's words */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Applies objects, or lists of them, as the server's own `apply`. */
  apply(objects: readonly object[]): Promise<void>;
  /** One object, undefined when there is none. `resource` is like `deployment/web-web`. */
  get(resource: string, namespace?: string): Promise<KubernetesObject | undefined>;
  /** All objects of a kind, in all namespaces or in one. */
  list(resource: string, namespace?: string): Promise<readonly KubernetesObject[]>;
  /**
   * Is told of everything that there is and that comes, until disposed of or until the API server stops.
   *
   * @param path of the API, like `/apis/apps/v1/deployments`
   * @returns when everything that there was has been told
   */
  watch(path: string, seen: (event: WatchEvent) => void): Promise<Disposable>;
}

/** A Kubernetes cluster: a real API server with its controllers and scheduler. Nodes and pods are played by kwok. */
export interface Cluster extends ClusterAccess {
  /** Without it, what the cluster has goes on to exist, and nobody can ask for it. Watches end with it. */
  readonly apiServer: Part;
}

/** The store of both API servers. */
export async function startEtcd(programs: Programs): Promise<string> {
  const [client, peer] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`);
  const etcd = programs.start('etcd', built('programs/etcd'), [
    `--data-dir=${join(programs.folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ]);
  await etcd.ready(() => demandOk(`${client}/health`));
  return client ?? '';
}

/** @throws unless the answer is a good one */
export async function demandOk(url: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

/** Starts a cluster with two nodes, and waits until they are ready. */
export async function startCluster(programs: Programs, etcd: string, name: string): Promise<Cluster> {
  const folder = join(programs.folder, name);
  await mkdir(folder);
  const [port = 0, kwokPort = 0] = await freePorts(2);
  const cluster = openCluster(name, folder, port);
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const privateKey = join(folder, 'service-accounts.key');
  const publicKey = join(folder, 'service-accounts.pub');
  const tokens = join(folder, 'tokens.csv');
  await writeFile(privateKey, keys.privateKey);
  await writeFile(publicKey, keys.publicKey);
  await writeFile(tokens, `${cluster.token},admin,admin,"system:masters"\n`);

  const start = (program: string, ...args: string[]) =>
    programs.start(`${program}-${name}`, built('programs', program), args);
  const runApiServer = () =>
    start(
      'kube-apiserver',
      `--etcd-servers=${etcd}`,
      `--etcd-prefix=/registry/${name}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      // It makes a certificate of its own there.
      `--cert-dir=${folder}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${publicKey}`,
      `--service-account-signing-key-file=${privateKey}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--endpoint-reconciler-type=none',
    );
  const apiServer = await startPart(runApiServer, () => cluster.kubectl(['get', '--raw', '/readyz']));

  const kubeconfig = `--kubeconfig=${cluster.kubeconfig('default')}`;
  start(
    'kube-controller-manager',
    kubeconfig,
    '--leader-elect=false',
    '--secure-port=0',
    `--service-account-private-key-file=${privateKey}`,
    `--root-ca-file=${cluster.certificateFile}`,
    // It would find no metrics; played-controllers.ts speaks for it.
    '--controllers=*,-horizontal-pod-autoscaler-controller',
  );
  start('kube-scheduler', kubeconfig, '--leader-elect=false', '--secure-port=0');
  const stages = join(folder, 'stages.yaml');
  await writeFile(stages, podStages());
  start(
    'kwok',
    kubeconfig,
    `--config=${stages}`,
    '--manage-all-nodes',
    `--server-address=127.0.0.1:${kwokPort}`,
    '--node-lease-duration-seconds=40',
  );
  await cluster.apply(['a', 'c'].map(node));
  await cluster.kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s']);
  return { ...cluster, apiServer };
}

function node(zone: string): object {
  const size = { cpu: '32', memory: '64Gi', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `node-${zone}`,
      labels: {
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': `node-${zone}`,
        'topology.kubernetes.io/region': 'ap-northeast-1',
        'topology.kubernetes.io/zone': `ap-northeast-1${zone}`,
      },
    },
    status: { allocatable: size, capacity: size },
  };
}

function openCluster(name: string, folder: string, port: number): ClusterAccess {
  const url = `https://127.0.0.1:${port}`;
  const certificateFile = join(folder, 'apiserver.crt');
  const token = randomBytes(16).toString('hex');
  const kubeconfig = (namespace: string): string => {
    const file = join(folder, `kubeconfig-${namespace}`);
    writeFileSync(
      file,
      stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name, cluster: { server: url, 'certificate-authority': certificateFile } }],
        users: [{ name: 'admin', user: { token } }],
        contexts: [{ name, context: { cluster: name, user: 'admin', namespace } }],
        'current-context': name,
      }),
    );
    return file;
  };
  const ours = [`--kubeconfig=${kubeconfig('default')}`, `--cache-dir=${join(folder, 'kubectl')}`];
  const program = built('programs/kubectl');
  const kubectl: ClusterAccess['kubectl'] = async (args, input = '') =>
    (await execa(program, [...ours, ...args], { input })).stdout;
  const found = async (args: readonly string[], namespace?: string): Promise<unknown> => {
    const where = namespace === undefined ? [] : [`--namespace=${namespace}`];
    const text = await kubectl(['get', '--ignore-not-found', '--output=json', ...where, ...args]);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    name,
    url,
    certificateFile,
    token,
    kubeconfig,
    kubectl,
    apply: async (objects) => {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await kubectl(
        ['apply', '--server-side', '--force-conflicts', '--field-manager=rig', '--filename=-'],
        list,
      );
    },
    get: async (resource, namespace) => (await found([resource], namespace)) as KubernetesObject | undefined,
    list: async (resource, namespace) => {
      const list = await found(
        namespace === undefined ? [resource, '--all-namespaces'] : [resource],
        namespace,
      );
      return (list as { items: KubernetesObject[] } | undefined)?.items ?? [];
    },
    watch: async (path, seen) => {
      const query =
        'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
      const child = execa(program, [...ours, 'get', '--raw', `${path}?${query}`], {
        buffer: false,
        reject: false,
        // It complains when the API server goes before it; the end of a watch is said below.
        stderr: 'ignore',
      });
      const started = Promise.withResolvers<void>();
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        const event = JSON.parse(line) as WatchEvent | { type: 'BOOKMARK' | 'ERROR'; object: object };
        // The one bookmark that is asked for with `sendInitialEvents`: everything that there was has been sent.
        if (event.type === 'BOOKMARK') started.resolve();
        else if (event.type === 'ERROR')
          started.reject(new Error(`the watch of ${path} in ${name}: ${line}`));
        else seen(event as WatchEvent);
      });
      once(lines, 'close').then(
        () => started.reject(new Error(`the watch of ${path} in ${name} ended`)),
        started.reject,
      );
      await started.promise;
      return {
        [Symbol.dispose]: () => {
          lines.close();
          child.kill();
        },
      };
    },
  };
}
