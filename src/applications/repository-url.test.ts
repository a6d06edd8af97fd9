import { describe, expect, test } from 'vitest';
import { isHere, isSameRepository } from './repository-url.ts';

describe('one repository', () => {
  test.each([
    ['https://github.com/acme/gitops.git', 'https://github.com/Acme/GitOps'],
    ['https://github.com/acme/gitops', 'git@github.com:acme/gitops.git'],
    ['https://github.com/acme/gitops', 'ssh://git@github.com/acme/gitops.git'],
    ['https://github.com/acme/gitops/', 'ssh://git@github.com:22/acme/gitops'],
    ['https://x-access-token@github.com/acme/gitops', 'github.com:/acme/gitops'],
  ])('%s is %s', (one, other) => {
    expect(isSameRepository(one, other)).toBe(true);
  });

  test.each([
    ['https://github.com/acme/gitops', 'https://github.com/acme/gitops2'],
    ['https://github.com/acme/gitops', 'https://github.example.com/acme/gitops'],
    ['https://git.example.com:8443/acme/gitops', 'https://git.example.com/acme/gitops'],
    ['', ''],
  ])('%s is not %s', (one, other) => {
    expect(isSameRepository(one, other)).toBe(false);
  });
});

describe('a source is of this repository', () => {
  const url = 'https://github.com/acme/gitops.git';

  test.each([undefined, '', 'HEAD', 'main', 'refs/heads/main'])('at %s', (revision) => {
    expect(isHere({ urls: [url], branch: 'main' }, url, revision)).toBe(true);
  });

  test.each(['master', 'v1.2.3', 'release', '1f3c9e2b'])(
    'and not at %s, which is other content',
    (revision) => {
      expect(isHere({ urls: [url], branch: 'main' }, url, revision)).toBe(false);
    },
  );

  test('at main or master, where no branch is known', () => {
    expect(isHere({ urls: [url], branch: undefined }, url, 'master')).toBe(true);
    expect(isHere({ urls: [url], branch: undefined }, url, 'release')).toBe(false);
  });
});
