import { createHash } from 'node:crypto';

/** Everything that decides what a build makes. */
export interface BuildContent {
  /** Git's tree of the context. */
  readonly context: string;
  /** Git's blob of the Dockerfile, and of the ignore file that stands beside it (`Dockerfile.dockerignore`). */
  readonly dockerfile: string;
  readonly dockerignore?: string;
  /** Further build contexts by name: git's tree, or the digest of an image. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Build arguments with their values; secrets are none of them. */
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
  /** `linux/amd64`. */
  readonly platforms: readonly string[];
  /** The digest of each image that the Dockerfile begins with or copies from, by its reference. */
  readonly bases: Readonly<Record<string, string>>;
}

/** Another number, another key: to be raised when builds change what they make of the same content. */
const VERSION = 1;

const sorted = (record: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * The content key: two builds with the same key make the same image, so that the second need not run.
 *
 * The order of arguments, contexts and platforms does not matter; what a thing is called does.
 *
 * @returns 64 hex digits
 */
export function contentKey(content: BuildContent): string {
  const { context, dockerfile, dockerignore, contexts, args, target, platforms, bases } = content;
  const text = JSON.stringify([
    'kajitori content key',
    VERSION,
    context,
    dockerfile,
    dockerignore ?? null,
    sorted(contexts),
    sorted(args),
    target ?? null,
    [...new Set(platforms)].sort(),
    sorted(bases),
  ]);
  return createHash('sha256').update(text).digest('hex');
}

/** The tag of a content key in a repository: short enough to read, long enough not to meet another by chance (128 bits). */
export const contentTag = (key: string): string => `content-${key.slice(0, 32)}`;
