import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import type { Cluster, WatchEvent } from './cluster.ts';

/** One state of an object that the API server stored. */
export interface HistoryEntry extends WatchEvent {
  readonly kind: string;
  readonly name: string;
  /** Grows with every write to the cluster, whatever the kind: `resourceVersion`. */
  readonly version: number;
}

/** What happens in a namespace of a cluster, in the order in which the API server stored it. */
export interface History extends Disposable {
  entries(): readonly HistoryEntry[];
  /** The first entry of which this is so, or an Error that lists what happened. */
  first(what: string, isIt: (entry: HistoryEntry) => boolean): HistoryEntry;
}

const PATHS = [
  '/api/v1/namespaces',
  '/api/v1/pods',
  '/api/v1/secrets',
  '/apis/apps/v1/deployments',
  '/apis/batch/v1/cronjobs',
  '/apis/batch/v1/jobs',
  '/apis/external-secrets.io/v1/externalsecrets',
];

/** Records from now on what happens in a namespace, which need not exist yet. Deletions are left out. */
export async function recordHistory(cluster: Cluster, namespace: string): Promise<History> {
  const entries: HistoryEntry[] = [];
  let recording = false;
  const see = (event: WatchEvent): void => {
    const { kind, metadata } = event.object;
    if (!recording || event.type === 'DELETED' || (metadata.namespace ?? metadata.name) !== namespace) return;
    entries.push({ ...event, kind, name: metadata.name, version: Number(metadata.resourceVersion) });
  };
  const watches = await Promise.all(PATHS.map((path) => cluster.watch(path, see)));
  // What was there before has been told by now.
  recording = true;
  const sorted = (): readonly HistoryEntry[] => entries.toSorted((a, b) => a.version - b.version);
  return {
    entries: sorted,
    first: (what, isIt) => {
      const found = sorted().find(isIt);
      if (found !== undefined) return found;
      const happened = sorted().map(({ version, type, kind, name }) => `${version} ${type} ${kind}/${name}`);
      throw new Error(
        `${cluster.name}: never happened in ${namespace}: ${what}. What did:\n${happened.join('\n')}`,
      );
    },
    [Symbol.dispose]: () => {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

/** `status.conditions` has it as True. */
export const hasCondition = (object: KubernetesObject, type: string): boolean => {
  const { conditions = [] } = (object.status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some((condition) => condition.type === type && condition.status === 'True');
};
