import { createHash } from 'node:crypto';
import valid from 'semver/functions/valid.js';
import { cacheTag } from '../aws/repository-plan.ts';
import { couldNot } from '../report/failure.ts';

/** The git ref that a build runs for. */
export interface BuildRef {
  /** `main`, `feature/x`; undefined where no branch runs. */
  readonly branch: string | undefined;
  /** `v1.2.3`; undefined where no tag runs. */
  readonly tag: string | undefined;
}

/** Reads `refs/heads/…` and `refs/tags/…`, as GITHUB_REF has them; anything else (a pull request) is neither. */
export function parseRef(ref: string): BuildRef {
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/s.exec(ref) ?? [];
  return {
    branch: kind === 'heads' ? name : undefined,
    tag: kind === 'tags' ? name : undefined,
  };
}

/** The tags of an image. */
export interface ImageTags {
  /** The full commit. Whoever writes it first in the first registry has built this commit. */
  readonly commit: string;
  /** They never move: a version, what the caller added. */
  readonly fixed: readonly string[];
  /** They follow a branch. */
  readonly moving: readonly string[];
}

/** Longest tag of the OCI distribution specification ("Pulling manifests"). */
const MAX_TAG = 128;
const TAG = /^\w[\w.-]{0,127}$/;

/** Prefixes that mean something to us, so that nobody's own tag may begin with them. */
const OURS = /^(?:branch|cache|content|live)-|^release\./;

/**
 * The tags of a build but the content key's.
 *
 * @throws Failure (exit 2): `bad-tag`
 */
export function imageTags(of: {
  readonly commit: string;
  readonly ref: BuildRef;
  readonly added: readonly string[];
}): ImageTags {
  const wrong = of.added.find((tag) => !TAG.test(tag) || OURS.test(tag));
  if (wrong !== undefined) {
    throw couldNot(`${JSON.stringify(wrong.slice(0, 140))} cannot be a tag.`, {
      todo: 'A tag has letters, digits, ".", "_" and "-", at most 128, and does not begin with branch-, cache-, content-, live- or release.',
      reason: 'bad-tag',
    });
  }
  // Without what follows a `+`, which a tag cannot hold.
  const version = of.ref.tag === undefined ? null : valid(of.ref.tag);
  const semver = version === null || version.length > MAX_TAG ? [] : [version];
  return {
    commit: of.commit,
    fixed: [...new Set([...semver, ...of.added])].filter((tag) => tag !== of.commit),
    moving: of.ref.branch === undefined ? [] : [branchTag(of.ref.branch)],
  };
}

/** The tag that follows a branch: `branch-main`. */
export const branchTag = (branch: string): string => `branch-${safeName(branch)}`;

/** Room for `branch-` in front. */
const MAX_NAME = MAX_TAG - 'branch-'.length;

/**
 * A branch's name for a tag. What a tag cannot hold becomes `-`, and a digest of the name follows then, so that `a/b` and
 * `a-b` stay two.
 */
function safeName(branch: string): string {
  const safe = branch.replaceAll(/[^\w.-]/g, '-');
  if (safe === branch && safe.length <= MAX_NAME) return safe;
  const digest = createHash('sha256').update(branch).digest('hex').slice(0, 8);
  return `${safe.slice(0, MAX_NAME - digest.length - 1)}-${digest}`;
}

/** Where layers are read from and written to. */
export interface CacheTags {
  /** The branch's own first, then the default branch's. */
  readonly read: readonly string[];
  readonly write: string | undefined;
}

/**
 * The cache of a run. Who can write the cache can put layers into images of whoever reads it: only runs of a branch that
 * somebody with write access pushed may. A pull request reads what its base has and writes nothing.
 *
 * @param event GITHUB_EVENT_NAME; undefined on a laptop, which writes nothing
 */
export function cacheTags(of: {
  readonly event: string | undefined;
  readonly branch: string | undefined;
  readonly baseBranch: string | undefined;
  readonly defaultBranch: string;
}): CacheTags {
  const branches = [of.branch, of.baseBranch, of.defaultBranch].filter((name) => name !== undefined);
  const trusted = ['push', 'schedule', 'workflow_dispatch', 'release'].includes(of.event ?? '');
  return {
    read: [...new Set(branches.map((branch) => cacheTag(safeName(branch))))],
    write: trusted && of.branch !== undefined ? cacheTag(safeName(of.branch)) : undefined,
  };
}
