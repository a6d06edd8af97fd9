import path from 'node:path';
import type { Application } from '../applications/application.ts';
import { applicationsOf, type Discovered, discoverApplications } from '../applications/discover.ts';
import { environmentOf, KAJITORI_FILE, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { nameHint, nearestName } from '../config/nearest.ts';
import type { RenderCache } from '../helm/render-cache.ts';
import { couldNot, type Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import type { RenderedApplication } from './application.ts';
import { renderApplications } from './applications.ts';
import { pruneCharts } from './chart-store.ts';
import type { RenderTools } from './world.ts';

/** Which applications. Without any of these: all. */
export interface RenderInputs {
  /** An app (a folder under apps/), or an application of Argo CD. */
  readonly app: string | undefined;
  readonly environment: string | undefined;
  readonly cluster: string | undefined;
}

export interface RenderDependencies {
  readonly tree: Tree;
  /** The folder that `tree` is, absolute. */
  readonly root: string;
  /** Where charts from elsewhere are kept, absolute. */
  readonly charts: string;
  /** The time in ms since 1970, by which charts are kept; default: the clock of this machine. */
  readonly now?: () => number;
  /** URLs by which applications name this repository, besides the one in kajitori.yaml. */
  readonly urls: readonly string[];
  /** The commit that the working copy is at, for `$ARGOCD_APP_REVISION`. */
  readonly revision?: string;
  readonly cache?: RenderCache;
  readonly tools?: RenderTools;
  readonly signal?: AbortSignal;
  readonly onProgress: (line: string) => void;
}

export interface RenderOutputs {
  /** In the order of the manifests that declare them; then those that others of them apply. */
  readonly applications: readonly RenderedApplication[];
  /** Why something is missing: manifests that cannot be read, and sources that cannot be rendered. */
  readonly notRendered: readonly NotRendered[];
  /** Files that could hold an Application and were not looked into. */
  readonly notLookedInto: readonly Failure[];
  /** 2 when something was not rendered. */
  readonly exitCode: 0 | 2;
}

export interface NotRendered {
  /** `Application/web`, `ApplicationSet/production`, a file. */
  readonly what: string;
  readonly failure: Failure;
}

/**
 * What Argo CD would apply: the applications of a repository, found and rendered.
 *
 * @throws Failure (exit 2): `unknown-app`, `unknown-cluster`, `unknown-environment`, and for a kajitori.yaml that cannot be read
 */
export async function runRender(inputs: RenderInputs, deps: RenderDependencies): Promise<RenderOutputs> {
  const { tree, root, charts, now: time, urls, revision, cache, tools, signal, onProgress } = deps;
  const text = await tree.read(KAJITORI_FILE);
  const config = text === undefined ? undefined : parseKajitoriYaml(text);
  let found = await discoverApplications(tree, {
    urls,
    ...(config === undefined ? {} : { config }),
    ...(tools?.helm === undefined ? {} : { helm: tools.helm }),
    ...(signal === undefined ? {} : { signal }),
  });
  demandManifests([found]);
  const clusters = inputs.environment === undefined ? undefined : clustersOf(inputs.environment);
  function clustersOf(environment: string): readonly string[] {
    if (config === undefined) {
      throw couldNot(`There is no ${KAJITORI_FILE}, which names environments.`, {
        todo: 'Choose by --cluster or --app.',
        reason: 'unknown-environment',
      });
    }
    return environmentOf(config, environment).clusters.map(({ name }) => name);
  }
  const isChosen = (application: Application): boolean => {
    const cluster = clusterName(application);
    return (
      (inputs.cluster === undefined || cluster === inputs.cluster) &&
      (clusters === undefined || clusters.includes(cluster)) &&
      (inputs.app === undefined || isCalled(application, inputs.app))
    );
  };
  const world = {
    root: path.resolve(root),
    charts,
    ...(time === undefined ? {} : { now: time }),
    ...(config === undefined ? {} : { config }),
    ...(revision === undefined ? {} : { revision }),
    ...(tools === undefined ? {} : { tools }),
    ...(signal === undefined ? {} : { signal }),
  };
  const rendered: RenderedApplication[] = [];
  const inner: Discovered['notRead'][number][] = [];
  for (let next = found.applications.filter(isChosen); next.length > 0; ) {
    const total = rendered.length + next.length;
    const now = await renderApplications(next, world, {
      ...(cache === undefined ? {} : { cache }),
      onRendered: ({ application }, index) =>
        onProgress(`${rendered.length + index + 1} of ${total}: ${application.name}`),
    });
    rendered.push(...now);
    const more: Application[] = [];
    for (const { application, objects } of now) {
      const made = await applicationsOf(
        objects.map(({ object }) => object),
        application,
        found,
      );
      inner.push(...made.notRead);
      more.push(...made.applications.filter((each) => !isThere(each, [...found.applications, ...more])));
    }
    found = { ...found, applications: [...found.applications, ...more] };
    next = more.filter(isChosen);
  }
  await Promise.all([cache?.prune(), pruneCharts(world)]);
  demandKnownNames(found.applications, inputs);
  const notRendered = [
    ...[...found.notRead, ...inner].map(({ what, failure }) => ({ what, failure })),
    ...rendered.flatMap(({ application, notRendered: failures }) =>
      failures.map((failure) => ({ what: `Application/${application.name}`, failure })),
    ),
  ];
  return {
    applications: rendered,
    notRendered,
    notLookedInto: found.notLookedInto,
    exitCode: notRendered.length > 0 ? 2 : 0,
  };
}

const isThere = (application: Application, all: readonly Application[]): boolean =>
  all.some(
    ({ name, namespace, destination }) =>
      name === application.name &&
      namespace === application.namespace &&
      destination.cluster?.name === application.destination.cluster?.name,
  );

/** The cluster's name in kajitori.yaml, else what the application calls it. The one that Argo CD runs in is `in-cluster` to it. */
export const clusterName = ({ destination: { cluster, name, server } }: Application): string =>
  cluster?.name ?? name ?? (server === 'https://kubernetes.default.svc' ? 'in-cluster' : (server ?? ''));

/** Whether people call an application by this name: its own, or that of its app. */
export const isCalled = (application: Application, name: string): boolean =>
  application.name === name || application.name === `${name}-${clusterName(application)}`;

/** What people call an application: its name without that of its cluster. */
function appName(application: Application): string {
  const end = `-${clusterName(application)}`;
  return application.name.endsWith(end) ? application.name.slice(0, -end.length) : application.name;
}

/**
 * A repository in which nothing was found is not one in which nothing changes: most likely it is another one.
 *
 * @throws Failure (exit 2) `no-applications`
 */
export function demandManifests(versions: readonly Discovered[]): void {
  if (versions.every(({ world, notRead }) => world.declared.length === 0 && notRead.length === 0)) {
    throw couldNot('There is no Application and no ApplicationSet of Argo CD in this repository.', {
      todo: 'Run it in the repository that Argo CD reads; what is applied by hand has to be there too.',
      reason: 'no-applications',
    });
  }
}

/** A typing error must not look like "nothing to render", or like "nothing changes". */
export function demandKnownNames(
  applications: readonly Application[],
  { app, cluster }: Pick<RenderInputs, 'app' | 'cluster'>,
): void {
  const clusters = [...new Set(applications.map(clusterName))].sort();
  if (cluster !== undefined && !clusters.includes(cluster)) {
    throw couldNot(
      `No application is deployed to a cluster ${JSON.stringify(cluster)}. ${nameHint(cluster, clusters)}`,
      { todo: 'Name one of these clusters.', reason: 'unknown-cluster' },
    );
  }
  if (app !== undefined && !applications.some((each) => isCalled(each, app))) {
    const names = [...new Set(applications.map(appName))];
    const nearest = nearestName(app, names);
    const first = nearest === undefined ? [] : [nearest];
    const hint = nameHint(app, [...new Set([...first, ...names])].slice(0, 50));
    throw couldNot(`There is no application ${JSON.stringify(app)}. ${hint}`, {
      todo: 'Name an app (a folder under apps/) or an application of Argo CD.',
      reason: 'unknown-app',
    });
  }
}
