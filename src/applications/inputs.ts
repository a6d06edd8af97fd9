import { posix } from 'node:path';
import picomatch from 'picomatch';
import { Failure } from '../report/failure.ts';
import { isMap } from '../yaml/data.ts';
import type { Application, ApplicationSource } from './application.ts';
import { coversFile, fileSet, KUSTOMIZATIONS, sourceFolder, sourceKind } from './directory-source.ts';
import { readGoYaml } from './go-yaml.ts';
import type { RepositoryListing } from './repository-listing.ts';

/** The files of the repository that an application is made from. Paths are relative to the root. */
export interface SourceInputs {
  /** Files, whether they exist or not: one that appears changes the application too. */
  readonly files: readonly string[];
  /** Folders with all that is below them; `''` is the whole repository. */
  readonly folders: readonly string[];
  /** Globs of values files. */
  readonly patterns: readonly string[];
  /** Folders of plain manifests, of which `include`, `exclude` and `recurse` choose. */
  readonly directories: readonly ApplicationSource[];
}

/**
 * Which files an application is made from: rather too many than too few. Sources of other repositories, and charts from
 * elsewhere, have none; their values files here count.
 *
 * @param listing of the tree in which the application was found (`Discovered.world.listing`)
 */
export async function inputsOf(application: Application, listing: RepositoryListing): Promise<SourceInputs> {
  const inputs = { files: new Set<string>(), folders: new Set<string>(), patterns: new Set<string>() };
  const directories: ApplicationSource[] = [];
  for (const source of application.sources) {
    await addValueFiles(source, application, inputs);
    if (!source.here || source.path === undefined) continue;
    const folder = sourceFolder(source);
    if (folder.split('/').includes('..')) continue;
    inputs.files.add(posix.join(folder, '.argocd-source.yaml'));
    inputs.files.add(posix.join(folder, `.argocd-source-${application.name}.yaml`));
    switch (await sourceKind(source, listing)) {
      case 'helm':
        await addChart(folder, listing, inputs.folders);
        break;
      case 'kustomize':
        await addKustomization(folder, listing, inputs);
        for (const component of source.kustomize?.components ?? []) {
          await addKustomization(posix.join(folder, component), listing, inputs);
        }
        break;
      case 'directory':
        if (source.directory?.jsonnet === undefined) directories.push(source);
        else inputs.folders.add(folder);
        break;
      case 'plugin':
        // It may read what it likes.
        inputs.folders.add('');
    }
  }
  return {
    files: [...inputs.files],
    folders: [...inputs.folders],
    patterns: [...inputs.patterns],
    directories,
  };
}

interface Collected {
  readonly files: Set<string>;
  readonly folders: Set<string>;
  readonly patterns: Set<string>;
}

async function addValueFiles(
  source: ApplicationSource,
  application: Application,
  { files, patterns }: Collected,
): Promise<void> {
  const names = [
    ...(source.helm?.valueFiles ?? []),
    ...(source.helm?.fileParameters ?? []).map(({ path }) => path),
  ];
  for (const name of names) {
    const place = fileOf(name, source, application);
    if (place === undefined || place.startsWith('..')) continue;
    const known: Readonly<Record<string, string>> = {
      ARGOCD_APP_NAME: application.name,
      ARGOCD_APP_NAMESPACE: application.destination.namespace,
      ARGOCD_APP_PROJECT_NAME: application.project,
    };
    // What else Argo CD fills in from the environment can be any text without a slash.
    const file = place.replace(
      /\$\{?([A-Z][A-Z0-9_]*)\}?/g,
      (_all, variable: string) => known[variable] ?? '*',
    );
    if (/[*?[{]/.test(file)) patterns.add(file);
    else files.add(file);
  }
}

/** Where a name in `valueFiles` leads; undefined for URLs and for files of other repositories. */
function fileOf(name: string, source: ApplicationSource, application: Application): string | undefined {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(name)) return undefined;
  const [, ref, rest = ''] = /^\$([^/]*)\/(.*)$/.exec(name) ?? [];
  const referred = application.sources.find((each) => each.ref !== undefined && each.ref === ref);
  if (referred !== undefined) return referred.here ? posix.normalize(rest) : undefined;
  if (!source.here || source.chart !== undefined) return undefined;
  return name.startsWith('/') ? posix.normalize(name.slice(1)) : posix.join(sourceFolder(source), name);
}

/** More folders than this are a circle that we did not see, or an attack: then all counts. */
const MOST_FOLDERS = 200;

/** A chart, and the charts beside it that its Chart.yaml names by `file://`. */
async function addChart(folder: string, listing: RepositoryListing, folders: Set<string>): Promise<void> {
  if (folders.has(folder) || folder.startsWith('..')) return;
  folders.add(folder);
  const chart = await readMap(posix.join(folder, 'Chart.yaml'), listing);
  const requirements = await readMap(posix.join(folder, 'requirements.yaml'), listing);
  for (const dependency of [chart, requirements].flatMap((each) =>
    Array.isArray(each?.dependencies) ? each.dependencies : [],
  )) {
    const repository: unknown = isMap(dependency) ? dependency.repository : undefined;
    if (typeof repository !== 'string' || !repository.startsWith('file://')) continue;
    if (folders.size > MOST_FOLDERS) {
      folders.add('');
      return;
    }
    await addChart(posix.join(folder, repository.slice('file://'.length)), listing, folders);
  }
}

/** A kustomization, and whatever any text in it leads to: resources, bases, components, patches, generators' files. */
async function addKustomization(
  folder: string,
  listing: RepositoryListing,
  inputs: Collected,
): Promise<void> {
  const at = posix.normalize(folder === '' ? '.' : folder).replace(/^\.$|\/$/g, '');
  if (inputs.folders.has(at) || at.startsWith('..')) return;
  inputs.folders.add(at);
  if (inputs.folders.size > MOST_FOLDERS) {
    inputs.folders.add('');
    return;
  }
  const files = await fileSet(listing);
  for (const name of KUSTOMIZATIONS) {
    const kustomization = await readMap(posix.join(at, name), listing);
    for (const text of textsIn(kustomization)) {
      // `key=file` in generators; a query in remote bases.
      const path = posix.join(at === '' ? '.' : at, text.replace(/^[\w.-]+=/, ''));
      if (text.includes('://') || text.includes('\n') || path.startsWith('..')) continue;
      if (files.has(path) || /\.(?:ya?ml|json|env|properties)$/.test(path)) inputs.files.add(path);
      else if (text.startsWith('.') || KUSTOMIZATIONS.some((each) => files.has(`${path}/${each}`))) {
        await addKustomization(path, listing, inputs);
      }
    }
  }
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) yield* textsIn(item);
}

type ReadMap = Promise<Readonly<Record<string, unknown>> | undefined>;

const maps = new WeakMap<RepositoryListing, Map<string, ReadMap>>();

/** A YAML map, read once for the thousand applications of one chart; undefined where there is none that can be read. */
function readMap(file: string, listing: RepositoryListing): ReadMap {
  const known = maps.get(listing) ?? new Map<string, ReadMap>();
  maps.set(listing, known);
  const map = known.get(file) ?? parsedMap(file, listing);
  known.set(file, map);
  return map;
}

/** What cannot be read is said better by rendering. */
async function parsedMap(file: string, listing: RepositoryListing): ReadMap {
  if (!(await fileSet(listing)).has(file)) return undefined;
  try {
    const value = readGoYaml((await listing.read(file)) ?? '', file);
    return isMap(value) ? value : undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Looks for paths among inputs. */
export interface ChangedPaths {
  /** Those that the inputs hold, in the order given. */
  among(inputs: SourceInputs): string[];
}

/** Prepares paths so that a thousand applications can be asked about a thousand paths. */
export function openChangedPaths(paths: readonly string[]): ChangedPaths {
  const all = new Map(paths.map((path, index) => [path, index]));
  const byFolder = new Map<string, string[]>();
  for (const path of all.keys()) {
    const names = path.split('/');
    for (let depth = 0; depth < names.length; depth += 1) {
      const folder = names.slice(0, depth).join('/');
      const inside = byFolder.get(folder);
      if (inside === undefined) byFolder.set(folder, [path]);
      else inside.push(path);
    }
  }
  return {
    among: (inputs) => {
      const found = new Set(inputs.files.filter((file) => all.has(file)));
      for (const folder of inputs.folders) for (const path of byFolder.get(folder) ?? []) found.add(path);
      for (const source of inputs.directories) {
        for (const path of byFolder.get(sourceFolder(source)) ?? [])
          if (coversFile(source, path)) found.add(path);
      }
      for (const pattern of inputs.patterns) {
        const matches = picomatch(pattern, { dot: true });
        for (const path of all.keys()) if (matches(path)) found.add(path);
      }
      return [...found].sort((a, b) => (all.get(a) ?? 0) - (all.get(b) ?? 0));
    },
  };
}
