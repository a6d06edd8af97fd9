import type { OperationState, StandinApplication, TaskResult } from './application.ts';
import type { StandinCluster } from './cluster.ts';
import { pullWords } from './images.ts';
import { type LiveObject, type LivePod, podsOf, uidOf } from './live-object.ts';
import { keyOf, type Manifest } from './manifest.ts';

/** Answers with the fields and in the forms of the recorded ones (Argo CD 3.5.7, several sources). */

export interface AnswerContext {
  readonly now: number;
  readonly repoURL: string;
  readonly branch: string;
  readonly cluster: StandinCluster;
}

/** Argo CD writes whole seconds. */
const timeOf = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

export function applicationJson(application: StandinApplication, context: AnswerContext): object {
  const { place } = application;
  const { now } = context;
  const overall = application.overall(now);
  const sources = sourcesOf(application, context);
  const destination = { name: place.cluster, namespace: place.app };
  const revision = application.shownRevision;
  return {
    metadata: {
      name: place.name,
      namespace: 'argocd',
      uid: application.uid,
      resourceVersion: String(Math.round(now - application.createdAt) + 1),
      creationTimestamp: timeOf(application.createdAt),
      labels: { 'kajitori.dev/app': place.app, 'kajitori.dev/environment': place.environment },
    },
    spec: {
      project: place.app,
      sources,
      destination,
      syncPolicy: {
        automated: { prune: true, selfHeal: true },
        retry: { limit: 2, backoff: { duration: '2s', factor: 2, maxDuration: '10s' } },
      },
    },
    ...(application.pending === undefined ? {} : { operation: operationJson(application.pending, sources) }),
    status: {
      sync:
        overall.sync === undefined
          ? { status: '', comparedTo: { destination: {} } }
          : { status: overall.sync, comparedTo: { sources, destination }, revisions: [revision, revision] },
      health: overall.health === undefined ? {} : { status: overall.health },
      ...(application.revision === undefined ? {} : { resources: resourcesOf(application, now) }),
      ...(application.history.length === 0
        ? {}
        : {
            history: application.history.map((each) => ({
              id: each.id,
              revisions: [each.revision, each.revision],
              deployStartedAt: timeOf(each.startedAt),
              deployedAt: timeOf(each.at),
              sources,
              initiatedBy: { automated: true },
            })),
          }),
      ...(application.conditions.length === 0
        ? {}
        : {
            conditions: application.conditions.map(({ type, message, at }) => ({
              type,
              message,
              lastTransitionTime: timeOf(at),
            })),
          }),
      ...(application.reconciledAt === undefined ? {} : { reconciledAt: timeOf(application.reconciledAt) }),
      ...(application.state === undefined ? {} : { operationState: stateJson(application.state, sources) }),
      summary: { images: imagesOf(application, now) },
      resourceHealthSource: 'appTree',
      controllerNamespace: 'argocd',
      sourceHydrator: {},
    },
  };
}

const sourcesOf = ({ place }: StandinApplication, { repoURL, branch }: AnswerContext): object[] => [
  { repoURL, targetRevision: branch, path: 'charts/app', helm: { releaseName: place.app } },
  {
    repoURL,
    targetRevision: branch,
    path: `apps/${place.app}`,
    directory: { recurse: true, include: 'extra/**' },
  },
];

const operationJson = (
  { revision, automated }: OperationState['operation'],
  sources: readonly object[],
): object => ({
  sync: { revisions: [revision, revision], prune: true, sources },
  initiatedBy: automated ? { automated: true } : { username: 'ci' },
  retry: { limit: 2, backoff: { duration: '2s', factor: 2, maxDuration: '10s' } },
});

function stateJson(state: OperationState, sources: readonly object[]): object {
  const { revision } = state.operation;
  return {
    operation: operationJson(state.operation, sources),
    phase: state.phase,
    ...(state.message === undefined ? {} : { message: state.message }),
    ...(state.results === undefined
      ? {}
      : {
          syncResult: {
            revision: '',
            revisions: [revision, revision],
            sources,
            resources: state.results.map(resultJson),
          },
        }),
    startedAt: timeOf(state.startedAt),
    ...(state.finishedAt === undefined ? {} : { finishedAt: timeOf(state.finishedAt) }),
    ...(state.retryCount === 0 ? {} : { retryCount: state.retryCount }),
  };
}

const resultJson = ({ manifest, status, message, hookPhase }: TaskResult): object => ({
  group: manifest.group,
  version: manifest.version,
  kind: manifest.kind,
  namespace: manifest.namespace,
  name: manifest.name,
  status,
  message,
  ...(manifest.hook === undefined ? {} : { hookType: manifest.hook }),
  hookPhase,
  syncPhase: manifest.phase,
  ...(manifest.images.length === 0 ? {} : { images: manifest.images }),
});

const identity = ({ group, version, kind, namespace, name }: Manifest): object => ({
  ...(group === '' ? {} : { group }),
  version,
  kind,
  ...(namespace === '' ? {} : { namespace }),
  name,
});

function resourcesOf(application: StandinApplication, now: number): object[] {
  const desired = new Map(
    application.desired.filter(({ hook }) => hook === undefined).map((each) => [keyOf(each), each]),
  );
  const extra = [...application.live.values()].filter(({ manifest }) => !desired.has(keyOf(manifest)));
  return [
    ...[...desired.values()].map((manifest) => {
      const live = application.live.get(keyOf(manifest));
      const health = live === undefined ? { status: 'Missing' } : application.health(live, now);
      return {
        ...identity(manifest),
        status: application.statusOf(manifest),
        ...(health === undefined ? {} : { health }),
      };
    }),
    ...extra.map((live) => {
      const health = application.health(live, now);
      const isHook = live.manifest.hook !== undefined;
      return {
        ...identity(live.manifest),
        ...(isHook ? { hook: true } : { status: 'OutOfSync' }),
        ...(health === undefined ? {} : { health }),
        requiresPruning: true,
      };
    }),
  ];
}

const imagesOf = (application: StandinApplication, now: number): string[] =>
  [
    ...new Set(
      [...application.live.values()].flatMap((live) => podsOf(live, now).flatMap(({ images }) => images)),
    ),
  ].toSorted();

/** `GET …/resource-tree`. */
export function treeJson(application: StandinApplication, now: number): object {
  const nodes = [...application.live.values()].flatMap((live) => {
    const health = application.health(live, now);
    const own = nodeJson(live.manifest, live.uid, live.createdAt, health);
    const pods = podsOf(live, now);
    if (pods.length === 0) return [own];
    if (live.manifest.kind === 'Job')
      return [own, ...pods.map((pod) => podJson(pod, live.manifest, live.uid))];
    // Between a Deployment and its pods stands the ReplicaSet of their template.
    const sets = Map.groupBy(pods, ({ images }) => images.join());
    return [
      own,
      ...[...sets].flatMap(([images, of]) => {
        const uid = uidOf(live.uid, images);
        const set: Manifest = {
          ...live.manifest,
          kind: 'ReplicaSet',
          name: `${live.manifest.name}-${uid.slice(0, 8)}`,
        };
        return [
          { ...nodeJson(set, uid, live.rolledAt, undefined), parentRefs: [refJson(live.manifest, live.uid)] },
          ...of.map((pod) => podJson(pod, set, uid)),
        ];
      }),
    ];
  });
  return { nodes };
}

const refJson = (manifest: Manifest, uid: string): object => ({ ...identity(manifest), uid });

const nodeJson = (
  manifest: Manifest,
  uid: string,
  createdAt: number,
  health: object | undefined,
): object => ({
  ...identity(manifest),
  uid,
  resourceVersion: '1',
  ...(health === undefined ? {} : { health }),
  createdAt: timeOf(createdAt),
});

const podJson = (pod: LivePod, owner: Manifest, ownerUid: string): object => ({
  version: 'v1',
  kind: 'Pod',
  namespace: owner.namespace,
  name: pod.name,
  uid: pod.uid,
  parentRefs: [refJson(owner, ownerUid)],
  info: [
    { name: 'Status Reason', value: pod.reason },
    { name: 'Node', value: 'node-1' },
    { name: 'Containers', value: pod.ready ? '1/1' : '0/1' },
    ...(pod.restarts === 0 ? [] : [{ name: 'Restart Count', value: String(pod.restarts) }]),
  ],
  resourceVersion: '1',
  images: pod.images,
  health: pod.health,
  createdAt: timeOf(pod.createdAt),
});

/** `GET …/resource` of a pod: only what a kubelet says of its containers. */
export function podManifest(pod: LivePod): object {
  const state =
    pod.exitCode === undefined
      ? pod.reason === 'Running'
        ? { running: {} }
        : {
            waiting: {
              reason: pod.reason,
              ...(pod.fate === 'missing' ? { message: pullWords(pod.images[0] ?? '') } : {}),
            },
          }
      : pod.restarts > 0
        ? { waiting: { reason: pod.reason } }
        : { terminated: { exitCode: pod.exitCode, reason: pod.reason } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, uid: pod.uid },
    status: {
      containerStatuses: [
        {
          name: pod.owner.manifest.name,
          image: pod.images[0],
          ready: pod.ready,
          restartCount: pod.restarts,
          state,
          lastState: pod.restarts > 0 ? { terminated: { exitCode: pod.exitCode, reason: 'Error' } } : {},
        },
      ],
    },
  };
}

/** `GET …/events` of a pod: what the kubelet reports of its fate. */
export function podEvents(pod: LivePod, now: number): object[] {
  const event = (reason: string, message: string, count: number): object => ({
    involvedObject: { kind: 'Pod', namespace: pod.owner.manifest.namespace, name: pod.name, uid: pod.uid },
    reason,
    message,
    count,
    type: 'Warning',
    firstTimestamp: timeOf(pod.createdAt),
    lastTimestamp: timeOf(now),
  });
  if (pod.fate === 'missing') return [event('Failed', pullWords(pod.images[0] ?? ''), 3)];
  if (pod.fate === 'crash') return [event('BackOff', 'Back-off restarting failed container', 5)];
  if (pod.fate === 'slow' && pod.owner.manifest.kind !== 'Job') {
    return [event('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503', 10)];
  }
  return [];
}

export const clusterJson = (cluster: StandinCluster, now: number, applications: number): object => {
  // Trap 8: it says so for long after the cluster is dead.
  const connectionState = { status: 'Successful', message: '', attemptedAt: timeOf(now) };
  return {
    server: cluster.server,
    name: cluster.name,
    config: { tlsClientConfig: { insecure: false } },
    connectionState,
    serverVersion: 'v1.36.1',
    info: {
      connectionState,
      serverVersion: 'v1.36.1',
      cacheInfo: { lastCacheSyncTime: timeOf(now) },
      applicationsCount: applications,
    },
  };
};

export const allPods = (application: StandinApplication, now: number): LivePod[] =>
  [...application.live.values()].flatMap((live: LiveObject) => podsOf(live, now));
