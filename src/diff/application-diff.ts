import type { KubernetesObject } from '../kubernetes/object.ts';
import { addCapacity, type Capacity, capacityOf, NO_CAPACITY, sameCapacity } from './capacity.ts';
import { compareObjects, type ObjectChange } from './compare.ts';
import { type EndOfApplication, type Fate, fateOfApplication, fateOfObject, type Leaving } from './fate.ts';

/** What one application of one cluster applies, before and after. Undefined: there is no such application on that side. */
export interface ApplicationPair {
  /** The Argo CD application's name, like `web-prod-1`. */
  readonly name: string;
  readonly cluster: ClusterFacts | undefined;
  readonly before: readonly KubernetesObject[] | undefined;
  readonly after: readonly KubernetesObject[] | undefined;
  /** The application as it was, and whether all of it goes; undefined for one that is new. */
  readonly end?: { readonly application: EndOfApplication; readonly leaving: Leaving };
}

/** What of a cluster may stand in values, so that the same change in two clusters is found to be the same. */
export interface ClusterFacts {
  readonly name: string;
  readonly region?: string;
  readonly account?: string;
}

/** What changes in one application of one cluster. */
export interface ApplicationDiff {
  readonly name: string;
  /** The name without its cluster: what people call the app. */
  readonly app: string;
  readonly cluster: ClusterFacts | undefined;
  readonly how: 'added' | 'removed' | 'changed' | 'same';
  readonly changes: readonly ObjectChange[];
  /** Of an application that is removed: what becomes of what it made. */
  readonly fate?: Fate;
  readonly capacityBefore: Capacity;
  readonly capacityAfter: Capacity;
}

/** Compares one application; secrets are hidden in what comes out. */
export function diffApplication({ name, cluster, before, after, end }: ApplicationPair): ApplicationDiff {
  const changes = compareObjects(before ?? [], after ?? []).map((change) =>
    change.how === 'removed' && end !== undefined
      ? { ...change, fate: fateOfObject(change.before, end.application, end.leaving) }
      : change,
  );
  const fate =
    after === undefined && end !== undefined ? fateOfApplication(end.application, end.leaving) : undefined;
  const how =
    before === undefined
      ? 'added'
      : after === undefined
        ? 'removed'
        : changes.length === 0
          ? 'same'
          : 'changed';
  return {
    name,
    app: appName(name, cluster?.name),
    cluster,
    how,
    changes,
    ...(fate !== undefined && { fate }),
    capacityBefore: capacityOf(before ?? []),
    capacityAfter: capacityOf((fate?.stays === true ? before : after) ?? []),
  };
}

/** `web` of `web-prod-1` in the cluster prod-1, also where the cluster stands first; else the whole name. */
function appName(name: string, cluster: string | undefined): string {
  if (cluster === undefined) return name;
  if (name.endsWith(`-${cluster}`)) return name.slice(0, -cluster.length - 1);
  return name.startsWith(`${cluster}-`) ? name.slice(cluster.length + 1) : name;
}

/** What the pods of the affected applications ask of one cluster. */
export interface ClusterCapacity {
  /** Undefined: clusters that kajitori.yaml does not name, together. */
  readonly cluster: string | undefined;
  readonly before: Capacity;
  readonly after: Capacity;
}

/** The sums by cluster, of those in which they change, by name. */
export function capacityByCluster(diffs: readonly ApplicationDiff[]): readonly ClusterCapacity[] {
  const sums = new Map<string | undefined, { before: Capacity; after: Capacity }>();
  for (const { cluster, capacityBefore, capacityAfter } of diffs) {
    const sum = sums.get(cluster?.name) ?? { before: NO_CAPACITY, after: NO_CAPACITY };
    sums.set(cluster?.name, {
      before: addCapacity(sum.before, capacityBefore),
      after: addCapacity(sum.after, capacityAfter),
    });
  }
  return [...sums]
    .filter(([, { before, after }]) => !sameCapacity(before, after))
    .map(([cluster, sum]) => ({ cluster, ...sum }))
    .sort((a, b) => ((a.cluster ?? '~') < (b.cluster ?? '~') ? -1 : 1));
}
