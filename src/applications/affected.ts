import type { Application } from './application.ts';
import type { Discovered } from './discover.ts';
import { inputsOf, openChangedPaths } from './inputs.ts';

/** Why an application is looked at. */
export type AffectedReason =
  | { readonly kind: 'added' }
  | { readonly kind: 'removed' }
  /** The Application itself differs: another source, destination, parameter. */
  | { readonly kind: 'definition' }
  /** Files that it is made from changed. */
  | { readonly kind: 'inputs'; readonly paths: readonly string[] };

/** An application on both sides of a change. */
export interface AffectedApplication {
  /** Undefined for one that is new. */
  readonly base: Application | undefined;
  /** Undefined for one that is gone. */
  readonly head: Application | undefined;
  readonly reasons: readonly AffectedReason[];
}

/** What a change touches, and how much it does not. */
export interface Affected {
  readonly applications: readonly AffectedApplication[];
  /** How many applications are the same on both sides, and made from the same files. */
  readonly untouched: number;
}

/**
 * Which applications a change can touch: those that are on one side only, whose definition differs, or that are made from a
 * changed file. Rather too many than too few.
 *
 * @param changedPaths of files that were added, changed or removed; of a renamed file both paths
 */
export async function affectedApplications(
  base: Discovered,
  head: Discovered,
  changedPaths: readonly string[],
): Promise<Affected> {
  const changed = openChangedPaths(changedPaths);
  const applications: AffectedApplication[] = [];
  let untouched = 0;
  for (const pair of pairs(base.applications, head.applications)) {
    const reasons: AffectedReason[] = [];
    if (pair.base === undefined) reasons.push({ kind: 'added' });
    else if (pair.head === undefined) reasons.push({ kind: 'removed' });
    else {
      if (definitionOf(pair.base) !== definitionOf(pair.head)) reasons.push({ kind: 'definition' });
      const paths = changed.among(await inputsOf(pair.head, head.world.listing));
      if (paths.length > 0) reasons.push({ kind: 'inputs', paths });
    }
    if (reasons.length === 0) untouched += 1;
    else applications.push({ ...pair, reasons });
  }
  return { applications, untouched };
}

/** What is rendered and applied; not where it stands, nor how it ends. */
const definitionOf = (application: Application): string =>
  JSON.stringify({
    ...application,
    declaredAt: undefined,
    appliedBy: undefined,
    madeBy: undefined,
    finalizers: undefined,
    automated: undefined,
    isNeverDeleted: undefined,
  });

/**
 * The same application on both sides. One repository may serve several Argo CDs, so that a name can occur twice: then the file that
 * declares it tells them apart.
 */
function* pairs(
  base: readonly Application[],
  head: readonly Application[],
): Generator<{ base: Application | undefined; head: Application | undefined }> {
  const left = new Map<string, Application[]>();
  for (const application of base)
    left.set(keyOf(application), [...(left.get(keyOf(application)) ?? []), application]);
  const take = (
    application: Application,
    isSame: (other: Application) => boolean,
  ): Application | undefined => {
    const others = left.get(keyOf(application)) ?? [];
    const index = others.findIndex(isSame);
    return index < 0 ? undefined : others.splice(index, 1)[0];
  };
  const matched = new Map<Application, Application>();
  // First those from the same file, then whatever is left: one that moved to another file.
  for (const isSame of [sameFile, () => true]) {
    for (const application of head) {
      const other = matched.has(application)
        ? undefined
        : take(application, (each) => isSame(each, application));
      if (other !== undefined) matched.set(application, other);
    }
  }
  for (const application of head) yield { base: matched.get(application), head: application };
  for (const application of [...left.values()].flat()) yield { base: application, head: undefined };
}

const sameFile = (a: Application, b: Application): boolean => a.declaredAt.file === b.declaredAt.file;

const keyOf = ({ namespace, name }: Application): string => `${namespace}/${name}`;
