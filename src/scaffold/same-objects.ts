import { compareObjects, objectOf } from '../diff/compare.ts';
import type { RenderedApplication } from '../render/application.ts';
import { clusterName, type RenderOutputs } from '../render/run-render.ts';
import { formatFailure } from '../report/failure.ts';

/** Whether a repository renders the same before and after a change of it. */
export interface SameObjects {
  /** Applications that were compared, and the objects that they apply. */
  readonly applications: number;
  readonly objects: number;
  /** Objects that would change, come or go: `web: Deployment shop/web changed`. */
  readonly changed: readonly string[];
  /** What could not be rendered or read, before or after, with its reason; nothing is known of it. */
  readonly unknown: readonly { readonly what: string; readonly reason: string }[];
  /** What was not compared because somebody named it. */
  readonly excluded: readonly string[];
}

/**
 * Compares what Argo CD would apply before and after, object by object.
 *
 * @param exclude names, as `unknown` has them (`Application/web`, `ApplicationSet/previews`, a file), or of applications
 */
export function sameObjects(
  before: RenderOutputs,
  after: RenderOutputs,
  exclude: readonly string[],
): SameObjects {
  const isExcluded = (what: string): boolean =>
    exclude.includes(what) || exclude.includes(what.replace(/^Application\//, ''));
  const missing = [...before.notRendered, ...after.notRendered];
  const unknown = new Map(
    missing
      .filter(({ what }) => !isExcluded(what))
      .map(({ what, failure }) => [what, { what, reason: formatFailure(failure) }]),
  );
  const from = byName(before.applications);
  const to = byName(after.applications);
  const changed: string[] = [];
  let applications = 0;
  let objects = 0;
  for (const key of new Set([...from.keys(), ...to.keys()])) {
    const [old, now] = [from.get(key), to.get(key)];
    const { name } = (old ?? now)?.application ?? { name: '' };
    if (isExcluded(`Application/${name}`) || unknown.has(`Application/${name}`)) continue;
    if (old === undefined || now === undefined) {
      changed.push(`${name}: the application ${now === undefined ? 'is gone' : 'is new'}`);
      continue;
    }
    applications += 1;
    objects += appliedOf(old).length;
    changed.push(
      ...compareObjects(appliedOf(old), appliedOf(now)).map((change) => {
        const { kind, metadata } = objectOf(change);
        const place = metadata.namespace === undefined ? '' : `${metadata.namespace}/`;
        return `${name}: ${kind} ${place}${metadata.name} ${change.how}`;
      }),
    );
  }
  return {
    applications,
    objects,
    changed,
    unknown: [...unknown.values()],
    excluded: exclude,
  };
}

const byName = (all: readonly RenderedApplication[]): ReadonlyMap<string, RenderedApplication> =>
  new Map(
    all.map((each) => [
      JSON.stringify([each.application.namespace, each.application.name, clusterName(each.application)]),
      each,
    ]),
  );

/** What reaches the cluster; helm's tests never do. */
const appliedOf = ({ objects }: RenderedApplication) =>
  objects.filter(({ role }) => role !== 'ignored').map(({ object }) => object);
