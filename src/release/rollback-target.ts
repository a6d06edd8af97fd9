import { lastHealthy, type PastRelease, type PastReleases, runsTheSame } from '../history/past-releases.ts';
import { couldNot } from '../report/failure.ts';

/** Which earlier release is meant. */
export type RollbackTarget =
  | { readonly kind: 'last-healthy' | 'previous' }
  /** The commit of the GitOps repository that deployed it: its beginning, at least 7 digits. */
  | { readonly kind: 'commit'; readonly commit: string }
  | { readonly kind: 'build'; readonly build: number };

/** Reads `last-healthy`, `previous`, the number of a build, or a commit. Empty is `last-healthy`. */
export function parseRollbackTarget(text: string | undefined): RollbackTarget {
  const word = text?.trim().toLowerCase() ?? '';
  if (word === '' || word === 'last-healthy') {
    return { kind: 'last-healthy' };
  }
  if (word === 'previous') {
    return { kind: 'previous' };
  }
  // A number is a build; a commit of seven digits without a letter would be taken for one, so builds are shorter.
  if (/^\d{1,6}$/.test(word)) {
    return { kind: 'build', build: Number(word) };
  }
  if (/^[a-f\d]{7,64}$/.test(word)) {
    return { kind: 'commit', commit: word };
  }
  throw couldNot(`${JSON.stringify(word.slice(0, 80))} is no earlier release.`, {
    todo: 'Write last-healthy, previous, the number of a build, or a commit of the GitOps repository (7 digits or more).',
    reason: 'bad-target',
  });
}

/**
 * The earlier release that is meant; the present one when that is a rollback already, and no release is named.
 *
 * @param judged whether verdicts could be read: without them nothing is known to be healthy
 * @throws Failure (exit 2): `no-release`, `ambiguous-target`, `no-healthy-release`
 */
export function chooseRelease(
  past: PastReleases,
  target: RollbackTarget,
  about: { readonly app: string; readonly environment: string; readonly judged: boolean },
): PastRelease {
  const { app, environment, judged } = about;
  const [current, ...earlier] = past.releases;
  if (current === undefined) {
    throw couldNot(`${app} was never deployed to ${environment}.`, {
      todo: 'Check the names of the app and the environment.',
      reason: 'no-release',
    });
  }
  const unnamed = target.kind === 'last-healthy' || target.kind === 'previous';
  if (unnamed && current.action === 'rollback' && current.verdict !== 'failed') {
    // Run twice, it must not go back twice: who wants to go further names the release, or it failed as well.
    return current;
  }
  if (unnamed && earlier.length === 0 && !past.more) {
    throw couldNot(
      `There is no release of ${app} in ${environment} before the one that runs: nothing to go back to.`,
      {
        todo: 'Mend it and deploy again; `kajitori hold` stops other deploys meanwhile. In a shallow clone, fetch the history first (git fetch --unshallow).',
        reason: 'no-release',
      },
    );
  }
  if (target.kind === 'last-healthy') {
    const healthy = lastHealthy(past.releases);
    if (healthy !== undefined) {
      return healthy;
    }
    throw couldNot(
      judged
        ? `None of the ${earlier.length} earlier releases of ${app} in ${environment} that were looked at is known to be healthy in every cluster.`
        : `Which release of ${app} was healthy is not known: verdicts are commit statuses on GitHub, and were not read.`,
      { todo: `Choose one yourself: ${listed(earlier)}`, reason: 'no-healthy-release' },
    );
  }
  const found = matching(past.releases, current, target);
  const [first, ...others] = found;
  if (first === undefined) {
    throw couldNot(`There is no such earlier release of ${app} in ${environment}.`, {
      todo: `Choose one of: ${listed(earlier)}${past.more ? ' Older ones are not listed.' : ''}`,
      reason: 'no-release',
    });
  }
  if (target.kind === 'commit' && others.length > 0) {
    throw couldNot(`More than one release begins with ${target.commit}.`, {
      todo: 'Write more digits of the commit.',
      reason: 'ambiguous-target',
    });
  }
  return first;
}

function matching(
  releases: readonly PastRelease[],
  current: PastRelease,
  target: RollbackTarget,
): readonly PastRelease[] {
  switch (target.kind) {
    case 'commit':
      return releases.filter(({ commit }) => commit.startsWith(target.commit));
    case 'build':
      return releases.filter(({ release }) =>
        [...release.images.values()].some(({ build }) => build?.build === target.build),
      );
    default:
      return releases.filter((past) => !runsTheSame(past, current));
  }
}

const listed = (releases: readonly PastRelease[]): string =>
  releases.length === 0
    ? 'there is none.'
    : `${releases
        .slice(0, 5)
        .map(({ commit, release }) => {
          const build = [...release.images.values()].find((image) => image.build?.build !== undefined)?.build;
          return `${commit.slice(0, 8)}${build === undefined ? '' : ` (build ${build.build})`}`;
        })
        .join(', ')}.`;
