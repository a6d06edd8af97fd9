import type { ObjectChange } from './compare.ts';
import { type FieldPath, keyOf } from './field-path.ts';
import type { FieldChange } from './fields.ts';

/** Labels that only say which version of a chart made an object. */
const VERSION_LABELS = new Set(['helm.sh/chart', 'app.kubernetes.io/version', 'chart', 'heritage']);

/** Annotations that only follow something else which changed: charts put a hash of a ConfigMap there, so that pods restart. */
const FOLLOWING =
  /^(?:checksum|checksums|config-hash|configHash)(?:[/.-]|$)|(?:^|[/.-])(?:checksum|config-hash|configHash)$/i;

/** Whether a field only follows a version or a checksum, and says nothing by itself. */
export function isNoise({ path }: FieldChange): boolean {
  const key = path.at(-1);
  const kind = path.at(-2);
  if (typeof key !== 'string' || path.at(-3) !== 'metadata') return false;
  return (kind === 'labels' && VERSION_LABELS.has(key)) || (kind === 'annotations' && FOLLOWING.test(key));
}

/** Whether nothing but noise changed. A new name is never noise. */
export const isOnlyNoise = ({ how, fields }: ObjectChange): boolean =>
  how === 'changed' && fields.length > 0 && fields.every(isNoise);

/** The names of the labels and annotations that are noise here, for saying so. */
export const noiseNames = (changes: readonly ObjectChange[]): readonly string[] =>
  [...new Set(changes.flatMap(({ fields }) => fields.filter(isNoise).map(({ path }) => keyOf(path))))].sort();

/** Whether the pods start anew, whatever it is that changed in their template. */
export const restartsPods = ({ fields, after }: ObjectChange): boolean =>
  after !== undefined &&
  ['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout'].includes(after.kind) &&
  fields.some(({ path }) => isBelow(path, 'spec', 'template'));

const isBelow = (path: FieldPath, ...keys: readonly string[]): boolean =>
  keys.every((key, index) => path[index] === key);
