import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { branchTag, cacheTags, imageTags, parseRef } from './image-tags.ts';

const commit = 'c'.repeat(40);
const tagsFor = (ref: string, added: readonly string[] = []) =>
  imageTags({ commit, ref: parseRef(ref), added });

describe('tags of an image', () => {
  test('a commit on a branch: the whole commit, and the branch', () => {
    expect(tagsFor('refs/heads/main')).toEqual({ commit, fixed: [], moving: ['branch-main'] });
  });

  test.each([
    ['v1.2.3', ['1.2.3']],
    ['1.2.3-rc.1+build.7', ['1.2.3-rc.1']],
    ['release-1', []],
  ])('a git tag %s: its version, if it is one', (tag, fixed) => {
    expect(tagsFor(`refs/tags/${tag}`)).toEqual({ commit, fixed, moving: [] });
  });

  test('a pull request moves nothing', () => {
    expect(tagsFor('refs/pull/7/merge')).toEqual({ commit, fixed: [], moving: [] });
  });

  test.each([
    'a b',
    '-x',
    '',
    'a/b',
    '$(id)',
    'x'.repeat(129),
    'live-production',
    'content-1',
    'release.production.1',
    'cache-main',
  ])('refuses %j as a tag of the caller', (tag) => {
    expect(() => tagsFor('refs/heads/main', [tag])).toThrow('cannot be a tag');
  });

  test('any branch gives a tag that a registry takes, and two branches give two', () => {
    const branch = fc.oneof(fc.string({ minLength: 1 }), fc.stringMatching(/^[\w./-]{1,200}$/));
    fc.assert(
      fc.property(branch, branch, (one, other) => {
        expect(branchTag(one)).toMatch(/^branch-[\w.-]{1,121}$/);
        expect(branchTag(one) === branchTag(other)).toBe(one === other);
      }),
    );
    expect(branchTag('a/b')).not.toBe(branchTag('a-b'));
  });
});

describe('the cache', () => {
  const of = { branch: 'feature', baseBranch: undefined, defaultBranch: 'main' };

  test('is read from the branch, then from the default branch, and written for the branch', () => {
    expect(cacheTags({ ...of, event: 'push' })).toEqual({
      read: ['cache-feature', 'cache-main'],
      write: 'cache-feature',
    });
  });

  test.each(['pull_request', 'pull_request_target', 'issue_comment', 'workflow_run', undefined])(
    'is not written by a run for %s',
    (event) => {
      expect(cacheTags({ ...of, event }).write).toBeUndefined();
    },
  );

  test('a pull request reads what it is merged into', () => {
    expect(cacheTags({ ...of, branch: undefined, baseBranch: 'next', event: 'pull_request' }).read).toEqual([
      'cache-next',
      'cache-main',
    ]);
  });
});
