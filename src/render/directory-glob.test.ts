import { describe, expect, it } from 'vitest';
import { directoryGlob } from './directory-glob.ts';

describe('patterns of directory sources', () => {
  it.each([
    ['*.yaml', ['a.yaml', 'deep/a.yaml'], ['a.yml', 'a.yaml.bak']],
    ['extra/**', ['extra/a', 'extra/b/c.yaml'], ['extra', 'other/extra/a']],
    ['{config.yaml,env/*}', ['config.yaml', 'env/a', 'env/b/c'], ['config.yml', 'xconfig.yaml']],
    ['{a,b{c,d}}.yaml', ['a.yaml', 'bc.yaml', 'bd.yaml'], ['b.yaml', 'abc.yaml']],
    ['a?c', ['abc', 'a/c', 'a☸c'], ['ac', 'abbc']],
    ['[ab]x', ['ax', 'bx'], ['cx']],
    ['[!ab]x', ['cx'], ['ax']],
    ['[a-c]x', ['bx'], ['dx', '-x']],
    ['[!a-c]x', ['dx'], ['bx']],
    [String.raw`\*.yaml`, ['*.yaml'], ['a.yaml']],
    ['a,b}', ['a,b}'], ['a', 'b']],
    ['{a,b', ['a', 'b'], ['{a,b']],
    ['', [''], ['a']],
    ['.*', ['.hidden'], ['a']],
  ])('%s', (pattern, yes, no) => {
    const matches = directoryGlob(pattern);
    expect(yes.filter((file) => !matches(file))).toEqual([]);
    expect(no.filter((file) => matches(file))).toEqual([]);
  });

  it.each(['[a', '[]', '[z-a]', '[a-z', '{a,b}'.repeat(12)])(
    'refuses %s, which Argo CD would not match at all',
    (pattern) => {
      expect(() => directoryGlob(pattern)).toThrow(/cannot be read/);
    },
  );

  it('is quick, whatever people write', () => {
    expect(directoryGlob(`${'*a'.repeat(200)}b`)('a'.repeat(4000))).toBe(false);
  });
});
