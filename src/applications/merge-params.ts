import { isMap, newMap, type PlainMap } from '../yaml/data.ts';

/**
 * Maps that Argo CD keeps as map[string]string: `values` of generators, and labels and annotations of clusters. It panics when
 * something else is merged into one, and makes nothing of the whole set.
 */
const textMaps = new WeakSet<object>();

/** Marks a map as one of text only. */
export function textMap(map: Readonly<Record<string, unknown>>): PlainMap {
  const marked: PlainMap = Object.assign(newMap(), map);
  textMaps.add(marked);
  return marked;
}

/** What Argo CD cannot merge. */
export class MergeMistake extends Error {
  override readonly name = 'MergeMistake';
}

/**
 * Parameters of two generators together: maps go into each other, of anything else the second wins. As
 * dario.cat/mergo `Merge` with `WithOverride`, which matrix and merge generators use with Go templates.
 *
 * @throws MergeMistake
 */
export function mergeOver(base: PlainMap, over: Readonly<Record<string, unknown>>): PlainMap {
  const merged: PlainMap = textMaps.has(base) ? textMap(base) : Object.assign(newMap(), base);
  if (textMaps.has(base) && !textMaps.has(over) && Object.keys(over).length > 0) {
    throw new MergeMistake(
      `both have a map with ${Object.keys(over).join(', ')}, and only one of them is of text`,
    );
  }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isMap(value) && isMap(below) ? mergeOver(below as PlainMap, value) : value;
  }
  return merged;
}

/**
 * A template whose empty fields come from another: a generator's own `template` before that of the ApplicationSet. As mergo
 * `Merge` without options: false, 0, "" and [] count as empty; lists are taken whole, and so is `valuesObject`, which is bytes
 * to Argo CD.
 */
export function fillEmpty(template: unknown, from: unknown, key = ''): unknown {
  if (isMap(template) && isMap(from) && key !== 'valuesObject') {
    const filled: PlainMap = Object.assign(newMap(), template);
    for (const [name, value] of Object.entries(from)) filled[name] = fillEmpty(filled[name], value, name);
    return filled;
  }
  const isEmpty =
    template === undefined ||
    template === null ||
    template === '' ||
    template === false ||
    template === 0 ||
    (Array.isArray(template) && template.length === 0);
  return isEmpty ? from : template;
}
