import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export interface Bound {
  /** What all entries may have together. */
  readonly mostBytes: number;
  /** The time in ms since 1970. */
  readonly now: number;
  /** Entries that were used since then (ms since 1970) stay, however large: somebody may be reading them. Default: none. */
  readonly keepSince?: number;
}

/** What whoever wrote it still writes after this, ms, it will never finish. */
const DIED_AFTER = 24 * 60 * 60 * 1000;

/**
 * Where an entry is written before it is moved to its place. In the same folder: a move is atomic only within one file system.
 * `pruneFolder` takes it away if the writer dies.
 */
export const unfinished = (entry: string): string => `${entry}.${randomUUID()}`;

const UNFINISHED = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  /** When it was used last: its own time of change, ms since 1970. Whoever uses it sets that. */
  readonly used: number;
}

/**
 * Removes what was not used for longest, until what is left is small enough; and what was never finished.
 *
 * Entries are what stands in the folder's folders (`ab/cdef`, `archives/x.tgz`): files, or folders that go as a whole. Other
 * processes may use the folder at the same time. What cannot be read or removed is left: that is never an error.
 */
export async function pruneFolder(folder: string, bound: Bound): Promise<void> {
  const { mostBytes, now, keepSince = Number.POSITIVE_INFINITY } = bound;
  const entries = await entriesOf(folder);
  let left = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path: entry, bytes, used } of entries.toSorted((a, b) => a.used - b.used)) {
    const hasDied = UNFINISHED.test(entry) && now - used > DIED_AFTER;
    if (hasDied || (left > mostBytes && used < keepSince)) {
      await remove(entry, used);
      left -= bytes;
    }
  }
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const names = await list(folder);
  const found = await Promise.all(
    names.map(async (name) => {
      const shelf = path.join(folder, name);
      return await Promise.all((await list(shelf)).map((entry) => entryOf(path.join(shelf, entry))));
    }),
  );
  return found.flat().filter((entry) => entry !== undefined);
}

/** Nothing where there is no folder. Links are not followed: `lstat` says that they are none. */
async function list(folder: string): Promise<string[]> {
  const isFolder = await lstat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? await readdir(folder).catch(() => []) : [];
}

async function entryOf(entry: string): Promise<Entry | undefined> {
  try {
    const found = await lstat(entry);
    const bytes = found.isDirectory() ? await bytesBelow(entry) : found.size;
    return { path: entry, bytes, used: found.mtimeMs };
  } catch {
    // Somebody else removed it.
    return undefined;
  }
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await lstat(path.join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** @param used when it was looked at; who used it since then may be reading it */
async function remove(entry: string, used: number): Promise<void> {
  try {
    const found = await lstat(entry);
    if (found.mtimeMs !== used) {
      return;
    }
    if (found.isDirectory() && !UNFINISHED.test(entry)) {
      // It goes all at once: nobody finds half of it.
      const going = unfinished(entry);
      await rename(entry, going);
      await rm(going, { recursive: true, force: true });
    } else {
      await rm(entry, { recursive: true, force: true });
    }
  } catch {
    // Somebody else removed it, or nobody may.
  }
}
