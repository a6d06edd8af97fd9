import { couldNot, type Failure, formatPlace } from '../report/failure.ts';
import { mergedEntry } from './data.ts';
import { formatPath, type YamlPath } from './path.ts';
import type { Entry, SyntaxNode } from './syntax.ts';
import type { PlaceAt } from './tokens.ts';

/** How far a path leads in a document. */
export interface Location {
  /** The node at the end of the part that exists; undefined in an empty document. */
  readonly node: SyntaxNode | undefined;
  /** The entry that holds the node; undefined for the root. */
  readonly entry: Entry | undefined;
  /** The part of the path that does not exist. */
  readonly rest: YamlPath;
}

/**
 * Follows a path to what an edit changes.
 *
 * @throws {Failure} (exit 2) where the way leads through an alias, an aliased anchor, a merge key, or a value that
 * is not the map or list that the path says.
 */
export function locate(root: SyntaxNode | undefined, path: YamlPath, placeAt: PlaceAt): Location {
  let node = root;
  let entry: Entry | undefined;
  for (const index of path.keys()) {
    if (node === undefined || isNull(node)) return { node, entry, rest: path.slice(index) };
    refuseShared(node, path.slice(0, index), placeAt);
    const next = stepInto(node, path, index, placeAt);
    if (next === undefined) return { node, entry, rest: path.slice(index) };
    entry = next;
    node = next.value;
  }
  return { node, entry, rest: [] };
}

export const isNull = (node: SyntaxNode): boolean => node.kind === 'scalar' && node.scalar === null;

function stepInto(node: SyntaxNode, path: YamlPath, index: number, placeAt: PlaceAt): Entry | undefined {
  const step = path[index];
  const here = `"${formatPath(path.slice(0, index))}"`;
  const at = placeAt(node.start);
  if (typeof step === 'string') {
    if (node.kind !== 'map')
      throw cannotEdit(`${here} is ${nameOf(node)}, and has no key ${JSON.stringify(step)}`, at);
    const entry = node.byKey.get(step);
    const merged = entry === undefined ? mergedEntry(node, step) : undefined;
    if (merged !== undefined) throw comesByMerge(path.slice(0, index + 1), node, merged, placeAt);
    return entry;
  }
  if (node.kind !== 'list') {
    throw cannotEdit(`${here} is ${nameOf(node)}, and has no item ${step}`, at, {
      todo: node.kind === 'map' ? `A key that is a number is written without brackets: .${step}` : undefined,
    });
  }
  if (step !== undefined && step > node.entries.length) {
    throw cannotEdit(`${here} has ${node.entries.length} items, and so no place for an item ${step}`, at);
  }
  return node.entries[step ?? 0];
}

const nameOf = (node: SyntaxNode): string =>
  node.kind === 'map'
    ? 'a map'
    : node.kind === 'list'
      ? 'a list'
      : `the value ${JSON.stringify(node.scalar)}`;

/** Refuses to change a node that stands, or is repeated, at other places too. */
export function refuseShared(node: SyntaxNode, path: YamlPath, placeAt: PlaceAt): void {
  const here = `"${formatPath(path)}"`;
  if (node.target !== undefined) {
    const anchor = formatPlace(placeAt(node.target.start));
    throw cannotEdit(
      `${here} is an alias of what is written at ${anchor}: an edit would change every place that uses it`,
      placeAt(node.start),
      {
        todo: `Write the value out here instead of *${node.target.anchor}, then try again.`,
        reason: 'alias',
      },
    );
  }
  const [alias] = node.aliases;
  if (alias !== undefined) {
    throw cannotEdit(
      `${here} has the anchor &${node.anchor}, which ${formatPlace(placeAt(alias.start))} repeats: an edit would change that place too`,
      placeAt(node.start),
      { todo: `Write the value out there instead of *${node.anchor}, then try again.`, reason: 'anchor' },
    );
  }
}

/** Refuses to remove an anchor that something outside of what is removed repeats. */
export function refuseLosingAnchors(removed: SyntaxNode, path: YamlPath, placeAt: PlaceAt): void {
  const outside = removed.aliases.find((alias) => alias.start < removed.start || alias.start >= removed.end);
  if (outside !== undefined) {
    throw cannotEdit(
      `"${formatPath(path)}" holds the anchor &${removed.anchor}, which ${formatPlace(placeAt(outside.start))} repeats`,
      placeAt(removed.start),
      { todo: `Write the value out there instead of *${removed.anchor}, then try again.`, reason: 'anchor' },
    );
  }
  for (const entry of removed.entries) {
    for (const node of [entry.keyNode, entry.value]) {
      if (node !== undefined) refuseAnchorsWithin(node, removed, path, placeAt);
    }
  }
}

function refuseAnchorsWithin(node: SyntaxNode, removed: SyntaxNode, path: YamlPath, placeAt: PlaceAt): void {
  const outside = node.aliases.find((alias) => alias.start < removed.start || alias.start >= removed.end);
  if (outside !== undefined) refuseLosingAnchors({ ...node, aliases: [outside] }, path, placeAt);
  for (const entry of node.entries) {
    if (entry.keyNode !== undefined) refuseAnchorsWithin(entry.keyNode, removed, path, placeAt);
    refuseAnchorsWithin(entry.value, removed, path, placeAt);
  }
}

function comesByMerge(path: YamlPath, map: SyntaxNode, merged: Entry, placeAt: PlaceAt): Failure {
  return cannotEdit(
    `"${formatPath(path)}" comes into this map by a merge key (<<) and is written at ${formatPlace(placeAt(merged.start))}`,
    placeAt(map.start),
    { todo: 'Edit it where it is written, or write the key into this map by hand.', reason: 'merge' },
  );
}

/** An edit that is not possible in this file. */
export const cannotEdit = (
  message: string,
  at: ReturnType<PlaceAt>,
  details: { readonly todo?: string | undefined; readonly reason?: string } = {},
): Failure =>
  couldNot(message, {
    at,
    todo: details.todo ?? 'Correct the path, or the file.',
    reason: details.reason ?? 'cannot-edit',
  });
