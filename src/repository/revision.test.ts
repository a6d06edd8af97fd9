import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openChange } from './revision.ts';
import { openWorkingCopy } from './working-copy.ts';

let folder: string;
let clone: string;
const git = (...args: readonly string[]) =>
  execa('git', ['-C', clone, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args]);
const open = async (root: string, revision: string) =>
  openChange(root, revision, await openWorkingCopy(root));
const changedSince = async (root: string, revision: string) => (await open(root, revision)).changed;
const write = (file: string, text: string) => writeFile(join(clone, file), text);
const commit = async (message: string) => {
  await git('add', '-A');
  await git('commit', '-qm', message);
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kajitori-revision-'));
  clone = join(folder, 'clone');
  await execa('git', ['init', '-q', '-b', 'main', clone]);
  await write('stays.yaml', 'a: 1\n');
  await write('moves.yaml', 'b: 1\n');
  await write('hidden.yaml', 'c: 1\n');
  await write('.gitattributes', 'hidden.yaml export-ignore\n');
  await symlink('/etc/hostname', join(clone, 'link'));
  await commit('first');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('what a branch changes', () => {
  test('is counted from where it left the base, not from where the base is now', async () => {
    await git('switch', '-qc', 'work');
    await git('mv', 'moves.yaml', 'moved.yaml');
    await commit('work');
    await git('switch', '-q', 'main');
    await write('stays.yaml', 'a: 2\n');
    await commit('later');
    await git('switch', '-q', 'work');
    const { paths, dirty } = await changedSince(clone, 'main');
    expect(paths).toEqual(['moved.yaml', 'moves.yaml']);
    expect(dirty).toBe(false);
  });

  test('holds what nobody committed, and names that git would quote', async () => {
    await write('stays.yaml', 'a: 3\n');
    await write('neu "ü"\n.yaml', '');
    const { paths, dirty } = await changedSince(clone, 'HEAD');
    expect(paths).toEqual(['neu "ü"\n.yaml', 'stays.yaml']);
    expect(dirty).toBe(true);
  });

  test('cannot be found out without the base: exit 2, and what to do', async () => {
    await expect(changedSince(clone, 'nowhere')).rejects.toMatchObject({
      reason: 'unknown-revision',
      exitCode: 2,
    });
    await expect(changedSince(clone, '--output=/tmp/x')).rejects.toMatchObject({
      reason: 'unknown-revision',
    });
    await expect(changedSince(folder, 'HEAD')).rejects.toMatchObject({ reason: 'no-repository' });
    await mkdir(join(clone, 'inside'));
    await expect(changedSince(join(clone, 'inside'), 'HEAD')).rejects.toMatchObject({
      reason: 'not-the-top',
    });
    await git('checkout', '-q', '--orphan', 'other');
    await commit('unrelated');
    await expect(changedSince(clone, 'main')).rejects.toMatchObject({ reason: 'no-merge-base' });
  });
});

describe('the base', () => {
  test('is read without a checkout: what changed from git, the rest from the working copy', async () => {
    await write('stays.yaml', 'a: changed\n');
    await rm(join(clone, 'hidden.yaml'));
    await write('new.yaml', 'd: 1\n');
    const { tree } = (await open(clone, 'HEAD')).before;
    expect(await tree.list('')).toEqual([
      { name: '.gitattributes', kind: 'file' },
      { name: 'hidden.yaml', kind: 'file' },
      { name: 'link', kind: 'symlink' },
      { name: 'moves.yaml', kind: 'file' },
      { name: 'stays.yaml', kind: 'file' },
    ]);
    expect(await tree.read('stays.yaml')).toBe('a: 1\n');
    expect(await tree.read('hidden.yaml')).toBe('c: 1\n');
    expect(await tree.read('moves.yaml')).toBe('b: 1\n');
    expect(await tree.read('new.yaml')).toBeUndefined();
    await expect(tree.read('link')).rejects.toMatchObject({ reason: 'not-a-file' });
    await expect(tree.read('../x')).rejects.toMatchObject({ reason: 'bad-path' });
  });

  test('is written beside the working copy: what is asked for, links as links, nothing else touched', async () => {
    await write('stays.yaml', 'a: changed\n');
    const before = (await git('status', '--porcelain')).stdout;
    const target = join(folder, 'base');
    const revision = (await open(clone, 'HEAD')).before;
    await revision.write(['hidden.yaml', 'link'], target);
    await revision.write(['stays.yaml', 'hidden.yaml', 'nowhere.yaml'], target);
    expect((await readdir(target)).sort()).toEqual(['hidden.yaml', 'link', 'stays.yaml']);
    expect(await readFile(join(target, 'hidden.yaml'), 'utf8')).toBe('c: 1\n');
    expect(await readFile(join(target, 'stays.yaml'), 'utf8')).toBe('a: 1\n');
    expect(await readlink(join(target, 'link'))).toBe('/etc/hostname');
    expect((await git('status', '--porcelain')).stdout).toBe(before);
    expect((await readdir(folder)).sort()).toEqual(['base', 'clone']);
    // Taking it away leaves the working copy as it was.
    await rm(target, { recursive: true });
    expect(await readFile(join(clone, 'hidden.yaml'), 'utf8')).toBe('c: 1\n');
  });

  test('is as git checks it out, also where the working copy has a file no more, or with other line ends', async () => {
    await write('.gitattributes', 'crlf.txt text eol=crlf\n');
    await write('crlf.txt', 'a\nb\n');
    await write('script', '#!/bin/sh\n');
    await chmod(join(clone, 'script'), 0o755);
    await commit('line ends');
    await write('crlf.txt', 'changed\n');
    await write('script', '#!/bin/sh\n# changed\n');
    // Told not to look at it, git does not see that it is gone, as in a sparse checkout.
    await git('update-index', '--skip-worktree', 'moves.yaml');
    await rm(join(clone, 'moves.yaml'));
    const target = join(folder, 'base');
    await (await open(clone, 'HEAD')).before.write(['crlf.txt', 'script', 'moves.yaml'], target);
    expect(await readFile(join(target, 'crlf.txt'), 'utf8')).toBe('a\r\nb\r\n');
    expect((await stat(join(target, 'script'))).mode & 0o111).not.toBe(0);
    expect(await readFile(join(target, 'moves.yaml'), 'utf8')).toBe('b: 1\n');
  });
});
