import type { BumpOutputs } from '../release/bump.ts';
import { bumpText } from '../release/bump-report.ts';
import { Failure, formatFailure } from '../report/failure.ts';
import { GITOPS_REPOSITORY, OTHER_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import { deploy, shorten } from './deploy.ts';
import { releaseOf } from './deploy-chapters.ts';
import type { BuiltImage, Scene } from './scene.ts';

/** What a deploy that must not happen ended with, for `--json`. */
export interface Refusal {
  readonly attempt: 'older build' | 'foreign repository' | 'on hold';
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
    const older = await outcomeOf(() => deploy(company, releaseOf(images.older, 'production'), timing));
    chapter.show(older.text);
    const afterOlder = await head();
    chapter.holds(
      'Nothing was written: an older build never replaces a newer one. It is no error either (exit code 0).',
      {
        found: { exitCode: older.exitCode, reason: older.reason, head: afterOlder },
        expected: { exitCode: 0, reason: 'older', head: headBefore },
      },
    );

    chapter.tell(`A workflow of another repository, ${OTHER_REPOSITORY}, tries to deploy web:`);
    const otherCommit = await company.github.repository(OTHER_REPOSITORY).head();
    const foreign = await outcomeOf(() =>
      deploy(
        company,
        { ...releaseOf(images.newer, 'production'), source: `${OTHER_REPOSITORY}@${otherCommit}` },
        timing,
      ),
    );
    chapter.show(foreign.text);
    const afterForeign = await head();
    chapter.holds(`Refused (exit code 1), nothing was written: app.yaml names only ${WEB_REPOSITORY}.`, {
      found: { exitCode: foreign.exitCode, reason: foreign.reason, head: afterForeign },
      expected: { exitCode: 1, reason: 'foreign-source', head: headBefore },
    });
    return [
      refusal('older build', older, headBefore, afterOlder),
      refusal('foreign repository', foreign, headBefore, afterForeign),
    ];
  });

export const refusal = (
  attempt: Refusal['attempt'],
  { exitCode, reason }: Outcome,
  headBefore: string,
  headAfter: string,
): Refusal => ({ attempt, exitCode, reason, headBefore, headAfter });

export interface Outcome {
  readonly exitCode: number;
  readonly reason: string;
  /** As somebody would see it in the log of the workflow. */
  readonly text: string;
}

/** How a deploy ended that is to be refused. */
export async function outcomeOf(attempt: () => Promise<BumpOutputs>): Promise<Outcome> {
  try {
    const outputs = await attempt();
    return { exitCode: 0, reason: outputs.reason, text: shorten(bumpText(outputs)) };
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error;
    }
    const { exitCode, reason = '' } = error;
    return { exitCode, reason, text: `Refused: ${shorten(formatFailure(error))}` };
  }
}
