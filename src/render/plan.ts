import { readdir } from 'node:fs/promises';
import path from 'node:path';
import {
  type Application,
  type ApplicationSource,
  type DirectorySource,
  HELM_DEFAULTS,
  type KustomizeSource,
} from '../applications/application.ts';
import type { HelmParameter, HelmRelease } from '../helm/template.ts';
import { servedApis } from '../kubernetes/served-apis.ts';
import { KUBERNETES_VERSIONS } from '../kubernetes/versions.ts';
import { couldNot, Failure, type Place } from '../report/failure.ts';
import { type BuildEnvironment, buildEnvironment, fillVariables } from './build-environment.ts';
import { type ChartOrigin, storedChart, unpackedChart } from './chart-store.ts';
import { lookInside } from './inside.ts';
import { readyChart } from './local-chart.ts';
import { sourceWithOverrides } from './source-overrides.ts';
import { type FilePlaces, resolveFile, resolveValueFiles } from './value-files.ts';
import type { RenderWorld } from './world.ts';

/** What is run or read for one source of an application. */
export type PlanStep = HelmStep | KustomizeStep | DirectoryStep | NotRenderedStep;

interface Step {
  /** The source's index in `application.sources`. */
  readonly source: number;
}

export interface HelmStep extends Step {
  readonly kind: 'helm';
  readonly release: HelmRelease;
  /** Where the chart is from; undefined for a folder of the repository. */
  readonly origin?: ChartOrigin;
}

export interface KustomizeStep extends Step {
  readonly kind: 'kustomize';
  /** Relative to the world's root, `.` for the root itself. */
  readonly folder: string;
  readonly options?: KustomizeSource;
  readonly environment: BuildEnvironment;
}

export interface DirectoryStep extends Step {
  readonly kind: 'directory';
  /** Where its patterns are written. */
  readonly at: Place;
  /** Relative to the world's root, `.` for the root itself. */
  readonly folder: string;
  readonly options?: DirectorySource;
}

export interface NotRenderedStep extends Step {
  readonly kind: 'not-rendered';
  readonly failure: Failure;
}

/** The steps of an application, in the order of its sources. A source that only holds files for others has none. */
export interface ApplicationPlan {
  readonly application: Application;
  readonly steps: readonly PlanStep[];
  /** The version of Kubernetes that charts are told. */
  readonly kubernetes: string;
  /** Whether `kubernetes` is a guess, since kajitori.yaml does not name the cluster. */
  readonly isGuessedKubernetes: boolean;
}

/**
 * Which tool renders which source with what, as Argo CD decides it (argo-cd 3.5, reposerver/repository/repository.go).
 *
 * Reads the working copy; charts from elsewhere are fetched into the world's store. What cannot be rendered is a step that
 * says so, and never an error that hides the other sources.
 */
export async function planApplication(
  application: Application,
  world: RenderWorld,
): Promise<ApplicationPlan> {
  const known = application.destination.cluster?.kubernetes;
  const kubernetes = known ?? world.kubernetes ?? KUBERNETES_VERSIONS[KUBERNETES_VERSIONS.length - 1] ?? '';
  const steps: PlanStep[] = [];
  for (const [index, source] of application.sources.entries()) {
    try {
      const planned = await planSource(application, index, source, kubernetes, world);
      if (planned !== undefined) {
        steps.push(planned);
      }
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      steps.push({ kind: 'not-rendered', source: index, failure: error });
    }
  }
  return { application, steps, kubernetes, isGuessedKubernetes: known === undefined };
}

async function planSource(
  application: Application,
  index: number,
  declared: ApplicationSource,
  kubernetes: string,
  world: RenderWorld,
): Promise<PlanStep | undefined> {
  const origin = originOf(declared);
  if (origin !== undefined) {
    return await planChart(application, index, declared, origin, kubernetes, world);
  }
  if (declared.path === undefined || declared.path === '') {
    if (declared.ref !== undefined || application.sources.length > 1) {
      return undefined;
    }
    throw couldNot(`${application.name} has a source without \`path\` and without \`chart\`.`, {
      at: application.declaredAt,
      todo: 'Name the folder in the repository; `path: .` is its root.',
      reason: 'not-rendered',
    });
  }
  if (!declared.here) {
    throw otherRepository(application, declared);
  }
  const folder = await sourceFolder(declared.path, application, world);
  const source = await sourceWithOverrides(declared, application.name, world.root, folder);
  const kind = explicitKind(source, application) ?? (await foundKind(path.join(world.root, folder)));
  const environment = buildEnvironment(application, source, world.revision);
  if (kind === 'plugin') {
    throw couldNot(
      `${application.name} is rendered by a config management plugin, and those run only in Argo CD.`,
      {
        at: application.declaredAt,
        todo: 'Nothing is checked here; use helm, kustomize or plain manifests where you want checks.',
        reason: 'not-rendered',
      },
    );
  }
  if (kind === 'kustomize') {
    const { kustomize } = source;
    return {
      kind,
      source: index,
      folder,
      environment,
      ...(kustomize === undefined ? {} : { options: kustomize }),
    };
  }
  if (kind === 'directory') {
    const { directory } = source;
    const at = application.declaredAt;
    return { kind, source: index, folder, at, ...(directory === undefined ? {} : { options: directory }) };
  }
  const chart = path.join(world.root, folder);
  const own = { root: world.root, folder };
  const release = await helmRelease(
    application,
    source,
    { ...filePlaces(application, source, world), own },
    kubernetes,
  );
  const complete = await readyChart(folder, world);
  return {
    kind,
    source: index,
    release: { ...release, chart: complete, ...(complete === chart ? {} : { chartName: folder }) },
  };
}

/** A chart repository, a registry without scheme (`IsHelmOciRepo`), or `oci://`, whose repoURL names the chart itself. */
function originOf(source: ApplicationSource): ChartOrigin | undefined {
  const version = source.targetRevision ?? '';
  if (source.repoURL.startsWith('oci://')) {
    const url = source.repoURL.replace(/\/+$/, '');
    const slash = url.lastIndexOf('/');
    return { kind: 'oci', repository: url.slice(0, slash), chart: url.slice(slash + 1), version };
  }
  if (source.chart === undefined || source.chart === '') {
    return undefined;
  }
  const isRegistry = !source.repoURL.includes('://');
  return {
    kind: isRegistry ? 'oci' : 'http',
    repository: isRegistry ? `oci://${source.repoURL.replace(/\/+$/, '')}` : source.repoURL,
    chart: source.chart,
    version,
  };
}

async function planChart(
  application: Application,
  index: number,
  source: ApplicationSource,
  origin: ChartOrigin,
  kubernetes: string,
  world: RenderWorld,
): Promise<PlanStep> {
  const kind = explicitKind(source, application) ?? 'helm';
  if (
    kind !== 'helm' ||
    (source.repoURL.startsWith('oci://') && ![undefined, '', '.'].includes(source.path))
  ) {
    throw couldNot(
      `${application.name} takes ${kind === 'helm' ? 'a folder' : kind} out of ${source.repoURL}, and only charts are fetched.`,
      {
        at: application.declaredAt,
        todo: 'Nothing is checked here; keep the manifests in the repository where you want checks.',
        reason: 'not-rendered',
      },
    );
  }
  const stored = await storedChart(origin, application.declaredAt, world);
  const readsOwnFiles = [
    ...(source.helm?.valueFiles ?? []),
    ...(source.helm?.fileParameters ?? []).map((each) => each.path),
  ].some((name) => !name.startsWith('$'));
  const own = { root: readsOwnFiles ? await unpackedChart(stored, world) : world.charts, folder: '.' };
  const places = { ...filePlaces(application, source, world), own };
  const release = await helmRelease(application, source, places, kubernetes);
  return {
    kind,
    source: index,
    origin,
    release: { ...release, chart: stored.archive, chartName: `${origin.chart} ${stored.version}` },
  };
}

const otherRepository = (application: Application, source: ApplicationSource) =>
  couldNot(
    `${application.name} has a source in ${source.repoURL} at ${source.targetRevision ?? 'HEAD'}, which is not here.`,
    {
      at: application.declaredAt,
      todo: 'Render it where that repository is; what is not rendered is not checked.',
      reason: 'not-rendered',
    },
  );

async function sourceFolder(text: string, application: Application, world: RenderWorld): Promise<string> {
  const at = application.declaredAt;
  if (path.isAbsolute(text)) {
    throw couldNot(`The path ${text} of ${application.name} is absolute.`, {
      at,
      todo: 'Write it relative to the root of the repository.',
      reason: 'bad-path',
    });
  }
  const folder = path.posix.normalize(text).replace(/\/$/, '');
  const found = await lookInside(world.root, folder, at);
  if (found?.kind !== 'folder') {
    throw couldNot(`${application.name} has the path ${text}, and there is no such folder.`, {
      at,
      todo: 'Correct the path, or add the folder.',
      reason: 'path-missing',
    });
  }
  return folder;
}

type Kind = 'helm' | 'kustomize' | 'directory' | 'plugin';

/** A tool that the source names. Options that say nothing do not count (util/argo `NormalizeApplicationSpec`). */
function explicitKind(source: ApplicationSource, application: Application): Kind | undefined {
  const kinds = [
    ...(saysSomething(source.kustomize) ? ['kustomize' as const] : []),
    ...(saysSomething(source.helm) || source.helm?.valuesObject !== undefined ? ['helm' as const] : []),
    ...(saysSomething(source.directory) ? ['directory' as const] : []),
    ...(source.plugin === undefined ? [] : ['plugin' as const]),
  ];
  if (kinds.length > 1) {
    throw couldNot(
      `${application.name} has a source with ${kinds.join(' and ')}; Argo CD refuses more than one.`,
      {
        at: application.declaredAt,
        todo: 'Keep one of them.',
        reason: 'not-rendered',
      },
    );
  }
  return kinds[0];
}

const saysSomething = (options: unknown): boolean => {
  if (Array.isArray(options)) {
    return options.length > 0;
  }
  if (typeof options === 'object' && options !== null) {
    return Object.values(options).some(saysSomething);
  }
  return options !== undefined && options !== null && options !== false && options !== '';
};

const KUSTOMIZATIONS = new Set(['kustomization.yaml', 'kustomization.yml', 'Kustomization']);

/** What the files in a folder say (util/app/discovery): the last one in Go's order, so that kustomize wins over helm. */
async function foundKind(folder: string): Promise<Kind> {
  let kind: Kind = 'directory';
  for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (!entry.isDirectory()) {
      kind = entry.name.endsWith('Chart.yaml') ? 'helm' : KUSTOMIZATIONS.has(entry.name) ? 'kustomize' : kind;
    }
  }
  return kind;
}

function filePlaces(
  application: Application,
  source: ApplicationSource,
  world: RenderWorld,
): Omit<FilePlaces, 'own'> {
  const references = new Map<string, string | Failure>();
  for (const each of application.sources) {
    if (each.ref !== undefined) {
      references.set(`$${each.ref}`, each.here ? world.root : otherRepository(application, each));
    }
  }
  return {
    references,
    hasMultipleSources: application.sources.length > 1,
    environment: buildEnvironment(application, source, world.revision),
    at: application.declaredAt,
  };
}

/** Argo CD names a kind that a definition adds with its version and alone (util/argo/argo.go `APIResourcesToStrings`). */
const addedApis = (written: readonly string[] = []): string[] => [
  ...new Set(written.flatMap((each) => [each.split('/').slice(0, 2).join('/'), each])),
];

async function helmRelease(
  application: Application,
  { helm = HELM_DEFAULTS }: ApplicationSource,
  places: FilePlaces,
  kubernetes: string,
): Promise<Omit<HelmRelease, 'chart'>> {
  const valueFiles = await resolveValueFiles(helm.valueFiles, helm.ignoreMissingValueFiles, places);
  // Argo CD keeps parameters by name: of two with one name the later counts.
  const set = new Map<string, HelmParameter>();
  const setString = new Map<string, HelmParameter>();
  for (const { name, value, forceString } of helm.parameters) {
    (forceString ? setString : set).set(name, { name, value: fillVariables(value, places.environment) });
  }
  const setFile = new Map<string, HelmParameter>();
  for (const { name, path: file } of helm.fileParameters) {
    setFile.set(name, { name, value: await resolveFile(file, places) });
  }
  // Those of the source replace those of the cluster (types.go `GetAPIVersionsOrDefault`).
  const apiVersions =
    helm.apiVersions.length > 0
      ? helm.apiVersions
      : [...(await servedApis(kubernetes)), ...addedApis(application.destination.cluster?.apiVersions)];
  return {
    name: helm.releaseName || application.name,
    namespace: helm.namespace || application.destination.namespace,
    valueFiles,
    ...(helm.valuesObject === undefined
      ? helm.values === undefined || helm.values === ''
        ? {}
        : { valuesText: helm.values }
      : { values: helm.valuesObject }),
    ...(set.size === 0 ? {} : { set: [...set.values()] }),
    ...(setString.size === 0 ? {} : { setString: [...setString.values()] }),
    ...(setFile.size === 0 ? {} : { setFile: [...setFile.values()] }),
    kubeVersion: helm.kubeVersion || kubernetes,
    apiVersions,
    ...(helm.skipCrds ? { skipCrds: true } : {}),
    ...(helm.skipTests ? { skipTests: true } : {}),
    ...(helm.skipSchemaValidation ? { skipSchemaValidation: true } : {}),
  };
}
