import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BuildContent, contentKey, contentTag } from './content-key.ts';

const CONTENT: BuildContent = {
  context: 'a'.repeat(40),
  dockerfile: 'b'.repeat(40),
  contexts: { shared: 'c'.repeat(40) },
  args: { RUBY: '3.4', MODE: 'fast' },
  target: 'web',
  platforms: ['linux/amd64', 'linux/arm64'],
  bases: { 'ruby:3.4': `sha256:${'d'.repeat(64)}` },
};

describe('the content key', () => {
  test('is the same for the same content, in whatever order it is told', () => {
    const other = {
      ...CONTENT,
      args: { MODE: 'fast', RUBY: '3.4' },
      platforms: ['linux/arm64', 'linux/amd64', 'linux/arm64'],
    };
    expect(contentKey(other)).toBe(contentKey(CONTENT));
    expect(contentKey(CONTENT)).toMatch(/^[a-f\d]{64}$/);
  });

  test.each<[string, Partial<BuildContent>]>([
    ['context', { context: 'e'.repeat(40) }],
    ['Dockerfile', { dockerfile: 'e'.repeat(40) }],
    ['ignore file', { dockerignore: 'e'.repeat(40) }],
    ['further context', { contexts: { shared: 'e'.repeat(40) } }],
    ["further context's name", { contexts: { other: 'c'.repeat(40) } }],
    ['argument', { args: { RUBY: '3.5', MODE: 'fast' } }],
    ['further argument', { args: { ...CONTENT.args, DEBUG: '' } }],
    ['target', { target: 'worker' }],
    ['platform', { platforms: ['linux/amd64'] }],
    ['base image', { bases: { 'ruby:3.4': `sha256:${'e'.repeat(64)}` } }],
  ])('is another with another %s', (_, change) => {
    expect(contentKey({ ...CONTENT, ...change })).not.toBe(contentKey(CONTENT));
  });

  test('cannot be forged by what is in names and values', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '[', ']', ':'), maxLength: 3 });
    const record = fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(record, record, (one, other) => {
        const keys = [one, other].map((args) => contentKey({ ...CONTENT, args }));
        expect(keys[0] === keys[1]).toBe(isDeepStrictEqual(one, other));
      }),
    );
  });

  test('makes a valid tag', () => {
    expect(contentTag(contentKey(CONTENT))).toMatch(/^content-[a-f\d]{32}$/);
  });
});
