import type { KubernetesObject } from '../../kubernetes/object.ts';
import { imagesOf } from '../../render/images.ts';

/** One object that an application should have, as Argo CD sorts it into a sync. */
export interface Manifest {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly hook: 'PreSync' | 'Sync' | 'PostSync' | undefined;
  readonly phase: 'PreSync' | 'Sync' | 'PostSync';
  readonly wave: number;
  readonly images: readonly string[];
  /** The whole object, to compare it. */
  readonly text: string;
  readonly object: KubernetesObject;
}

/** Kinds that stand in no namespace, as far as our chart and examples have them. */
const CLUSTER_SCOPED = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'PriorityClass']);

export const keyOf = ({
  group,
  kind,
  namespace,
  name,
}: Pick<Manifest, 'group' | 'kind' | 'namespace' | 'name'>): string =>
  `${group}/${kind}/${namespace}/${name}`;

/** Sorts a rendered object by the annotations of Argo CD ("Sync Phases and Waves"). */
export function manifestOf(object: KubernetesObject, destinationNamespace: string): Manifest {
  const { annotations = {}, name, namespace } = object.metadata;
  const [group = '', version = ''] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  const asked = annotations['argocd.argoproj.io/hook'];
  const hook = asked === 'PreSync' || asked === 'Sync' || asked === 'PostSync' ? asked : undefined;
  return {
    group,
    version,
    kind: object.kind,
    namespace: CLUSTER_SCOPED.has(object.kind) ? '' : (namespace ?? destinationNamespace),
    name,
    hook,
    phase: hook ?? 'Sync',
    wave: Number(annotations['argocd.argoproj.io/sync-wave'] ?? 0),
    images: [...new Set(imagesOf([object]).map(({ image }) => image))],
    text: JSON.stringify(object),
    object,
  };
}

const PHASES = ['PreSync', 'Sync', 'PostSync'] as const;

/** The steps of a sync: objects of one phase and wave go together. */
export function stepsOf(manifests: readonly Manifest[]): Manifest[][] {
  const steps = Map.groupBy(
    manifests.toSorted(
      (one, other) => PHASES.indexOf(one.phase) - PHASES.indexOf(other.phase) || one.wave - other.wave,
    ),
    ({ phase, wave }) => `${phase} ${wave}`,
  );
  return [...steps.values()];
}

/** A number somewhere in an object, e.g. `spec.replicas`. */
export function numberAt(object: KubernetesObject, ...path: readonly string[]): number | undefined {
  let value: unknown = object;
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }
  return typeof value === 'number' ? value : undefined;
}
