import { describe, expect, test } from 'vitest';
import { gitPathspec, gobwasGlob, matchesGoPath } from './glob.ts';

describe('a pattern of a git directory generator', () => {
  test.each([
    ['apps/*', 'apps/web', true],
    ['apps/*', 'apps/web/extra', false],
    ['*/w?b', 'apps/web', true],
    ['apps/[a-v]*', 'apps/web', false],
    ['apps/[^a-v]*', 'apps/web', true],
    ['apps/\\*', 'apps/*', true],
    ['apps/\\*', 'apps/web', false],
    ['apps/[', 'apps/[', false],
  ])('%s and %s: %s', (pattern, path, isMatch) => {
    expect(matchesGoPath(pattern, path)).toBe(isMatch);
  });
});

describe('a pattern of a git file generator', () => {
  test.each([
    ['apps/*.yaml', 'apps/web/release.yaml', true],
    ['apps/**/release.yaml', 'apps/web/release.yaml', true],
    // `**/` is no empty folder to git ls-files.
    ['apps/**/web.yaml', 'apps/web.yaml', false],
    ['apps/web', 'apps/web/release.yaml', true],
    ['apps/web/', 'apps/web/release.yaml', true],
    ['apps/web/', 'apps/web', false],
    ['./apps//web.yaml', 'apps/web.yaml', true],
    ['.', 'apps/web.yaml', true],
    ['apps/web.yaml', 'apps/web.yaml.orig', false],
    ['apps/?eb.[yz]aml', 'apps/web.yaml', true],
  ])('%s and %s: %s', (pattern, file, isMatch) => {
    expect(gitPathspec(pattern)(file)).toBe(isMatch);
  });

  test.each([':(exclude)apps/web', '../other/*', 'apps/[[:alpha:]]'])('%s is not read', (pattern) => {
    expect(() => gitPathspec(pattern)('apps/web')).toThrow(/not/);
  });
});

describe('a pattern of a directory source', () => {
  test.each([
    ['*.yaml', 'extra/deep/config.yaml', true],
    ['{extra/**,config.json}', 'extra/a.yaml', true],
    ['{extra/**,config.json}', 'config.json', true],
    ['{extra/**,config.json}', 'other.json', false],
    ['*/application.*.yaml', 'keda/application.production.yaml', true],
  ])('%s and %s: %s', (pattern, file, isMatch) => {
    expect(gobwasGlob(pattern)(file)).toBe(isMatch);
  });

  test('that cannot be read matches every file, so that nothing is overlooked', () => {
    expect(gobwasGlob('[')('any.yaml')).toBe(true);
    expect(gobwasGlob('{a,b}'.repeat(20))('any.yaml')).toBe(true);
  });
});

test('patterns cost no more than their length times that of the path', () => {
  const path = `${'a'.repeat(20_000)}/b`;
  expect(gitPathspec(`${'*a'.repeat(500)}*c`)(path)).toBe(false);
});
