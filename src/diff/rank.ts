import type { KubernetesObject } from '../kubernetes/object.ts';
import { parseQuantity } from '../kubernetes/quantity.ts';
import { type ObjectChange, objectOf } from './compare.ts';
import { narrowings } from './definitions.ts';
import { type FieldPath, formatFieldPath, keyOf, shapeOf } from './field-path.ts';
import type { FieldChange } from './fields.ts';
import { isHook, refusedFields } from './immutable-fields.ts';
import { wideningOf } from './permissions.ts';
import { byRisk, type Risk, type RiskCode } from './risk.ts';
import { shortValue } from './short-value.ts';

/** Kinds by what goes with them when they are deleted. */
const DELETED: Readonly<Record<string, RiskCode>> = {
  Namespace: 'namespace-deleted',
  PersistentVolumeClaim: 'storage-deleted',
  PersistentVolume: 'storage-deleted',
  VolumeSnapshot: 'storage-deleted',
  CustomResourceDefinition: 'definition-deleted',
  StatefulSet: 'stateful-deleted',
  Service: 'traffic-deleted',
  Ingress: 'traffic-deleted',
  Gateway: 'traffic-deleted',
  HTTPRoute: 'traffic-deleted',
  GRPCRoute: 'traffic-deleted',
  TLSRoute: 'traffic-deleted',
  TargetGroupBinding: 'traffic-deleted',
  VirtualService: 'traffic-deleted',
  Deployment: 'workload-deleted',
  DaemonSet: 'workload-deleted',
  CronJob: 'workload-deleted',
  Rollout: 'workload-deleted',
  Application: 'workload-deleted',
  ApplicationSet: 'workload-deleted',
  NetworkPolicy: 'network-rules-changed',
  PodDisruptionBudget: 'disruption-changed',
};

/** Kinds by what any change of them means. */
const CHANGED: Readonly<Record<string, RiskCode>> = {
  Namespace: 'namespace-changed',
  PersistentVolumeClaim: 'storage-changed',
  PersistentVolume: 'storage-changed',
  StorageClass: 'storage-changed',
  NetworkPolicy: 'network-rules-changed',
  CiliumNetworkPolicy: 'network-rules-changed',
  PodDisruptionBudget: 'disruption-changed',
  ValidatingWebhookConfiguration: 'webhook-changed',
  MutatingWebhookConfiguration: 'webhook-changed',
  ValidatingAdmissionPolicy: 'webhook-changed',
  ValidatingAdmissionPolicyBinding: 'webhook-changed',
  CustomResourceDefinition: 'definition-changed',
  Ingress: 'traffic-changed',
  Gateway: 'traffic-changed',
  HTTPRoute: 'traffic-changed',
  TargetGroupBinding: 'traffic-changed',
  ConfigMap: 'configuration-changed',
  Secret: 'secret-changed',
};

const own = <Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** The risks of one change, the worst first; none for what only ever adds, or what this knows nothing of. */
export function risksOf(change: ObjectChange): readonly Risk[] {
  const risks: Risk[] = [
    ...refusedFields(change).map((what): Risk => ({ code: 'fails-at-sync', what })),
    ...removalRisks(change),
    ...accessRisks(change),
    ...definitionRisks(change),
    ...addedRisks(change),
    ...change.fields.flatMap((field) => fieldRisks(field, change)),
    ...kindRisks(change),
  ];
  return mergedByCode(risks).sort(byRisk);
}

/** One risk of each code, with all that belongs to it. */
function mergedByCode(risks: readonly Risk[]): Risk[] {
  const whats = new Map<RiskCode, Set<string>>();
  for (const { code, what } of risks) whats.set(code, (whats.get(code) ?? new Set()).add(what));
  return [...whats].map(([code, texts]) => {
    const all = [...texts].filter((text) => text !== '');
    const shown = all.length <= 6 ? all : [...all.slice(0, 6), `${all.length - 6} more`];
    return { code, what: shown.join('; ') };
  });
}

function removalRisks(change: ObjectChange): readonly Risk[] {
  const { how, before, after } = change;
  if (before === undefined || how === 'changed') return [];
  const code = own(DELETED, before.kind);
  if (how === 'renamed') {
    if (code === undefined || isHook(before.metadata.annotations)) return [];
    return [{ code: 'replaced', what: `${fullName(before)} becomes ${fullName(after)}` }];
  }
  // A hook is made at each sync and belongs to it; nothing is pruned (Argo CD docs, "Resource Hooks").
  if (isHook(before.metadata.annotations)) return [{ code: 'hook-changed', what: 'no longer runs' }];
  const { stays = false, why = '', heir } = (change.how === 'removed' ? change.fate : undefined) ?? {};
  if (heir !== undefined) return [{ code: stays ? 'taken-over' : 'handed-over', what: `to ${heir}` }];
  return [{ code: stays ? 'left-behind' : (code ?? 'deleted'), what: why }];
}

const fullName = ({ metadata }: KubernetesObject): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;

function accessRisks(change: ObjectChange): readonly Risk[] {
  const widening = wideningOf(change);
  if (widening === undefined) return [];
  const isNew = change.how === 'added' || change.how === 'renamed';
  return [{ code: isNew && !widening.dangerous ? 'access-added' : 'access-widened', what: widening.what }];
}

function definitionRisks({ how, before, after }: ObjectChange): readonly Risk[] {
  if (how !== 'changed' || after.kind !== 'CustomResourceDefinition') return [];
  return narrowings(before, after).map((what) => ({ code: 'definition-narrowed', what }));
}

/** Of a new object, what can hurt others: the rest of it hurts nobody. */
function addedRisks({ how, after }: ObjectChange): readonly Risk[] {
  if (how !== 'added') return [];
  if (after.kind.endsWith('WebhookConfiguration')) return [{ code: 'webhook-changed', what: 'new' }];
  if (after.kind === 'NetworkPolicy') return [{ code: 'network-rules-changed', what: 'new' }];
  return loosened(after.spec, ['spec']).map((what) => ({ code: 'security-loosened', what }));
}

/** What any change of this kind means, where no field said more. */
function kindRisks(change: ObjectChange): readonly Risk[] {
  const { kind, metadata } = objectOf(change);
  if (change.how !== 'changed' && change.how !== 'renamed') return [];
  const told = change.fields.filter((field) => !isMetadata(field.path));
  if (isHook(metadata.annotations)) return told.length === 0 ? [] : [{ code: 'hook-changed', what: '' }];
  const code = own(CHANGED, kind);
  const moved = change.fields.filter(({ path }) => path[0] === 'apiVersion');
  const api = moved.map((field): Risk => ({ code: 'api-changed', what: words(field) }));
  const shown = (kind === 'Namespace' ? change.fields : told).filter((field) => !moved.includes(field));
  if (code === undefined || shown.length === 0) return api;
  const isNarrowed =
    change.how === 'changed' && code === 'definition-changed' && definitionRisks(change).length > 0;
  return isNarrowed
    ? api
    : [...api, ...shown.map((field): Risk => ({ code, what: WORDLESS.has(kind) ? '' : words(field) }))];
}

/** Kinds of which a field in one line says nothing, or too much. */
const WORDLESS = new Set([
  'ConfigMap',
  'Secret',
  'CustomResourceDefinition',
  'NetworkPolicy',
  'CiliumNetworkPolicy',
]);

const isMetadata = (path: FieldPath): boolean =>
  path[0] === 'metadata' && path[1] !== 'namespace' && path[1] !== 'name';

const CONTAINER = /(?:^|\.)(containers|initContainers)\[\]/;

/** The field, with what it was and is, in one line. */
function words({ path, before, after }: FieldChange): string {
  const [name, from, to] = [formatFieldPath(path), shortValue(before), shortValue(after)];
  if (from === '{…}' && after === undefined) return `${name} is gone`;
  if (to === '{…}' && before === undefined) return `${name} is new`;
  return `${name}: ${from} → ${to}`;
}

function fieldRisks(field: FieldChange, change: ObjectChange): readonly Risk[] {
  const shape = shapeOf(field.path);
  const { kind } = objectOf(change);
  const inContainer = CONTAINER.exec(shape);
  if (inContainer !== null) {
    return containerRisks(field, shape.slice(inContainer.index + inContainer[0].length).replace(/^\./, ''));
  }
  return [
    ...podRisks(field, shape),
    ...workloadRisks(field, shape, kind),
    ...trafficRisks(field, shape, kind),
  ];
}

function containerRisks(field: FieldChange, part: string): readonly Risk[] {
  const { path, before, after } = field;
  const name = containerName(path);
  if (part === '') return wholeContainerRisks(field, name);
  if (part === 'image') return [{ code: 'image-changed', what: imageWords(before, after) }];
  if (part.startsWith('resources')) return resourceRisks(field, name);
  if (/^(?:readiness|liveness|startup)Probe/.test(part)) {
    const isGone = after === undefined && part.endsWith('Probe');
    return [
      { code: isGone ? 'probe-removed' : 'probe-changed', what: `${part.split('.', 1)[0] ?? ''} of ${name}` },
    ];
  }
  if (part === 'env' || part.startsWith('env[]') || part.startsWith('envFrom')) {
    return [{ code: 'env-changed', what: envWords(field) }];
  }
  if (part === 'command' || part === 'args') return [{ code: 'command-changed', what: `${part} of ${name}` }];
  return loosenedField(field).map((what) => ({ code: 'security-loosened', what }));
}

function wholeContainerRisks({ before, after, path }: FieldChange, name: string): readonly Risk[] {
  if (after === undefined) return [{ code: 'command-changed', what: `the container ${name} is gone` }];
  if (before !== undefined) return [{ code: 'command-changed', what: 'containers in another order' }];
  return [
    { code: 'image-changed', what: `new container ${name}: ${shortValue(mapValue(after, 'image'))}` },
    ...loosened(after, path).map((what): Risk => ({ code: 'security-loosened', what })),
  ];
}

const containerName = (path: FieldPath): string => {
  const index = path.findIndex((step) => step === 'containers' || step === 'initContainers');
  const step = path[index + 1];
  return typeof step === 'object' ? step.item : '';
};

const mapValue = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;

/** `web 1.2.0 → 2.0.0 (new major version)`; another repository is shown whole. */
function imageWords(before: unknown, after: unknown): string {
  const [from, to] = [imageParts(before), imageParts(after)];
  if (from === undefined || to === undefined) return `${shortValue(before)} → ${shortValue(after)}`;
  if (from.repository !== to.repository) {
    return `${shortValue(before)} → ${shortValue(after)} (another repository)`;
  }
  const [major, nextMajor] = [majorOf(from.tag), majorOf(to.tag)];
  const note =
    major !== undefined && nextMajor !== undefined && major !== nextMajor
      ? nextMajor > major
        ? ' (new major version)'
        : ' (older major version)'
      : '';
  return `${from.repository.split('/').at(-1) ?? ''} ${from.tag || 'no tag'} → ${to.tag || 'no tag'}${note}`;
}

const majorOf = (tag: string): number | undefined => {
  const match = /^v?(\d{1,9})\.\d+/.exec(tag);
  return match === null ? undefined : Number(match[1]);
};

function imageParts(image: unknown): { repository: string; tag: string } | undefined {
  if (typeof image !== 'string') return undefined;
  const [named = '', digest = ''] = image.split('@', 2);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  return {
    repository: hasTag ? named.slice(0, colon) : named,
    tag: hasTag ? named.slice(colon + 1) : digest.slice(0, 19),
  };
}

function resourceRisks(field: FieldChange, name: string): readonly Risk[] {
  const { before, after } = field;
  const [from, to] = [parseQuantity(before), parseQuantity(after)];
  const what = `${name} ${words({ ...field, path: field.path.slice(-2) })}`;
  if (from === to && from !== undefined) return [];
  // Without a limit there is more; without a request less is kept free for it.
  const isLimit = field.path.includes('limits');
  const isLess = from === undefined ? isLimit : to === undefined ? !isLimit : to < from;
  return [{ code: isLess ? 'resources-lowered' : 'resources-raised', what }];
}

function envWords({ path, before, after }: FieldChange): string {
  const step = path.findLast((one) => typeof one === 'object');
  const isVariable = path.includes('env') && path.indexOf('env') < path.length - 1;
  const name = isVariable && typeof step === 'object' ? step.item : keyOf(path);
  if (path.length > 0 && typeof path.at(-1) === 'object') {
    if (before === undefined) return `${name} added`;
    if (after === undefined) return `${name} removed`;
  }
  return `${name} changed`;
}

/** Fields of a pod that loosen what keeps it from its node, and their harmless values. */
const LOOSENING: Readonly<Record<string, (value: unknown) => boolean>> = {
  privileged: (value) => value === true,
  allowPrivilegeEscalation: (value) => value === true,
  hostNetwork: (value) => value === true,
  hostPID: (value) => value === true,
  hostIPC: (value) => value === true,
  hostPath: (value) => value !== undefined,
  runAsNonRoot: (value) => value === false,
  runAsUser: (value) => value === 0,
  readOnlyRootFilesystem: (value) => value === false,
  add: (value) => Array.isArray(value) && value.length > 0,
};

function loosenedField({ path, before, after }: FieldChange): readonly string[] {
  const key = path.at(-1);
  if (after === undefined) {
    // What was kept away is no longer.
    const isGone =
      (key === 'runAsNonRoot' && before === true) ||
      (key === 'readOnlyRootFilesystem' && before === true) ||
      (key === 'securityContext' && before !== undefined);
    return isGone ? [`${formatFieldPath(path)} is gone`] : [];
  }
  return loosened(after, path);
}

/** Everything below a value that loosens, with its path. */
function loosened(value: unknown, path: FieldPath): readonly string[] {
  const key = path.at(-1);
  if (path.length > 30) return [];
  if (typeof key === 'string' && own(LOOSENING, key)?.(value) === true) {
    if (key === 'add' && path.at(-2) !== 'capabilities') return [];
    return [
      `${formatFieldPath(path)}: ${key === 'hostPath' ? shortValue(mapValue(value, 'path')) : shortValue(value)}`,
    ];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) =>
      loosened(item, [...path, { item: shortValue(mapValue(item, 'name') ?? index) }]),
    );
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([inner, part]) => loosened(part, [...path, inner]));
}

function podRisks(field: FieldChange, shape: string): readonly Risk[] {
  if (/(?:^|\.)serviceAccountName$/.test(shape))
    return [{ code: 'identity-changed', what: words({ ...field, path: ['serviceAccountName'] }) }];
  if (/(?:^|\.)(?:containers|initContainers)$/.test(shape))
    return [{ code: 'command-changed', what: words(field) }];
  if (/^spec\.(?:.*\.)?(?:host(?:Network|PID|IPC)|securityContext|volumes)/.test(shape)) {
    return loosenedField(field).map((what) => ({ code: 'security-loosened', what }));
  }
  return [];
}

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'ReplicaSet', 'Rollout']);
const SCALERS = new Set(['HorizontalPodAutoscaler', 'ScaledObject']);

function workloadRisks(field: FieldChange, shape: string, kind: string): readonly Risk[] {
  const { before, after } = field;
  if (WORKLOADS.has(kind) && shape === 'spec.replicas') {
    // Left out, it is 1, or what an autoscaler set (docs: "Horizontal Pod Autoscaling", "Migrating").
    if (after === undefined) {
      return [{ code: 'replicas-given-up', what: `replicas: ${shortValue(before)} → none` }];
    }
    return replicaRisks(before ?? 1, after, 'replicas');
  }
  if (SCALERS.has(kind) && /^spec\.(?:min|max)Replica(?:s|Count)$/.test(shape)) {
    return replicaRisks(before, after, keyOf(field.path));
  }
  if (kind === 'CronJob' && /^spec\.(?:schedule|suspend|timeZone|concurrencyPolicy)$/.test(shape)) {
    return [{ code: 'schedule-changed', what: words({ ...field, path: field.path.slice(-1) }) }];
  }
  if (kind === 'StatefulSet' && shape.startsWith('spec.persistentVolumeClaimRetentionPolicy')) {
    return [{ code: 'storage-changed', what: words(field) }];
  }
  if (kind === 'ServiceAccount' && shape === 'metadata.annotations.eks.amazonaws.com/role-arn') {
    return [{ code: 'identity-changed', what: `AWS role: ${shortValue(before)} → ${shortValue(after)}` }];
  }
  return [];
}

function replicaRisks(before: unknown, after: unknown, name: string): readonly Risk[] {
  const what = `${name}: ${shortValue(before)} → ${shortValue(after)}`;
  // A ScaledObject may have 0 at its least: it starts pods when there is work.
  if (after === 0 && name === 'replicas') return [{ code: 'scaled-to-zero', what }];
  const isLess = typeof before === 'number' && typeof after === 'number' && after < before;
  return [{ code: isLess ? 'fewer-replicas' : 'more-replicas', what }];
}

function trafficRisks(field: FieldChange, shape: string, kind: string): readonly Risk[] {
  if (kind !== 'Service') return [];
  if (shape.startsWith('spec.selector')) return [{ code: 'pods-unreachable', what: words(field) }];
  if (/^spec\.(?:type|ports|externalName|loadBalancer)/.test(shape))
    return [{ code: 'traffic-changed', what: words(field) }];
  return [];
}
