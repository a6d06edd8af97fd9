import {
  type Cluster,
  KAJITORI_FILE,
  type KajitoriConfig,
  parseKajitoriYaml,
} from '../config/kajitori-yaml.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot, Failure, type Place } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import type { Application } from './application.ts';
import { type ApplicationSetManifest, applicationsOfSet, endOfApplications } from './application-set.ts';
import { coversFile, sourceKind } from './directory-source.ts';
import type { ArgoCluster } from './generators.ts';
import { helmTemplates, type TemplateEvaluator } from './go-template.ts';
import {
  isManifestFile,
  type ManifestInFile,
  manifestsIn,
  notLookedInto,
  withoutNulls,
} from './manifest-files.ts';
import { readApplication, type Surroundings, standInServer } from './read-application.ts';
import { openListing, type RepositoryListing } from './repository-listing.ts';

/** How a repository is read. */
export interface DiscoverOptions {
  /** Of the tree's kajitori.yaml, when it was read before. A repository need not have one. */
  readonly config?: KajitoriConfig;
  /** URLs that name this repository, besides `repository.url` of kajitori.yaml: that of `origin`, say. */
  readonly urls?: readonly string[];
  /** The branch that Argo CD reads; that of kajitori.yaml by default, else `main` or `master`. */
  readonly branch?: string;
  /** What Argo CD knows of its clusters beyond kajitori.yaml: URLs of API servers, labels, annotations. */
  readonly clusters?: readonly ArgoCluster[];
  /** What fills Go templates that do more than name parameters; by default helm. */
  readonly evaluate?: TemplateEvaluator;
  /** The command; `helm` by default. */
  readonly helm?: string;
  readonly signal?: AbortSignal;
}

/** Something that could not be read: never green. */
export interface NotRead {
  /** `Application/web`, `ApplicationSet/production`, or the file. */
  readonly what: string;
  readonly failure: Failure;
  readonly at: Place;
}

/** All applications of a repository. */
export interface Discovered {
  readonly applications: readonly Application[];
  readonly notRead: readonly NotRead[];
  /**
   * Files that could hold an Application and were not looked into: larger than 1 MiB, no text, symbolic links. Applications that are
   * made from them are not rendered either, and say so.
   */
  readonly notLookedInto: readonly Failure[];
  readonly world: DiscoveryWorld;
}

/** What applications are read from and compared with. */
export interface DiscoveryWorld extends Surroundings {
  readonly listing: RepositoryListing;
  /** Undefined where nothing says which clusters there are. */
  readonly argoClusters: readonly ArgoCluster[] | undefined;
  readonly evaluate: TemplateEvaluator;
  /** The manifests that were read from files. */
  readonly declared: readonly { readonly kind: string; readonly name: string; readonly file: string }[];
}

/**
 * Finds every Application and ApplicationSet in the manifests of a repository, and evaluates the sets.
 *
 * Every manifest counts, whether we see what applies it or not: the root of it all is applied by hand. Templates of Helm charts are no
 * manifests; what a chart or a kustomization makes is found by rendering it (`applicationsOf`).
 *
 * @throws Failure (exit 2) for a kajitori.yaml that cannot be read; everything else is in `notRead`
 */
export async function discoverApplications(tree: Tree, options: DiscoverOptions = {}): Promise<Discovered> {
  const world = await openWorld(tree, options);
  const { listing } = world;
  const files = await listing.files();
  const links = new Set(await listing.links());
  const isTemplate = chartParts(files);
  const candidates = files.filter((file) => isManifestFile(file) && !isTemplate(file));
  const lookedInto = await Promise.all(
    candidates.map(async (file) => {
      if (links.has(file)) return notLookedInto(file, 'it is a symbolic link');
      try {
        return manifestsIn((await listing.read(file)) ?? '', file);
      } catch (error) {
        if (error instanceof Failure) return notLookedInto(file, error.message);
        throw error;
      }
    }),
  );
  const applications: Application[] = [];
  const notRead: NotRead[] = [];
  const declared: DiscoveryWorld['declared'][number][] = [];
  const skipped = [...links]
    .filter((link) => !/\.\w+$/.test(link))
    .map((link) => notLookedInto(link, 'it is a symbolic link'));
  for (const found of lookedInto) {
    if (found instanceof Failure) {
      skipped.push(found);
      continue;
    }
    for (const failure of found.failures) notRead.push(notReadOf(failure.at?.file ?? '', failure));
    for (const manifest of found.manifests) {
      declared.push({ kind: manifest.kind, name: nameOf(manifest.value), file: manifest.at.file });
      const made = await applicationsOfManifest(manifest, world);
      applications.push(...made.applications);
      notRead.push(...made.notRead);
    }
  }
  return {
    applications: await withParents(applications, world),
    notRead,
    notLookedInto: skipped,
    world: { ...world, declared },
  };
}

async function openWorld(tree: Tree, options: DiscoverOptions): Promise<Omit<DiscoveryWorld, 'declared'>> {
  const listing = openListing(tree);
  const text = options.config === undefined ? await tree.read(KAJITORI_FILE) : undefined;
  const config = options.config ?? (text === undefined ? undefined : parseKajitoriYaml(text));
  const ofConfig: Cluster[] = Object.entries(config?.clusters ?? {}).map(([name, cluster]) => ({
    name,
    ...cluster,
  }));
  const given = options.clusters ?? [];
  const argoClusters = [
    ...given,
    ...ofConfig
      .filter(({ name }) => !given.some((each) => each.name === name))
      .map(({ name }) => ({ name, server: standInServer(name) })),
  ];
  const branch = options.branch ?? config?.repository?.branch;
  return {
    listing,
    here: {
      urls: [...(options.urls ?? []), ...(config?.repository === undefined ? [] : [config.repository.url])],
      branch,
    },
    clusters: ofConfig.map((cluster) => ({
      cluster,
      server: argoClusters.find(({ name }) => name === cluster.name)?.server ?? standInServer(cluster.name),
    })),
    argoClusters: config === undefined && options.clusters === undefined ? undefined : argoClusters,
    evaluate:
      options.evaluate ??
      helmTemplates({
        ...(options.helm === undefined ? {} : { helm: options.helm }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }),
  };
}

/** Parts of a chart that are no manifests: templates are not YAML, and `charts` and `crds` belong to the chart. */
function chartParts(files: readonly string[]): (file: string) => boolean {
  const charts = new Set(
    files
      .filter((file) => /(?:^|\/)Chart\.yaml$/.test(file))
      .map((file) => file.slice(0, -'Chart.yaml'.length)),
  );
  return (file) => {
    for (const match of file.matchAll(/(?:^|\/)(?:templates|charts|crds)\//g)) {
      const folder = file.slice(
        0,
        match.index === 0 && !file.startsWith('/') && match[0][0] !== '/' ? 0 : match.index + 1,
      );
      if (charts.has(folder)) return true;
    }
    return false;
  };
}

const notReadOf = (what: string, failure: Failure, at?: Place): NotRead => ({
  what,
  failure,
  at: failure.at ?? at ?? { file: what },
});

/** The Application that a manifest is, or those that an ApplicationSet makes. */
async function applicationsOfManifest(
  manifest: ManifestInFile,
  world: Omit<DiscoveryWorld, 'declared'>,
): Promise<Pick<Discovered, 'applications' | 'notRead'>> {
  const name = nameOf(manifest.value);
  const what = `${manifest.kind}/${name}`;
  const applications: Application[] = [];
  const notRead: NotRead[] = [];
  const readOne = (value: unknown, madeBy: string | undefined): void => {
    const label = madeBy === undefined ? what : `Application/${nameOf(value)} of ${madeBy}`;
    try {
      const declared = { at: manifest.at, ...(madeBy === undefined ? {} : { madeBy }) };
      const placeOf: ManifestInFile['placeOf'] = (path) =>
        manifest.placeOf(madeBy === undefined ? path : ['spec', 'template', ...path]);
      const application = readApplication(value, world, declared, placeOf);
      if (madeBy === undefined) {
        applications.push(application);
        return;
      }
      refuseStandInServer(application, manifest);
      const { finalizers, isNeverDeleted } = endOfApplications(manifest.value);
      applications.push({
        ...application,
        ...(application.finalizers === undefined && { finalizers }),
        ...(isNeverDeleted && { isNeverDeleted }),
      });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      notRead.push(notReadOf(label, error, manifest.at));
    }
  };
  if (manifest.kind === 'Application') {
    readOne(manifest.value, undefined);
  } else {
    const set: ApplicationSetManifest = { ...manifest, name };
    const made = await applicationsOfSet(set, { ...world, clusters: world.argoClusters });
    for (const each of made.manifests) readOne(each, what);
    for (const failure of made.failures) notRead.push(notReadOf(what, failure, manifest.at));
  }
  return { applications, notRead };
}

/** The URL of an API server is only known as a destination, where it means its cluster. */
function refuseStandInServer({ destination, ...rest }: Application, { at, text }: ManifestInFile): void {
  const server = destination.cluster === undefined ? undefined : standInServer(destination.cluster.name);
  if (!text.includes('server') || server === undefined || !JSON.stringify(rest).includes(server)) return;
  throw couldNot(
    `Application/${rest.name} uses the URL of a cluster's API server, which kajitori.yaml does not have.`,
    {
      at,
      todo: 'Use the name of the cluster instead, or look at it in Argo CD.',
      reason: 'not-rendered',
    },
  );
}

const nameOf = (value: unknown): string => {
  const name = (value as { metadata?: { name?: unknown } } | null)?.metadata?.name;
  return typeof name === 'string' ? name : '(without a name)';
};

/** Says of each application which other one applies the file that it stands in. */
async function withParents(
  applications: readonly Application[],
  world: Pick<DiscoveryWorld, 'listing'>,
): Promise<Application[]> {
  const files = [...new Set(applications.map(({ declaredAt }) => declaredAt.file))];
  const parents = new Map<string, string>();
  const seen = new Set<string>();
  for (const application of applications) {
    for (const source of application.sources) {
      const key = JSON.stringify([source.path, source.directory]);
      if (!source.here || seen.has(key)) continue;
      const [near] = files.filter((file) => file.startsWith(folderPrefix(source.path)));
      if (near === undefined || (await sourceKind(source, world.listing)) !== 'directory') continue;
      seen.add(key);
      for (const file of files.filter((each) => coversFile(source, each))) {
        if (!parents.has(file)) parents.set(file, application.name);
      }
    }
  }
  return applications.map((application) => {
    const parent = parents.get(application.declaredAt.file);
    return parent === undefined || parent === application.name
      ? application
      : { ...application, appliedBy: parent };
  });
}

const folderPrefix = (path: string | undefined): string => {
  const folder = (path ?? '').replace(/^\.?\/?|\/+$/g, '');
  return folder === '' ? '' : `${folder}/`;
};

/** How deep applications may apply applications. */
const DEEPEST = 8;

/**
 * The applications among the objects that an application renders (app-of-apps by a chart or a kustomization), and those that
 * ApplicationSets among them make. They stand where the parent is declared.
 *
 * Those that are known already are left out, so that circles end: the same namespace and name from the same parent, and what the
 * parent's directory sources hold as files, which was read with its places.
 *
 * @param known all that was found so far, with its world
 */
export async function applicationsOf(
  objects: readonly KubernetesObject[],
  parent: Application,
  known: Discovered,
): Promise<Pick<Discovered, 'applications' | 'notRead'>> {
  const applications: Application[] = [];
  const notRead: NotRead[] = [];
  if (depthOf(parent, known.applications) >= DEEPEST) return { applications, notRead };
  const files = await filesOfDirectories(parent, known.world);
  for (const object of objects) {
    const { apiVersion, kind } = object;
    if (!apiVersion.startsWith('argoproj.io/') || (kind !== 'Application' && kind !== 'ApplicationSet'))
      continue;
    if (files.some((each) => each.kind === kind && each.name === object.metadata.name)) continue;
    const at = parent.declaredAt;
    const made = await applicationsOfManifest(
      {
        kind,
        value: withoutNulls(object) as ManifestInFile['value'],
        at,
        text: JSON.stringify(object),
        placeOf: () => at,
      },
      known.world,
    );
    applications.push(...made.applications.map((each) => ({ ...each, appliedBy: parent.name })));
    notRead.push(...made.notRead);
  }
  const isKnown = ({ namespace, name, appliedBy }: Application): boolean =>
    known.applications.some(
      (each) => each.name === name && each.namespace === namespace && each.appliedBy === appliedBy,
    );
  return { applications: applications.filter((each) => !isKnown(each)), notRead };
}

/** The manifests in files that a parent applies as they are. */
async function filesOfDirectories(parent: Application, { declared, listing }: DiscoveryWorld) {
  const found: DiscoveryWorld['declared'][number][] = [];
  for (const source of parent.sources) {
    if (!source.here || (await sourceKind(source, listing)) !== 'directory') continue;
    found.push(...declared.filter(({ file }) => coversFile(source, file)));
  }
  return found;
}

function depthOf(application: Application, all: readonly Application[]): number {
  let depth = 0;
  for (
    let each: Application | undefined = application;
    each?.appliedBy !== undefined && depth < DEEPEST;
    depth += 1
  ) {
    const { appliedBy }: Application = each;
    each = all.find(({ name }) => name === appliedBy);
  }
  return depth;
}
