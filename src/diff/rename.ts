import type { KubernetesObject } from '../kubernetes/object.ts';
import { HiddenValue } from './hidden.ts';

/** As alike as this, a removed and an added object of one kind are one object with a new name. */
const ALIKE = 0.75;

/** More pairs than this are not compared by content: hundreds of new objects are no renames. */
const MOST_PAIRS = 10_000;

/** Objects with fewer fields than this are alike by chance. */
const FEWEST_FIELDS = 3;

export interface Renamed {
  readonly before: KubernetesObject;
  readonly after: KubernetesObject;
}

/**
 * Which of the removed objects come back among the added ones under another name: first those whose names differ in a hash at
 * their end only (as kustomize and charts name ConfigMaps, Secrets and Jobs), then those with nearly the same content. Each
 * object is in one pair at most, the most alike first.
 */
export function findRenames(
  removed: readonly KubernetesObject[],
  added: readonly KubernetesObject[],
): readonly Renamed[] {
  const pairs: Renamed[] = [];
  const taken = new Set<KubernetesObject>();
  const take = (before: KubernetesObject, after: KubernetesObject) => {
    if (taken.has(before) || taken.has(after)) return;
    taken.add(before);
    taken.add(after);
    pairs.push({ before, after });
  };
  for (const before of removed) {
    const stem = hashedStem(before.metadata.name);
    if (stem === undefined) continue;
    const candidates = added.filter(
      (after) =>
        sameKind(before, after) &&
        before.metadata.namespace === after.metadata.namespace &&
        hashedStem(after.metadata.name) === stem,
    );
    // Several of one stem (app-1 and app-2) are told apart by their content below.
    const [only] = candidates;
    if (candidates.length === 1 && only !== undefined) take(before, only);
  }
  for (const { before, after } of alike(removed, added)) take(before, after);
  return pairs;
}

function alike(removed: readonly KubernetesObject[], added: readonly KubernetesObject[]): readonly Renamed[] {
  const pairs = removed.flatMap((before) =>
    added.filter((after) => sameKind(before, after)).map((after) => ({ before, after })),
  );
  if (pairs.length > MOST_PAIRS) return [];
  const contents = new Map<KubernetesObject, Content>();
  const contentOf = (object: KubernetesObject) => {
    const known = contents.get(object) ?? {
      asWritten: leavesOf(object, ''),
      unnamed: leavesOf(object, object.metadata.name),
    };
    contents.set(object, known);
    return known;
  };
  return pairs
    .map((pair) => ({ ...pair, score: likeness(contentOf(pair.before), contentOf(pair.after)) }))
    .filter(({ score }) => score >= ALIKE)
    .sort((a, b) => b.score - a.score);
}

const sameKind = (a: KubernetesObject, b: KubernetesObject): boolean =>
  a.kind === b.kind && groupOf(a.apiVersion) === groupOf(b.apiVersion);

/** `apps` of `apps/v1`; empty for the core. */
export const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/', 1)[0] ?? '') : '';

/** `web-config` of `web-config-7g9k2b5h4t`; undefined where the end is a word. */
function hashedStem(name: string): string | undefined {
  const match = /^(.+)-([a-z0-9]{5,64})$/.exec(name);
  return match !== null && /\d/.test(match[2] ?? '') ? match[1] : undefined;
}

interface Content {
  readonly asWritten: ReadonlySet<string>;
  /** The object's own name taken out: it may stand in selectors, and change with the name. */
  readonly unnamed: ReadonlySet<string>;
}

/** All leaves below spec, data and the like, with a name taken out; metadata says who, not what. */
function leavesOf(object: KubernetesObject, name: string): ReadonlySet<string> {
  const leaves = new Set<string>();
  const visit = (value: unknown, path: string): void => {
    if (value instanceof HiddenValue) {
      // What is hidden says nothing; that there is such a key does.
      leaves.add(path);
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, `${path}[]`);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
    } else {
      leaves.add(`${path}=${name === '' ? String(value) : String(value).replaceAll(name, '*')}`);
    }
  };
  for (const [key, value] of Object.entries(object)) {
    if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata' && key !== 'status') visit(value, key);
  }
  return leaves;
}

const likeness = (a: Content, b: Content): number =>
  Math.max(jaccard(a.asWritten, b.asWritten), jaccard(a.unnamed, b.unnamed));

/** Jaccard's index of both sets; 0 where there is too little to compare. */
function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size < FEWEST_FIELDS || b.size < FEWEST_FIELDS) return 0;
  let both = 0;
  for (const leaf of a) if (b.has(leaf)) both += 1;
  return both / (a.size + b.size - both);
}
