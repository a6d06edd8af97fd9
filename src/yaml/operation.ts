import { isMap, newMap, type YamlValue } from './data.ts';
import type { YamlPath } from './path.ts';

/** One edit of a document. */
export type YamlEdit =
  /** Replaces the value, or creates it, with the maps on the way to it. */
  | { readonly op: 'set'; readonly path: YamlPath; readonly value: YamlValue }
  /** Adds a key at the end of its map, or an item before the one that now has the index. The key must not exist. */
  | { readonly op: 'insert'; readonly path: YamlPath; readonly value: YamlValue }
  /** Adds an item at the end of the list that the path names; the list is created where it is missing. */
  | { readonly op: 'append'; readonly path: YamlPath; readonly value: YamlValue }
  /** Removes a key or an item, which must exist. */
  | { readonly op: 'delete'; readonly path: YamlPath };

/**
 * What an edit means, on plain data: the document's value after it. Which edits are possible is not asked here;
 * `locate.ts` has refused the others.
 */
export const editedData = (data: unknown, edit: YamlEdit): unknown => editedAt(data, edit.path, edit);

function editedAt(data: unknown, path: YamlPath, edit: YamlEdit): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return ownValue(data, edit);
  if (typeof step === 'number') {
    const list: readonly unknown[] = Array.isArray(data) ? data : [];
    if (rest.length === 0 && edit.op === 'insert') return list.toSpliced(step, 0, edit.value);
    if (rest.length === 0 && edit.op === 'delete') return list.toSpliced(step, 1);
    return step < list.length
      ? list.with(step, editedAt(list[step], rest, edit))
      : [...list, editedAt(undefined, rest, edit)];
  }
  const map = Object.assign(newMap(), isMap(data) ? data : {});
  if (rest.length === 0 && edit.op === 'delete') delete map[step];
  else map[step] = editedAt(map[step], rest, edit);
  return map;
}

function ownValue(data: unknown, edit: YamlEdit): unknown {
  if (edit.op === 'delete') return undefined;
  return edit.op === 'append' ? [...(Array.isArray(data) ? data : []), edit.value] : edit.value;
}

/** What has to be written where nothing is yet, for a value to stand at the rest of a path. */
export const madeValue = (rest: YamlPath, edit: Exclude<YamlEdit, { op: 'delete' }>): YamlValue =>
  editedAt(undefined, rest, edit) as YamlValue;
