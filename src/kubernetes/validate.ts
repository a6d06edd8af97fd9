import { nearestName } from '../config/nearest.ts';
import { apiLifecycle } from './api-lifecycle.ts';
import { checkObject } from './check.ts';
import { type CustomKind, type CustomKinds, customKindKey } from './custom-kinds.ts';
import type { KubernetesObject } from './object.ts';
import type { SchemaProblem } from './problem.ts';
import { type Schemas, schemasOf } from './schemas.ts';
import { kubernetesVersion } from './versions.ts';

/** Where an object is to be applied. */
export interface Target {
  /** The minor version of Kubernetes, as kajitori.yaml says it: `1.34`. */
  readonly kubernetes: string;
  /** Kinds that the cluster has besides, from `crdSchemas`. They take the place of bundled ones. */
  readonly crds?: CustomKinds;
}

/**
 * Says what the API server of a cluster would find wrong with an object, offline: kind and fields are known to that version,
 * types and formats fit, what is required is there. Bundled are the built-in kinds of `KUBERNETES_VERSIONS` and the custom kinds
 * that the standard chart and its wiring use.
 *
 * Beyond schemas an API server also runs validation that only its code knows (names, selectors that match) and CEL rules of
 * definitions; those are not repeated here.
 *
 * @returns nothing for a valid object. A kind without a schema is a problem, since not checked is never green.
 * @throws Failure (exit 2, `unknown-kubernetes-version`)
 */
export async function validateObject(
  object: KubernetesObject,
  target: Target,
): Promise<readonly SchemaProblem[]> {
  const schemas = await schemasOf(kubernetesVersion(target.kubernetes));
  const { apiVersion, kind } = object;
  const builtIn = schemas.kinds.get(`${apiVersion} ${kind}`);
  if (builtIn !== undefined) {
    return [...apiWarnings(object, schemas), ...checkObject(object, builtIn, schemas, undefined)];
  }
  const [group, version] = groupAndVersion(apiVersion);
  const key = customKindKey(group, kind);
  const custom = target.crds?.get(key) ?? schemas.customKinds.get(key);
  if (custom === undefined) return [unknownKind(object, schemas)];
  const served = custom.versions.get(version);
  if (served?.served !== true) return [unservedVersion(object, custom)];
  const warnings =
    served.deprecation === undefined ? [] : [apiProblem('deprecated-api', 'warning', served.deprecation)];
  return [...warnings, ...checkObject(object, served.schema, schemas, custom)];
}

function groupAndVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

const apiProblem = (
  kind: SchemaProblem['kind'],
  severity: SchemaProblem['severity'],
  message: string,
  field: 'apiVersion' | 'kind' = 'apiVersion',
): SchemaProblem => ({ kind, severity, path: [field], message });

const minorOf = (version: string): number => Number(version.slice(version.indexOf('.') + 1));

function apiWarnings({ apiVersion, kind }: KubernetesObject, { version }: Schemas): SchemaProblem[] {
  const lifecycle = apiLifecycle(apiVersion, kind);
  if (lifecycle?.deprecatedIn !== undefined && lifecycle.deprecatedIn <= minorOf(version)) {
    const removal = lifecycle.removedIn === undefined ? '' : ` and is removed in 1.${lifecycle.removedIn}`;
    const message = `${apiVersion} ${kind} is deprecated since 1.${lifecycle.deprecatedIn}${removal}: use ${lifecycle.use}.`;
    return [apiProblem('deprecated-api', 'warning', message)];
  }
  if (/beta\d+$/.test(apiVersion)) {
    const message = `${apiVersion} ${kind} is a beta API, which is off where nobody has turned it on: ask whoever runs the cluster.`;
    return [apiProblem('beta-api', 'warning', message)];
  }
  return [];
}

function unknownKind(object: KubernetesObject, schemas: Schemas): SchemaProblem {
  const { apiVersion, kind } = object;
  const name = `${apiVersion} ${kind}`;
  const here = `Kubernetes ${schemas.version}`;
  const lifecycle = apiLifecycle(apiVersion, kind);
  if (lifecycle?.removedIn !== undefined && lifecycle.removedIn <= minorOf(schemas.version)) {
    const message = `${name} was removed in 1.${lifecycle.removedIn}: use ${lifecycle.use}.`;
    return apiProblem('removed-api', 'error', message);
  }
  const others = schemas.versionsOfKind(name);
  if (others.length > 0) {
    const message = `${here} has no ${name}; Kubernetes ${others.join(', ')} have it.`;
    return apiProblem('unknown-kind', 'error', message);
  }
  const known = [...schemas.kinds.keys()].map((key) => key.split(' ') as [string, string]);
  const elsewhere = known.filter(([, other]) => other === kind).map(([version]) => version);
  if (elsewhere.length > 0 && isBuiltInGroup(apiVersion)) {
    return apiProblem('unknown-kind', 'error', `${here} has no ${name}: use ${elsewhere.join(' or ')}.`);
  }
  const siblings = known.filter(([version]) => version === apiVersion).map(([, other]) => other);
  if (siblings.length > 0) {
    const nearest = nearestName(kind, siblings);
    const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
    return apiProblem(
      'unknown-kind',
      'error',
      `${here} has no kind "${kind}" in ${apiVersion}.${hint}`,
      'kind',
    );
  }
  const message = isBuiltInGroup(apiVersion)
    ? `${here} has no ${name}.`
    : `${name} is not checked: no schema of it is known. Add its CustomResourceDefinition to what is checked.`;
  return apiProblem('unknown-kind', 'error', message);
}

/** Groups without a domain, and those of Kubernetes itself, are not open to CustomResourceDefinitions of others. */
function isBuiltInGroup(apiVersion: string): boolean {
  const [group] = groupAndVersion(apiVersion);
  return !group.includes('.');
}

function unservedVersion({ apiVersion, kind }: KubernetesObject, custom: CustomKind): SchemaProblem {
  const served = [...custom.versions]
    .filter(([, version]) => version.served)
    .map(([version]) => `${custom.group}/${version}`);
  const message = `The definition of ${kind} does not serve ${apiVersion}: use ${served.join(' or ')}.`;
  return served.length === 0
    ? apiProblem(
        'unknown-kind',
        'error',
        `The definition of ${kind} serves no version that can be read here.`,
      )
    : apiProblem('unknown-kind', 'error', message);
}
