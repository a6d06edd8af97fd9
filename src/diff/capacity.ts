import type { KubernetesObject } from '../kubernetes/object.ts';
import { parseQuantity } from '../kubernetes/quantity.ts';
import { isMap } from '../yaml/data.ts';

/** CPU in cores, memory in bytes. */
export interface Amount {
  readonly cores: number;
  readonly bytes: number;
}

/** What the pods of some objects ask of a cluster. */
export interface Capacity {
  /** With the fewest pods that autoscalers may leave. */
  readonly least: Amount;
  /** With the most. The same as `least` without autoscalers. */
  readonly most: Amount;
  /** Of DaemonSets, on each node. */
  readonly perNode: Amount;
  /** Of Jobs and CronJobs, all running at once. */
  readonly jobs: Amount;
  /** Containers without a request for CPU or memory: for these the sums say too little. */
  readonly unknown: number;
}

const NOTHING: Amount = { cores: 0, bytes: 0 };

export const NO_CAPACITY: Capacity = {
  least: NOTHING,
  most: NOTHING,
  perNode: NOTHING,
  jobs: NOTHING,
  unknown: 0,
};

const plus = (a: Amount, b: Amount): Amount => ({ cores: a.cores + b.cores, bytes: a.bytes + b.bytes });
const times = (a: Amount, by: number): Amount => ({ cores: a.cores * by, bytes: a.bytes * by });
const larger = (a: Amount, b: Amount): Amount => ({
  cores: Math.max(a.cores, b.cores),
  bytes: Math.max(a.bytes, b.bytes),
});

export const addCapacity = (a: Capacity, b: Capacity): Capacity => ({
  least: plus(a.least, b.least),
  most: plus(a.most, b.most),
  perNode: plus(a.perNode, b.perNode),
  jobs: plus(a.jobs, b.jobs),
  unknown: a.unknown + b.unknown,
});

export const sameCapacity = (a: Capacity, b: Capacity): boolean =>
  (['least', 'most', 'perNode', 'jobs'] as const).every(
    (part) => a[part].cores === b[part].cores && a[part].bytes === b[part].bytes,
  );

type Fields = Readonly<Record<string, unknown>>;

const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (isMap(inner) ? inner[key] : undefined), value);

const listAt = (value: unknown, ...keys: readonly string[]): readonly Fields[] => {
  const list = at(value, ...keys);
  return Array.isArray(list) ? list.filter(isMap) : [];
};

const countAt = (value: unknown, ...keys: readonly string[]): number | undefined => {
  const count = at(value, ...keys);
  return typeof count === 'number' && Number.isFinite(count) && count >= 0 ? count : undefined;
};

/**
 * Requests times replicas of everything that makes pods. Replicas of an object with an autoscaler (HorizontalPodAutoscaler,
 * KEDA's ScaledObject) are its minimum and maximum. Custom kinds whose controllers make pods are not known, but for Argo's Rollout.
 */
export function capacityOf(objects: readonly KubernetesObject[]): Capacity {
  const scalers = scalersOf(objects);
  return objects.map((object) => capacityOfObject(object, scalers)).reduce(addCapacity, NO_CAPACITY);
}

function capacityOfObject(object: KubernetesObject, scalers: Scalers): Capacity {
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet':
    case 'ReplicaSet':
    case 'Rollout': {
      const { amount, unknown } = podAmount(at(object.spec, 'template', 'spec'));
      const replicas = countAt(object.spec, 'replicas') ?? 1;
      const scaler = scalers.get(scalerKey(object.metadata.namespace, object.kind, object.metadata.name));
      const least = times(amount, scaler?.least ?? replicas);
      return { ...NO_CAPACITY, least, most: times(amount, scaler?.most ?? replicas), unknown };
    }
    case 'Pod': {
      const { amount, unknown } = podAmount(object.spec);
      return { ...NO_CAPACITY, least: amount, most: amount, unknown };
    }
    case 'DaemonSet': {
      const { amount, unknown } = podAmount(at(object.spec, 'template', 'spec'));
      return { ...NO_CAPACITY, perNode: amount, unknown };
    }
    case 'CronJob':
    case 'Job': {
      const spec = object.kind === 'Job' ? object.spec : at(object.spec, 'jobTemplate', 'spec');
      const { amount, unknown } = podAmount(at(spec, 'template', 'spec'));
      return { ...NO_CAPACITY, jobs: times(amount, countAt(spec, 'parallelism') ?? 1), unknown };
    }
    default:
      return NO_CAPACITY;
  }
}

type Scalers = ReadonlyMap<string, { readonly least: number; readonly most: number }>;

const scalerKey = (namespace: string | undefined, kind: string, name: string): string =>
  JSON.stringify([namespace ?? '', kind, name]);

const kindOf = (target: unknown, otherwise: string): string => {
  const kind = at(target, 'kind');
  return typeof kind === 'string' ? kind : otherwise;
};

function scalersOf(objects: readonly KubernetesObject[]): Scalers {
  const scalers = new Map<string, { least: number; most: number }>();
  for (const { kind, metadata, spec } of objects) {
    const target = at(spec, 'scaleTargetRef');
    const name = at(target, 'name');
    if (typeof name !== 'string') continue;
    if (kind === 'HorizontalPodAutoscaler') {
      // Defaults: autoscaling/v2, HorizontalPodAutoscalerSpec.
      const least = countAt(spec, 'minReplicas') ?? 1;
      const most = countAt(spec, 'maxReplicas') ?? least;
      scalers.set(scalerKey(metadata.namespace, kindOf(target, ''), name), { least, most });
    } else if (kind === 'ScaledObject') {
      // Defaults: KEDA docs, "ScaledObject specification".
      const least = countAt(spec, 'minReplicaCount') ?? 0;
      const most = countAt(spec, 'maxReplicaCount') ?? 100;
      scalers.set(scalerKey(metadata.namespace, kindOf(target, 'Deployment'), name), {
        least,
        most,
      });
    }
  }
  return scalers;
}

interface PodAmount {
  readonly amount: Amount;
  readonly unknown: number;
}

/**
 * What the scheduler counts for one pod: the sum of its containers and sidecars, or the largest step of its start, whichever is
 * more, and the overhead of its runtime (Kubernetes docs: "Sidecar Containers", "Resource sharing within containers").
 */
function podAmount(pod: unknown): PodAmount {
  let sidecars = NOTHING;
  let start = NOTHING;
  for (const container of listAt(pod, 'initContainers')) {
    const request = requestOf(container);
    if (container.restartPolicy === 'Always') {
      sidecars = plus(sidecars, request);
      start = larger(start, sidecars);
    } else start = larger(start, plus(sidecars, request));
  }
  const containers = listAt(pod, 'containers');
  const running = containers.map(requestOf).reduce(plus, sidecars);
  // Requests of the pod itself win over the sum (Kubernetes 1.34).
  const own = at(pod, 'resources');
  const counted = larger(running, start);
  const cores = parseQuantity(at(own, 'requests', 'cpu')) ?? counted.cores;
  const bytes = parseQuantity(at(own, 'requests', 'memory')) ?? counted.bytes;
  const overhead = {
    cores: parseQuantity(at(pod, 'overhead', 'cpu')) ?? 0,
    bytes: parseQuantity(at(pod, 'overhead', 'memory')) ?? 0,
  };
  const unknown = isMap(at(own, 'requests')) ? 0 : containers.filter((each) => !hasRequests(each)).length;
  return { amount: plus({ cores, bytes }, overhead), unknown };
}

/** Without a request, the limit is the request (Kubernetes docs: "Resource Management for Pods and Containers"). */
const resourceOf = (container: Fields, name: 'cpu' | 'memory'): number | undefined =>
  parseQuantity(at(container, 'resources', 'requests', name)) ??
  parseQuantity(at(container, 'resources', 'limits', name));

const requestOf = (container: Fields): Amount => ({
  cores: resourceOf(container, 'cpu') ?? 0,
  bytes: resourceOf(container, 'memory') ?? 0,
});

const hasRequests = (container: Fields): boolean =>
  resourceOf(container, 'cpu') !== undefined && resourceOf(container, 'memory') !== undefined;
