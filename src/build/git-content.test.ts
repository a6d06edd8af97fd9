import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BuildPaths, readGitContent } from './git-content.ts';

let root: string;
const at = (name: string): string => path.join(root, name);

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  }
}

async function git(...args: readonly string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.com',
    '-c',
    'commit.gpgsign=false',
  ];
  const { stdout } = await execa('git', [...identity, ...args], { cwd: root, stdin: 'ignore' });
  return stdout;
}

async function commit(message: string): Promise<void> {
  await git('add', '--all');
  await git('commit', '--quiet', '--message', message);
}

const PATHS = (): BuildPaths => ({ context: at('app'), dockerfile: at('app/Dockerfile'), contexts: {} });

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'kajitori-content-'));
  await git('init', '--quiet', '--initial-branch', 'main');
  write({
    '.gitignore': 'node_modules\n*.log\n',
    'README.md': 'docs\n',
    'app/Dockerfile': 'FROM scratch\nCOPY . /\n',
    'app/main.rb': 'puts 1\n',
    'shared/lib.rb': 'X = 1\n',
  });
  await commit('first');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('what git knows of a build', () => {
  test("is the context's tree and the Dockerfile's blob; what lies outside does not change them", async () => {
    const before = await readGitContent(PATHS());
    expect(before).toEqual({
      context: await git('rev-parse', 'HEAD:app'),
      dockerfile: await git('rev-parse', 'HEAD:app/Dockerfile'),
      contexts: {},
      dirty: [],
    });
    write({ 'README.md': 'other docs\n' });
    expect(await readGitContent(PATHS())).toEqual(before);
    await commit('docs');
    expect(await readGitContent(PATHS())).toEqual(before);
    write({ 'app/main.rb': 'puts 2\n' });
    await commit('code');
    expect((await readGitContent(PATHS()))?.context).not.toBe(before?.context);
  });

  test('may be the whole repository, a Dockerfile elsewhere with its ignore file, and further contexts', async () => {
    write({ 'docker/Dockerfile': 'FROM scratch\n', 'docker/Dockerfile.dockerignore': 'tmp\n' });
    await commit('docker');
    const paths = { context: root, dockerfile: at('docker/Dockerfile'), contexts: { shared: at('shared') } };
    expect(await readGitContent(paths)).toEqual({
      context: await git('rev-parse', 'HEAD^{tree}'),
      dockerfile: await git('rev-parse', 'HEAD:docker/Dockerfile'),
      dockerignore: await git('rev-parse', 'HEAD:docker/Dockerfile.dockerignore'),
      contexts: { shared: await git('rev-parse', 'HEAD:shared') },
      dirty: [],
    });
  });

  test('is nothing where there is no git, and no commit', async () => {
    rmSync(at('.git'), { recursive: true });
    expect(await readGitContent(PATHS())).toBeUndefined();
    await git('init', '--quiet');
    expect(await readGitContent(PATHS())).toBeUndefined();
  });

  test('is asked for a Dockerfile that is missing, and a context that links out of the repository', async () => {
    await expect(readGitContent({ ...PATHS(), dockerfile: at('none') })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'no-dockerfile',
    });
    await expect(readGitContent({ ...PATHS(), contexts: { out: path.dirname(root) } })).rejects.toMatchObject(
      { exitCode: 2, reason: 'bad-context' },
    );
  });
});

describe('a build sees something else than git, and its key is not published, when in its context', () => {
  const dirtyOf = async (paths = PATHS()) => (await readGitContent(paths))?.dirty;

  test('a file was changed', async () => {
    appendFileSync(at('app/main.rb'), '# hand\n');
    expect(await dirtyOf()).toEqual(['app/main.rb: changed']);
    await git('add', '--all');
    expect(await dirtyOf()).toEqual(['app/main.rb: changed']);
  });

  test('a file was deleted', async () => {
    rmSync(at('app/main.rb'));
    expect(await dirtyOf()).toEqual(['app/main.rb: changed']);
  });

  test('a file was not added, whatever its name', async () => {
    write({ 'app/new\n"file" ü.rb': '' });
    expect(await dirtyOf()).toEqual(['app/new\n"file" ü.rb: not added']);
  });

  test('there are files that git ignores and .dockerignore does not', async () => {
    write({ 'app/debug.log': 'x', 'app/node_modules/a/index.js': 'x' });
    expect(await dirtyOf()).toEqual([
      'app/debug.log: ignored by git, but not by Docker',
      'app/node_modules/a/index.js: ignored by git, but not by Docker',
    ]);
    write({ 'app/.dockerignore': '*.log\nnode_modules\n' });
    await commit('ignore');
    expect(await dirtyOf()).toEqual([]);
    write({ 'app/.dockerignore': '*.log\nnode_modules/**\n' });
    await commit('ignore what is in it');
    expect(await dirtyOf()).toEqual([]);
    write({ 'app/.dockerignore': '*.log\nnode_modules\n!node_modules/a/*.js\n' });
    await commit('but not all of it');
    expect(await dirtyOf()).toEqual(['app/node_modules/a/index.js: ignored by git, but not by Docker']);
  });

  test('the Dockerfile outside of it was changed, or was never committed', async () => {
    write({ 'docker/Dockerfile': 'FROM scratch\n' });
    const paths = { ...PATHS(), dockerfile: at('docker/Dockerfile') };
    expect(await dirtyOf(paths)).toEqual(['docker/Dockerfile: not added']);
  });

  test('a further context was changed', async () => {
    appendFileSync(at('shared/lib.rb'), 'Y = 2\n');
    expect(await dirtyOf()).toEqual([]);
    expect(await dirtyOf({ ...PATHS(), contexts: { shared: at('shared') } })).toEqual([
      'shared/lib.rb: changed',
    ]);
  });

  test('git was told not to look at a file', async () => {
    await git('update-index', '--assume-unchanged', 'app/main.rb');
    write({ 'app/main.rb': 'puts 3\n' });
    expect(await dirtyOf()).toEqual(['app/main.rb: git was told not to look at it']);
  });

  test('a sparse checkout left files out', async () => {
    write({ 'app/sub/x.rb': '' });
    await commit('sub');
    await git('sparse-checkout', 'set', '--no-cone', '/*', '!/app/sub/');
    expect(await dirtyOf()).toEqual(['app/sub/x.rb: git was told not to look at it']);
  });

  test('a submodule is part of it', async () => {
    const head = await git('rev-parse', 'HEAD');
    await git('update-index', '--add', '--cacheinfo', `160000,${head},app/vendor`);
    await git('commit', '--quiet', '--message', 'submodule');
    mkdirSync(at('app/vendor'));
    expect(await dirtyOf()).toEqual(['app/vendor: a submodule']);
  });

  test('a pattern-like path is only a path', async () => {
    write({ 'a*b/Dockerfile': 'FROM scratch\n', 'axb/b': '' });
    await commit('patterns');
    write({ 'axb/b': 'changed' });
    const paths = { context: at('a*b'), dockerfile: at('a*b/Dockerfile'), contexts: {} };
    expect(await dirtyOf(paths)).toEqual([]);
  });

  test('the context is reached by a link', async () => {
    symlinkSync(at('app'), at('link'));
    const linked = { ...PATHS(), context: at('link') };
    expect((await readGitContent(linked))?.context).toBe(await git('rev-parse', 'HEAD:app'));
  });
});
