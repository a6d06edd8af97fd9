import { randomUUID } from 'node:crypto';
import { waitExitCode, waitText } from '../deploy/wait-report.ts';
import { holdRequest, runHold } from '../release/hold.ts';
import { holdText } from '../release/hold-report.ts';
import { type Hold, parseReleaseState } from '../release/release-state.ts';
import { GITOPS, GITOPS_REPOSITORY } from './company.ts';
import { deploy, shorten } from './deploy.ts';
import {
  bothRun,
  bumpAndWait,
  type Deployed,
  healthy,
  promote,
  releaseOf,
  statusTable,
  tableOf,
} from './deploy-chapters.ts';
import { git } from './git.ts';
import { buildImage, greet, merge } from './merge.ts';
import { outcomeOf, type Refusal, refusal } from './refusals.ts';
import type { BuiltImage, Clones, RunningScene } from './scene.ts';
import { statusesOf, type VerdictStatus, waitedOf, waitFor, whatRuns } from './wait.ts';

const RELEASE_FILE = 'apps/web/release.production.yaml';

/** How a deploy was undone, for `--json`. */
export interface Undone {
  /** The commit that failed, and the one that undoes it. */
  readonly failed: string;
  readonly commit: string;
  /** The image that runs again. */
  readonly image: string;
  readonly hold: Hold | undefined;
  /** The verdicts on the commit that undoes it. */
  readonly statuses: readonly VerdictStatus[];
}

/** Chapter: an image that is bad in one cluster of two. */
export const badImage = (
  scene: RunningScene,
  clones: Clones,
  good: BuiltImage,
): Promise<{ readonly image: BuiltImage; readonly deploys: readonly Deployed[]; readonly undone: Undone }> =>
  scene.narrator.chapter('A bad image: one cluster fails, both go back', async (chapter) => {
    const { company, argocd } = scene;
    chapter.tell(
      'The third image has a fault that staging does not show: prod-2, and only prod-2, cannot pull it. Nobody knows that yet.',
    );
    await greet(clones.web, 'nobody');
    await merge(scene, clones.web, 'Greet nobody (#3)');
    const image = await buildImage(scene, chapter, clones.web, 3);
    await argocd.withdrawImage(tagOf(image), 'prod-2');
    const staging = await bumpAndWait(scene, clones, chapter, releaseOf(image, 'staging'));
    healthy(chapter, staging);
    const written = await promote(scene, clones, chapter);
    const outputs = await waitFor(scene, chapter, 'production', written.commit);
    const waited = waitedOf(scene, outputs);
    await company.pull(clones.gitops);
    chapter.tell('The run of the developer is red, and says:');
    chapter.show(shorten(waitText(outputs)));
    chapter.holds(
      'The deploy failed in prod-2 (exit code 1), and one commit on top of it puts production back.',
      {
        found: {
          exitCode: waitExitCode(outputs),
          failed: outputs.applications
            .filter(({ outcome }) => outcome?.kind === 'failed')
            .map(({ cluster }) => cluster),
          remedy: outputs.remedy?.kind,
          parent: await git(clones.gitops, ['rev-parse', 'HEAD^'], company.developer),
        },
        expected: { exitCode: 1, failed: ['prod-2'], remedy: 'written', parent: written.commit },
      },
    );
    chapter.tell('That commit, whole. It takes back the image, and leaves a hold that says why:');
    chapter.showDiff(
      shorten(await git(clones.gitops, ['show', '--unified=1', '--format=%h  %s%n'], company.developer)),
    );
    const commit = await git(clones.gitops, ['rev-parse', 'HEAD'], company.developer);
    const statuses = statusesOf(scene, commit);
    const runs = await whatRuns(scene);
    chapter.show(tableOf(runs));
    bothRun(chapter, runs, good);
    chapter.tell('Both commits keep their verdicts, as commit statuses:');
    chapter.show(statusTable([waited, { commit, statuses }]));
    const text = (await company.github.repository(GITOPS_REPOSITORY).read(RELEASE_FILE)) ?? '';
    const { hold } = parseReleaseState(text, RELEASE_FILE);
    chapter.holds('The verdict of prod-2 is failure there, and both are success here.', {
      found: {
        failed: waited.statuses.find(({ cluster }) => cluster === 'prod-2')?.state,
        back: statuses.map(({ state }) => state),
      },
      expected: { failed: 'failure', back: ['success', 'success'] },
    });
    const undone = { failed: written.commit, commit, image: good.image, hold, statuses };
    return { image, deploys: [staging, { ...written, waited }], undone };
  });

/** Chapter: the next deploy is refused until somebody ends the hold. */
export const endHold = (
  scene: RunningScene,
  clones: Clones,
): Promise<{
  readonly image: BuiltImage;
  readonly deploys: readonly Deployed[];
  readonly refusal: Refusal;
}> =>
  scene.narrator.chapter('The next deploy is told why it must wait', async (chapter) => {
    const { company, timing } = scene;
    const head = () => company.github.repository(GITOPS_REPOSITORY).head();
    chapter.tell('The next merge makes a new image, which all clusters can pull. It goes to staging:');
    await greet(clones.web, 'everybody');
    await merge(scene, clones.web, 'Greet everybody again (#4)');
    const image = await buildImage(scene, chapter, clones.web, 4);
    const staging = await bumpAndWait(scene, clones, chapter, releaseOf(image, 'staging'));
    healthy(chapter, staging);
    chapter.tell(
      'In production it is refused, so that nobody brings the fault back before somebody has looked:',
    );
    const headBefore = await head();
    const outcome = await outcomeOf(() => deploy(company, releaseOf(image, 'production'), timing));
    chapter.show(outcome.text);
    const headAfter = await head();
    chapter.holds('Refused (exit code 1), with the reason; nothing was written.', {
      found: { exitCode: outcome.exitCode, reason: outcome.reason, head: headAfter },
      expected: { exitCode: 1, reason: 'hold', head: headBefore },
    });
    chapter.tell('Aiko has looked: this image is all right. She ends the hold:');
    chapter.command(`kajitori hold web --environment production --end --repository ${GITOPS_REPOSITORY}`);
    const ended = await runHold(
      {
        request: holdRequest(
          {
            apps: 'web',
            environment: 'production',
            reason: undefined,
            until: undefined,
            end: true,
            by: company.developer.login,
            run: undefined,
            pullRequest: undefined,
          },
          new Date(timing.now()),
        ),
        dryRun: false,
      },
      {
        on: { kind: 'github', client: await company.signIn(), target: { repository: GITOPS } },
        deployer: { kind: 'own-right' },
        timing,
        key: randomUUID(),
      },
    );
    chapter.show(shorten(holdText(ended)));
    const production = await bumpAndWait(scene, clones, chapter, releaseOf(image, 'production'));
    healthy(chapter, production);
    bothRun(chapter, await whatRuns(scene), image);
    return {
      image,
      deploys: [staging, production],
      refusal: refusal('on hold', outcome, headBefore, headAfter),
    };
  });

const tagOf = ({ commit }: BuiltImage): string => commit.slice(0, 8);
