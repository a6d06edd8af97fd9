import { readPlainValues } from '../kubernetes/go-yaml.ts';

export type PlainMap = Readonly<Record<string, unknown>>;

export const isPlainMap = (value: unknown): value is PlainMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Layers of values as helm lays them over each other (pkg/cli/values `mergeMaps`): maps are merged, everything else is
 * replaced.
 *
 * @param layers texts of values files, and maps as Argo CD hands them over (`valuesObject`); later ones win
 * @returns undefined where that is not certain: null, which takes keys away, rare YAML, numbers that JavaScript does not hold
 */
export function mergedValues(layers: readonly (string | PlainMap)[]): PlainMap | undefined {
  let all: PlainMap = {};
  for (const layer of layers) {
    const values = typeof layer === 'string' ? parsedLayer(layer) : layer;
    if (values === undefined || !isCertain(values)) {
      return undefined;
    }
    all = overlay(all, values);
  }
  return all;
}

function parsedLayer(text: string): PlainMap | undefined {
  const read = readPlainValues(text);
  return read?.value === null ? {} : isPlainMap(read?.value) ? read.value : undefined;
}

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
    all[key] = isPlainMap(before) && isPlainMap(value) ? overlay(before, value) : value;
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
    return isPlainMap(usual) && isPlainMap(given)
      ? areAtOdds(given, usual)
      : isPlainMap(usual) !== isPlainMap(given);
  });
