import pLimit from 'p-limit';
import { environmentOf, environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf, stateFile } from '../config/layout.ts';
import type { GitHubClient } from '../github/client.ts';
import { filesOfApps, readConfig, readDefinition } from '../release/app-files.ts';
import { checkDeployer, type Deployer } from '../release/deployer.ts';
import { formatImage } from '../release/image-reference.ts';
import { type ReleaseRecord, readRelease, sameDeploy } from '../release/release-record.ts';
import { formatSource } from '../release/source.ts';
import { couldNot, Failure, refused } from '../report/failure.ts';
import { type BranchTarget, gitHubTree, readSnapshot } from '../repository/snapshot.ts';
import type { Tree } from '../repository/tree.ts';
import { affectedApps, appFolders, changedFiles } from './affected-apps.ts';
import { CommitOrder } from './commit-order.ts';
import { type DeployCommit, readDeployCommit, readRecentCommits } from './deploy-history.ts';
import type { Awaited } from './lookout.ts';

/** Which deploy is meant. */
export interface DeployQuestion {
  /** Checked names; empty: those that the commit deployed, or that its files reach. */
  readonly apps: readonly string[];
  readonly environment: string;
  /** Undefined: the newest one that deployed one of the apps. */
  readonly commit: string | undefined;
}

/** What a commit deploys: which images of which apps to which clusters. */
export interface Deploy {
  readonly commit: DeployCommit;
  readonly config: KajitoriConfig;
  readonly environment: string;
  readonly clusters: readonly string[];
  readonly apps: readonly string[];
  /** By app, as its files say at the commit. */
  readonly releases: ReadonlyMap<string, ReleaseRecord>;
  /** Each app in each cluster. */
  readonly awaited: readonly Awaited[];
}

export interface ReadDeployDeps {
  readonly client: GitHubClient;
  readonly target: BranchTarget;
  readonly deployer: Deployer;
  /** The name of an Argo CD Application. */
  readonly applicationName: (app: string, cluster: string, environment: string) => string;
}

/**
 * Reads what a commit deploys. No app: it reaches none in that environment, and there is nothing to wait for.
 *
 * @throws Failure: exit 1 when the run may not deploy an app, exit 2 for an unknown commit, app or environment, an app
 * that was never deployed there, or when GitHub does not answer
 */
export async function readDeploy(question: DeployQuestion, deps: ReadDeployDeps): Promise<Deploy> {
  const { client, target } = deps;
  const commit = await commitOf(question, deps);
  const tree = gitHubTree(client, target.repository, commit.oid);
  const config = await readConfig(tree);
  const environment = environmentOf(config, question.environment);
  const apps = await appsOf(question, commit, config, tree, deps);
  const clusters = environment.clusters.map(({ name }) => name);
  const releases = new Map<string, ReleaseRecord>();
  const deadlines = new Map<string, number | undefined>();
  for (const app of apps) {
    const definition = await readDefinition(tree, config, app);
    await checkDeployer(config, app, definition, deps.deployer);
    deadlines.set(app, definition.deadline);
    const release = await readRelease((file) => tree.read(file), config, app, environment.name);
    if (release === undefined) {
      throw couldNot(`${app} has no image in ${environment.name} at commit ${commit.oid.slice(0, 8)}.`, {
        todo: 'Deploy it first: without a release file there is no application to wait for.',
        reason: 'never-deployed',
      });
    }
    releases.set(app, release);
  }
  return {
    commit,
    config,
    environment: environment.name,
    clusters,
    apps,
    releases,
    awaited: [...releases].flatMap(([app, release]) => {
      const deadlineMs = deadlines.get(app);
      return clusters.map((cluster) => ({
        app,
        cluster,
        application: deps.applicationName(app, cluster, environment.name),
        commit: commit.oid,
        images: [...release.images.values()].map(({ image }) => formatImage(image)),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      }));
    }),
  };
}

/** Those that are named; else those that the commit deployed; else those that its files reach. */
async function appsOf(
  question: DeployQuestion,
  commit: DeployCommit,
  config: KajitoriConfig,
  tree: Tree,
  { client, target }: ReadDeployDeps,
): Promise<readonly string[]> {
  if (question.apps.length > 0) {
    return question.apps;
  }
  const { name, clusters } = environmentOf(config, question.environment);
  const deployed = commit.deploys.filter(({ environment }) => environment === name).map(({ app }) => app);
  if (deployed.length > 0 || layoutOf(config).kind === 'patterns') {
    return deployed;
  }
  const entries = await tree.list('apps');
  const folders = appFolders(entries.flatMap((each) => (each.kind === 'folder' ? [each.name] : [])));
  const paths = await changedFiles(client, target.repository, commit.oid);
  const others = environmentsOf(config).flatMap((each) => (each.name === name ? [] : [each.name]));
  const reached =
    paths === undefined
      ? folders
      : affectedApps(paths, { name, clusters: clusters.map((each) => each.name) }, others, folders);
  const limit = pLimit(READS_AT_ONCE);
  const releases = await Promise.all(
    reached.map((app) => limit(() => tree.read(stateFile(config, app, name)))),
  );
  return reached.filter((_, index) => releases[index] !== undefined);
}

const READS_AT_ONCE = 8;

async function commitOf(question: DeployQuestion, deps: ReadDeployDeps): Promise<DeployCommit> {
  const recent = await readRecentCommits(deps.client, deps.target);
  if (question.commit !== undefined) {
    return (
      recent.find(({ oid, proposed }) => [oid, proposed].includes(question.commit)) ??
      olderCommit(question.commit, recent[0]?.oid ?? '', deps)
    );
  }
  const found = recent.find(({ deploys }) =>
    deploys.some(
      ({ app, environment }) => environment === question.environment && question.apps.includes(app),
    ),
  );
  if (found === undefined) {
    throw couldNot(
      `Among the last hundred commits none deploys ${question.apps.join(', ') || 'an app'} to ${question.environment}.`,
      { todo: 'Give the commit of the GitOps repository.', reason: 'no-commit' },
    );
  }
  return found;
}

/**
 * A commit that is not among the newest ones.
 *
 * It must be on the branch that Argo CD reads: what stands in a commit of another branch nobody reviewed, and who may
 * deploy, and what it goes back to, is read from it.
 */
async function olderCommit(
  commit: string,
  head: string,
  { client, target }: ReadDeployDeps,
): Promise<DeployCommit> {
  const found = await readDeployCommit(client, target, commit);
  const order = new CommitOrder(client, target.repository);
  order.isDescendant(commit, head);
  await order.settled();
  const isOnBranch = order.isDescendant(commit, head);
  if (isOnBranch === true) {
    return found;
  }
  const what = `Commit ${commit.slice(0, 8)}`;
  throw isOnBranch === false
    ? refused(`${what} is not on the branch that Argo CD reads.`, {
        todo: 'Give a commit of that branch: the output commit of bump-values.',
        reason: 'foreign-commit',
      })
    : couldNot(`${what} could not be compared with the branch that Argo CD reads.`, {
        todo: 'Run it again.',
        reason: 'cannot-compare',
      });
}

/**
 * Which apps run something else by now than the commit put there, as the head of the branch says, and what.
 *
 * When GitHub does not answer, nobody is known to have deployed: what is written later is compared with the head again.
 */
export async function supersededApps(
  deploy: Deploy,
  { client, target }: ReadDeployDeps,
): Promise<ReadonlyMap<string, string>> {
  try {
    const { tree } = await readSnapshot(client, target, filesOfApps(deploy.apps, [deploy.environment]));
    const config = await readConfig(tree);
    const read = async (app: string): Promise<readonly (readonly [string, string])[]> => {
      const now = await readRelease((file) => tree.read(file), config, app, deploy.environment);
      const ours = deploy.releases.get(app);
      const other = [...(ours?.images.values() ?? [])].find(
        (image) => !sameDeploy(image, now?.images.get(image.name)),
      );
      if (other === undefined) {
        return [];
      }
      const build = now?.images.get(other.name)?.build;
      return [[app, build === undefined ? 'a newer commit' : formatSource(build.source)]];
    };
    return new Map((await Promise.all(deploy.apps.map(read))).flat());
  } catch (error) {
    if (error instanceof Failure && error.exitCode === 2) {
      return new Map();
    }
    throw error;
  }
}
