import type { Application } from '../applications/application.ts';
import { sourceKind } from '../applications/directory-source.ts';
import {
  applicationsOf,
  type Discovered,
  type DiscoverOptions,
  discoverApplications,
  type NotRead,
} from '../applications/discover.ts';
import { inputsOf, openChangedPaths } from '../applications/inputs.ts';
import type { RepositoryListing } from '../applications/repository-listing.ts';
import type { RenderedApplication } from '../render/application.ts';
import { Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';

/**
 * All applications of one side: those in its manifests, and those that others of them render (app-of-apps). A parent that cannot be
 * rendered is in `notRead`: which applications it makes is not known then.
 */
export async function applicationsOfSide(
  tree: Tree,
  options: DiscoverOptions,
  render: (parents: readonly Application[]) => Promise<readonly RenderedApplication[]>,
): Promise<Discovered> {
  let known = await discoverApplications(tree, options);
  const mayBeParent = await parentsIn(known.world.listing);
  let parents = await chosen(known.applications, mayBeParent);
  while (parents.length > 0) {
    const found: Application[] = [];
    for (const { application, objects, notRendered } of await render(parents)) {
      const more = await applicationsOf(
        objects.map(({ object }) => object),
        application,
        known,
      );
      found.push(...more.applications);
      known = {
        ...known,
        applications: [...known.applications, ...more.applications],
        notRead: [...known.notRead, ...more.notRead, ...notRendered.map(notReadOf(application))],
      };
    }
    parents = await chosen(found, mayBeParent);
  }
  return known;
}

const notReadOf =
  (parent: Application) =>
  (failure: Failure): NotRead => ({ what: parentName(parent.name), failure, at: parent.declaredAt });

/** How `NotRead.what` names an application. */
export const parentName = (name: string): string => `Application/${name}`;

/** Whether an application is missing in `found` only because what declares or renders it could not be read there. */
export const isUnreadIn = (
  { declaredAt, madeBy, appliedBy }: Application,
  { notRead }: Pick<Discovered, 'notRead'>,
): boolean =>
  notRead.some(
    ({ what, at }) =>
      at.file === declaredAt.file ||
      what === madeBy ||
      (appliedBy !== undefined && what === parentName(appliedBy)),
  );

const chosen = async (
  applications: readonly Application[],
  isWanted: (application: Application) => Promise<boolean>,
): Promise<Application[]> => {
  const wanted = await Promise.all(applications.map(isWanted));
  return applications.filter((_, index) => wanted[index]);
};

/** A manifest of an Application or ApplicationSet, in YAML, JSON or a template of it. */
const MAKES_APPLICATION = /kind["']?\s*:\s*["']?Application(?:Set)?\b/;

/**
 * Whether other applications may be among what an application renders. Rather too many than too few: rendering one in vain takes a
 * moment, and what is beneath one that was not rendered would be "nothing changes".
 *
 * Of what is in this repository the files are looked at. A chart from elsewhere is taken for a parent where it goes to the namespace
 * in which Argo CD looks for Applications, or where its values here hold one. Folders of plain manifests were read already.
 */
async function parentsIn(
  listing: RepositoryListing,
): Promise<(application: Application) => Promise<boolean>> {
  const files = (await listing.files()).filter((file) => /\.(?:ya?ml|json|tpl|txt)$/.test(file));
  const says = await Promise.all(files.map((file) => readsLikeOne(file, listing)));
  const holding = openChangedPaths(files.filter((_, index) => says[index]));
  return async (application) => {
    const { namespace, destination, sources } = application;
    const isRendered = await Promise.all(
      sources.map(
        async (source) =>
          // What is in another repository cannot be rendered here.
          (source.here || source.chart !== undefined) &&
          ['helm', 'kustomize'].includes(await sourceKind(source, listing)),
      ),
    );
    if (!isRendered.includes(true)) return false;
    if (destination.namespace === namespace) return true;
    if (sources.some(({ helm }) => MAKES_APPLICATION.test(JSON.stringify(helm ?? {})))) return true;
    return holding.among(await inputsOf(application, listing)).length > 0;
  };
}

async function readsLikeOne(file: string, listing: RepositoryListing): Promise<boolean> {
  try {
    return MAKES_APPLICATION.test((await listing.read(file)) ?? '');
  } catch (error) {
    // No text, or too large: rendering will say what it thinks of it.
    if (error instanceof Failure) return false;
    throw error;
  }
}
