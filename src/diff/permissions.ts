import type { KubernetesObject } from '../kubernetes/object.ts';
import { isMap } from '../yaml/data.ts';
import type { ObjectChange } from './compare.ts';
import { shortValue } from './short-value.ts';

/** One thing that a role allows. */
interface Grant {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  /** Undefined: any name. */
  readonly name: string | undefined;
}

/** More than this is a rule of `*`, written out. */
const MOST_GRANTS = 5_000;

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

function grantsOf(role: KubernetesObject | undefined): readonly Grant[] {
  const rules = Array.isArray(role?.rules) ? role.rules.filter(isMap) : [];
  const grants: Grant[] = [];
  for (const rule of rules) {
    const names = texts(rule.resourceNames);
    for (const verb of texts(rule.verbs)) {
      for (const url of texts(rule.nonResourceURLs))
        grants.push({ group: 'url', resource: url, verb, name: undefined });
      for (const group of texts(rule.apiGroups)) {
        for (const resource of texts(rule.resources)) {
          for (const name of names.length === 0 ? [undefined] : names) {
            grants.push({ group, resource, verb, name });
            if (grants.length >= MOST_GRANTS) return grants;
          }
        }
      }
    }
  }
  return grants;
}

/** As the API server's authorizer matches a rule (kubernetes, pkg/apis/rbac/v1/evaluation_helpers.go). */
const covers = (has: Grant, wanted: Grant): boolean =>
  (has.group === wanted.group || (has.group === '*' && wanted.group !== 'url')) &&
  (has.resource === '*' ||
    has.resource === wanted.resource ||
    isSubresourceOf(has.resource, wanted.resource)) &&
  (has.verb === '*' || has.verb === wanted.verb) &&
  (has.name === undefined || has.name === wanted.name);

/** Of all resources: a star, then a slash and the subresource. */
const isSubresourceOf = (has: string, wanted: string): boolean =>
  has.startsWith('*/') && wanted.includes('/') && wanted.slice(wanted.indexOf('/')) === has.slice(1);

/** What lets its holder get more rights than it was given, or what is not its own. */
function isDangerous({ resource, verb, group }: Grant): boolean {
  return (
    verb === '*' ||
    resource === '*' ||
    group === '*' ||
    /^(?:escalate|bind|impersonate)$/.test(verb) ||
    /^(?:pods\/exec|pods\/attach|nodes\/proxy|serviceaccounts\/token)$/.test(resource) ||
    (resource === 'secrets' && /^(?:get|list|watch)$/.test(verb)) ||
    (/^(?:pods|deployments|daemonsets|statefulsets|jobs|cronjobs)$/.test(resource) &&
      /^(?:create|patch|update)$/.test(verb)) ||
    (/^(?:cluster)?role(?:binding)?s$/.test(resource) && /^(?:create|patch|update)$/.test(verb)) ||
    (resource.endsWith('webhookconfigurations') && /^(?:create|patch|update)$/.test(verb))
  );
}

/** What somebody may do after a change that nobody could before. */
export interface Widening {
  readonly what: string;
  /** It can be used to get still more. */
  readonly dangerous: boolean;
}

/** What a change of a role or a binding allows more; undefined for other kinds, and where nothing is added. */
export function wideningOf(change: ObjectChange): Widening | undefined {
  if (change.after === undefined || !change.after.apiVersion.startsWith('rbac.authorization.k8s.io/'))
    return undefined;
  // A renamed role is bound by another name: whoever reads must see all of it.
  const before = change.how === 'changed' ? change.before : undefined;
  switch (change.after.kind) {
    case 'Role':
    case 'ClusterRole':
      return widenedRole(before, change.after);
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return widenedBinding(before, change.after);
    default:
      return undefined;
  }
}

function widenedRole(before: KubernetesObject | undefined, after: KubernetesObject): Widening | undefined {
  const had = grantsOf(before);
  const more = grantsOf(after).filter((grant) => !had.some((old) => covers(old, grant)));
  const aggregates = before === undefined && after.aggregationRule !== undefined;
  if (more.length === 0 && !aggregates) return undefined;
  const dangerous = more.filter(isDangerous);
  const shown = dangerous.length > 0 ? dangerous : more;
  return {
    what: aggregates ? 'takes over the rules of other roles' : described(shown),
    dangerous: dangerous.length > 0,
  };
}

/** `get, list on secrets; * on pods (apps)`. */
function described(grants: readonly Grant[]): string {
  const verbs = new Map<string, Set<string>>();
  for (const { group, resource, verb, name } of grants) {
    const where = group === '' || group === 'url' ? '' : ` (${group === '*' ? 'every API group' : group})`;
    const on = `${resource === '*' ? 'every resource' : resource}${name === undefined ? '' : ` named ${name}`}${where}`;
    const known = verbs.get(on) ?? new Set();
    known.add(verb === '*' ? 'everything' : verb);
    verbs.set(on, known);
  }
  const all = [...verbs].map(([on, which]) => `${[...which].join(', ')} on ${on}`);
  return all.length <= 4 ? all.join('; ') : `${all.slice(0, 4).join('; ')}; and ${all.length - 4} more`;
}

function widenedBinding(before: KubernetesObject | undefined, after: KubernetesObject): Widening | undefined {
  const had = new Set(subjectsOf(before));
  const more = subjectsOf(after).filter((subject) => !had.has(subject));
  if (more.length === 0) return undefined;
  const role = isMap(after.roleRef)
    ? `${shortValue(after.roleRef.kind)}/${shortValue(after.roleRef.name)}`
    : 'a role';
  const everybody = more.some((subject) =>
    /^Group system:(?:authenticated|unauthenticated|serviceaccounts|masters)/.test(subject),
  );
  return {
    what: `${more.join(', ')} may now do what ${role} allows${after.kind === 'ClusterRoleBinding' ? ', in all namespaces' : ''}`,
    dangerous: before !== undefined || everybody || /\/(?:cluster-admin|admin|edit)$/.test(role),
  };
}

const subjectsOf = (binding: KubernetesObject | undefined): readonly string[] =>
  (Array.isArray(binding?.subjects) ? binding.subjects.filter(isMap) : []).map(
    ({ kind, namespace, name }) =>
      `${shortValue(kind)} ${namespace === undefined ? '' : `${shortValue(namespace)}/`}${shortValue(name)}`,
  );
