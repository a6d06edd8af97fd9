import { isMap } from '../yaml/data.ts';

/**
 * By which fields the items of a list are told apart, by the last key of its path. Source: x-kubernetes-list-map-keys and
 * x-kubernetes-patch-merge-key of Kubernetes' OpenAPI, and of the CRDs of Argo CD, KEDA and the Prometheus operator. One with a question
 * mark may be missing.
 */
const KEYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  containers: [['name']],
  initContainers: [['name']],
  env: [['name']],
  volumes: [['name']],
  volumeMounts: [['mountPath']],
  volumeDevices: [['devicePath']],
  // A Service first, then a container.
  ports: [['port', '?protocol'], ['containerPort', '?protocol'], ['name']],
  hostAliases: [['ip']],
  topologySpreadConstraints: [['topologyKey', '?whenUnsatisfiable']],
  subjects: [['kind', '?namespace', '?name']],
  conditions: [['type']],
  ownerReferences: [['uid']],
  volumeClaimTemplates: [['metadata.name']],
  metrics: [['type', 'resource.name'], ['type', 'external.metric.name'], ['type']],
  envFrom: [['?configMapRef.name', '?secretRef.name', '?prefix']],
  tolerations: [['?key', '?operator', '?value', '?effect']],
  tls: [['secretName'], ['hosts']],
  // Rules of a PrometheusRule; those of RBAC have no name and are compared by what they allow.
  rules: [['alert'], ['record'], ['host'], ['name']],
  paths: [['path', '?pathType'], ['path']],
  matchExpressions: [['key', '?operator']],
};

/** For every other list, the first of these that all items have and that tells them apart. */
const USUAL: readonly (readonly string[])[] = [
  ['name'],
  ['key'],
  ['id'],
  ['metadata.name'],
  ['alert'],
  ['record'],
  ['path'],
  ['host'],
  ['ip'],
];

/** Lists of plain values in which the order means nothing. */
const SETS = new Set([
  'verbs',
  'resources',
  'apiGroups',
  'resourceNames',
  'nonResourceURLs',
  'accessModes',
  'policyTypes',
  'finalizers',
  'shortNames',
  'categories',
  'operations',
  'apiVersions',
  'hosts',
  'add',
  'drop',
  'ipFamilies',
  'required',
  'enum',
  'loadBalancerSourceRanges',
]);

export const isSet = (field: string): boolean => SETS.has(field);

type Item = Readonly<Record<string, unknown>>;

/**
 * The items of both lists by what they are called, where the same key tells apart the items of each; undefined where the
 * lists can only be compared by position.
 */
export function keyedLists(
  field: string,
  before: readonly unknown[],
  after: readonly unknown[],
): readonly [ReadonlyMap<string, Item>, ReadonlyMap<string, Item>] | undefined {
  if (![...before, ...after].every(isMap)) return undefined;
  const candidates = [...(Object.hasOwn(KEYS, field) ? (KEYS[field] ?? []) : []), ...USUAL];
  for (const fields of candidates) {
    const from = byKey(before, fields);
    const to = from && byKey(after, fields);
    if (from !== undefined && to !== undefined) return [from, to];
  }
  return undefined;
}

function byKey(items: readonly unknown[], fields: readonly string[]): ReadonlyMap<string, Item> | undefined {
  const found = new Map<string, Item>();
  for (const item of items as readonly Item[]) {
    const parts = fields.map((field) => fieldOf(item, field.replace('?', '')));
    const label = parts.filter((part) => part !== undefined).join(' ');
    if (
      parts.some((part, index) => part === undefined && !fields[index]?.startsWith('?')) ||
      label === '' ||
      found.has(label)
    ) {
      return undefined;
    }
    found.set(label, item);
  }
  return found;
}

function fieldOf(item: Item, path: string): string | undefined {
  let value: unknown = item;
  for (const key of path.split('.')) value = isMap(value) ? value[key] : undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return String(value);
  return Array.isArray(value) ? value.join(',') : undefined;
}
