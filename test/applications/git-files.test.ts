import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadPattern, gitPathspec } from '../../src/applications/glob.ts';

/** Argo CD asks `git ls-files` which files a git file generator means; so does this test. */

const FILES = [
  'a.yaml',
  'ab',
  'b/a.yaml',
  'b/ab/c.json',
  'b/b/a.yaml',
  'a/b.yaml',
  'a/.b/c',
  'a*b',
  'a[b]/c',
  'c-d/é.yaml',
];

const patterns = fc.oneof(
  fc.constantFrom(
    '.',
    './',
    'b',
    'b/',
    './b//a.yaml',
    'b/ab/',
    'a\\*b',
    'a[[]b]/c',
    'b/**/a.yaml',
    '**/a.yaml',
    '*',
  ),
  fc
    .array(
      fc.constantFrom('a', 'b', 'c', '*', '**', '?', '/', '.', '.yaml', '[ab]', '[!a]', '[a-c]', '\\', 'é'),
      { minLength: 1, maxLength: 7 },
    )
    .map((parts) => parts.join('')),
);

test('a git file generator means the files that git means', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-git-files-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const git = (...args: string[]) =>
    execa('git', ['-c', 'core.quotePath=false', ...args], { cwd: folder, reject: false });
  await git('init', '--quiet');
  for (const file of FILES) {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), '');
  }
  await git('add', '.');
  let compared = 0;
  for (const pattern of new Set(fc.sample(patterns, { numRuns: 400, seed: 3 }))) {
    const { stdout, exitCode } = await git('ls-files', '--full-name', '-z', '--', pattern);
    let ours: string[];
    try {
      ours = FILES.filter(gitPathspec(pattern));
    } catch (error) {
      // What we do not read is reported, whatever git makes of it.
      if (error instanceof BadPattern) continue;
      throw error;
    }
    if (exitCode !== 0) continue;
    compared += 1;
    expect([pattern, ours.toSorted(byText)]).toEqual([
      pattern,
      stdout.split('\0').filter(Boolean).toSorted(byText),
    ]);
  }
  expect(compared).toBeGreaterThan(150);
});

const byText = (a: string, b: string): number => (a < b ? -1 : 1);
