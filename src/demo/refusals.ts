import { bumpText } from '../release/bump-report.ts';
import { Failure, formatFailure } from '../report/failure.ts';
import { GITOPS_REPOSITORY, OTHER_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { deploy, shorten } from './deploy.ts';
import { releaseOf } from './deploy-chapters.ts';
import type { BuiltImage, Scene } from './scene.ts';

/** What a deploy that must not happen ended with, for `--json`. */
export interface Refusal {
  readonly attempt: 'older build' | 'foreign repository';
  readonly exitCode: number;
  readonly reason: string;
  /** The head of the GitOps repository, before and after. */
  readonly headBefore: string;
  readonly headAfter: string;
}

/** Chapter: an older build, and a repository without the right to. */
export const refuse = (
  scene: Scene,
  images: { readonly older: BuiltImage; readonly newer: BuiltImage },
): Promise<readonly Refusal[]> =>
  scene.narrator.chapter('Two deploys that must not happen', async (chapter) => {
    const { company, timing } = scene;
    const head = () => company.github.repository(GITOPS_REPOSITORY).head();
    const headBefore = await head();

    chapter.tell(
      'Somebody starts the workflow of the first merge again. Its image is older than the one that runs:',
    );
    const older = await deploy(company, releaseOf(images.older, 'production'), timing);
    chapter.show(shorten(bumpText(older)));
    const afterOlder = await head();
    chapter.holds(
      'Nothing was written: an older build never replaces a newer one. It is no error either (exit code 0).',
      {
        found: { reason: older.reason, head: afterOlder },
        expected: { reason: 'older', head: headBefore },
      },
    );

    chapter.tell(`A workflow of another repository, ${OTHER_REPOSITORY}, tries to deploy web:`);
    const foreign = await failureOf(async () =>
      deploy(
        company,
        {
          ...releaseOf(images.newer, 'production'),
          source: `${OTHER_REPOSITORY}@${await company.github.repository(OTHER_REPOSITORY).head()}`,
        },
        timing,
      ),
    );
    chapter.show(`Refused: ${shorten(formatFailure(foreign))}`);
    const headAfter = await head();
    chapter.holds(`Refused (exit code 1), nothing was written: app.yaml names only ${WEB_REPOSITORY}.`, {
      found: { exitCode: foreign.exitCode, reason: foreign.reason, head: headAfter },
      expected: { exitCode: 1, reason: 'foreign-source', head: headBefore },
    });
    return [
      { attempt: 'older build', exitCode: 0, reason: older.reason, headBefore, headAfter: afterOlder },
      {
        attempt: 'foreign repository',
        exitCode: foreign.exitCode,
        reason: foreign.reason ?? '',
        headBefore,
        headAfter,
      },
    ];
  });

async function failureOf(attempt: () => Promise<unknown>): Promise<Failure> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof Failure) {
      return error;
    }
    throw error;
  }
  throw new Error('A deploy that must be refused was made.');
}
