import type { ApplicationSource } from './application.ts';
import { gobwasGlob } from './glob.ts';
import type { RepositoryListing } from './repository-listing.ts';

/** How Argo CD makes manifests of a source. */
export type SourceKind = 'helm' | 'kustomize' | 'directory' | 'plugin';

/** The files that make a folder a kustomization. */
export const KUSTOMIZATIONS = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/**
 * The kind of a source of this repository: what it says itself, else what its folder holds (argo-cd, util/app/discovery, and
 * types.go `ExplicitType`).
 */
export async function sourceKind(source: ApplicationSource, listing: RepositoryListing): Promise<SourceKind> {
  if (source.plugin !== undefined) return 'plugin';
  if (source.helm !== undefined || source.chart !== undefined) return 'helm';
  if (source.kustomize !== undefined) return 'kustomize';
  if (source.directory !== undefined) return 'directory';
  const folder = sourceFolder(source);
  const has = async (name: string): Promise<boolean> => {
    const files = await fileSet(listing);
    return files.has(folder === '' ? name : `${folder}/${name}`);
  };
  // Where both are, the last name counts, and `Chart.yaml` sorts before all of these.
  for (const name of KUSTOMIZATIONS) if (await has(name)) return 'kustomize';
  return (await has('Chart.yaml')) ? 'helm' : 'directory';
}

const fileSets = new WeakMap<RepositoryListing, Promise<ReadonlySet<string>>>();

/** The files of a listing, for looking them up. */
export function fileSet(listing: RepositoryListing): Promise<ReadonlySet<string>> {
  const known = fileSets.get(listing) ?? listing.files().then((files) => new Set(files));
  fileSets.set(listing, known);
  return known;
}

/** A source's folder, without `./` and slashes at its ends; `''` is the root. */
export const sourceFolder = ({ path = '' }: Pick<ApplicationSource, 'path'>): string =>
  path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');

/** Whether a directory source reads a file as manifests (reposerver/repository, `findManifests`). */
export function coversFile(source: ApplicationSource, file: string): boolean {
  // It only holds files for other sources (`ref`).
  if (source.path === undefined) return false;
  const folder = sourceFolder(source);
  if (folder !== '' && !file.startsWith(`${folder}/`)) return false;
  const relative = folder === '' ? file : file.slice(folder.length + 1);
  const { recurse = false, include = '', exclude = '' } = source.directory ?? {};
  if (!recurse && relative.includes('/')) return false;
  if (!/\.(?:yaml|yml|json|jsonnet)$/.test(relative)) return false;
  if (exclude !== '' && gobwasGlob(exclude)(relative)) return false;
  return include === '' || gobwasGlob(include)(relative);
}
