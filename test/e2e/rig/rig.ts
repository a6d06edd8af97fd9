import { join } from 'node:path';
import { type GitHubStandin, startGitHub } from '../../../src/standin/github/server.ts';
import { type ArgoCd, startArgoCd } from './argocd.ts';
import { type Cluster, startCluster, startEtcd } from './cluster.ts';
import { customResourceDefinitions } from './custom-resources.ts';
import { ParameterStore, playControllers } from './played-controllers.ts';
import { openPrograms } from './programs.ts';

/** A company's platform on this machine, all on the loopback interface: clusters, Argo CD, and GitHub's stand-in for git. */
export interface Rig extends AsyncDisposable {
  /** As many as were named, in that order. Argo CD runs in the first and knows all by their names. */
  readonly clusters: readonly Cluster[];
  cluster(name: string): Cluster;
  readonly argocd: ArgoCd;
  readonly github: GitHubStandin;
  /** What ExternalSecrets find, in all clusters. */
  readonly parameters: ParameterStore;
  /** Temporary, with the logs of all programs in `logs/`. */
  readonly folder: string;
}

/**
 * Starts a real Argo CD on real API servers: about 15 s and 2 GB with two clusters. Everything is gone when it is disposed
 * of, when starting fails, and when this process ends, however it does.
 *
 * @param names of the clusters
 * @throws an Error with the last words of the program that did not start; `scripts/setup e2e` must have been run
 */
export async function startRig(...names: readonly [string, ...string[]]): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const programs = stack.use(await openPrograms());
  const github = stack.use(await startGitHub({ folder: join(programs.folder, 'github') }));
  const etcd = await startEtcd(programs);
  const clusters = await Promise.all(names.map((name) => startCluster(programs, etcd, name)));
  const parameters = new ParameterStore();
  const failures: unknown[] = [];
  for (const cluster of clusters) {
    const definitions = customResourceDefinitions();
    await cluster.apply(definitions);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    stack.use(await playControllers(cluster, parameters, (error) => failures.push(error)));
  }
  const argocd = await startArgoCd(programs, clusters);
  stack.defer(() => {
    if (failures.length > 0) throw new AggregateError(failures, 'a played controller failed');
  });
  const started = stack.move();
  return {
    clusters,
    cluster: (name) => {
      const found = clusters.find((cluster) => cluster.name === name);
      if (found === undefined) throw new Error(`the rig has no cluster ${name}`);
      return found;
    },
    argocd,
    github,
    parameters,
    folder: programs.folder,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
