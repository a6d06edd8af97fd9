import type { Application } from '../applications/application.ts';
import { fileSet, KUSTOMIZATIONS, sourceFolder, sourceKind } from '../applications/directory-source.ts';
import type { Discovered } from '../applications/discover.ts';
import { readGoYaml } from '../applications/go-yaml.ts';
import { inputsOf } from '../applications/inputs.ts';
import type { RepositoryListing } from '../applications/repository-listing.ts';
import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { Failure } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import type { LeftApplication, ValuesPlace } from './release-pattern.ts';

/** The applications of a repository, as the search for a pattern wants them. */
export interface Places {
  readonly places: readonly ValuesPlace[];
  readonly texts: ReadonlyMap<string, unknown>;
  readonly left: readonly (LeftApplication & { readonly explicit?: ExplicitDeploy })[];
}

/** `files` and `set` of actions/bump-values, for what has no values file. */
export interface ExplicitDeploy {
  readonly files: string;
  readonly set: string;
}

/** The values files of each application that helm renders; why there are none for the others. */
export async function valuesPlaces(
  { applications, world: { listing } }: Pick<Discovered, 'applications' | 'world'>,
  config: KajitoriConfig,
): Promise<Places> {
  const places: ValuesPlace[] = [];
  const left: Places['left'][number][] = [];
  const parents = new Set(applications.map(({ appliedBy }) => appliedBy));
  const there = await fileSet(listing);
  for (const application of applications) {
    const { name } = application;
    const kinds = await Promise.all(
      application.sources
        .filter(({ ref, path, chart }) => ref === undefined || path !== undefined || chart !== undefined)
        .map(async (source) => ({ source, kind: await sourceKind(source, listing) })),
    );
    const helm = kinds.filter(({ kind }) => kind === 'helm').map(({ source }) => source);
    if (helm.length === 0) {
      const [kustomized] = kinds.filter(({ kind }) => kind === 'kustomize');
      if (kustomized !== undefined) {
        const explicit = await kustomizedImage(sourceFolder(kustomized.source), listing);
        left.push({
          application: name,
          why: 'kustomize makes it: it has no values file',
          ...(explicit === undefined ? {} : { explicit }),
        });
      } else if (!parents.has(name)) {
        left.push({ application: name, why: 'it is plain manifests: it has no values file' });
      }
      continue;
    }
    const { files: inputs } = await inputsOf(application, listing);
    const files = inputs.filter((file) => there.has(file) && /\.ya?ml$/.test(file) && !isOverride(file));
    const cluster = clusterOf(application, files, config);
    const environment = environmentsOf(config).find(({ clusters }) =>
      clusters.some((each) => each.name === cluster),
    );
    if (cluster === undefined || environment === undefined) {
      left.push({ application: name, why: 'which of the clusters it runs in cannot be told' });
      continue;
    }
    places.push({
      application: name,
      environment: environment.name,
      cluster,
      files,
      parameters: helm.flatMap((source) => [
        ...(source.helm?.parameters ?? []).map((parameter) => parameter.name),
        ...Object.keys(source.helm?.valuesObject ?? {}),
        ...keysOf(source.helm?.values ?? ''),
      ]),
      overrides: inputs.filter((file) => there.has(file) && isOverride(file)),
    });
  }
  const texts = new Map<string, unknown>();
  for (const file of new Set(places.flatMap(({ files }) => files))) {
    texts.set(file, await readData(file, listing));
  }
  return { places, texts, left };
}

const isOverride = (file: string): boolean => /(?:^|\/)\.argocd-source[^/]*$/.test(file);

/** Values that stand in a manifest; what cannot be read there, rendering says. */
function keysOf(values: string): string[] {
  try {
    const data = readGoYaml(values, '');
    return isMap(data) ? Object.keys(data) : [];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

/**
 * The cluster as its destination says, else the only one whose name stands in the application's name, its manifest's path or a path of
 * its values: where each cluster has an Argo CD of its own, all destinations are alike.
 */
function clusterOf(
  { name, destination, declaredAt }: Application,
  files: readonly string[],
  config: KajitoriConfig,
): string | undefined {
  if (destination.cluster !== undefined) return destination.cluster.name;
  const texts = [name, declaredAt.file, ...files];
  // Names of clusters and environments are DNS labels: nothing in them is an operator.
  const isNamed = (word: string) =>
    texts.some((text) => new RegExp(`(?<![A-Za-z0-9])${word}(?![A-Za-z0-9])`).test(text));
  const named = Object.keys(config.clusters).filter(isNamed);
  if (named.length > 0) return named.length === 1 ? named[0] : undefined;
  const environments = environmentsOf(config).filter((each) => isNamed(each.name));
  const clusters = environments.flatMap((each) => each.clusters);
  return clusters.length === 1 ? clusters[0]?.name : undefined;
}

async function readData(file: string, listing: RepositoryListing): Promise<unknown> {
  try {
    return readGoYaml((await listing.read(file)) ?? '', file);
  } catch (error) {
    // Rendering says what is wrong with it.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The first tag among the images of a kustomization. */
async function kustomizedImage(
  folder: string,
  listing: RepositoryListing,
): Promise<ExplicitDeploy | undefined> {
  const there = await fileSet(listing);
  for (const name of KUSTOMIZATIONS) {
    const file = folder === '' ? name : `${folder}/${name}`;
    const data = there.has(file) ? await readData(file, listing) : undefined;
    const images = isMap(data) && Array.isArray(data.images) ? data.images : [];
    const index = images.findIndex((image) => isMap(image) && Object.hasOwn(image, 'newTag'));
    if (index !== -1) return { files: file, set: `images[${index}].newTag=TAG` };
  }
  return undefined;
}
