import { randomUUID } from 'node:crypto';
import { bumpDiff } from '../release/bump-report.ts';
import { formatImage } from '../release/image-reference.ts';
import { runPromote } from '../release/promote.ts';
import { promoteText } from '../release/promote-report.ts';
import { promoteRequest } from '../release/promote-request.ts';
import { gitHubSourceHistory } from '../release/source-history.ts';
import { readVerdicts } from '../release/verdict.ts';
import type { RequestRecord } from '../standin/github/server.ts';
import { GITOPS, GITOPS_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { deploy, deployCommand, type Release, shorten, shortenDigests } from './deploy.ts';
import { git } from './git.ts';
import { buildImage, copySampleApp, greet, merge } from './merge.ts';
import { type Chapter, columns } from './narrator.ts';
import type { BuiltImage, Clones, RunningScene, Scene } from './scene.ts';
import { type Runs, type Waited, waitedOf, waitFor, whatRuns } from './wait.ts';

/** One deploy that was written. */
interface Written {
  readonly way: 'bump' | 'promote';
  readonly environment: string;
  readonly clusters: readonly string[];
  readonly commit: string;
  /** `repository:tag@sha256:…` */
  readonly image: string;
}

/** One deploy that was made and waited for, for `--json`. */
export interface Deployed extends Written {
  readonly waited: Waited;
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
        'In a workflow `kajitori build` makes it from the Dockerfile, with BuildKit. Here crane packs the files of the app: that needs no base image from the internet and no right to run containers. So it is a real image in a real registry, but without Node: enough to deploy it, not to run it.',
      );
      return buildImage(scene, chapter, clones.web, 1);
    },
  );

/** Chapter: one commit per environment, until every cluster is healthy. */
export const firstDeploy = (
  scene: RunningScene,
  clones: Clones,
  image: BuiltImage,
): Promise<readonly Deployed[]> =>
  scene.narrator.chapter('One commit deploys it to every cluster of an environment', async (chapter) => {
    chapter.tell(
      "The release workflow deploys to staging, waits until it is healthy, then goes on to production. It signs in as the company's GitHub App and writes by GitHub's API; it clones nothing, and runs none of the app's code.",
    );
    const staging = await bumpAndWait(scene, clones, chapter, releaseOf(image, 'staging'));
    healthy(chapter, staging);
    const release = releaseOf(image, 'production');
    chapter.tell('Production, as somebody would type it:');
    chapter.command(deployCommand(release));
    const { log } = scene.company.github;
    const asked = log.length;
    const { written, diff } = await bump(scene, clones, chapter, release);
    const requests = log.slice(asked);
    chapter.tell('A new file, and with it the whole deploy:');
    chapter.showDiff(shorten(diff));
    const commits = await scene.company.github.repository(GITOPS_REPOSITORY).commits();
    chapter.holds('One commit for staging, one for both clusters of production; GitHub signed both.', {
      found: commits.slice(0, 2).map(({ oid, signed }) => ({ oid, signed })),
      expected: [written, staging].map(({ commit }) => ({ oid: commit, signed: true })),
    });
    chapter.holds(
      'Production took two round trips: one to read the repository, one to write. (Before them 2 more, to sign in.)',
      { found: tally(requests), expected: { signIn: 2, read: 1, write: 1, other: 0 } },
    );
    chapter.tell('Then it waits until every cluster of production runs that commit and is healthy:');
    chapter.command(waitCommand('production'));
    const production = await waited(scene, chapter, written);
    chapter.tell('The verdict stands on the commit, as a status for each cluster:');
    chapter.show(statusTable([production.waited]));
    healthy(chapter, production);
    chapter.tell('What Argo CD says of the three clusters:');
    const runs = await whatRuns(scene);
    chapter.show(tableOf(runs));
    bothRun(chapter, runs, image);
    return [staging, production];
  });

/** Chapter: the next merge; what is healthy in staging is promoted. */
export const nextMerge = (
  scene: RunningScene,
  clones: Clones,
): Promise<{ readonly image: BuiltImage; readonly deploys: readonly Deployed[] }> =>
  scene.narrator.chapter('The next merge: staging first, then promoted to production', async (chapter) => {
    const { developer } = scene.company;
    await greet(clones.web, 'everybody');
    await merge(scene, clones.web, 'Greet everybody (#2)');
    chapter.showDiff(await git(clones.web, ['show', '--unified=0', '--format=%h  %s'], developer));
    const image = await buildImage(scene, chapter, clones.web, 2);
    const staging = await bumpAndWait(scene, clones, chapter, releaseOf(image, 'staging'));
    healthy(chapter, staging);
    chapter.tell(
      'A team may also let a person, or a schedule, take over into production what runs well in staging: the same digest, nothing is built again. That it is healthy there is always asked for; a time to soak and green checks can be.',
    );
    const production = await waited(scene, chapter, await promote(scene, clones, chapter));
    healthy(chapter, production);
    bothRun(chapter, await whatRuns(scene), image);
    return { image, deploys: [staging, production] };
  });

export const releaseOf = ({ image, commit, build }: BuiltImage, environment: string): Release => ({
  app: 'web',
  environment,
  image,
  source: `${WEB_REPOSITORY}@${commit}`,
  build,
});

/** Deploys by the real bump, and waits. */
export async function bumpAndWait(
  scene: RunningScene,
  clones: Clones,
  chapter: Chapter,
  release: Release,
): Promise<Deployed> {
  const { written } = await bump(scene, clones, chapter, release);
  return waited(scene, chapter, written);
}

async function bump(
  scene: RunningScene,
  clones: Clones,
  chapter: Chapter,
  release: Release,
): Promise<{ readonly written: Written; readonly diff: string }> {
  const { environment, image } = release;
  chapter.working(`deploying to ${environment}`);
  const outputs = await deploy(scene.company, release, scene.timing);
  const commit = await commitOf(scene, clones, outputs);
  return {
    written: { way: 'bump', environment, clusters: outputs.clusters, commit, image },
    diff: bumpDiff(outputs),
  };
}

/** Promotes what staging runs by the real promotion, and shows its words. */
export async function promote(scene: RunningScene, clones: Clones, chapter: Chapter): Promise<Written> {
  const { company, timing } = scene;
  chapter.command(`kajitori promote web --to production --repository ${GITOPS_REPOSITORY}`);
  const client = await company.signIn({ contents: 'write', statuses: 'read' });
  const outputs = await runPromote(
    promoteRequest({
      apps: 'web',
      to: 'production',
      force: false,
      override: undefined,
      reason: undefined,
      by: company.developer.login,
      run: undefined,
      pullRequest: undefined,
      dryRun: false,
    }),
    {
      on: { kind: 'github', client, target: { repository: GITOPS } },
      deployer: { kind: 'own-right' },
      verdictsOf: (commits) => readVerdicts(client, GITOPS, commits),
      historyOf: (source) => gitHubSourceHistory(company.reader(source.repository), source),
      // kajitori.yaml asks for none.
      checksOf: async () => new Map(),
      checkImages: undefined,
      copyImage: undefined,
      timing,
      key: randomUUID(),
    },
  );
  chapter.show(shorten(promoteText(outputs)));
  const { environment, clusters, images } = outputs.result;
  const commit = await commitOf(scene, clones, outputs);
  const image = images.map(({ after }) => formatImage(after)).join(' ');
  return { way: 'promote', environment, clusters, commit, image };
}

async function waited(scene: RunningScene, chapter: Chapter, written: Written): Promise<Deployed> {
  const outputs = await waitFor(scene, chapter, written.environment, written.commit);
  return { ...written, waited: waitedOf(scene, outputs) };
}

/** The commit of a deploy, after the clone was brought up to date with it. */
async function commitOf(
  { company }: Scene,
  clones: Clones,
  { commit }: { readonly commit: { readonly oid: string } | undefined },
): Promise<string> {
  await company.pull(clones.gitops);
  const head = await git(clones.gitops, ['rev-parse', 'HEAD'], company.platformEngineer);
  if (commit?.oid !== head) {
    throw new Error(`The deploy wrote the commit ${commit?.oid}, and the head is ${head}.`);
  }
  return head;
}

const waitCommand = (environment: string): string =>
  `kajitori wait --repository ${GITOPS_REPOSITORY} --app web --environment ${environment}`;

/** Says that a deploy is healthy, and that this is written on its commit. */
export function healthy(
  chapter: Chapter,
  { clusters, environment, waited: { verdict, statuses, ...waiting } }: Deployed,
): void {
  chapter.holds(`web is healthy in ${clusters.join(' and ')}, and the commit says so.`, {
    found: {
      environment: waiting.environment,
      verdict,
      statuses: statuses.map(({ cluster, state }) => [cluster, state]),
    },
    expected: {
      environment,
      verdict: 'healthy',
      statuses: clusters.map((cluster) => [cluster, 'success']),
    },
  });
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
    // Our own clone, brought up to date to look at, is no part of a deploy, and neither is Argo CD's. The history of the
    // source is one, but where nothing ran before nobody waits for it: it may be counted here or not.
    if (/\.git\//.test(path) || operation === 'Ancestors') {
      continue;
    }
    counts[fields.includes('createCommitOnBranch') ? 'write' : (kinds[operation] ?? 'other')] += 1;
  }
  return counts;
}

export const tableOf = (runs: readonly Runs[]): string =>
  columns([
    ['environment', 'cluster', 'sync', 'health', 'image that web runs'],
    ...runs.map(({ environment, cluster, sync, health, digests }) => [
      environment,
      cluster,
      sync,
      health,
      shortenDigests(digests.join(' and ')),
    ]),
  ]);

/** Verdicts as GitHub shows them beside commits. */
export const statusTable = (all: readonly Pick<Waited, 'commit' | 'statuses'>[]): string =>
  columns([
    ['commit', 'status', '', ''],
    ...all.flatMap(({ commit, statuses }) =>
      statuses.map(({ cluster, state, description }) => [
        commit.slice(0, 8),
        `kajitori/web/${cluster}`,
        state,
        shorten(description),
      ]),
    ),
  ]);

/** Says that both clusters of production run an image and are healthy, as Argo CD says. */
export function bothRun(chapter: Chapter, runs: readonly Runs[], { digest }: BuiltImage): void {
  chapter.holds(`Both production clusters, prod-1 and prod-2, run ${shortenDigests(digest)}`, {
    found: runs.filter(({ environment }) => environment === 'production'),
    expected: ['prod-1', 'prod-2'].map((cluster) => ({
      environment: 'production',
      cluster,
      sync: 'Synced',
      health: 'Healthy',
      digests: [digest],
    })),
  });
}
