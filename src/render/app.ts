import path from 'node:path';
import { parseAppName } from '../config/app-name.ts';
import { chartSource } from '../config/chart-source.ts';
import { type Cluster, environmentOf, KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { nameHint } from '../config/nearest.ts';
import { type HelmRelease, helmTemplate } from '../helm/template.ts';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { chartFolder, pruneCharts, storedChart } from './chart-store.ts';
import { appFacts, appValueFiles, extraFolder, releaseFile } from './wiring.ts';
import type { RenderWorld } from './world.ts';

export interface RenderAppOptions {
  /** The folder of the GitOps repository. */
  readonly root: string;
  readonly config: KajitoriConfig;
  readonly app: string;
  readonly environment: string;
  /** One of the environment's clusters. */
  readonly cluster: string;
  /** The command; default: `helm` on PATH. */
  readonly helm?: string;
  /** Where charts from elsewhere are kept, absolute; default: the user's cache. */
  readonly charts?: string;
  readonly signal?: AbortSignal;
}

/**
 * What Argo CD applies for one app in one cluster, by the generated ApplicationSet: the standard chart with the app's
 * values, then the manifests of its `extra/`.
 *
 * @throws Failure (exit 2): `bad-app-name`, `unknown-app`, `unknown-environment`, `unknown-cluster`, `never-deployed`,
 * `not-rendered` for what this version cannot render, and those of `helmTemplate` and `storedChart`
 */
export async function renderApp(options: RenderAppOptions): Promise<KubernetesObject[]> {
  const { config, environment } = options;
  const app = parseAppName(options.app);
  const cluster = clusterOf(config, environment, options.cluster);
  refuseOtherWirings(config);
  const tree = await openWorkingCopy(options.root);
  await checkDeployed(tree, app, environment);
  const facts = appFacts(app, environment, cluster);
  const valueFiles: string[] = [];
  for (const file of appValueFiles(facts)) {
    // Read here first: what leads out of the repository (a link) or is no small text file is refused.
    if ((await tree.read(file)) !== undefined) {
      valueFiles.push(path.join(tree.root, file));
    }
  }
  const { helm, charts = chartFolder(process.env), signal } = options;
  const store = {
    charts,
    ...(helm === undefined ? {} : { tools: { helm } }),
    ...(signal === undefined ? {} : { signal }),
  };
  const rendered = await helmTemplate(
    {
      name: app,
      namespace: app,
      ...(await chartOf(options, tree.root, store)),
      valueFiles,
      values: { facts },
      kubeVersion: cluster.kubernetes,
    },
    {
      root: tree.root,
      ...(options.helm === undefined ? {} : { helm: options.helm }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  await pruneCharts(store);
  return [...rendered, ...(await extraObjects(tree, extraFolder(app)))];
}

function clusterOf(config: KajitoriConfig, environment: string, name: string): Cluster {
  const { clusters } = environmentOf(config, environment);
  const cluster = clusters.find((each) => each.name === name);
  if (cluster === undefined) {
    const names = clusters.map((each) => each.name);
    throw couldNot(`${environment} has no cluster ${JSON.stringify(name)}. ${nameHint(name, names)}`, {
      at: { file: KAJITORI_FILE },
      todo: `Use a cluster that ${KAJITORI_FILE} names under environments.`,
      reason: 'unknown-cluster',
    });
  }
  return cluster;
}

function refuseOtherWirings(config: KajitoriConfig): void {
  if (layoutOf(config).kind === 'patterns') {
    throw couldNot(`Apps are not rendered where ${KAJITORI_FILE} has \`apps.release\`.`, {
      at: { file: KAJITORI_FILE },
      todo: 'Only apps in the standard layout can be rendered by name.',
      reason: 'not-rendered',
    });
  }
}

/** The chart in charts/app, or the one that kajitori.yaml names, out of the store. */
async function chartOf(
  { config, environment }: RenderAppOptions,
  root: string,
  store: Pick<RenderWorld, 'charts' | 'tools' | 'signal'>,
): Promise<Pick<HelmRelease, 'chart' | 'chartName'>> {
  const source = chartSource(config, environment);
  if (source.kind === 'vendored') {
    return { chart: path.join(root, source.path) };
  }
  const { repoURL, chart, version } = source;
  const { archive } = await storedChart(
    { kind: 'oci', repository: `oci://${repoURL}`, chart, version },
    { file: KAJITORI_FILE },
    store,
  );
  return { chart: archive, chartName: `${chart} ${version}` };
}

async function checkDeployed(tree: Tree, app: string, environment: string): Promise<void> {
  const file = releaseFile({ app, environment });
  if ((await tree.read(file)) !== undefined) {
    return;
  }
  const apps = (await tree.list('apps'))
    .filter((entry) => entry.kind === 'folder')
    .map((entry) => entry.name);
  if (!apps.includes(app)) {
    throw couldNot(`There is no app ${app}. ${nameHint(app, apps)}`, {
      at: { file: `apps/${app}` },
      todo: 'Use the name of a folder in apps/.',
      reason: 'unknown-app',
    });
  }
  throw couldNot(`${app} was never deployed to ${environment}.`, {
    at: { file },
    todo: `Deploy it there first (\`kajitori bump\` writes this file); until then Argo CD has nothing to render.`,
    reason: 'never-deployed',
  });
}

/** The files that Argo CD reads in a directory source (its `manifestFile` pattern). */
const MANIFEST = /\.(?:ya?ml|json|jsonnet)$/;

async function extraObjects(tree: Tree, folder: string): Promise<KubernetesObject[]> {
  const objects: KubernetesObject[] = [];
  for (const { name, kind } of await tree.list(folder)) {
    const file = `${folder}/${name}`;
    if (kind === 'folder') {
      objects.push(...(await extraObjects(tree, file)));
    } else if (name.endsWith('.jsonnet')) {
      throw couldNot('Jsonnet is not rendered.', {
        at: { file },
        todo: 'Write plain YAML; what is not rendered is not checked.',
        reason: 'not-rendered',
      });
    } else if (MANIFEST.test(name)) {
      objects.push(...parseManifests((await tree.read(file)) ?? '', file));
    }
  }
  return objects;
}
