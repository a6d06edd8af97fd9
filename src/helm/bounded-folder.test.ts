import { mkdir, mkdtempDisposable, readdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Bound, pruneFolder, unfinished } from './bounded-folder.ts';

const NOW = Date.parse('2026-11-21T09:00:00Z');
const HOUR = 60 * 60 * 1000;

/** Entries by path: their bytes, and how many hours ago they were used. One with a `/` at its end is a folder. */
async function folderOf(entries: Readonly<Record<string, readonly [bytes: number, hours: number]>>) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-bounded-'));
  for (const [name, [bytes, hours]] of Object.entries(entries)) {
    const entry = path.join(folder.path, name);
    const file = name.endsWith('/') ? path.join(entry, 'deep/file') : entry;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, '');
    await truncate(file, bytes);
    await utimes(entry, (NOW - hours * HOUR) / 1000, (NOW - hours * HOUR) / 1000);
  }
  return {
    path: folder.path,
    left: async (bound: Partial<Bound>) => {
      await pruneFolder(folder.path, { mostBytes: 100, now: NOW, ...bound });
      const names = await readdir(folder.path, { recursive: true, withFileTypes: true });
      return names
        .filter((each) => !each.isDirectory())
        .map((each) => path.relative(folder.path, path.join(each.parentPath, each.name)))
        .sort();
    },
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

describe('a folder that keeps what was used last', () => {
  it('loses what was not used for longest, and no more than it must', async () => {
    await using folder = await folderOf({ 'a/1': [40, 3], 'a/2': [40, 9], 'b/3': [40, 5], 'b/4': [20, 1] });
    expect(await folder.left({ mostBytes: 140 })).toEqual(['a/1', 'a/2', 'b/3', 'b/4']);
    expect(await folder.left({ mostBytes: 139 })).toEqual(['a/1', 'b/3', 'b/4']);
    expect(await folder.left({ mostBytes: 20 })).toEqual(['b/4']);
  });

  it('loses folders as a whole, with all that is below them', async () => {
    await using folder = await folderOf({ 'a/1/': [60, 3], 'a/2/': [60, 9], 'b/3': [30, 5] });
    expect(await folder.left({ mostBytes: 90 })).toEqual(['a/1/deep/file', 'b/3']);
    expect(await readdir(path.join(folder.path, 'a'))).toEqual(['1']);
  });

  it('keeps what somebody may be reading, however large it is', async () => {
    await using folder = await folderOf({ 'a/1': [400, 0.5], 'a/2/': [400, 0.9], 'a/3': [1, 2] });
    expect(await folder.left({ keepSince: NOW - HOUR })).toEqual(['a/1', 'a/2/deep/file']);
  });

  it('loses what was never finished, a day later', async () => {
    const [young, old] = [unfinished('a/1'), unfinished('a/1')];
    await using folder = await folderOf({
      [young]: [1, 23],
      [old]: [1, 25],
      [`${unfinished('a/2')}/`]: [1, 25],
    });
    expect(await folder.left({})).toEqual([young]);
  });

  it('is not left by a link, and nothing behind one goes', async () => {
    await using outside = await folderOf({ 'a/1': [400, 9] });
    await using folder = await folderOf({ 'a/2': [400, 9] });
    await symlink(path.join(outside.path, 'a'), path.join(folder.path, 'b'));
    await symlink(path.join(outside.path, 'a/1'), path.join(folder.path, 'a/link'));
    expect(await folder.left({ mostBytes: 0, now: Date.now() + HOUR })).toEqual(['b']);
    expect(await outside.left({ mostBytes: 1000 })).toEqual(['a/1']);
  });

  it('is no error where it is none', async () => {
    await using folder = await folderOf({ a: [400, 9], 'b/1': [400, 9] });
    expect(await folder.left({})).toEqual(['a']);
    for (const none of ['a', 'a/b', 'c']) {
      await expect(
        pruneFolder(path.join(folder.path, none), { mostBytes: 0, now: NOW }),
      ).resolves.toBeUndefined();
    }
  });

  it('may be pruned by several at once', async () => {
    const names = Array.from({ length: 50 }, (_, index) => [`a/${index}/`, [10, index + 2]] as const);
    await using folder = await folderOf(Object.fromEntries(names));
    await Promise.all([1, 2, 3].map(() => pruneFolder(folder.path, { mostBytes: 100, now: NOW })));
    const left = await folder.left({});
    expect(left).toEqual(Array.from({ length: left.length }, (_, index) => `a/${index}/deep/file`));
    expect(left.length).toBeLessThanOrEqual(10);
  });
});
