import { isDeepStrictEqual } from 'node:util';
import { isMap } from '../yaml/data.ts';
import type { FieldPath, Step } from './field-path.ts';
import { HiddenValue } from './hidden.ts';
import { isSet, keyedLists } from './list-keys.ts';

/** One place at which two versions of an object differ. Undefined: there is nothing at this place. */
export interface FieldChange {
  readonly path: FieldPath;
  readonly before: unknown;
  readonly after: unknown;
}

/** An object that nests deeper is an attack on whoever walks through it. */
const DEEPEST = 100;

/**
 * The fields in which two values differ. Maps are compared by key, lists by the key of their items (`list-keys.ts`), lists of plain
 * values as a whole. What Kubernetes reads as absent is absent: null, and an empty list.
 */
export function fieldChanges(before: unknown, after: unknown): readonly FieldChange[] {
  const found: FieldChange[] = [];
  walk(before, after, [], found);
  return found;
}

const isShownMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isMap(value) && !(value instanceof HiddenValue);

/** An API server drops null. An empty map can be a choice (`emptyDir: {}`, a selector of everything), so it is one here. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const isEmpty = (value: unknown): boolean => isAbsent(value) || (Array.isArray(value) && value.length === 0);

function walk(before: unknown, after: unknown, path: FieldPath, found: FieldChange[]): void {
  if (before === after) return;
  if (path.length >= DEEPEST) {
    if (!isSame(before, after)) found.push({ path, before, after });
    return;
  }
  const key = path.at(-1);
  const isOpened = typeof key === 'string' && OPENED.has(key);
  const from = isOpened && isAbsent(before) ? {} : before;
  const to = isOpened && isAbsent(after) ? {} : after;
  if (isShownMap(from) && isShownMap(to)) walkMaps(from, to, path, found);
  else if (Array.isArray(before) && Array.isArray(after)) {
    if (!isSame(before, after)) walkLists(before, after, path, found);
  } else if (!isSame(before, after))
    found.push({ path, before: before ?? undefined, after: after ?? undefined });
}

/** Maps of which each key is shown by itself also when the whole map appears or goes. */
const OPENED = new Set([
  'metadata',
  'labels',
  'annotations',
  'data',
  'stringData',
  'binaryData',
  'requests',
  'limits',
  'resources',
]);

function walkMaps(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: FieldPath,
  found: FieldChange[],
): void {
  const keys = [...Object.keys(before), ...Object.keys(after).filter((key) => !Object.hasOwn(before, key))];
  for (const key of keys) {
    const from = Object.hasOwn(before, key) ? before[key] : undefined;
    const to = Object.hasOwn(after, key) ? after[key] : undefined;
    // Definitions of kinds have thousands of fields that are the same: no path is made for those.
    if (from !== to) walk(from, to, [...path, key], found);
  }
}

function walkLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: FieldPath,
  found: FieldChange[],
): void {
  const key = path.findLast((step): step is string => typeof step === 'string') ?? '';
  const keyed = keyedLists(key, before, after);
  if (keyed !== undefined) {
    const [from, to] = keyed;
    const size = found.length;
    for (const item of new Set([...from.keys(), ...to.keys()])) {
      walk(from.get(item), to.get(item), [...path, { item }], found);
    }
    // Only the order differs, and it can mean something: of environment variables that use one another, of init containers.
    if (found.length === size) found.push({ path, before: [...from.keys()], after: [...to.keys()] });
    return;
  }
  if ([...before, ...after].every((item) => !isShownMap(item) && !Array.isArray(item))) {
    if (!(isSet(key) && isDeepStrictEqual(sorted(before), sorted(after))))
      found.push({ path, before, after });
    return;
  }
  walkUnnamed(before, after, path, found);
}

const sorted = (values: readonly unknown[]): readonly string[] => values.map(String).sort();

/** Equal items are paired wherever they stand; what is left is compared in its order. */
function walkUnnamed(
  before: readonly unknown[],
  after: readonly unknown[],
  path: FieldPath,
  found: FieldChange[],
): void {
  const left = [...after.entries()];
  const gone: unknown[] = [];
  for (const item of before) {
    const index = left.findIndex(([, other]) => isSame(item, other));
    if (index === -1) gone.push(item);
    else left.splice(index, 1);
  }
  for (const [index, item] of gone.entries()) {
    const [position, other] = left[index] ?? [];
    const step: Step = { item: position === undefined ? `was ${before.indexOf(item)}` : String(position) };
    walk(item, other, [...path, step], found);
  }
  for (const [position, item] of left.slice(gone.length)) {
    walk(undefined, item, [...path, { item: String(position) }], found);
  }
}

/** Whether an API server would store the same. */
function isSame(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (before instanceof HiddenValue || after instanceof HiddenValue) {
    return before instanceof HiddenValue && after instanceof HiddenValue && before.equals(after);
  }
  if (isEmpty(before) && isEmpty(after)) return true;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((item, index) => isSame(item, after[index]));
  }
  if (isShownMap(before) && isShownMap(after)) {
    return (
      Object.keys(before).every((key) =>
        isSame(before[key], Object.hasOwn(after, key) ? after[key] : undefined),
      ) && Object.keys(after).every((key) => Object.hasOwn(before, key) || isEmpty(after[key]))
    );
  }
  return false;
}
