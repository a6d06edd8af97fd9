import { isMap, newMap, type PlainMap } from '../yaml/data.ts';

/**
 * A patch put over an Application, as Kubernetes' strategic merge with Argo CD's types (controllers/template/patch.go): maps go
 * into each other, null removes, lists are replaced, since no list of an Application has a merge key. `finalizers` is the one list that
 * is joined (ObjectMeta). `spec.project` is never changed.
 *
 * @throws PatchMistake for what Kubernetes refuses
 */
export function applyTemplatePatch(application: PlainMap, patch: unknown): PlainMap {
  if (patch === null || patch === undefined) return application;
  if (!isMap(patch)) throw new PatchMistake('it is no map');
  const patched = merged(application, patch, []);
  const spec = patched.spec as PlainMap | undefined;
  const project = (application.spec as PlainMap | undefined)?.project;
  return { ...patched, spec: { ...spec, project } };
}

/** A patch that Kubernetes would refuse, or that we do not apply. */
export class PatchMistake extends Error {
  override readonly name = 'PatchMistake';
}

function merged(
  base: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
  path: readonly string[],
): PlainMap {
  const { $patch: directive, ...fields } = patch;
  switch (directive) {
    case undefined:
      break;
    case 'replace':
      return Object.assign(newMap(), withoutNulls(fields) as PlainMap);
    case 'delete':
      return newMap();
    default:
      throw new PatchMistake(`there is no $patch: ${JSON.stringify(directive)}`);
  }
  const all: PlainMap = Object.assign(newMap(), base);
  for (const [key, value] of Object.entries(fields)) {
    const at = [...path, key];
    if (key.startsWith('$')) throw new PatchMistake(`${key} is not understood here`);
    const below = all[key];
    if (value === null) {
      delete all[key];
    } else if (below === undefined || below === null) {
      all[key] = withoutNulls(value);
    } else if (path.at(-1) === 'valuesObject' && (bothMaps(value, below) || bothLists(value, below))) {
      // To Kubernetes, `valuesObject` is bytes: it finds no type for what is in it ("unable to find api field in struct
      // RawExtension"). Values that are neither maps nor lists on both sides need none.
      throw new PatchMistake(
        `Argo CD cannot merge ${at.join('.')}: take it out of the template or out of the patch`,
      );
    } else if (isMap(value) && isMap(below)) {
      all[key] = merged(below, value, at);
    } else if (Array.isArray(value) && Array.isArray(below) && at.join('.') === 'metadata.finalizers') {
      all[key] = [...new Set([...below, ...value])];
    } else {
      all[key] = value;
    }
  }
  return all;
}

const bothMaps = (a: unknown, b: unknown): boolean => isMap(a) && isMap(b);
const bothLists = (a: unknown, b: unknown): boolean => Array.isArray(a) && Array.isArray(b);

/** What is added brings no nulls along (strategicpatch, `discardNullValuesFromPatch`). */
function withoutNulls(value: unknown): unknown {
  if (!isMap(value)) return value;
  const map = newMap();
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && key !== '$patch') map[key] = withoutNulls(item);
  }
  return map;
}
