import type { KubernetesObject } from '../kubernetes/object.ts';
import { isMap } from '../yaml/data.ts';
import { shortValue } from './short-value.ts';

/** A schema deeper than this is no honest one. */
const DEEPEST = 60;

/** More than these are not named. */
const MOST_NAMED = 5;

/**
 * What objects that exist can lose by a change of a CustomResourceDefinition: versions that are gone or no longer served, fields that
 * are gone or of another type, fields that became necessary. One text each.
 */
export function narrowings(before: KubernetesObject, after: KubernetesObject): readonly string[] {
  const from = versionsOf(before);
  const to = versionsOf(after);
  const texts: string[] = [];
  for (const [name, old] of from) {
    const now = to.get(name);
    if (now === undefined) texts.push(`version ${name} is gone`);
    else if (old.served === true && now.served !== true) texts.push(`version ${name} is no longer served`);
    if (old.storage === true && now?.storage !== true) {
      texts.push(`objects are no longer stored as ${name}: they must be migrated before it can go`);
    }
    if (now === undefined) continue;
    const fields = narrowedFields(schemaOf(old), schemaOf(now), '', 0);
    texts.push(...named(fields.slice(0, MOST_NAMED), name));
    if (fields.length > MOST_NAMED) texts.push(`${fields.length - MOST_NAMED} more fields of ${name}`);
  }
  return texts;
}

const named = (fields: readonly string[], version: string): readonly string[] =>
  fields.map((field) => `${field} (${version})`);

const versionsOf = (definition: KubernetesObject): ReadonlyMap<string, Readonly<Record<string, unknown>>> => {
  const { spec } = definition;
  const versions = isMap(spec) && Array.isArray(spec.versions) ? spec.versions.filter(isMap) : [];
  return new Map(versions.map((version) => [shortValue(version.name), version]));
};

const schemaOf = (version: Readonly<Record<string, unknown>>): unknown =>
  isMap(version.schema) ? version.schema.openAPIV3Schema : undefined;

function narrowedFields(before: unknown, after: unknown, path: string, depth: number): readonly string[] {
  if (!isMap(before) || !isMap(after) || depth > DEEPEST) return [];
  if (before === after) return [];
  const found: string[] = [];
  if (before.type !== undefined && after.type !== undefined && before.type !== after.type) {
    found.push(`${path || 'the object'} was ${shortValue(before.type)} and is ${shortValue(after.type)}`);
  }
  const had = new Set(Array.isArray(before.required) ? before.required.map(shortValue) : []);
  for (const field of Array.isArray(after.required) ? after.required.map(shortValue) : []) {
    if (!had.has(field)) found.push(`${joined(path, field)} must now be given`);
  }
  if (isMap(before.properties)) {
    const now = isMap(after.properties) ? after.properties : {};
    const keepsUnknown = after['x-kubernetes-preserve-unknown-fields'] === true;
    for (const [field, schema] of Object.entries(before.properties)) {
      if (!Object.hasOwn(now, field)) {
        if (!keepsUnknown) found.push(`the field ${joined(path, field)} is gone`);
      } else found.push(...narrowedFields(schema, now[field], joined(path, field), depth + 1));
    }
  }
  found.push(...narrowedFields(before.items, after.items, `${path}[]`, depth + 1));
  found.push(
    ...narrowedFields(before.additionalProperties, after.additionalProperties, `${path}.*`, depth + 1),
  );
  if (Array.isArray(before.enum) && Array.isArray(after.enum)) {
    const now = new Set<unknown>(after.enum);
    const gone = before.enum.filter((value: unknown) => !now.has(value));
    if (gone.length > 0) found.push(`${path} may no longer be ${gone.map(shortValue).join(', ')}`);
  }
  return found;
}

const joined = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);
