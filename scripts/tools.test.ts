import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import {
  isGoodOnPath,
  listText,
  parseTools,
  type Tool,
  toolPath,
  toolsCache,
  toolsFor,
  versionIn,
} from './tools.ts';

const tools = parseTools(listText());

describe('the list of tools', () => {
  test('has in each set what its commands start', () => {
    const names = (set: string): string[] => toolsFor(set, tools).map((tool) => tool.name);
    expect(names('demo')).toEqual(['git', 'helm', 'crane']);
    expect(names('bench')).toEqual(
      'git helm moto_server buildkitd buildx docker runc docker-registry openssl'.split(' '),
    );
    expect(names('e2e')).toEqual(['git', 'helm', 'docker-registry', 'argocd', 'kustomize', 'redis-server']);
    expect(names('test')).toEqual(
      'git helm helm4 crane act actionlint zizmor moto_server buildkitd buildx docker runc docker-registry openssl'.split(
        ' ',
      ),
    );
  });

  test('an unknown set is refused, with the names of those that exist', () => {
    expect(() => toolsFor('tests', tools)).toThrow('unknown set of tools: tests');
  });

  test('a tool without a version to install is refused', () => {
    expect(() => parseTools('x: { for: [test], probe: x --version, go: example.com/x }')).toThrow(
      'need a `version`',
    );
  });

  test('Renovate finds every version, with the datasource and the package that it is from', () => {
    const renovate = runInNewContext(`(${readFileSync('renovate.json5', 'utf8')})`) as {
      customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[];
    };
    const [manager] = renovate.customManagers;
    // Renovate writes a regular expression between slashes.
    expect(new RegExp(manager?.managerFilePatterns[0]?.slice(1, -1) ?? '').test('scripts/tools.yaml')).toBe(
      true,
    );
    const matches = [...listText().matchAll(new RegExp(manager?.matchStrings[0] ?? '', 'g'))];
    const found = matches.map(({ groups }) => [groups?.datasource, groups?.depName, groups?.currentValue]);
    const expected = tools
      .filter((tool) => tool.version !== undefined && tool.module === undefined)
      .map((tool) => [tool.go ? 'go' : 'pypi', expect.anything(), tool.version]);
    expect(found).toEqual(expected);
    for (const [index, tool] of tools.filter((candidate) => candidate.go ?? candidate.pip).entries()) {
      const depName = String(found[index]?.[1]);
      expect(tool.go ?? tool.pip).toSatisfy((source: string) => source.startsWith(depName));
    }
  });
});

describe('a tool on PATH', () => {
  const helm = tools.find((tool) => tool.name === 'helm') as Tool;

  test.each([
    ['v3.14.0', true],
    ['v3.22', true], // what a helm made by `go install` says
    ['v4.1.0', true],
    ['v3.13.3', false],
    ['v5.0.0', false],
    ['', false],
  ])('helm %j: good is %j', (output, good) => {
    expect(isGoodOnPath(helm, output)).toBe(good);
  });

  test('is never used where the list does not say which versions are good', () => {
    const actionlint = tools.find((tool) => tool.name === 'actionlint') as Tool;
    expect(isGoodOnPath(actionlint, '1.7.12')).toBe(false);
  });

  test.each([
    ['git version 2.39.5 (Apple Git-154)', '2.39.5'],
    ['act version 0.2.89', '0.2.89'],
    ['1.7.12\ninstalled by building from source', '1.7.12'],
  ])('the version in %j is %j', (output, version) => {
    expect(versionIn(output)).toBe(version);
  });
});

describe('scripts/with-tools', () => {
  const withTools = async (...args: string[]) => {
    const script = fileURLToPath(new URL('with-tools', import.meta.url));
    const { exitCode, stdout, stderr } = await execa(script, args, { reject: false });
    return { exitCode, stdout, stderr };
  };

  test('runs a command with the tools of the list first on PATH', async () => {
    const { stdout } = await withTools('test', 'sh', '-c', 'command -v actionlint');
    expect(stdout).toBe(toolPath('actionlint'));
  });

  test('ends as the command ended', async () => {
    expect(await withTools('test', 'sh', '-c', 'exit 7')).toMatchObject({ exitCode: 7 });
    expect(await withTools('test', 'sh', '-c', 'kill -TERM $$')).toMatchObject({ exitCode: 143 });
  });

  test('says what is wrong when there is no such set, no command, or nothing to start', async () => {
    expect(await withTools('tests', 'true')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('demo, test, bench, e2e'),
    });
    expect(await withTools('test')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no command'),
    });
    expect(await withTools('test', 'no-such-program')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('could not start no-such-program'),
    });
  });

  test('a tool that is not in the list is named', () => {
    expect(() => toolPath('kubectl')).toThrow('kubectl was not set up in this clone');
  });
});

test('the cache is where KAJITORI_CACHE says, else in the folder for caches of the XDG specification', () => {
  expect(toolsCache({ KAJITORI_CACHE: '/a' })).toBe('/a/tools');
  expect(toolsCache({ XDG_CACHE_HOME: '/b' })).toBe('/b/kajitori/tools');
  expect(toolsCache({})).toMatch(/\/\.cache\/kajitori\/tools$/);
});
