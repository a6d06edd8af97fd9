import { expect, test } from 'vitest';
import { decideBuild, type Seen } from './decide-build.ts';

const [a, b] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const seen = (name: string, has: Partial<Seen> = {}): Seen => ({
  name,
  commit: undefined,
  key: undefined,
  fixed: new Map(),
  ...has,
});

test('nothing is there: build', () => {
  expect(decideBuild([seen('one'), seen('two')], false)).toEqual({ kind: 'build' });
});

test('one registry has the commit: the others get it from there, also when the content says otherwise', () => {
  expect(decideBuild([seen('one', { key: b }), seen('two', { commit: a })], false)).toEqual({
    kind: 'existed',
    digest: a,
    from: 1,
  });
});

test('the content is known: retag; with force it is built all the same', () => {
  const known = [seen('one'), seen('two', { key: b })];
  expect(decideBuild(known, false)).toEqual({ kind: 'retag', digest: b, from: 1 });
  expect(decideBuild(known, true)).toEqual({ kind: 'build' });
});

test('two registries with different images of one commit: a person decides', () => {
  expect(() => decideBuild([seen('one', { commit: a }), seen('two', { commit: b })], false)).toThrow(
    expect.objectContaining({
      exitCode: 2,
      reason: 'targets-differ',
      message: expect.stringContaining('one'),
    }),
  );
});

test('a version that another image has is refused before anything is built', () => {
  const fixed = new Map([['1.2.3', a]]);
  expect(() => decideBuild([seen('one', { fixed })], false)).toThrow(
    'The tag 1.2.3 in one belongs to another image',
  );
  expect(decideBuild([seen('one', { fixed, commit: a })], false)).toMatchObject({ kind: 'existed' });
});
