import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { gitFiles } from './git-files.ts';

/** A clone whose folder `gitops` has these files, at one commit. */
async function clone(files: Readonly<Record<string, string>>) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'kajitori-git-files-'));
  const git = async (...parameters: readonly string[]) =>
    (
      await execa('git', [
        '-C',
        folder.path,
        '-c',
        'user.name=a',
        '-c',
        'user.email=a@example.com',
        ...parameters,
      ])
    ).stdout;
  await git('init', '-q');
  await mkdir(join(folder.path, 'gitops/apps'), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder.path, 'gitops', file), text);
  await git('add', '.');
  await git('commit', '-q', '-m', 'files');
  let runs = 0;
  const read = gitFiles(async (input) => {
    runs += 1;
    const { stdout } = await execa('git', ['-C', join(folder.path, 'gitops'), 'cat-file', '--batch'], {
      input,
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    return stdout;
  });
  const commit = await git('rev-parse', 'HEAD');
  return { read, commit, runs: () => runs, [Symbol.asyncDispose]: () => folder.remove() };
}

test('each file as it is, byte by byte, whatever stands between: what is not there, a folder, an empty file', async () => {
  const odd = 'a: 舵取り\r\n\nblob 3\n';
  await using at = await clone({ 'apps/web.yaml': odd, 'a name: with signs': 'b', empty: '' });
  const files = ['apps/web.yaml', 'none.yaml', 'apps', 'empty', 'a name: with signs', 'apps/web.yaml'];
  expect(await Promise.all(files.map((file) => at.read(at.commit, file)))).toEqual([
    odd,
    undefined,
    undefined,
    '',
    'b',
    odd,
  ]);
  expect(await at.read('c0ffee00'.repeat(5), 'empty')).toBeUndefined();
});

test('a thousand that are asked for together take ten processes, not a thousand', async () => {
  await using at = await clone({ 'apps/web.yaml': 'a' });
  const asked = Array.from({ length: 1000 }, () => at.read(at.commit, 'apps/web.yaml'));
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['a']));
  expect(at.runs()).toBe(10);
});

test('what git cannot read, everybody hears who asked', async () => {
  const read = gitFiles(() => Promise.reject(new Error('no git')));
  const asked = await Promise.allSettled([read('HEAD', 'a'), read('HEAD', 'b')]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
