import { readPlainValues } from '../kubernetes/go-yaml.ts';
import { isMap } from '../yaml/data.ts';

export type PlainMap = Readonly<Record<string, unknown>>;

/**
 * One layer of values: the text of a values file, or a map as Argo CD hands it over (`valuesObject`).
 *
 * @returns undefined where it is not certain what helm makes of it: null, which takes keys away, rare YAML, numbers that
 * JavaScript does not hold
 */
export function valuesLayer(given: unknown): PlainMap | undefined {
  const read =
    typeof given === 'string' ? (readPlainValues(given) ?? { value: undefined }) : { value: given };
  const values = read.value === null ? {} : read.value;
  return isMap(values) && isCertain(values) ? values : undefined;
}

/** Layers as helm lays them over each other (pkg/cli/values `mergeMaps`): maps are merged, everything else is replaced. */
export const mergedValues = (layers: readonly PlainMap[]): PlainMap => layers.reduce(overlay, {});

const isCertain = (value: unknown): boolean => {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed();
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0);
    case 'object':
      return Array.isArray(value)
        ? value.every(isCertain)
        : value !== null &&
            Object.entries(value).every(([key, child]) => key !== '__proto__' && isCertain(child));
    default:
      return false;
  }
};

function overlay(under: PlainMap, over: PlainMap): PlainMap {
  const all: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(all, key) ? all[key] : undefined;
    all[key] = isMap(before) && isMap(value) ? overlay(before, value) : value;
  }
  return all;
}

/** Whether a map stands where the other has something else: helm then warns and takes one of both. */
export const areAtOdds = (values: PlainMap, defaults: PlainMap): boolean =>
  Object.entries(defaults).some(([key, usual]) => {
    if (!Object.hasOwn(values, key)) {
      return false;
    }
    const given = values[key];
    return isMap(usual) && isMap(given) ? areAtOdds(given, usual) : isMap(usual) !== isMap(given);
  });
