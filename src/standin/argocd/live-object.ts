import { createHash } from 'node:crypto';
import { type Fate, type ImageScript, pullWords, scriptOf } from './images.ts';
import { type Manifest, numberAt } from './manifest.ts';

export interface Health {
  readonly status: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing';
  readonly message?: string;
}

/** An object as it is in a cluster. Its state is a function of the time that passed since it was applied. */
export interface LiveObject {
  readonly manifest: Manifest;
  readonly uid: string;
  readonly createdAt: number;
  /** When its pod template was changed last. */
  readonly rolledAt: number;
  /** The template before, whose pods go when the new ones are ready. */
  readonly previous: Manifest | undefined;
  /** How the images go on, as it was scripted when it was applied. */
  readonly scripts: ReadonlyMap<string, ImageScript>;
  /** Somebody changed it by hand. */
  readonly drifted?: boolean;
  /** Scripted: what it is, whatever its pods are. */
  readonly forced?: Health;
}

export interface LivePod {
  readonly name: string;
  readonly uid: string;
  readonly owner: LiveObject;
  readonly images: readonly string[];
  readonly createdAt: number;
  readonly fate: Fate;
  readonly logs: readonly string[];
  readonly health: Health;
  /** Argo CD's `Status Reason`. */
  readonly reason: string;
  readonly exitCode: number | undefined;
  readonly ready: boolean;
  readonly restarts: number;
}

/** How long pods of a good image need (kwok's stages on the rig: about a second). */
const READY_MS = 1_000;

/** Kinds for which Argo CD has a health check and that are well at once (lua and Go checks of argo-cd). */
const WELL = new Set([
  'Service',
  'HorizontalPodAutoscaler',
  'Ingress',
  'PersistentVolumeClaim',
  'ExternalSecret',
  'ScaledObject',
  'CronJob',
]);

const ROLLED = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

export const uidOf = (...parts: readonly string[]): string => {
  const hex = createHash('sha256').update(parts.join('\n')).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
};

/** The worst of an object's images decides. */
export function fateOf({
  manifest,
  scripts,
}: Pick<LiveObject, 'manifest' | 'scripts'>): Required<ImageScript> {
  const all = manifest.images.map((image) => scriptOf(image, scripts));
  return all.find(({ fate }) => fate !== 'ok') ?? all[0] ?? { fate: 'ok', logs: [] };
}

/** How long after it was rolled a workload's progress deadline passes; Kubernetes' default is ten minutes. */
const deadlineMs = ({ object }: Manifest): number =>
  (numberAt(object, 'spec', 'progressDeadlineSeconds') ?? 600) * 1000;

/** An object's health as Argo CD works it out from the live object; undefined for kinds without a check. */
export function healthOf(live: LiveObject, now: number): Health | undefined {
  if (live.forced !== undefined) return live.forced;
  const { kind, name, object } = live.manifest;
  if (kind === 'Job') return jobHealth(live, now);
  if (ROLLED.has(kind)) {
    const since = now - live.rolledAt;
    const { fate } = fateOf(live);
    if ((fate === 'ok' || fate === 'fail') && since >= READY_MS) return { status: 'Healthy' };
    if (fate !== 'ok' && since >= deadlineMs(live.manifest)) {
      return { status: 'Degraded', message: `${kind} "${name}" exceeded its progress deadline` };
    }
    const replicas = numberAt(object, 'spec', 'replicas') ?? 1;
    const message =
      live.previous === undefined
        ? `Waiting for rollout to finish: 0 of ${replicas} updated replicas are available...`
        : 'Waiting for rollout to finish: 1 old replicas are pending termination...';
    return { status: 'Progressing', message };
  }
  return WELL.has(kind) ? { status: 'Healthy' } : undefined;
}

function jobHealth(live: LiveObject, now: number): Health {
  const { object } = live.manifest;
  const since = now - live.createdAt;
  const { fate } = fateOf(live);
  if (fate === 'ok' && since >= READY_MS)
    return { status: 'Healthy', message: 'Reached expected number of succeeded pods' };
  if ((fate === 'fail' || fate === 'crash') && since >= jobFailsAfterMs(live)) {
    return { status: 'Degraded', message: 'Job has reached the specified backoff limit' };
  }
  const deadline = numberAt(object, 'spec', 'activeDeadlineSeconds');
  if (deadline !== undefined && since >= deadline * 1000) {
    return { status: 'Degraded', message: 'Job was active longer than specified deadline' };
  }
  return { status: 'Progressing' };
}

/** Kubernetes waits 10 s, 20 s, 40 s… between the tries of a job (docs: "Pod backoff failure policy"). */
function jobFailsAfterMs({ manifest }: LiveObject): number {
  const tries = numberAt(manifest.object, 'spec', 'backoffLimit') ?? 6;
  return (
    READY_MS +
    Array.from({ length: tries }, (_, index) => 10_000 * 2 ** index).reduce((sum, wait) => sum + wait, 0)
  );
}

/** The pods of a workload or job at a time; of a rollout that is under way those of the template before, too. */
export function podsOf(live: LiveObject, now: number): LivePod[] {
  const { kind, object } = live.manifest;
  if (live.manifest.images.length === 0) return [];
  if (kind === 'Job') return [podOf(live, live.manifest, live.createdAt, 0, now)];
  if (!ROLLED.has(kind)) return [];
  const replicas = numberAt(object, 'spec', 'replicas') ?? 1;
  const { fate } = fateOf(live);
  const isReady = (fate === 'ok' || fate === 'fail') && now - live.rolledAt >= READY_MS;
  const old = isReady || live.previous === undefined ? [] : [live.previous];
  return [
    ...old.map((manifest) => podOf(live, manifest, live.createdAt, 0, now)),
    // A rollout that does not get on stays at its first new pod (maxSurge).
    ...Array.from({ length: isReady ? replicas : Math.min(1, replicas) }, (_, index) =>
      podOf(live, live.manifest, live.rolledAt, index, now),
    ),
  ];
}

function podOf(
  owner: LiveObject,
  manifest: Manifest,
  createdAt: number,
  index: number,
  now: number,
): LivePod {
  const { fate, logs } = fateOf({ manifest, scripts: owner.scripts });
  const suffix = uidOf(owner.uid, manifest.images.join(), String(createdAt), String(index)).slice(0, 5);
  const since = now - createdAt;
  return {
    name: `${manifest.name}-${suffix}`,
    uid: uidOf(owner.uid, suffix),
    owner,
    images: manifest.images,
    createdAt,
    fate,
    logs,
    ...podState(manifest, fate, since),
  };
}

/** The kubelet starts it again at once, then after 10 s, 20 s, 40 s… up to 5 minutes (docs: "Pod Lifecycle"). */
function restartsAfter(milliseconds: number): { readonly restarts: number; readonly seconds: number } {
  let restarts = 1;
  let seconds = 10;
  for (let at = seconds * 1000; at <= milliseconds; at += seconds * 1000) {
    restarts += 1;
    seconds = Math.min(300, seconds * 2);
  }
  return { restarts, seconds };
}

type PodState = Pick<LivePod, 'health' | 'reason' | 'exitCode' | 'ready' | 'restarts'>;

function podState(manifest: Manifest, fate: Fate, since: number): PodState {
  const state = (health: Health, reason: string, more: Partial<PodState> = {}): PodState => ({
    health,
    reason,
    exitCode: undefined,
    ready: false,
    restarts: 0,
    ...more,
  });
  const isJob = manifest.kind === 'Job';
  const [image = ''] = manifest.images;
  if (since < READY_MS) return state({ status: 'Progressing' }, 'ContainerCreating');
  if (fate === 'missing' && isJob) {
    // Argo CD reads a waiting container's words only where the pod restarts for ever (gitops-engine, health_pod.go).
    return state({ status: 'Progressing' }, 'ImagePullBackOff');
  }
  if (fate === 'missing') return state({ status: 'Degraded', message: pullWords(image) }, 'ImagePullBackOff');
  if (isJob && (fate === 'fail' || fate === 'crash')) {
    const message = 'container "migrate" failed with exit code 1';
    return state({ status: 'Degraded', message }, 'Error', { exitCode: 1 });
  }
  if (fate === 'crash') {
    const { restarts, seconds } = restartsAfter(since);
    const message = `back-off ${seconds}s restarting failed container`;
    return state({ status: 'Degraded', message }, 'CrashLoopBackOff', { exitCode: 1, restarts });
  }
  if (fate === 'slow') return state({ status: 'Progressing' }, 'Running');
  if (isJob) return state({ status: 'Healthy' }, 'Completed', { exitCode: 0 });
  return state({ status: 'Healthy' }, 'Running', { ready: true });
}
