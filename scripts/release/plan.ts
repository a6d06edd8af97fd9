import semver from 'semver';
import { couldNot } from '../../src/report/failure.ts';

/** What releasing one version means for tags and for npm. */
export interface ReleasePlan {
  readonly version: string;
  /** `v1.4.2`: never moves once it is there. */
  readonly tag: string;
  /** `v1`, by which users name the suite. */
  readonly majorTag: string;
  /** A fix of an older minor does not take users of the major tag back, and a pre-release is only for who asks for it. */
  readonly movesMajor: boolean;
  /** Is it what a newcomer should get? */
  readonly isLatest: boolean;
  /** The dist-tag on npm. It must not look like a version, so an older major has `release-1`, not `v1`. */
  readonly npmTag: string;
}

/** Decides from the version and the tags that exist (`v1.4.1`, `v1`, anything else is ignored). Failure: not a version. */
export function planRelease(version: string, tags: readonly string[]): ReleasePlan {
  const parsed = semver.parse(version);
  if (parsed === null || parsed.version !== version) {
    throw couldNot(`${JSON.stringify(version)} is not a version`, {
      todo: 'write it like 1.4.2 or 2.0.0-rc.1, without a v before it and without build metadata',
    });
  }
  const isPreRelease = parsed.prerelease.length > 0;
  const released = tags
    .map((tag) => semver.parse(/^v(\d.*)$/.exec(tag)?.[1]))
    .filter((other) => other !== null && other.prerelease.length === 0);
  const isNewestOf = (others: typeof released): boolean =>
    !isPreRelease && others.every((other) => other !== null && semver.lte(other, parsed));
  const movesMajor = isNewestOf(released.filter((other) => other?.major === parsed.major));
  const isLatest = isNewestOf(released);
  const npmTag = isPreRelease ? 'next' : isLatest ? 'latest' : `release-${parsed.major}`;
  return { version, tag: `v${version}`, majorTag: `v${parsed.major}`, movesMajor, isLatest, npmTag };
}
