import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';
import { decodeText, MAX_FILE_BYTES, notAFile, repositoryPath, tooLarge } from './path.ts';
import type { FileEdits, Tree, TreeEntry } from './tree.ts';

/** A folder on this machine, which can also be written. */
export interface WorkingCopy extends Tree {
  /** The folder, absolute. */
  readonly root: string;
  /**
   * Writes all edits or none: every new text is first written beside its place, then all are renamed; when a rename
   * fails, what was there before is put back.
   */
  write(edits: FileEdits): Promise<void>;
}

/** Opens a folder as a tree. It need not be a git repository. */
export async function openWorkingCopy(folder: string): Promise<WorkingCopy> {
  const root = path.resolve(folder);
  const status = await lstatOrUndefined(root);
  if (status !== undefined && !status.isDirectory() && !status.isSymbolicLink()) {
    throw couldNot(`${folder} is not a folder.`, { todo: 'Run it in the root of the GitOps repository.' });
  }
  return {
    root,
    name: root,
    commit: undefined,
    read: (file) => readTextFile(root, file),
    list: (directory) => listFolder(root, directory),
    write: (edits) => writeAll(root, edits),
  };
}

async function lstatOrUndefined(file: string) {
  try {
    return await lstat(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}

const isErrno = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** The status of a path, each folder above it checked not to be a link. */
async function statusInside(root: string, file: string) {
  const names = file.split('/');
  for (let depth = 1; depth < names.length; depth++) {
    const parent = names.slice(0, depth).join('/');
    const status = await lstatOrUndefined(path.join(root, parent));
    if (status === undefined) {
      return undefined;
    }
    if (status.isSymbolicLink()) {
      throw notAFile(parent, 'symbolic link');
    }
  }
  return lstatOrUndefined(path.join(root, file));
}

async function readTextFile(root: string, file: string): Promise<string | undefined> {
  const status = await statusInside(root, repositoryPath(file));
  if (status === undefined) {
    return undefined;
  }
  if (!status.isFile()) {
    throw notAFile(file, kindOf(status));
  }
  if (status.size > MAX_FILE_BYTES) {
    throw tooLarge(file, status.size);
  }
  return decodeText(file, await readFile(path.join(root, file)));
}

interface Kinds {
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}
const kindOf = (status: Kinds): 'folder' | 'symlink' | 'file' => {
  if (status.isDirectory()) {
    return 'folder';
  }
  return status.isSymbolicLink() ? 'symlink' : 'file';
};

async function listFolder(root: string, folder: string): Promise<readonly TreeEntry[]> {
  if (folder !== '') {
    const status = await statusInside(root, repositoryPath(folder));
    if (status === undefined) {
      return [];
    }
    if (!status.isDirectory()) {
      throw notAFile(folder, `${kindOf(status)} instead of a folder`);
    }
  }
  try {
    const entries = await readdir(path.join(root, folder), { withFileTypes: true });
    return entries
      .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) {
      return [];
    }
    throw error;
  }
}

/** One file's way: where its new text waits, and where its old one is kept until all is done. */
interface Step {
  readonly target: string;
  readonly staged: string | undefined;
  readonly kept: string | undefined;
}

async function writeAll(root: string, edits: FileEdits): Promise<void> {
  const steps: Step[] = [];
  const madeFolders: string[] = [];
  const done: Step[] = [];
  try {
    for (const [file, text] of edits) {
      const status = await statusInside(root, repositoryPath(file));
      if (status !== undefined && !status.isFile()) {
        throw notAFile(file, kindOf(status));
      }
      const target = path.join(root, file);
      const mark = `.kajitori-${randomUUID()}`;
      const firstMade = await mkdir(path.dirname(target), { recursive: true });
      if (firstMade !== undefined) {
        madeFolders.push(...foldersBetween(firstMade, path.dirname(target)));
      }
      const step = {
        target,
        staged: text === null ? undefined : `${target}${mark}.new`,
        kept: status === undefined ? undefined : `${target}${mark}.old`,
      };
      steps.push(step);
      if (step.staged !== undefined) {
        await writeFile(step.staged, text ?? '', status === undefined ? {} : { mode: status.mode });
      }
    }
    for (const step of steps) {
      done.push(step);
      if (step.kept !== undefined) {
        await rename(step.target, step.kept);
      }
      if (step.staged !== undefined) {
        await rename(step.staged, step.target);
      }
    }
  } catch (error) {
    for (const step of done.reverse()) {
      await putBack(step);
    }
    await removeAll(steps.map(({ staged }) => staged));
    for (const folder of madeFolders.reverse()) {
      await rmdir(folder).catch(() => undefined);
    }
    throw error;
  }
  await removeAll(steps.map(({ kept }) => kept));
}

async function removeAll(files: readonly (string | undefined)[]): Promise<void> {
  await Promise.all(files.filter((file) => file !== undefined).map((file) => rm(file, { force: true })));
}

async function putBack(step: Step): Promise<void> {
  if (step.kept === undefined) {
    await rm(step.target, { force: true });
  } else if ((await lstatOrUndefined(step.kept)) !== undefined) {
    await rename(step.kept, step.target);
  }
}

/** All folders from the first that `mkdir` made down to the last. */
function foldersBetween(first: string, last: string): string[] {
  const folders = [last];
  for (let folder = last; folder !== first && folder !== path.dirname(folder); ) {
    folder = path.dirname(folder);
    folders.unshift(folder);
  }
  return folders;
}
