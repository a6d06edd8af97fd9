import { createHash } from 'node:crypto';
import type { ApplicationDiff } from './application-diff.ts';
import { type ObjectChange, objectOf } from './compare.ts';
import type { Fate } from './fate.ts';
import { formatFieldPath } from './field-path.ts';
import { HiddenValue } from './hidden.ts';
import { isNoise, isOnlyNoise } from './noise.ts';
import { risksOf } from './rank.ts';
import { byRisk, type Risk, worstOf } from './risk.ts';

/** One change with what it risks. */
export interface RankedChange {
  /** As the first of its places has it. */
  readonly change: ObjectChange;
  readonly risks: readonly Risk[];
  /** Whether what is hidden in it is not the same in all of its places. */
  readonly isHiddenDifferent: boolean;
}

/** One app, and the clusters in which it is changed this way. */
export interface BlockPlace {
  readonly app: string;
  /** Names of clusters; empty where none is known. */
  readonly clusters: readonly string[];
}

/** Changes that are made in the same places. */
export interface Block {
  /** Whether the applications themselves come or go. */
  readonly how: 'added' | 'removed' | 'changed';
  readonly places: readonly BlockPlace[];
  /** The worst first. */
  readonly changes: readonly RankedChange[];
  /** Changes in which only labels and checksums follow a version. */
  readonly noise: readonly ObjectChange[];
  /** Of the block itself: an application that is deleted. */
  readonly risks: readonly Risk[];
  /** Where the same objects change in another way. */
  readonly differsIn: readonly BlockPlace[];
  /** Where the same app was rendered and has none of these changes; for blocks of one app. */
  readonly unchangedIn: readonly string[];
}

/**
 * Puts together what is the same: a change in several clusters, and a change of many apps (an upgrade of the chart they share).
 * The worst block comes first, then the widest.
 *
 * Two changes are the same when kind, namespace, name and all changed fields are; the app's own name and its cluster's name, region
 * and account stand for one another, and what only follows a version is left out.
 */
export function collapse(diffs: readonly ApplicationDiff[]): readonly Block[] {
  const same = new Map<string, { change: ObjectChange; where: ApplicationDiff[]; hidden: Set<string> }>();
  const touching = new Map<string, Set<ApplicationDiff>>();
  for (const diff of diffs) {
    const neutral = neutralFor(diff);
    for (const change of diff.changes) {
      const object = neutral(identity(change));
      touching.set(object, (touching.get(object) ?? new Set()).add(diff));
      const key = digest(`${diff.how} ${object} ${neutral(content(change))}`);
      const known = same.get(key);
      if (known === undefined) same.set(key, { change, where: [diff], hidden: new Set([hiddenIn(change)]) });
      else {
        known.where.push(diff);
        known.hidden.add(hiddenIn(change));
      }
    }
  }
  const blocks = new Map<string, { where: readonly ApplicationDiff[]; changes: ObjectChange[] }>();
  const differing = new Set<ObjectChange>();
  for (const { change, where, hidden } of same.values()) {
    addTo(blocks, where, [change]);
    if (hidden.size > 1) differing.add(change);
  }
  for (const diff of diffs) {
    // An application without objects is still one that comes or goes.
    if (diff.how !== 'same' && diff.changes.length === 0) addTo(blocks, [diff], []);
  }
  const otherPlaces = (block: { where: readonly ApplicationDiff[]; changes: readonly ObjectChange[] }) => {
    const [first] = block.where;
    if (first === undefined) return [];
    const neutral = neutralFor(first);
    const all = block.changes.flatMap((change) => [...(touching.get(neutral(identity(change))) ?? [])]);
    return [...new Set(all)].filter((diff) => !block.where.includes(diff));
  };
  return [...blocks.values()]
    .map((block) => makeBlock(block.where, block.changes, otherPlaces(block), diffs, differing))
    .sort((a, b) => compareBlocks(a, b));
}

function addTo(
  blocks: Map<string, { where: readonly ApplicationDiff[]; changes: ObjectChange[] }>,
  where: readonly ApplicationDiff[],
  changes: readonly ObjectChange[],
): void {
  const key = JSON.stringify(where.map(({ name, cluster, how, fate }) => [how, name, cluster?.name, fate]));
  const block = blocks.get(key) ?? { where, changes: [] };
  block.changes.push(...changes);
  blocks.set(key, block);
}

function makeBlock(
  where: readonly ApplicationDiff[],
  changes: readonly ObjectChange[],
  others: readonly ApplicationDiff[],
  diffs: readonly ApplicationDiff[],
  hiddenDifferent: ReadonlySet<ObjectChange>,
): Block {
  const places = placesOf(where);
  const [place] = places;
  const isOneApp = places.length === 1 && place !== undefined;
  const how = where[0]?.how ?? 'changed';
  // Many apps with an image of their own differ from one another: that is no news. Clusters of one app do not.
  const differing = isOneApp ? others.filter(({ app }) => app === place.app) : others;
  const named = new Set([...where, ...differing]);
  return {
    how: how === 'same' ? 'changed' : how,
    places,
    changes: changes
      .filter((change) => !isOnlyNoise(change))
      .map((change) => ({
        change,
        risks: risksOf(change),
        isHiddenDifferent: hiddenDifferent.has(change),
      }))
      .sort(
        (a, b) => worstOf(a.risks) - worstOf(b.risks) || (identity(a.change) < identity(b.change) ? -1 : 1),
      ),
    noise: changes.filter(isOnlyNoise),
    risks: how === 'removed' ? [goneRisk(where[0]?.fate)] : [],
    differsIn: placesOf(differing),
    unchangedIn: isOneApp
      ? diffs
          .filter((diff) => diff.app === place.app && !named.has(diff))
          .flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster.name]))
      : [],
  };
}

const goneRisk = (fate: Fate | undefined): Risk =>
  fate?.stays === true
    ? { code: 'application-let-go', what: fate.why }
    : { code: 'application-deleted', what: fate?.why ?? '' };

function placesOf(diffs: readonly ApplicationDiff[]): readonly BlockPlace[] {
  const clusters = new Map<string, string[]>();
  for (const { app, cluster } of diffs) {
    const known = clusters.get(app) ?? [];
    if (cluster !== undefined && !known.includes(cluster.name)) known.push(cluster.name);
    clusters.set(app, known);
  }
  return [...clusters].map(([app, names]) => ({ app, clusters: names }));
}

/** All risks of a block, the worst first. */
export const risksOfBlock = (block: Block): readonly Risk[] =>
  [...block.risks, ...block.changes.flatMap(({ risks }) => risks)].sort(byRisk);

function compareBlocks(a: Block, b: Block): number {
  const byWorst = worstOf(risksOfBlock(a)) - worstOf(risksOfBlock(b));
  const byContent = Number(a.changes.length === 0) - Number(b.changes.length === 0);
  const byWidth = b.places.length - a.places.length;
  return byWorst || byContent || byWidth || ((a.places[0]?.app ?? '') < (b.places[0]?.app ?? '') ? -1 : 1);
}

/** `Kind namespace/name`, for telling objects apart and for their order. */
function identity(change: ObjectChange): string {
  const { kind, metadata } = objectOf(change);
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

/** What is changed in it. Hidden values are all alike here, as they are to whoever reads the report. */
function content(change: ObjectChange): string {
  switch (change.how) {
    case 'added':
      return JSON.stringify(change.after);
    case 'removed':
      return JSON.stringify(['removed', change.fate]);
    default: {
      const telling = change.fields.filter((field) => !isNoise(field));
      return JSON.stringify([
        change.how,
        change.how === 'renamed' ? change.before.metadata.name : '',
        isOnlyNoise(change)
          ? change.fields.map(({ path }) => formatFieldPath(path))
          : telling.map(({ path, before, after }) => [formatFieldPath(path), before, after]),
      ]);
    }
  }
}

/** Fingerprints of what is hidden in a change, which its content does not tell. */
function hiddenIn(change: ObjectChange): string {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof HiddenValue) found.push(value.fingerprint());
    else if (typeof value === 'object' && value !== null)
      for (const item of Object.values(value)) visit(item);
  };
  visit(change.how === 'added' ? change.after : change.fields.map(({ after }) => after));
  return found.join(' ');
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');

/** Replaces what is this application's own, where it stands as a whole word, by the same sign for every application. */
function neutralFor({ app, cluster }: ApplicationDiff): (text: string) => string {
  const names = [
    [cluster?.name, '<cluster>'],
    [cluster?.region, '<region>'],
    [cluster?.account, '<account>'],
    [app, '<app>'],
  ].filter((pair): pair is [string, string] => pair[0] !== undefined && pair[0] !== '');
  const signs = new Map(names.toReversed());
  const words = [...signs.keys()]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${words.join('|')})(?![A-Za-z0-9])`, 'g');
  return (text) => text.replaceAll(pattern, (word) => signs.get(word) ?? word);
}
