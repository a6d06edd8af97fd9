import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { commitInput, commitMutation, startFixture } from './fixture.ts';
import { GitError, git } from './git-process.ts';

/** A folder with `git clone` of the repository in `clone`, by a person with a token. */
async function cloned(url: string, token: string, ...options: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'standin-clone-'));
  const remote = `${url.replace('://', `://x-access-token:${token}@`)}/acme/gitops.git`;
  await git(folder, ['clone', '--quiet', ...options, remote, 'clone']);
  const clone = join(folder, 'clone');
  const run = async (...args: readonly string[]): Promise<string> =>
    (await git(clone, ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', ...args])).out.trim();
  return {
    clone,
    run,
    async change(path: string, text: string): Promise<void> {
      await writeFile(join(clone, path), text);
      await run('add', path);
      await run('commit', '--quiet', '-m', `Change ${path}`);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const saidBy = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return '';
  } catch (error) {
    if (error instanceof GitError) return error.message;
    throw error;
  }
};

test('git clones, commits and pushes, and sees commits that the API made', async () => {
  await using at = await startFixture({ private: true });
  await using work = await cloned(at.github.url, at.app.token('acme'));
  await work.change('README.md', 'Pushed\n');
  await work.run('push', '--quiet');
  expect(await at.repository.read('README.md')).toBe('Pushed\n');
  const made = await at.repository.commit({ a: 'b' });
  await work.run('pull', '--quiet');
  expect(await work.run('rev-parse', 'HEAD')).toBe(made);
  expect(
    at.github.log.some(({ operation, who }) => operation === 'git-receive-pack' && who === 'kajitori[bot]'),
  ).toBe(true);
});

test('a partial, shallow clone has only what it asks for', async () => {
  await using at = await startFixture();
  await using work = await cloned(
    at.github.url,
    at.app.token('acme'),
    '--depth=1',
    '--filter=blob:none',
    '--sparse',
  );
  const missing = await work.run('rev-list', '--objects', '--missing=print', 'HEAD');
  expect(missing.split('\n').filter((line) => line.startsWith('?'))).toHaveLength(1);
});

test('without a token a private repository asks for one; a wrong or weak token may not push', async () => {
  await using at = await startFixture({ private: true });
  const folder = tmpdir();
  expect(await saidBy(git(folder, ['ls-remote', `${at.github.url}/acme/gitops.git`]))).toContain(
    'could not read Username',
  );
  await using work = await cloned(at.github.url, at.app.token('acme', { permissions: { contents: 'read' } }));
  await work.change('a', 'b');
  expect(await saidBy(work.run('push', '--quiet'))).toContain('403');
  expect(await at.repository.commits()).toHaveLength(1);
});

test('a push that breaks a ruleset is refused in GitHub words, by the same rules as the API', async () => {
  await using at = await startFixture({
    rulesets: [{ name: 'main', rules: [{ type: 'pull_request' }, { type: 'non_fast_forward' }] }],
  });
  await using work = await cloned(at.github.url, at.app.token('acme'));
  await work.change('a', 'b');
  const said = await saidBy(work.run('push', '--quiet'));
  expect(said).toContain('GH013: Repository rule violations found for refs/heads/main.');
  expect(said).toContain('- Changes must be made through a pull request.');
  await work.run('push', '--quiet', 'origin', 'HEAD:topic');
  expect(await at.repository.branches()).toEqual(['main', 'topic']);
});

test('a push of a workflow needs the workflows permission', async () => {
  await using at = await startFixture();
  await using work = await cloned(at.github.url, at.app.token('acme'));
  await mkdir(join(work.clone, '.github/workflows'), { recursive: true });
  await work.change('.github/workflows/ci.yml', 'on: push\n');
  expect(await saidBy(work.run('push', '--quiet'))).toContain('without `workflows` permission');
});

test('git itself verifies the signature of a commit that an App made', async (context) => {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, 'ssh-keygen')));
  context.skip(!found, 'git needs ssh-keygen to verify an SSH signature');
  await using at = await startFixture();
  await at.octokit.graphql(commitMutation, commitInput(await at.repository.head(), { a: 'b' }));
  const { out } = await git(at.repository.gitDir, [
    '-c',
    `gpg.ssh.allowedSignersFile=${at.github.allowedSignersFile}`,
    'log',
    '-2',
    '--format=%G? %GS',
    'main',
  ]);
  expect(out).toBe('G noreply@github.com\nN \n');
});
