import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planRelease } from './plan.ts';
import { moveMajorTag, pushTag, releaseCommit, remoteTags, writePackage } from './repository.ts';

describe('the plan', () => {
  const tags = ['v1.4.1', 'v1.5.0', 'v1', 'v2.0.0', 'v2', 'v2.1.0-rc.1', 'nightly', 'v3.x'];

  test.each([
    // version, moves the major tag, latest, npm's tag
    ['2.0.1', true, true, 'latest'],
    ['3.0.0', true, true, 'latest'],
    ['1.5.1', true, false, 'release-1'],
    ['1.4.2', false, false, 'release-1'],
    ['2.1.0-rc.2', false, false, 'next'],
    ['2.0.0', true, true, 'latest'], // the same again: a run that was interrupted is finished
  ])('%s: moves the major tag %j, latest %j, npm %j', (version, movesMajor, isLatest, npmTag) => {
    expect(planRelease(version, tags)).toMatchObject({ tag: `v${version}`, movesMajor, isLatest, npmTag });
  });

  test('the first release ever moves the major tag', () => {
    expect(planRelease('1.0.0', [])).toMatchObject({ majorTag: 'v1', movesMajor: true, npmTag: 'latest' });
  });

  test.each(['v1.2.3', '1.2', '', '1.2.3+build', '1.2.3; rm -rf .', '../1.2.3', '--force'])(
    '%j is no version',
    (version) => {
      expect(() => planRelease(version, tags)).toThrow('is not a version');
    },
  );
});

describe('a release', () => {
  let folder: string;
  let clone: string;
  let dist: string;
  const git = async (...args: string[]): Promise<string> => (await execa('git', args, { cwd: clone })).stdout;
  const commit = async (file: string, text: string): Promise<string> => {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    writeFileSync(join(clone, file), text);
    await git('add', '.');
    const env = { GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z' };
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    await execa('git', [...who, 'commit', '-qm', file], { cwd: clone, env });
    await git('push', '-q', 'origin', 'main');
    return git('rev-parse', 'HEAD');
  };
  const release = async (version: string, source = 'HEAD'): Promise<string> => {
    const made = await releaseCommit(clone, { version, source: await git('rev-parse', source), dist });
    await pushTag(clone, 'origin', `v${version}`, made);
    await moveMajorTag(
      clone,
      'origin',
      planRelease(version, [...(await remoteTags(clone, 'origin')).keys()]),
    );
    return made;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kajitori-release-test-'));
    clone = join(folder, 'clone');
    dist = join(folder, 'dist');
    await execa('git', ['init', '-q', '--bare', '-b', 'main', join(folder, 'origin.git')]);
    await execa('git', ['clone', '-q', join(folder, 'origin.git'), clone]);
    await git('checkout', '-q', '-b', 'main');
    mkdirSync(join(dist, 'shared'), { recursive: true });
    writeFileSync(join(dist, 'kajitori.js'), '#!/usr/bin/env node\nconsole.log("bundled")\n', {
      mode: 0o755,
    });
    writeFileSync(join(dist, 'shared/a.js'), 'a\r\n');
    writeFileSync(join(clone, '.gitignore'), 'dist/\n');
    mkdirSync(join(clone, 'charts/app'), { recursive: true });
    writeFileSync(join(clone, 'charts/app/Chart.yaml'), 'name: app\n');
    writeFileSync(join(clone, 'README.md'), '# Kajitori\n');
    const manifest = {
      name: 'kajitori',
      version: '0.0.0',
      type: 'module',
      bin: { kajitori: 'dist/kajitori.js' },
      files: ['dist', 'charts', 'templates'],
      engines: { node: '>=20' },
      scripts: { pretest: 'scripts/setup test' },
      dependencies: { yaml: '^2' },
    };
    await commit('package.json', JSON.stringify(manifest));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('has dist and its version in the tag, and leaves main, the index and the working copy as they were', async () => {
    const main = await git('rev-parse', 'HEAD');
    const made = await release('1.0.0');
    const remote = await git('ls-remote', 'origin');
    expect(remote).toContain(`${main}\trefs/heads/main`);
    expect(remote).toContain(`${made}\trefs/tags/v1.0.0`);
    expect(remote).toContain(`${made}\trefs/tags/v1`);
    expect(await git('status', '--porcelain')).toBe('');
    expect(await git('rev-parse', 'HEAD', `${made}^`)).toBe(`${main}\n${main}`);
    expect(await git('ls-tree', '-r', '--name-only', 'main')).not.toContain('dist/');
    expect(await git('diff', '--name-status', 'main', made)).toBe(
      'A\tdist/kajitori.js\nA\tdist/shared/a.js\nM\tpackage.json',
    );
    expect(JSON.parse(await git('show', `${made}:package.json`))).toMatchObject({
      version: '1.0.0',
      dependencies: { yaml: '^2' },
    });
    expect(await git('ls-tree', made, 'dist/kajitori.js')).toMatch(/^100755 /);
  });

  test('keeps the bytes of dist, whatever line ends this machine prefers', async () => {
    await git('config', 'core.autocrlf', 'input');
    const made = await release('1.0.0');
    const { stdout } = await execa('git', ['show', `${made}:dist/shared/a.js`], {
      cwd: clone,
      stripFinalNewline: false,
    });
    expect(stdout).toBe('a\r\n');
  });

  test('may run again, and nothing changes', async () => {
    const made = await release('1.0.0');
    const before = await git('ls-remote', 'origin');
    expect(await release('1.0.0')).toBe(made);
    // Not the time of the run, which would make another commit of it.
    expect(await git('show', '-s', '--format=%ct %at', made)).toBe('1767225600 1767225600');
    expect(await pushTag(clone, 'origin', 'v1.0.0', made)).toBe('there already');
    expect(await git('ls-remote', 'origin')).toBe(before);
  });

  test('of a version that other sources have already is refused, and the tag stays', async () => {
    const made = await release('1.0.0');
    await commit('fix.txt', 'later');
    await expect(release('1.0.0')).rejects.toThrow(
      `v1.0.0 is released already, from other sources (${made})`,
    );
    expect((await remoteTags(clone, 'origin')).get('v1.0.0')).toBe(made);
  });

  test('that is newer moves the major tag', async () => {
    await release('1.0.0');
    await commit('fix.txt', 'later');
    const made = await release('1.0.1');
    expect((await remoteTags(clone, 'origin')).get('v1')).toBe(made);
  });

  test('of an older minor does not move the major tag back', async () => {
    const old = await git('rev-parse', 'HEAD');
    await commit('feature.txt', 'new');
    const newer = await release('1.1.0');
    await release('1.0.1', old);
    const tags = await remoteTags(clone, 'origin');
    expect(tags.get('v1')).toBe(newer);
    expect([...tags.keys()].sort()).toEqual(['v1', 'v1.0.1', 'v1.1.0']);
  });

  test('that was interrupted after its tag is finished by the next run', async () => {
    const source = await git('rev-parse', 'HEAD');
    const made = await releaseCommit(clone, { version: '1.0.0', source, dist });
    await pushTag(clone, 'origin', 'v1.0.0', made);
    expect((await remoteTags(clone, 'origin')).get('v1')).toBeUndefined();
    await release('1.0.0');
    expect((await remoteTags(clone, 'origin')).get('v1')).toBe(made);
  });

  test('on npm has what `files` names, needs Node >=24, and has nothing to install', async () => {
    const made = await release('1.0.0');
    const out = join(folder, 'package');
    await writePackage(clone, made, out);
    expect(readdirSync(out).sort()).toEqual(['README.md', 'charts', 'dist', 'package.json']);
    expect(JSON.parse(readFileSync(join(out, 'package.json'), 'utf8'))).toEqual({
      name: 'kajitori',
      version: '1.0.0',
      type: 'module',
      bin: { kajitori: 'dist/kajitori.js' },
      files: ['dist', 'charts', 'templates'],
      engines: { node: '>=24' },
    });
    const { stdout } = await execa('npm', ['pack', '--dry-run', '--json'], { cwd: out });
    const [pack] = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>);
    expect(pack?.files.map(({ path }) => path).sort()).toEqual(
      ['README.md', 'charts/app/Chart.yaml', 'dist/kajitori.js', 'dist/shared/a.js', 'package.json'].sort(),
    );
    expect((await execa(join(out, 'dist/kajitori.js'))).stdout).toBe('bundled');
  });
});
