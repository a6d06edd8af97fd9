import type { ApplicationDiff } from './application-diff.ts';
import { identityOf, type ObjectChange } from './compare.ts';

/**
 * Finds objects that go from one application to another of the same cluster: with an application that is renamed, or moved from one
 * chart to another. Kubernetes keeps them as they are, but both applications count them as theirs until the new one has synced.
 */
export function withHeirs(diffs: readonly ApplicationDiff[]): readonly ApplicationDiff[] {
  const keyOf = ({ cluster }: ApplicationDiff, object: Parameters<typeof identityOf>[0]): string =>
    JSON.stringify([cluster?.name, identityOf(object)]);
  const heirs = new Map<string, ApplicationDiff>();
  for (const diff of diffs) {
    for (const { how, after } of diff.changes) if (how === 'added') heirs.set(keyOf(diff, after), diff);
  }
  if (heirs.size === 0) return diffs;
  return diffs.map((diff) => ({
    ...diff,
    changes: diff.changes.map((change): ObjectChange => {
      const heir = change.how === 'removed' ? heirs.get(keyOf(diff, change.before)) : undefined;
      return change.how !== 'removed' || heir === undefined || heir === diff
        ? change
        : { ...change, fate: { stays: false, why: '', ...change.fate, heir: heir.app } };
    }),
  }));
}
