import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Fate } from './fate.ts';
import { formatFieldPath } from './field-path.ts';
import { type FieldChange, fieldChanges } from './fields.ts';
import { hideSecrets } from './hidden.ts';
import { findRenames, groupOf } from './rename.ts';

/** What becomes of one object. Secrets in it are hidden already: whatever is made of it may be shown. */
export type ObjectChange =
  | {
      readonly how: 'added';
      readonly before?: never;
      readonly after: KubernetesObject;
      readonly fields: readonly [];
    }
  | {
      readonly how: 'removed';
      readonly before: KubernetesObject;
      readonly after?: never;
      readonly fields: readonly [];
      /** Undefined where nothing is known of its application: then it is deleted. */
      readonly fate?: Fate;
    }
  | {
      readonly how: 'changed' | 'renamed';
      readonly before: KubernetesObject;
      readonly after: KubernetesObject;
      readonly fields: readonly FieldChange[];
    };

/**
 * Compares what one application applies before and after, as Kubernetes objects.
 *
 * An object is the same one when group, kind, namespace and name are: another version of its API is a change of it, and so is
 * a move of a built-in kind between the groups of Kubernetes itself (Ingress from extensions to networking.k8s.io).
 *
 * An object that stands in a list twice is compared as the last one: Argo CD applies them in order.
 */
export function compareObjects(
  before: readonly KubernetesObject[],
  after: readonly KubernetesObject[],
): readonly ObjectChange[] {
  const from = byIdentity(before);
  const to = byIdentity(after);
  const changes: ObjectChange[] = [];
  const removed: KubernetesObject[] = [];
  for (const [identity, old] of from) {
    const now = to.get(identity);
    if (now === undefined) removed.push(hideSecrets(old));
    // The cheap comparison first: most objects of most pull requests are untouched.
    else if (!isDeepStrictEqual(old, now)) changes.push(...changed(hideSecrets(old), hideSecrets(now)));
  }
  const added = [...to].filter(([identity]) => !from.has(identity)).map(([, object]) => hideSecrets(object));
  const renames = findRenames(removed, added);
  const gone = new Set(renames.map((pair) => pair.before));
  const come = new Set(renames.map((pair) => pair.after));
  return [
    ...changes,
    ...renames.map(({ before: old, after: now }) => ({
      how: 'renamed' as const,
      before: old,
      after: now,
      fields: fieldChanges(old, now).filter(({ path }) => formatFieldPath(path) !== 'metadata.name'),
    })),
    ...removed
      .filter((object) => !gone.has(object))
      .map((object) => ({ how: 'removed', before: object, fields: [] }) as const),
    ...added
      .filter((object) => !come.has(object))
      .map((object) => ({ how: 'added', after: object, fields: [] }) as const),
  ];
}

function changed(before: KubernetesObject, after: KubernetesObject): readonly ObjectChange[] {
  const fields = fieldChanges(before, after);
  return fields.length === 0 ? [] : [{ how: 'changed', before, after, fields }];
}

const byIdentity = (objects: readonly KubernetesObject[]): ReadonlyMap<string, KubernetesObject> =>
  new Map(objects.map((object) => [identityOf(object), object]));

/** The same for two versions of one object. */
export const identityOf = ({ apiVersion, kind, metadata }: KubernetesObject): string =>
  JSON.stringify([homeOf(groupOf(apiVersion)), kind, metadata.namespace ?? '', metadata.name]);

/** Groups of Kubernetes itself are one home: a kind only ever moved between them. Others are whoever owns the domain. */
const homeOf = (group: string): string => (!group.includes('.') || group.endsWith('.k8s.io') ? '' : group);

/** The object itself, as it is after the change where it still is. */
export const objectOf = (change: ObjectChange): KubernetesObject => change.after ?? change.before;
