import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, objectName } from '../kubernetes/object.ts';
import { type DefinedKinds, groupOf, isClusterScoped } from '../kubernetes/scope.ts';

/** How Argo CD marks what belongs to an application: by annotation (the default of Argo CD 3), by label (that of 2), or both. */
export type Tracking = 'none' | 'annotation' | 'label' | 'annotation+label';

/** What an object is among those of its application. */
export interface Applied {
  /**
   * When Argo CD applies it: with the others, as a hook of these phases, or never (helm's tests and other hooks that it does
   * not know, and `argocd.argoproj.io/hook: Skip`).
   */
  readonly role: 'resource' | 'hook' | 'ignored';
  /** `PreSync`, `Sync`, `PostSync`, `SyncFail`, `PreDelete`, `PostDelete`; empty unless it is a hook. */
  readonly phases: readonly string[];
}

const HOOK = 'argocd.argoproj.io/hook';
const HELM_HOOK = 'helm.sh/hook';
const TRACKING_ID = 'argocd.argoproj.io/tracking-id';
const INSTANCE_LABEL = 'app.kubernetes.io/instance';

const ARGO_PHASES = new Set(['PreSync', 'Sync', 'PostSync', 'SyncFail', 'PreDelete', 'PostDelete', 'Skip']);
/** gitops-engine, pkg/sync/hook/helm/type.go; `pre-delete` and `post-delete`: argo-cd, controller/hook.go. */
const HELM_PHASES: ReadonlyMap<string, string> = new Map([
  ['pre-install', 'PreSync'],
  ['pre-upgrade', 'PreSync'],
  ['post-install', 'PostSync'],
  ['post-upgrade', 'PostSync'],
  ['pre-delete', 'PreDelete'],
  ['post-delete', 'PostDelete'],
]);

/** What Argo CD does with an object (gitops-engine, pkg/sync/hook; `crd-install` is no hook to it). */
export function appliedAs(object: KubernetesObject): Applied {
  // Templates often leave `annotations:` empty, which is null.
  const annotations = object.metadata.annotations ?? {};
  const argo = own(annotations, HOOK);
  const helm = own(annotations, HELM_HOOK);
  const known = words(argo).filter((word) => ARGO_PHASES.has(word));
  if (known.length === 1 && known[0] === 'Skip') {
    return { role: 'ignored', phases: [] };
  }
  if (argo === undefined && (helm === undefined || helm === 'crd-install')) {
    return { role: 'resource', phases: [] };
  }
  const phases = known.length > 0 ? known : words(helm).flatMap((word) => HELM_PHASES.get(word) ?? []);
  return phases.length === 0
    ? { role: 'ignored', phases: [] }
    : { role: 'hook', phases: [...new Set(phases.filter((phase) => phase !== 'Skip'))] };
}

const words = (text: string | undefined): string[] => (text ?? '').split(',').map((word) => word.trim());

const own = (record: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/**
 * An object as it reaches the API server: in the destination's namespace unless it names its own or belongs to the whole cluster
 * (controller/state.go, `NormalizeTargetObjects`); without what is the server's own (`status`, an empty creationTimestamp), which
 * Argo CD does not compare either.
 *
 * @param namespace the destination's; empty when it has none
 */
export function normalized(
  object: KubernetesObject,
  namespace: string,
  kinds: DefinedKinds,
): KubernetesObject {
  const { status: _, ...rest } = object;
  const { namespace: own, creationTimestamp, ...metadata } = object.metadata;
  const place = isClusterScoped(object, kinds) ? '' : own || namespace;
  return {
    ...rest,
    metadata: {
      ...metadata,
      ...(creationTimestamp === undefined || creationTimestamp === null ? {} : { creationTimestamp }),
      ...(place === '' ? {} : { namespace: place }),
    },
  } as KubernetesObject;
}

/** An object with the mark of its application (util/argo/resource_tracking.go). CustomResourceDefinitions have none. */
export function tracked(
  object: KubernetesObject,
  application: string,
  namespace: string,
  tracking: Tracking,
): KubernetesObject {
  if (tracking === 'none' || object.kind === 'CustomResourceDefinition') {
    return object;
  }
  const { metadata } = object;
  const id = `${application}:${groupOf(object)}/${object.kind}:${metadata.namespace ?? namespace}/${metadata.name}`;
  const annotations =
    tracking === 'label' ? metadata.annotations : { ...metadata.annotations, [TRACKING_ID]: id };
  const labels =
    tracking === 'annotation' ? metadata.labels : { ...metadata.labels, [INSTANCE_LABEL]: application };
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
    },
  };
}

/** An object that stands several times in an application. */
export interface Repeated {
  /** `Deployment/web` */
  readonly name: string;
  readonly namespace: string | undefined;
  readonly times: number;
  /** Whether they are all the same, so that nothing is lost. */
  readonly isSame: boolean;
}

/**
 * Objects without those that a later one replaces: Argo CD keeps the last and warns (RepeatedResourceWarning). Two versions of
 * one kind are one object.
 */
export function withoutRepeated<Item extends { readonly object: KubernetesObject }>(
  items: readonly Item[],
): { readonly items: readonly Item[]; readonly repeated: readonly Repeated[] } {
  const byKey = new Map<string, Item[]>();
  for (const item of items) {
    const { object } = item;
    const key = JSON.stringify([
      groupOf(object),
      object.kind,
      object.metadata.namespace,
      object.metadata.name,
    ]);
    const same = byKey.get(key);
    if (same === undefined) {
      byKey.set(key, [item]);
    } else {
      same.push(item);
    }
  }
  const last = new Set([...byKey.values()].map((same) => same.at(-1)));
  return {
    items: items.filter((item) => last.has(item)),
    repeated: [...byKey.values()].flatMap((same) => {
      const [first] = same;
      return first === undefined || same.length === 1
        ? []
        : {
            name: objectName(first.object),
            namespace: first.object.metadata.namespace,
            times: same.length,
            isSame: same.every((each) => isDeepStrictEqual(each.object, first.object)),
          };
    }),
  };
}
