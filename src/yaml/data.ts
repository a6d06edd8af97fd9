import { couldNot } from '../report/failure.ts';
import type { YamlPath } from './path.ts';
import { type Entry, resolved, type SyntaxNode } from './syntax.ts';

/** What can be written: JSON's values. */
export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/** A map as plain data. It has no prototype, so that a key `__proto__` or `constructor` is a key like others. */
export type PlainMap = Record<string, unknown>;

export const newMap = (): PlainMap => Object.create(null) as PlainMap;

/** A date is a value: YAML has a tag for it. */
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/**
 * The plain data of a node, aliases followed and merge keys applied (a key of the map itself wins, then the
 * earlier merged map, as yaml.org/type/merge.html says). Aliases share one object; nothing is multiplied.
 */
export function dataOf(node: SyntaxNode | undefined): unknown {
  return node === undefined ? undefined : read(node, new Map());
}

function read(node: SyntaxNode, known: Map<SyntaxNode, unknown>): unknown {
  const source = resolved(node);
  if (source.kind === 'scalar') return source.scalar;
  if (known.has(source)) return known.get(source);
  const data =
    source.kind === 'list' ? source.entries.map((item) => read(item.value, known)) : readMap(source, known);
  known.set(source, data);
  return data;
}

function readMap(node: SyntaxNode, known: Map<SyntaxNode, unknown>): PlainMap {
  const map = newMap();
  for (const entry of node.entries) {
    if (!entry.merge) map[entry.key ?? ''] = read(entry.value, known);
    else {
      for (const source of mergedMaps(entry)) {
        for (const [key, value] of Object.entries(read(source, known) as PlainMap)) {
          if (!(key in map) && !node.byKey.has(key)) map[key] = value;
        }
      }
    }
  }
  return map;
}

/** The maps that a merge key brings, in their order. */
const mergedMaps = (entry: Entry): SyntaxNode[] => {
  const value = resolved(entry.value);
  return value.kind === 'list' ? value.entries.map((item) => resolved(item.value)) : [value];
};

/** The entry of a key that comes into a map by a merge key. */
export function mergedEntry(map: SyntaxNode, key: string): Entry | undefined {
  for (const entry of map.entries) {
    if (!entry.merge) continue;
    for (const source of mergedMaps(entry)) {
      const found = source.byKey.get(key) ?? mergedEntry(source, key);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The same value? Objects by their keys in any order; NaN equals NaN. */
export const sameData = (a: unknown, b: unknown): boolean => firstDifference(a, b) === undefined;

/** Where two values differ first. */
export function firstDifference(a: unknown, b: unknown): YamlPath | undefined {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
      const inside = index < a.length && index < b.length ? firstDifference(a[index], b[index]) : [];
      if (inside !== undefined) return [index, ...inside];
    }
    return undefined;
  }
  if (isMap(a) && isMap(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const both = Object.hasOwn(a, key) && Object.hasOwn(b, key);
      const inside = both ? firstDifference(a[key], b[key]) : [];
      if (inside !== undefined) return [key, ...inside];
    }
    return undefined;
  }
  return [];
}

/** How deep a value to be written may be. */
const MAX_VALUE_DEPTH = 50;

/**
 * A copy of a value to be written, made of arrays and maps without a prototype.
 *
 * @throws {Failure} (exit 2) for what YAML 1.1 and 1.2 readers cannot both read back.
 */
export function writable(value: unknown, depth = 0): YamlValue {
  if (depth > MAX_VALUE_DEPTH) throw unwritable(`a value nested more than ${MAX_VALUE_DEPTH} deep`);
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => writable(item, depth + 1));
  if (isMap(value)) {
    const map = newMap();
    for (const [key, item] of Object.entries(value)) {
      if (!key.isWellFormed()) throw unwritable('a key with half of a surrogate pair');
      map[key] = writable(item, depth + 1);
    }
    return map as YamlValue;
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw unwritable('a string with half of a surrogate pair');
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unwritable(`the number ${value}`);
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw unwritable(`the number ${value}, which is not exact,`);
    }
    return value === 0 ? 0 : value;
  }
  if (typeof value === 'boolean' || value === null) return value;
  throw unwritable(value instanceof Date ? 'a date' : `a value of type ${typeof value}`);
}

const unwritable = (what: string) =>
  couldNot(`${what} cannot be written to YAML`, {
    todo: 'Write it as a string, or leave it out.',
    reason: 'unwritable-value',
  });
