import { describe, expect, test } from 'vitest';
import { dockerignore } from './dockerignore.ts';

describe('a .dockerignore', () => {
  // The examples of "Dockerignore files" (Docker Docs), and what moby/patternmatcher makes of the rest.
  test.each([
    ['node_modules', 'node_modules/left-pad/index.js', true],
    ['node_modules', 'packages/a/node_modules/x', false],
    ['**/node_modules', 'packages/a/node_modules/x', true],
    ['**/node_modules', 'node_modules/x', true],
    ['*/temp*', 'somedir/temporary.txt', true],
    ['*/temp*', 'temporary.txt', false],
    ['*/*/temp*', 'somedir/subdir/temporary.txt', true],
    ['temp?', 'tempa', true],
    ['temp?', 'temp', false],
    ['**/*.go', 'deep/down/main.go', true],
    ['**/*.go', 'main.go', true],
    ['/log/', 'log/test.log', true],
    ['log/**', 'log/a/b', true],
    ['# log', 'log', false],
    ['*.md\n!README.md', 'README.md', false],
    ['*.md\n!README.md', 'CHANGES.md', true],
    ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
    ['*\n!src', 'src/a.ts', false],
    ['*\n!src', 'lib/a.ts', true],
    ['a.b', 'axb', false],
    ['', 'anything', false],
    ['../outside', 'outside', false],
    ['*\n!../outside', 'x', false],
    ['[ab]', 'a', false],
  ])('%j: %s is out: %j', (text, file, isOut) => {
    expect(dockerignore(text).leavesOut(file)).toBe(isOut);
  });
});
