import { mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { globPaths } from './path-glob.ts';

async function glob(pattern: string, links: Readonly<Record<string, string>> = {}) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-glob-'));
  const files = [
    'b.yaml',
    '.hidden.yaml',
    'a/y.yaml',
    'a/b/z.yaml',
    'c/1.yaml',
    'c/10.yaml',
    'c/[q].yaml',
    '.git/x.yaml',
  ];
  for (const file of files) {
    await mkdir(path.dirname(path.join(folder.path, file)), { recursive: true });
    await writeFile(path.join(folder.path, file), '');
  }
  for (const [link, target] of Object.entries(links)) {
    await symlink(target, path.join(folder.path, link));
  }
  return await globPaths(folder.path, pattern);
}

describe('patterns of values files', () => {
  // The answers of doublestar 4 itself, and its order: what is in a folder stands before what is deeper.
  it.each([
    ['*.yaml', ['.hidden.yaml', 'b.yaml']],
    [
      '**/*.yaml',
      ['.hidden.yaml', 'b.yaml', 'a/y.yaml', 'a/b/z.yaml', 'c/1.yaml', 'c/10.yaml', 'c/[q].yaml'],
    ],
    ['a/**/z.yaml', ['a/b/z.yaml']],
    ['a/**/**/*.yaml', ['a/y.yaml', 'a/b/z.yaml']],
    ['a/**', ['a', 'a/b', 'a/b/z.yaml', 'a/y.yaml']],
    ['?/?.yaml', ['a/y.yaml', 'c/1.yaml']],
    ['c/1*', ['c/1.yaml', 'c/10.yaml']],
    ['{c,a}/?.yaml', ['a/y.yaml', 'c/1.yaml']],
    ['c/{10,1}.yam?', ['c/1.yaml', 'c/10.yaml']],
    ['{c/1,a/y}.yam?', ['a/y.yaml', 'c/1.yaml']],
    [String.raw`\*\*/*`, []],
    ['{a/{b/z,y},b}.yam?', ['a/b/z.yaml', 'a/y.yaml', 'b.yaml']],
    ['[^b]/[x-z].yaml', ['a/y.yaml']],
    ['[!b]/[0-9x].yaml', ['c/1.yaml']],
    [String.raw`c/\[q\].yam?`, ['c/[q].yaml']],
    ['none/*', []],
  ])('%s', async (pattern, found) => {
    expect(await glob(pattern)).toEqual(found);
  });

  it('follows links that stay inside, in circles too', async () => {
    expect(await glob('linked/*.yaml', { linked: 'a' })).toEqual(['linked/y.yaml']);
    expect((await glob('a/**/y.yaml', { 'a/again': '.' })).slice(0, 2)).toEqual([
      'a/y.yaml',
      'a/again/y.yaml',
    ]);
  });

  it.each([
    ['[a', 'bad-pattern'],
    ['{a,b}'.repeat(12).concat('*'), 'bad-pattern'],
    ['out/*.yaml', 'outside-repository'],
  ])('refuses %s', async (pattern, reason) => {
    await expect(glob(pattern, { out: '/tmp' })).rejects.toMatchObject({ exitCode: 2, reason });
  });

  it('is quick, whatever people write', async () => {
    expect(await glob(`${'*a'.repeat(100)}b`)).toEqual([]);
    expect(await glob(`${'**/'.repeat(25)}none`)).toEqual([]);
  });
});
