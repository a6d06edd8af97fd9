import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';
import { RENDERED_MARK as MARK } from '../repository/unseen.ts';

/**
 * Refuses a folder that has something in it which we did not write; one that is missing, empty or ours is fine.
 *
 * @throws Failure (exit 2) `foreign-folder`
 */
export async function checkRenderedFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return [];
    }
    throw couldNot(`${folder} cannot be written: it is no folder, or is not ours.`, {
      todo: 'Name another folder.',
      reason: 'foreign-folder',
      cause: error,
    });
  });
  if (names.length > 0 && !names.includes(MARK)) {
    throw couldNot(`${folder} has files in it that \`kajitori render\` did not write.`, {
      todo: 'Name an empty folder, or one that it wrote before.',
      reason: 'foreign-folder',
    });
  }
}

/**
 * Makes a folder hold these files and nothing else. It is written beside and then put into its place, so that it is never
 * there by half.
 *
 * @param files by path relative to the folder
 * @throws Failure (exit 2) as `checkRenderedFolder`
 */
export async function writeRenderedFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await checkRenderedFolder(folder);
  const target = path.resolve(folder);
  const beside = (name: string): string => `${target}.${name}-${randomUUID()}`;
  const [written, before] = [beside('new'), beside('old')];
  try {
    await mkdir(written, { recursive: true });
    await writeFile(
      path.join(written, MARK),
      'Written by `kajitori render`, which may replace this folder.\n',
    );
    for (const [file, text] of files) {
      await mkdir(path.dirname(path.join(written, file)), { recursive: true });
      await writeFile(path.join(written, file), text);
    }
    await rename(target, before).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
        throw error;
      }
    });
    await rename(written, target);
  } finally {
    await rm(written, { recursive: true, force: true });
    await rm(before, { recursive: true, force: true });
  }
}
