import { describe, expect, test } from 'vitest';
import { Failure, formatFailure } from '../report/failure.ts';
import { editYaml, formatYaml, type YamlEdit, type YamlValue } from './edit.ts';
import { parsePath } from './path.ts';

const set = (path: string, value: YamlValue): YamlEdit => ({ op: 'set', path: parsePath(path), value });
const insert = (path: string, value: YamlValue): YamlEdit => ({ op: 'insert', path: parsePath(path), value });
const append = (path: string, value: YamlValue): YamlEdit => ({ op: 'append', path: parsePath(path), value });
const remove = (path: string): YamlEdit => ({ op: 'delete', path: parsePath(path) });

const edit = (source: string, ...edits: YamlEdit[]): string =>
  editYaml(source, edits, { file: 'values.yaml' });

function failureOf(source: string, ...edits: YamlEdit[]): Failure {
  try {
    edit(source, ...edits);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it was edited');
}

type Example = [what: string, before: string, edit: YamlEdit | YamlEdit[], after: string];

const shows = (examples: readonly Example[]): void => {
  test.each(examples)('%s', (_what, before, edits, after) => {
    expect(edit(before, ...[edits].flat())).toBe(after);
  });
};

describe('set a scalar', () => {
  shows([
    [
      'and keep the comment behind it',
      'tag: v1 # by hand\nb: 2\n',
      set('tag', 'v2'),
      'tag: v2 # by hand\nb: 2\n',
    ],
    ['and the spaces around it', 'tag:   v1   # x\n', set('tag', 'v2'), 'tag:   v2   # x\n'],
    ['and double quotes', 'tag: "v1"\n', set('tag', 'v2'), 'tag: "v2"\n'],
    ['and single quotes', "tag: 'v1'\n", set('tag', "it's"), "tag: 'it''s'\n"],
    ['unless they cannot hold it', "tag: 'v1'\n", set('tag', 'a\nb'), 'tag: "a\\nb"\n'],
    ['and drop them for a number', 'n: "1" # x\n', set('n', 2), 'n: 2 # x\n'],
    ['and quote what would be a number', 'tag: v1\n', set('tag', '1.10'), 'tag: "1.10"\n'],
    ['deep inside', 'a:\n  b:\n  - c: 1\n    d: 2\n', set('a.b[0].d', 3), 'a:\n  b:\n  - c: 1\n    d: 3\n'],
    ['under a key with dots', '"a.b": 1\na:\n  b: 2\n', set('"a.b"', 3), '"a.b": 3\na:\n  b: 2\n'],
    ['under a key in other quotes', "'a': 1\n", set('a', 2), "'a': 2\n"],
    ['that has no text yet', 'a:\nb: # later\n', [set('a', 1), set('b', 2)], 'a: 1\nb: 2 # later\n'],
    ['over several lines', 'a: one\n  two # x\nb: 1\n', set('a', 'three'), 'a: three # x\nb: 1\n'],
    [
      'in a flow map',
      'image: {name: web, tag: v1} # x\n',
      set('image.tag', 'a, b'),
      'image: {name: web, tag: "a, b"} # x\n',
    ],
    ['in a flow list', 'a: [1, "2", [3]] # x\n', set('a[2][0]', 'on'), 'a: [1, "2", ["on"]] # x\n'],
    [
      'in a flow map without values',
      '{a, b: , "c":1}\n',
      [set('a', 1), set('b', 2), set('c', 'x')],
      '{a: 1, b: 2 , "c":"x"}\n',
    ],
    ['that is written as "? key"', '? a\n: 1\n? b\n: 2\n', set('a', 3), '? a\n: 3\n? b\n: 2\n'],
    ['behind a tag that fits', 'a: !!str 5 # x\n', set('a', '6'), 'a: !!str "6" # x\n'],
    ['behind an anchor that nobody uses', 'a: &x 1\n', set('a', 2), 'a: &x 2\n'],
    [
      'beside merge keys',
      'b: &b {x: 1}\nc:\n  <<: *b\n  y: 2\n',
      set('c.y', 3),
      'b: &b {x: 1}\nc:\n  <<: *b\n  y: 3\n',
    ],
    ['as the whole document', '# top\nold # x\n', set('.', 'new'), '# top\nnew # x\n'],
    ['to what it is, and change nothing', 'a: &x   "v1"\n', set('a', 'v1'), 'a: &x   "v1"\n'],
    [
      'to what it is, but for Helm it was not',
      'a: on\nb: 0o10\n',
      [set('a', 'on'), set('b', 8)],
      'a: "on"\nb: 8\n',
    ],
    [
      'named like a part of JavaScript',
      '__proto__: 1\n',
      [set('__proto__', 2), set('constructor', 3)],
      '__proto__: 2\nconstructor: 3\n',
    ],
  ]);
});

describe('set a text of several lines', () => {
  shows([
    [
      'as | where it was |',
      'a: | # x\n    one\n\nb: 1\n',
      set('a', 'two\n\nthree\n'),
      'a: | # x\n    two\n\n    three\n\nb: 1\n',
    ],
    [
      'as > where it was >',
      'a: >-\n  one\n  two\nb: 1\n',
      set('a', 'one\ntwo'),
      'a: >-\n  one\n\n  two\nb: 1\n',
    ],
    ['with or without its last line end', 'a: |\n  one\n', set('a', 'two'), 'a: |-\n  two\n'],
    [
      'with quotes where | would not show it',
      'a: | # x\n  one\n\nb: 1\n',
      set('a', 'two \n'),
      'a: "two \\n" # x\n\nb: 1\n',
    ],
    [
      'keeping the lines of the file CRLF',
      'a: |\r\n  one\r\nb: 1\r\n',
      set('a', 'x\ny\n'),
      'a: |\r\n  x\r\n  y\r\nb: 1\r\n',
    ],
    ['to something short', 'a: |+ # x\n  one\n\nb: 1\n', set('a', 5), 'a: 5 # x\nb: 1\n'],
    ['next to another', 'a: v1\nb: |\n  tag: v1\n', set('a', 'v2'), 'a: v2\nb: |\n  tag: v1\n'],
  ]);
});

describe('set a map or a list', () => {
  shows([
    [
      'in place of a scalar',
      'a: 1 # x\nb: 2\n',
      set('a', { c: 1, d: [2] }),
      'a: # x\n  c: 1\n  d:\n    - 2\nb: 2\n',
    ],
    [
      'in place of an item',
      'a:\n- 1\n- 2 # x\n',
      [set('a[0]', { c: 1, d: 2 }), set('a[1]', [3])],
      'a:\n- c: 1\n  d: 2\n- # x\n  - 3\n',
    ],
    [
      'in place of another, with the comments inside',
      'a: # x\n  # one\n  b: 1 # two\n  # three\n# four\nc: 1\n',
      set('a', { d: 1 }),
      'a: # x\n  d: 1\n# four\nc: 1\n',
    ],
    [
      'and a scalar in place of it',
      'a: # x\n  b: 1\n  c:\n    - d # y\ne: 1\n',
      set('a', 1),
      'a: 1 # x\ne: 1\n',
    ],
    [
      'as flow where it was flow',
      'a: { b: 1 } # x\n',
      set('a', { c: 'on', d: [1] }),
      'a: { c: "on", d: [1] } # x\n',
    ],
    [
      'as a block where it was empty',
      'resources: {}\n  # limits:\n  #   cpu: 1\nb: 1\n',
      set('resources', { limits: { cpu: 2 } }),
      'resources:\n  limits:\n    cpu: 2\n  # limits:\n  #   cpu: 1\nb: 1\n',
    ],
    ['that is empty', 'a:\n  b: 1\nc: 1\n', [set('a', {}), set('c', [])], 'a: {}\nc: []\n'],
    [
      'indented as its neighbours',
      'a:\n    b: 1\nc:\n- 1\nd: 1\n',
      set('d', { e: [1], f: { g: 1 } }),
      'a:\n    b: 1\nc:\n- 1\nd:\n    e:\n    - 1\n    f:\n        g: 1\n',
    ],
    [
      'indented as the nearest neighbours',
      'x:\n  y: 1\na:\n    b:\n        c: 1\n',
      set('a.d', { e: 1 }),
      'x:\n  y: 1\na:\n    b:\n        c: 1\n    d:\n        e: 1\n',
    ],
    ['in place of a text', 'a: | # x\n  one\nb: 1\n', set('a', { c: 1 }), 'a: # x\n  c: 1\nb: 1\n'],
    [
      'to what it is, and keep its comments',
      'a:\n  # one\n  b: 1 # two\n',
      set('a', { b: 1 }),
      'a:\n  # one\n  b: 1 # two\n',
    ],
  ]);
});

describe('set what is not there', () => {
  shows([
    ['in an empty file', '', set('image.tag', 'v1'), 'image:\n  tag: v1\n'],
    ['in a file of comments', '# values\n', set('a', 1), '# values\na: 1\n'],
    ['in a file of comments without line end', '# values', set('a', 1), '# values\na: 1'],
    ['in an empty map', '{}\n', set('a.b', 1), 'a:\n  b: 1\n'],
    ['in an empty document', '---\n# x\n', set('a', 1), '---\n# x\na: 1\n'],
    [
      'under a key without value',
      'image: # x\n  # tag: v0\nb: 1\n',
      set('image.tag', 'v1'),
      'image: # x\n  tag: v1\n  # tag: v0\nb: 1\n',
    ],
    [
      'under null',
      'image: null # x\nb: ~\n',
      [set('image.tag', 'v1'), set('b.c', 1)],
      'image: # x\n  tag: v1\nb:\n  c: 1\n',
    ],
    ['with the maps on the way', 'a:\n  b: 1\nz: 1\n', set('a.c.d', 2), 'a:\n  b: 1\n  c:\n    d: 2\nz: 1\n'],
    ['as the next item', 'a:\n- 1\n', set('a[1].b', 2), 'a:\n- 1\n- b: 2\n'],
    ['with a list on the way', 'a: 1\n', set('b[0].c', 2), 'a: 1\nb:\n  - c: 2\n'],
    [
      'in a flow map',
      'a: {b: 1}\nc: { d: 1 }\n',
      [set('a.x.z', 1), set('c.x.z', 1)],
      'a: {b: 1, x: {z: 1}}\nc: { d: 1, x: { z: 1 } }\n',
    ],
    [
      'under a key that needs quotes',
      'a: 1\n',
      [set('on', 1), set('y', 1), set('1', 1), set('"a: b"', 1), set('null', 1)],
      'a: 1\n"on": 1\n"y": 1\n"1": 1\n"a: b": 1\n"null": 1\n',
    ],
  ]);
});

describe('insert', () => {
  shows([
    [
      'a key at the end of its map',
      'a:\n  b: 1 # x\n\n# about c\nc: 1\n',
      insert('a.d', 2),
      'a:\n  b: 1 # x\n  d: 2\n\n# about c\nc: 1\n',
    ],
    [
      'a key below what is inside of the last one',
      'a:\n  b: {}\n    # c: 1\n',
      insert('a.d', 2),
      'a:\n  b: {}\n    # c: 1\n  d: 2\n',
    ],
    [
      'a key below a text',
      'a: |+\n  one\n\nb: |\n  two\n\n',
      insert('c', 1),
      'a: |+\n  one\n\nb: |\n  two\nc: 1\n\n',
    ],
    ['a key without final line end', 'a: 1', insert('b', 2), 'a: 1\nb: 2'],
    ['a key in CRLF', 'a: 1\r\n', insert('b', { c: 1 }), 'a: 1\r\nb:\r\n  c: 1\r\n'],
    ['a key in a map of a list', '- a: 1\n- b: 1\n', insert('[0].c', 2), '- a: 1\n  c: 2\n- b: 1\n'],
    [
      'an item before another, above its comments',
      'a:\n  - 1\n  # two\n  - 2\n',
      insert('a[1]', 'x'),
      'a:\n  - 1\n  - x\n  # two\n  - 2\n',
    ],
    [
      'an item at the front',
      'a: # x\n  - 1\n',
      insert('a[0]', { b: 1, c: 2 }),
      'a: # x\n  - b: 1\n    c: 2\n  - 1\n',
    ],
    ['an item in a list in a list', '- - 1\n  - 2\n', insert('[0][0]', 0), '- - 0\n  - 1\n  - 2\n'],
    ['an item at the end', '- 1\n', insert('[1]', 2), '- 1\n- 2\n'],
    ['an item in a flow list', '[1, 3]\n', [insert('[1]', 2), insert('[0]', [0])], '[[0], 1, 2, 3]\n'],
    [
      'a key in a flow map on several lines',
      'a: {\n  b: 1, # one\n  c: 2 # two\n}\n',
      insert('a.d', 3),
      'a: {\n  b: 1, # one\n  c: 2, # two\n  d: 3\n}\n',
    ],
    ['a key behind a trailing comma', 'a: {\n  b: 1,\n}\n', insert('a.c', 2), 'a: {\n  b: 1,\n  c: 2,\n}\n'],
    ['a key behind one without a value', 'a: {b: }\n', insert('a.c', 1), 'a: {b: , c: 1 }\n'],
    ['a second key where braces are missing', '[a: 1, b]\n', insert('[0].c', 2), '[{a: 1, c: 2}, b]\n'],
  ]);
});

describe('append', () => {
  shows([
    ['to a list at the column of its key', 'a:\n- 1 # x\nb: 1\n', append('a', 2), 'a:\n- 1 # x\n- 2\nb: 1\n'],
    [
      'to an indented list',
      'a:\n    - 1\nb: 1\n',
      append('a', [2, 3]),
      'a:\n    - 1\n    - - 2\n      - 3\nb: 1\n',
    ],
    [
      'a map, with the dash of its neighbours',
      'a:\n-   b: 1\n    c: 2\n',
      append('a', { b: 3, c: 4 }),
      'a:\n-   b: 1\n    c: 2\n-   b: 3\n    c: 4\n',
    ],
    ['to an empty list', 'a: [] # x\n', append('a', 1), 'a: # x\n  - 1\n'],
    [
      'to no list yet',
      'a:\nb: 1\n',
      [append('a', 1), append('c.d', 2)],
      'a:\n  - 1\nb: 1\nc:\n  d:\n    - 2\n',
    ],
    ['to the document', '', append('.', 1), '- 1\n'],
  ]);
});

describe('delete', () => {
  shows([
    [
      'a key with the comment behind it, not those above',
      '# a\na: 1 # x\n# b\nb: 2\n',
      remove('a'),
      '# a\n# b\nb: 2\n',
    ],
    ['a key with what is inside of it', 'a:\n  b: |\n    one\n  # two\nc: 1\n', remove('a'), 'c: 1\n'],
    [
      'the last key of a map',
      'a: # x\n  # one\n  b: 1 # two\nc: 1\n',
      remove('a.b'),
      'a: {} # x\n  # one\nc: 1\n',
    ],
    ['the last item of a list', 'a:\n- 1\nb: 1\n', remove('a[0]'), 'a: []\nb: 1\n'],
    ['the last key of a file', '# top\na: 1\n', remove('a'), '# top\n{}\n'],
    ['the first key behind a dash', '- a: 1\n  # two\n  b: 2\n', remove('[0].a'), '- # two\n  b: 2\n'],
    ['the only key behind a dash', '- a: 1 # x\n- b\n', remove('[0].a'), '- {}\n- b\n'],
    ['the last line of a file without line end', 'a: 1\nb: 2', remove('b'), 'a: 1'],
    [
      'a line below a text',
      'a: |\n  one\nb: 1\n  # would be text\nc: 1\n',
      remove('b'),
      'a: |\n  one\nc: 1\n',
    ],
    [
      'a line that keeps blank lines out of a text',
      'a: |+\n  one\nb: 1\n\nc: 1\n',
      remove('b'),
      'a: |+\n  one\nc: 1\n',
    ],
    ['a key of a flow map', '{a: 1, b: 2, c: 3}\n', [remove('b'), remove('a')], '{c: 3}\n'],
    ['the last key of a flow map', 'a: { b: 1, c: 2 }\n', [remove('a.c'), remove('a.b')], 'a: {}\n'],
    [
      'a line of a flow map',
      'a: {\n  b: 1, # one\n  c: 2, # two\n  d: 3 # three\n}\n',
      remove('a.c'),
      'a: {\n  b: 1, # one\n  d: 3 # three\n}\n',
    ],
    ['the last line of a flow map', 'a: {\n  b: 1,\n  c: 2 # two\n}\n', remove('a.c'), 'a: {\n  b: 1\n}\n'],
    ['an item of a flow list', '[1, 2, 3]\n', remove('[1]'), '[1, 3]\n'],
    ['an alias', 'a: &x 1\nb: *x\nc: 1\n', remove('b'), 'a: &x 1\nc: 1\n'],
    ['an anchor with all that use it', 'a:\n  b: &x 1\n  c: *x\nd: 1\n', remove('a'), 'd: 1\n'],
  ]);
});

describe('several documents', () => {
  const source = '# one\na: 1\n---\n\n# two\na: 1 # x\n...\n---\na: 1\n';
  test('only the one that is meant changes', () => {
    const edited = editYaml(source, [set('a', 2), insert('b', 3)], { file: 'f', document: 1 });
    expect(edited).toBe('# one\na: 1\n---\n\n# two\na: 2 # x\nb: 3\n...\n---\na: 1\n');
  });
  test('which one must be said', () => {
    expect(failureOf(source, set('a', 2))).toMatchObject({ exitCode: 2, reason: 'several-documents' });
  });
  test('an empty one can be filled', () => {
    const edited = editYaml('a: 1\n---\n# two\n---\nb: 1\n', [set('c', 2)], { file: 'f', document: 1 });
    expect(edited).toBe('a: 1\n---\n# two\nc: 2\n---\nb: 1\n');
  });
});

describe('a byte order mark stays', () => {
  shows([
    ['before a map', '\uFEFFa: 1\r\n', [set('a', 2), insert('b', 3)], '\uFEFFa: 2\r\nb: 3\r\n'],
    ['before a list', '\uFEFF- a\n- b\n', [remove('[0]'), insert('[0]', 'c')], '\uFEFF- c\n- b\n'],
    ['before nothing', '\uFEFF', set('a', 1), '\uFEFFa: 1\n'],
  ]);
});

describe('an edit that would change more than it says is refused', () => {
  const shared = 'base: &b\n  tag: v1\nweb: *b\njob:\n  <<: *b\n  x: 1\n';
  test.each<[string, string, YamlEdit, string, string]>([
    ['through an alias', shared, set('web.tag', 'v2'), 'alias', 'values.yaml:3:6'],
    ['of an alias', shared, set('web', 'v2'), 'alias', 'values.yaml:3:6'],
    ['below an anchor that is used', shared, set('base.tag', 'v2'), 'anchor', 'values.yaml:2:3'],
    ['of an anchor that is used', 'a: &x 1\nb: *x\n', set('a', 2), 'anchor', 'values.yaml:1:7'],
    [
      'that would remove an anchor that is used',
      'a:\n  c: &x 1\nb: *x\n',
      remove('a'),
      'anchor',
      'values.yaml:2:9',
    ],
    [
      'that would replace an anchor that is used',
      'a:\n  c: &x 1\nb: *x\n',
      set('a', 1),
      'anchor',
      'values.yaml:2:9',
    ],
    ['of a key that a merge key brings', shared, set('job.tag', 'v2'), 'merge', 'values.yaml:5:3'],
    ['removing a key that a merge key brings', shared, remove('job.tag'), 'merge', 'values.yaml:5:3'],
    ['behind a tag that does not fit', 'a: !!int 5\n', set('a', 'x'), 'tag', 'values.yaml:1:10'],
    ['behind a tag that is not known', 'a: !secret 5\n', set('a', 'x'), 'tag', 'values.yaml:1:12'],
  ])('%s', (_what, source, wish, reason, place) => {
    const failure = failureOf(source, wish);
    expect(failure).toMatchObject({ exitCode: 2, reason });
    expect(formatFailure(failure)).toMatch(`${place}: `);
    expect(failure.todo).toMatch(/\.$/);
  });

  test('and says why', () => {
    expect(formatFailure(failureOf(shared, set('base.tag', 'v2')))).toBe(
      'values.yaml:2:3: "base" has the anchor &b, which values.yaml:3:6 repeats: an edit would change that place too\n' +
        '  → Write the value out there instead of *b, then try again.',
    );
  });

  test('removing a key that hides a merged one', () => {
    const source = 'b: &b {x: 1}\nc:\n  <<: *b\n  x: 2\n';
    expect(failureOf(source, remove('c.x'))).toMatchObject({ exitCode: 2, reason: 'merge' });
  });
});

describe('an edit that does not fit the file is refused, with the place', () => {
  test.each<[string, string, YamlEdit, RegExp]>([
    ['a key of a list', 'a:\n- 1\n', set('a.b', 1), /"a" is a list, and has no key "b"/],
    ['an item of a map', 'a: {"0": 1}\n', set('a[0]', 1), /"a" is a map, and has no item 0/],
    ['a key of a scalar', 'a: 5\n', set('a.b', 1), /"a" is the value 5, and has no key "b"/],
    ['an item far behind the end', 'a: [1]\n', set('a[3]', 1), /has 1 items, and so no place for an item 3/],
    ['an item of a list that is not there', 'a: 1\n', set('b[1]', 1), /no list/],
    ['inserting what exists', 'a: 1\n', insert('a', 2), /exists already/],
    ['appending to a map', 'a: {b: 1}\n', append('a', 2), /is not a list/],
    ['deleting what does not exist', 'a: 1\n', remove('b.c'), /no "b.c" to delete/],
    ['deleting an item that does not exist', 'a: [1]\n', remove('a[1]'), /no "a\[1\]" to delete/],
    ['deleting the document', 'a: 1\n', remove('.'), /whole document/],
    ['deleting from nothing', '', remove('a'), /no "a" to delete/],
    ['adding below a text that the file cuts off', 'a: |\n  one', insert('b', 1), /without a line end/],
    ['a key that is written without a colon', '? a\n', set('a', 1), /without a ":"/],
  ])('%s', (_what, source, wish, message) => {
    const failure = failureOf(source, wish);
    expect(failure.message).toMatch(message);
    expect(failure).toMatchObject({ exitCode: 2, at: { file: 'values.yaml' } });
  });

  test('a negative index, even from code', () => {
    expect(() => editYaml('a: [1]\n', [{ op: 'set', path: ['a', -1], value: 1 }], { file: 'f' })).toThrow(
      /count from 0/,
    );
  });

  test('a value that YAML readers would not read back', () => {
    for (const value of [Number.NaN, 2 ** 60, 'a\uD800', undefined, new Date(0), () => 1]) {
      expect(() => edit('a: 1\n', { op: 'set', path: ['a'], value: value as YamlValue })).toThrow(
        /cannot be written/,
      );
    }
  });

  test('a value that makes the file too large or too deep', () => {
    expect(failureOf('a: 1\n', set('a', 'x'.repeat(2 ** 20)))).toMatchObject({ reason: 'too-large' });
    const path = Array.from({ length: 101 }, () => 'a').join('.');
    expect(failureOf('', set(path, 1))).toMatchObject({ reason: 'too-deep' });
  });

  test('a file that parseYaml refuses', () => {
    expect(failureOf('a: 1\na: 2\n', set('a', 3))).toMatchObject({ reason: 'duplicate-key' });
    expect(failureOf(`a: ${'x'.repeat(2 ** 20)}\n`, set('a', 3))).toMatchObject({ reason: 'too-large' });
  });
});

describe('several edits', () => {
  test('are applied in their order', () => {
    const edits = [
      set('a.b', 1),
      set('a.c', 2),
      remove('a.b'),
      append('l', 1),
      insert('l[0]', 0),
      set('l[1]', 'x'),
    ];
    expect(edit('', ...edits)).toBe('a:\n  c: 2\nl:\n  - 0\n  - x\n');
  });
  test('all or none', () => {
    expect(failureOf('a: 1\nb: 2\n', set('a', 3), set('b.c', 4))).toMatchObject({ exitCode: 2 });
  });
  test('what is in the way of one may be gone with the one before', () => {
    expect(edit('l:\n  - a: |\n      one', set('l[0]', 'x'), insert('l[1]', 'new'))).toBe(
      'l:\n  - x\n  - new',
    );
  });
  test('none change nothing', () => {
    expect(edit('a:   1')).toBe('a:   1');
  });
});

test('a deploy edits a release file like a careful person', () => {
  const before = [
    '# written by kajitori; do not edit',
    'image:                               # or `images:`',
    '  repository: 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web',
    '  tag: 1f3c9e2b',
    '  digest: sha256:aaa   # of the index',
    'release: { source: acme/web@1f3c9e2b, build: 4127, at: 2026-11-21T09:00:00Z }',
    '',
  ].join('\n');
  const after = edit(
    before,
    set('image.tag', '12345e67'),
    set('image.digest', 'sha256:bbb'),
    set('release.source', 'acme/web@12345e67'),
    set('release.build', 4128),
    set('release.at', '2026-11-22T09:00:00Z'),
    set('hold', { reason: 'bad: really', by: 'someone' }),
  );
  expect(after).toBe(
    [
      '# written by kajitori; do not edit',
      'image:                               # or `images:`',
      '  repository: 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web',
      '  tag: "12345e67"',
      '  digest: sha256:bbb   # of the index',
      'release: { source: acme/web@12345e67, build: 4128, at: "2026-11-22T09:00:00Z" }',
      'hold:',
      '  reason: "bad: really"',
      '  by: someone',
      '',
    ].join('\n'),
  );
});

describe('defects of other tools that we do not have', () => {
  test('everything after the scalar on its line is discarded: a trailing comment', () => {
    expect(edit('tag: v1 # {"$imagepolicy": "web"}\n', set('tag', 'v2'))).toBe(
      'tag: v2 # {"$imagepolicy": "web"}\n',
    );
  });
  test('everything after the scalar on its line is discarded: the rest of a flow map', () => {
    expect(edit('image: {tag: v1, pullPolicy: Always}\n', set('image.tag', 'v2'))).toBe(
      'image: {tag: v2, pullPolicy: Always}\n',
    );
  });
  test('a replacement of text hits a tag that occurs twice', () => {
    const source = '# tag: v1\nweb: {tag: v1}\njob: {tag: v1}\nnote: "tag: v1"\n';
    expect(edit(source, set('job.tag', 'v2'))).toBe(
      '# tag: v1\nweb: {tag: v1}\njob: {tag: v2}\nnote: "tag: v1"\n',
    );
  });
  test('a date changes its type', () => {
    expect(edit('tag: v1\n', set('tag', '2024-01-01'))).toBe('tag: "2024-01-01"\n');
  });
  test('a tag that looks octal, or like a float, changes its type', () => {
    expect(edit('a: v1\nb: v1\nc: v1\n', set('a', '0123'), set('b', '1e3'), set('c', '1.10'))).toBe(
      'a: "0123"\nb: "1e3"\nc: "1.10"\n',
    );
  });
  test('quotes are dropped', () => {
    expect(edit('a: "v1"\nb: \'v1\'\nc: "1.10"\n', set('a', 'v2'), set('b', 'v2'))).toBe(
      'a: "v2"\nb: \'v2\'\nc: "1.10"\n',
    );
  });
  test('a file is written anew: lists, line widths, blank lines, comments and quotes elsewhere change', () => {
    const rest = `list:\n- a\n-   b\n\n\nlong: ${'word '.repeat(40)}end\nquoted: 'x'\nnull_: ~\nflow: {a: 1,b: 2}\n   # odd comment\n`;
    expect(edit(`tag: v1\n${rest}`, set('tag', 'v2'))).toBe(`tag: v2\n${rest}`);
  });
});

describe('a whole new file', () => {
  test('is written in our style', () => {
    const text = formatYaml({
      image: { repository: '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web', tag: '1.10' },
      release: { at: '2026-11-21T09:00:00Z', build: 4127, rollback: false, by: null },
      cron: [{ name: 'daily', run: ['rake', 'a: b'] }, [1, [2]], {}, []],
      script: 'set -e\n\nrun it\n',
      odd: 'ends with spaces  \n',
      'key: with': { on: 'n' },
    });
    expect(text).toBe(
      `image:
  repository: 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web
  tag: "1.10"
release:
  at: "2026-11-21T09:00:00Z"
  build: 4127
  rollback: false
  by: null
cron:
  - name: daily
    run:
      - rake
      - "a: b"
  - - 1
    - - 2
  - {}
  - []
script: |
  set -e

  run it
odd: "ends with spaces  \\n"
"key: with":
  "on": "n"
`,
    );
  });
  test('may be empty, or a scalar', () => {
    expect([formatYaml({}), formatYaml([]), formatYaml('on'), formatYaml(null)]).toEqual([
      '{}\n',
      '[]\n',
      '"on"\n',
      'null\n',
    ]);
  });
});
