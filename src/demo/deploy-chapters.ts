import type { BumpOutputs } from '../release/bump.ts';
import { bumpDiff } from '../release/bump-report.ts';
import type { RequestRecord } from '../standin/github/server.ts';
import { GITOPS_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { deploy, deployCommand, type Release, shorten, shortenDigests } from './deploy.ts';
import { git } from './git.ts';
import { buildImage, changeGreeting, copySampleApp, merge } from './merge.ts';
import { type Chapter, columns } from './narrator.ts';
import { type RenderedCluster, renderEverywhere } from './rendered.ts';
import type { BuiltImage, Clones, Scene } from './scene.ts';

/** One deploy that was made, for `--json`. */
export interface Deployed {
  readonly environment: string;
  readonly clusters: readonly string[];
  readonly commit: string;
  readonly image: string;
}

/** What a cluster was shown to run, for `--json`. */
export interface Runs {
  readonly environment: string;
  readonly cluster: string;
  readonly digest: string;
}

/** Chapter: the sample app's commit, and its image. */
export const firstMerge = (scene: Scene, clones: Clones): Promise<BuiltImage> =>
  scene.narrator.chapter(
    `A pull request is merged in ${WEB_REPOSITORY}, and becomes an image`,
    async (chapter) => {
      const { developer } = scene.company;
      await copySampleApp(scene, clones.web);
      await merge(scene, clones.web, 'Take orders (#1)');
      chapter.show(await git(clones.web, ['log', '-1', '--shortstat', '--format=%h  %s'], developer));
      chapter.tell(
        'The image is made once, and every cluster gets this same one. It is named by its digest, the checksum of all that is in it: a name that can never mean another image.',
      );
      chapter.tell(
        'It is packed with crane, not built from the Dockerfile: building with BuildKit comes with the issue "Build". So it is a real image in a real registry, but holds only the files of the app, without Node: enough to deploy it, not to run it.',
      );
      return buildImage(scene, chapter, clones.web, 1);
    },
  );

/** Chapter: one commit per environment. */
export const firstDeploy = (scene: Scene, clones: Clones, image: BuiltImage): Promise<readonly Deployed[]> =>
  scene.narrator.chapter('One commit deploys it to every cluster of an environment', async (chapter) => {
    chapter.tell(
      "The release workflow deploys to staging, then to production. It signs in as the company's GitHub App and writes by GitHub's API; it clones nothing, and runs none of the app's code. (While it reads, it also asks for the history of acme/web, which tells the newer of two builds.) For production that is the same as typing:",
    );
    const release = releaseOf(image, 'production');
    chapter.command(deployCommand(release));
    const staging = await deployOnce(scene, clones, chapter, releaseOf(image, 'staging'));
    const { log } = scene.company.github;
    const asked = log.length;
    const production = await deployOnce(scene, clones, chapter, release);
    chapter.tell('A new file, and with it the whole deploy:');
    chapter.showDiff(shorten(bumpDiff(production.outputs)));
    const commits = await scene.company.github.repository(GITOPS_REPOSITORY).commits();
    chapter.holds(
      'One commit for staging, one for production with both its clusters; both are signed by GitHub.',
      {
        found: commits.slice(0, 2).map(({ oid, signed }) => ({ oid, signed })),
        expected: [production, staging].map(({ deployed }) => ({ oid: deployed.commit, signed: true })),
      },
    );
    chapter.holds(
      'Production took two round trips: one to read the repository, one to write. (Before them 2 more, to sign in.)',
      {
        found: tally(log.slice(asked)),
        expected: { signIn: 2, read: 1, write: 1, other: 0 },
      },
    );
    return [staging.deployed, production.deployed];
  });

/** Chapter: what the clusters get, by the real helm. */
export const render = (scene: Scene, clones: Clones, image: BuiltImage): Promise<readonly Runs[]> =>
  scene.narrator.chapter('What each cluster gets', async (chapter) => {
    chapter.tell(
      'Argo CD fills the chart with the values of the app and applies the result to the cluster. No cluster runs here, so you see what would be applied: the real helm renders the same files, for the Kubernetes version of each cluster.',
    );
    const rendered = await renderBoth(scene, clones, chapter);
    chapter.show(tableOf(rendered));
    chapter.tell(`The objects are: ${rendered[0]?.clusters[0]?.objects.join(', ')}.`);
    bothRun(chapter, rendered, image);
    return runsOf(rendered);
  });

/** Chapter: the next merge, on the same road. */
export const nextMerge = (
  scene: Scene,
  clones: Clones,
): Promise<{
  readonly image: BuiltImage;
  readonly deploys: readonly Deployed[];
  readonly runs: readonly Runs[];
}> =>
  scene.narrator.chapter('The next merge takes the same road', async (chapter) => {
    const { developer, platformEngineer } = scene.company;
    await changeGreeting(clones.web);
    await merge(scene, clones.web, 'Greet everybody (#2)');
    chapter.showDiff(await git(clones.web, ['show', '--unified=0', '--format=%h  %s'], developer));
    const image = await buildImage(scene, chapter, clones.web, 2);
    const staging = await deployOnce(scene, clones, chapter, releaseOf(image, 'staging'));
    const production = await deployOnce(scene, clones, chapter, releaseOf(image, 'production'));
    chapter.tell(
      'It is deployed to staging, then to production. The commit tells people and machines what, where, and from which source:',
    );
    chapter.show(shorten(await git(clones.gitops, ['show', '--no-patch', '--format=%B'], platformEngineer)));
    chapter.showDiff(shorten(bumpDiff(production.outputs)));
    const rendered = await renderBoth(scene, clones, chapter);
    chapter.show(tableOf(rendered));
    bothRun(chapter, rendered, image);
    return { image, deploys: [staging.deployed, production.deployed], runs: runsOf(rendered) };
  });

export const releaseOf = ({ image, commit, build }: BuiltImage, environment: string): Release => ({
  app: 'web',
  environment,
  image,
  source: `${WEB_REPOSITORY}@${commit}`,
  build,
});

async function deployOnce(scene: Scene, clones: Clones, chapter: Chapter, release: Release) {
  chapter.working(`deploying to ${release.environment}`);
  const outputs = await deploy(scene.company, release, scene.timing);
  const commit = await commitOf(scene, clones, outputs);
  const deployed: Deployed = {
    environment: release.environment,
    clusters: outputs.clusters,
    commit,
    image: release.image,
  };
  return { outputs, deployed };
}

/** The commit of a deploy, after the clone was brought up to date with it. */
async function commitOf({ company }: Scene, clones: Clones, outputs: BumpOutputs): Promise<string> {
  await company.pull(clones.gitops);
  const head = await git(clones.gitops, ['rev-parse', 'HEAD'], company.platformEngineer);
  if (outputs.commit?.oid !== head) {
    throw new Error(`The deploy ended as ${outputs.reason}, with the commit ${outputs.commit?.oid}.`);
  }
  return head;
}

/** What the requests of a deploy were for. */
function tally(requests: readonly RequestRecord[]) {
  const counts = { signIn: 0, read: 0, write: 0, other: 0 };
  const kinds: Readonly<Record<string, keyof typeof counts>> = {
    'GET /repos/{owner}/{repo}/installation': 'signIn',
    'POST /app/installations/{installation_id}/access_tokens': 'signIn',
    Snapshot: 'read',
  };
  for (const { operation, fields, path } of requests) {
    // Our own clone, brought up to date to look at, is no part of a deploy. The history of the source is one, but where
    // nothing ran before nobody waits for it: it may be counted here or not.
    if (/\.git\//.test(path) || operation === 'Ancestors') {
      continue;
    }
    counts[fields.includes('createCommitOnBranch') ? 'write' : (kinds[operation] ?? 'other')] += 1;
  }
  return counts;
}

interface RenderedEnvironment {
  readonly environment: string;
  readonly clusters: readonly RenderedCluster[];
}

async function renderBoth(scene: Scene, clones: Clones, chapter: Chapter): Promise<RenderedEnvironment[]> {
  chapter.working('rendering with helm');
  return Promise.all(
    ['staging', 'production'].map(async (environment) => ({
      environment,
      clusters: await renderEverywhere(clones.gitops, 'web', environment, scene.signal),
    })),
  );
}

const tableOf = (rendered: readonly RenderedEnvironment[]): string =>
  columns([
    ['environment', 'cluster', 'Kubernetes', 'objects', 'image that web runs'],
    ...rendered.flatMap(({ environment, clusters }) =>
      clusters.map(({ cluster, kubernetes, objects, digests }) => [
        environment,
        cluster,
        kubernetes,
        String(objects.length),
        shortenDigests(digests.join(' and ')),
      ]),
    ),
  ]);

const runsOf = (rendered: readonly RenderedEnvironment[]): Runs[] =>
  rendered.flatMap(({ environment, clusters }) =>
    clusters.flatMap(({ cluster, digests }) => digests.map((digest) => ({ environment, cluster, digest }))),
  );

function bothRun(chapter: Chapter, rendered: readonly RenderedEnvironment[], { digest }: BuiltImage): void {
  chapter.holds(`Both production clusters, prod-1 and prod-2, run ${shortenDigests(digest)}`, {
    found: runsOf(rendered).filter(({ environment }) => environment === 'production'),
    expected: ['prod-1', 'prod-2'].map((cluster) => ({ environment: 'production', cluster, digest })),
  });
}
