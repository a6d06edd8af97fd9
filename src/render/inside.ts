import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { couldNot, type Place } from '../report/failure.ts';

/** What a path in a working copy leads to, links followed. */
export interface Inside {
  /** Absolute, without links. */
  readonly absolute: string;
  readonly kind: 'file' | 'folder' | 'other';
  /** Bytes, of a file. */
  readonly size: number;
}

/**
 * Looks where a path leads. Links within the folder are followed, as Argo CD follows them; what leads out of the folder, or
 * into its .git (where a checkout leaves its token), is refused.
 *
 * @param root an absolute folder
 * @param file relative to it; it may contain `..` as long as it stays inside
 * @returns undefined where there is nothing
 * @throws Failure (exit 2, `outside-repository`)
 */
export async function lookInside(root: string, file: string, at?: Place): Promise<Inside | undefined> {
  const wanted = path.resolve(root, file);
  if (isOutside(root, wanted)) {
    throw outside(file, at);
  }
  // Synchronous: a fleet asks for ten thousands of small answers, and a way through the thread pool costs more than each.
  let absolute: string;
  try {
    absolute = realpathSync.native(wanted);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
      // Nor is anybody told what there is outside.
      if (wanted !== path.resolve(root)) {
        await lookInside(root, path.dirname(path.relative(root, wanted)), at ?? { file });
      }
      return undefined;
    }
    if (isErrno(error, 'ELOOP', 'ENAMETOOLONG', 'EACCES')) {
      throw couldNot(`${file} cannot be read (${error.code}).`, {
        at: at ?? { file },
        todo: 'Look where its links lead.',
        reason: 'bad-path',
      });
    }
    throw error;
  }
  if (isOutside(realRootOf(root), absolute)) {
    throw outside(file, at);
  }
  const status = statSync(absolute);
  return {
    absolute,
    kind: status.isFile() ? 'file' : status.isDirectory() ? 'folder' : 'other',
    size: status.size,
  };
}

/** Where a root really is does not change while it is read. */
const realRoots = new Map<string, string>();

function realRootOf(root: string): string {
  const known = realRoots.get(root) ?? realpathSync.native(root);
  realRoots.set(root, known);
  return known;
}

/** Whether an absolute path is neither the root nor below it, or is git's own. */
export function isOutside(root: string, absolute: string): boolean {
  const relative = path.relative(root, absolute);
  const names = relative.split(path.sep);
  return (
    path.isAbsolute(relative) || names[0] === '..' || names.some((name) => name.toLowerCase() === '.git')
  );
}

export const isErrno = (error: unknown, ...codes: string[]): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

const outside = (file: string, at: Place | undefined) =>
  couldNot(`${file} leads out of the repository.`, {
    at: at ?? { file },
    todo: 'Put the file itself into the repository. Argo CD refuses links that lead out of it.',
    reason: 'outside-repository',
  });
