import { parseQuantity } from '../kubernetes/quantity.ts';
import type { ObjectChange } from './compare.ts';
import { formatFieldPath, shapeOf } from './field-path.ts';
import type { FieldChange } from './fields.ts';

/**
 * Fields that an API server refuses to change, by kind, as shapes of paths; what is below them too. Source: Kubernetes 1.36,
 * pkg/apis/<group>/validation/validation.go, the `Validate…Update` functions; CRDs: apiextensions-apiserver, the same name.
 */
const IMMUTABLE: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec.selector'],
  DaemonSet: ['spec.selector'],
  ReplicaSet: ['spec.selector'],
  Job: [
    'spec.selector',
    'spec.template',
    'spec.completionMode',
    'spec.podFailurePolicy',
    'spec.successPolicy',
    'spec.backoffLimitPerIndex',
    'spec.managedBy',
  ],
  Service: ['spec.clusterIP', 'spec.loadBalancerClass', 'spec.healthCheckNodePort'],
  PersistentVolume: [
    'spec.volumeMode',
    'spec.csi',
    'spec.nfs',
    'spec.hostPath',
    'spec.local',
    'spec.awsElasticBlockStore',
  ],
  StorageClass: ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'],
  CSIDriver: ['spec.attachRequired', 'spec.volumeLifecycleModes'],
  Secret: ['type'],
  RoleBinding: ['roleRef'],
  ClusterRoleBinding: ['roleRef'],
  IngressClass: ['spec.controller'],
  PriorityClass: ['value', 'preemptionPolicy'],
  RuntimeClass: ['handler'],
  VolumeAttachment: ['spec'],
  ResourceClaim: ['spec'],
  ResourceClaimTemplate: ['spec'],
  CustomResourceDefinition: ['spec.scope', 'spec.group', 'spec.names.kind', 'spec.names.plural'],
};

/** Kinds of which everything below spec is fixed but for these. Same source. */
const MUTABLE: Readonly<Record<string, readonly string[]>> = {
  StatefulSet: [
    'spec.replicas',
    'spec.ordinals',
    'spec.template',
    'spec.updateStrategy',
    'spec.revisionHistoryLimit',
    'spec.persistentVolumeClaimRetentionPolicy',
    'spec.minReadySeconds',
  ],
  PersistentVolumeClaim: ['spec.resources.requests', 'spec.volumeAttributesClassName'],
};

/** Built-in groups: a custom kind of the same name has rules of its own. */
const isBuiltIn = (apiVersion: string): boolean => {
  const group = apiVersion.includes('/') ? (apiVersion.split('/', 1)[0] ?? '') : '';
  return (
    !group.includes('.') ||
    /^(?:networking|rbac\.authorization|storage|scheduling|node|apiextensions|resource)\.k8s\.io$/.test(group)
  );
};

/**
 * Why the API server will refuse the new version of an existing object, one text a field; nothing for what Argo CD deletes and makes
 * anew (hooks, and `Force=true` with `Replace=true`).
 */
export function refusedFields(change: ObjectChange): readonly string[] {
  if (change.how !== 'changed' || !isBuiltIn(change.after.apiVersion) || isMadeAnew(change)) return [];
  const { before, after } = change;
  const isFixed = before.immutable === true && (after.kind === 'ConfigMap' || after.kind === 'Secret');
  const refused = change.fields.filter(({ path, before: old, after: now }) => {
    const shape = shapeOf(path);
    if (isFixed && isBelow(shape, ['data', 'binaryData', 'immutable'])) return true;
    const open = own(MUTABLE, after.kind);
    if (open !== undefined) return shape.startsWith('spec.') && !isBelow(shape, open);
    // What is assigned or filled in by the API server can be left out, and given later.
    if (after.kind === 'Service' && (old === undefined || now === undefined)) return false;
    return isBelow(shape, own(IMMUTABLE, after.kind) ?? []);
  });
  const shrunk = after.kind === 'PersistentVolumeClaim' ? change.fields.filter(isShrunkStorage) : [];
  return [
    ...summed(refused),
    ...shrunk.map(
      ({ before: old, after: now }) => `the volume cannot shrink from ${String(old)} to ${String(now)}`,
    ),
  ];
}

/** One text for all fields of one part: a selector of three labels is one mistake. */
function summed(fields: readonly FieldChange[]): readonly string[] {
  const parts = fields.map(({ path }) => formatFieldPath(path.slice(0, path[0] === 'spec' ? 2 : 1)));
  return [...new Set(parts)].map((part) => `${part} cannot be changed`);
}

const own = (
  table: Readonly<Record<string, readonly string[]>>,
  kind: string,
): readonly string[] | undefined => (Object.hasOwn(table, kind) ? table[kind] : undefined);

const isBelow = (shape: string, roots: readonly string[]): boolean =>
  roots.some((root) => shape === root || shape.startsWith(`${root}.`) || shape.startsWith(`${root}[`));

const isShrunkStorage = ({ path, before, after }: FieldChange): boolean => {
  const [from, to] = [parseQuantity(before), parseQuantity(after)];
  return (
    shapeOf(path) === 'spec.resources.requests.storage' && from !== undefined && to !== undefined && to < from
  );
};

/** Argo CD's annotations, of hooks and of how an object is synced (docs: "Resource Hooks", "Sync Options"). */
function isMadeAnew({ after }: ObjectChange): boolean {
  const options = (after?.metadata.annotations?.['argocd.argoproj.io/sync-options'] ?? '')
    .split(',')
    .map((option) => option.trim());
  return (
    isHook(after?.metadata.annotations) ||
    (options.includes('Replace=true') && options.includes('Force=true'))
  );
}

/** Whether an object is made at each sync and is none of the application's own. */
export const isHook = (annotations: Readonly<Record<string, string>> | undefined): boolean =>
  annotations?.['argocd.argoproj.io/hook'] !== undefined || annotations?.['helm.sh/hook'] !== undefined;
