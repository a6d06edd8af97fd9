/** One step into an object: the key of a map, or an item of a list by what it is called (`web` of `containers[web]`). */
export type Step = string | { readonly item: string };

export type FieldPath = readonly Step[];

/** `spec.template.spec.containers[web].image`; keys with dots or spaces are in quotes. */
export function formatFieldPath(path: FieldPath): string {
  return path
    .map((step, index) => {
      if (typeof step !== 'string') return `[${step.item}]`;
      if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** The last step by itself: a key as it is, an item by what it is called. */
export function keyOf(path: FieldPath): string {
  const last = path.at(-1);
  return typeof last === 'object' ? last.item : (last ?? '');
}

/**
 * The path without names of items, for tables of rules: `spec.template.spec.containers[].image`. Keys stay as they are, also with
 * dots in them.
 */
export const shapeOf = (path: FieldPath): string =>
  path.map((step, index) => (typeof step !== 'string' ? '[]' : index === 0 ? step : `.${step}`)).join('');
