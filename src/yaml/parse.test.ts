import { describe, expect, test } from 'vitest';
import { Failure, formatFailure } from '../report/failure.ts';
import { parseYaml, type YamlOptions } from './parse.ts';
import { parsePath } from './path.ts';

const read = (source: string, options: Partial<YamlOptions> = {}) =>
  parseYaml(source, { file: 'values.yaml', ...options });

function failureOf(source: string, options: Partial<YamlOptions> = {}): Failure {
  try {
    read(source, options);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('a document is read as plain data', () => {
  test.each([
    ['a: 1\nb: [x, {c: null}]\n', { a: 1, b: ['x', { c: null }] }],
    ['', undefined],
    ['# only a comment\n', undefined],
    ['---\n', undefined],
    ['~\n', null],
    ['"text"', 'text'],
    ['\uFEFFa: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
    ['1: one\ntrue: yes\n', { 1: 'one', true: 'yes' }],
    ['a: |\n  x\n  y\nb: >-\n  x\n  y\n', { a: 'x\ny\n', b: 'x y' }],
    ['a: !!str 5\nb: !custom 5\nc: 2024-01-01\n', { a: '5', b: '5', c: '2024-01-01' }],
    ['a: &x {p: 1}\nb: *x\n', { a: { p: 1 }, b: { p: 1 } }],
    ['a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n', { a: { p: 1, q: 2 }, b: { p: 1, q: 3 } }],
    ['b:\n  q: 3\n  <<: [{q: 1, r: 1}, {r: 2, s: 2}]\n', { b: { q: 3, r: 1, s: 2 } }],
    ['"<<": 1\n', { '<<': 1 }],
    ['a: &x 1\nb: *x\nc: &x 2\nd: *x\n', { a: 1, b: 1, c: 2, d: 2 }],
  ])('%j', (source, value) => {
    expect(read(source).value).toEqual(value);
  });

  test('keys that mean something to JavaScript are keys like others', () => {
    const file = read('__proto__: {polluted: true}\nconstructor: 1\n');
    expect(Object.keys(file.value as object)).toEqual(['__proto__', 'constructor']);
    expect(file.get(['__proto__', 'polluted'])).toBe(true);
    expect(file.get(['toString'])).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('values are found by path', () => {
    const file = read('a:\n  - b: 1\n  - "0": x\n');
    expect(file.get(['a', 0, 'b'])).toBe(1);
    expect(file.get(['a', 1, '0'])).toBe('x');
    expect(file.get(['a', '0'])).toBeUndefined();
    expect(file.get(['a', 'length'])).toBeUndefined();
    expect(file.get(['a', 7, 'b'])).toBeUndefined();
    expect(file.get([])).toEqual(file.value);
  });
});

describe('several documents', () => {
  const source = 'a: 1\n---\nb: 2\n';
  test('the one that is meant must be said', () => {
    expect(failureOf(source)).toMatchObject({ exitCode: 2, reason: 'several-documents' });
    expect(read(source, { document: 1 }).value).toEqual({ b: 2 });
    expect(read(source, { document: 1 }).placeOf(['b'])).toMatchObject({ line: 3, column: 4 });
  });
  test('and must be there', () => {
    expect(failureOf(source, { document: 2 })).toMatchObject({ exitCode: 2, reason: 'no-such-document' });
  });
});

describe('places count from 1', () => {
  const file = read(
    [
      '# top',
      'image:',
      '  "tag": &t v1 # note',
      'empty:',
      'list:',
      '- x',
      '- {y: 1}',
      'base: &b',
      '  k: 1',
      'use:',
      '  <<: *b',
      '',
    ].join('\n'),
  );
  test.each([
    ['image.tag', 3, 13, 3, 3],
    ['image', 3, 3, 2, 1],
    ['image.nothing.deeper', 3, 3, 2, 1],
    ['nothing', 2, 1, 2, 1],
    ['empty', 4, 7, 4, 1],
    ['list[0]', 6, 3, 6, 1],
    ['list[1].y', 7, 7, 7, 4],
    ['list[9]', 6, 1, 5, 1],
    ['use.k', 9, 6, 9, 3],
  ])('%s', (path, line, column, keyLine, keyColumn) => {
    expect(file.placeOf(parsePath(path))).toEqual({ file: 'values.yaml', line, column });
    expect(file.placeOfKey(parsePath(path))).toEqual({
      file: 'values.yaml',
      line: keyLine,
      column: keyColumn,
    });
  });

  test('a byte order mark is no column, and an empty file has a place', () => {
    expect(read('\uFEFFa: 1\n').placeOf(['a'])).toMatchObject({ line: 1, column: 4 });
    expect(read('').placeOf(['a'])).toMatchObject({ line: 1, column: 1 });
  });
});

describe('what cannot be read for sure is refused, with the place and what to do', () => {
  test.each([
    ['a: 1\nb: [1, 2\nc: 3\n', 'yaml-syntax', 3, undefined],
    ['a:\n\tb: 1\n', 'yaml-syntax', 2, 1],
    ['a: b: c\n', 'yaml-syntax', 1, 4],
    ['a: 1\nb: 2\na: 3\n', 'duplicate-key', 3, 1],
    ['x: {a: 1, "a": 2}\n', 'duplicate-key', 1, 11],
    ['1: x\n"1": y\n', 'duplicate-key', 2, 1],
    ['a: *nothing\n', 'unresolved-alias', 1, 4],
    ['a: *x\nb: &x 1\n', 'unresolved-alias', 1, 4],
    ['a: &x [1, *x]\n', 'endless-alias', 1, 11],
    ['? [a]\n: 1\n', 'bad-key', 1, 3],
    ['{a: 1}: 1\n', 'bad-key', 1, 1],
    [': 1\n', 'bad-key', 1, 1],
    ['a:\n  <<: 5\n', 'bad-merge', 2, 7],
    ['a: "\0"\n', 'unreadable-character', 1, 5],
    ['a: 1 # note\u2028image: evil\n', 'unreadable-character', 1, 12],
    ['# note\rimage: evil\n', 'unreadable-character', 1, 7],
    ['a: x\u0085b: 2\n', 'unreadable-character', 1, 5],
  ])('%j', (source, reason, line, column) => {
    const failure = failureOf(source);
    expect(failure).toMatchObject({ exitCode: 2, reason, at: { file: 'values.yaml', line } });
    if (column !== undefined) expect(failure.at?.column).toBe(column);
    expect(failure.todo).toMatch(/\.$/);
  });

  test('the message reads well', () => {
    expect(formatFailure(failureOf('a: 1\nb: 2\na: 3\n'))).toBe(
      'values.yaml:3:1: the key "a" stands twice in one map, first at values.yaml:1:1\n' +
        '  → Remove one of the two; readers disagree about which one counts.',
    );
    expect(formatFailure(failureOf('a:\n\tb: 1\n'))).toBe(
      'values.yaml:2:1: this is not YAML: Tabs are not allowed as indentation\n  → Replace the tab with spaces.',
    );
  });
});

describe('hostile files cost little', () => {
  const bomb = (levels: number, width: number): string =>
    [
      'a0: &a0 [x]',
      ...Array.from(
        { length: levels },
        (_, n) => `a${n + 1}: &a${n + 1} [${Array(width).fill(`*a${n}`).join(', ')}]`,
      ),
    ].join('\n');

  test('an alias bomb is refused before it is unfolded', () => {
    expect(failureOf(bomb(9, 9))).toMatchObject({ exitCode: 2, reason: 'alias-bomb' });
    expect(failureOf(bomb(60, 10))).toMatchObject({ exitCode: 2, reason: 'alias-bomb' });
  });

  test('a bomb of merge keys too', () => {
    const lines = ['m0: &m0 {k: 1}'];
    for (let n = 1; n <= 60; n += 1)
      lines.push(`m${n}: &m${n} {<<: *m${n - 1}, a: *m${n - 1}, b: *m${n - 1}}`);
    expect(failureOf(lines.join('\n'))).toMatchObject({ reason: 'alias-bomb' });
  });

  test('a few aliases are fine, and share what they repeat', () => {
    const value = read(bomb(3, 3)).value as { a3: unknown[] };
    expect(value.a3[0]).toBe(value.a3[1]);
  });

  test('too many aliases, too deep, too large', () => {
    expect(failureOf(`a: &x 1\nb: [${'*x, '.repeat(2000)}]`)).toMatchObject({ reason: 'too-many-aliases' });
    for (const deep of ['[', '{a: ', '- ', '? ', 'a:\n ']) {
      expect(failureOf(deep.repeat(20_000))).toMatchObject({ exitCode: 2 });
    }
    expect(failureOf('['.repeat(101) + ']'.repeat(101))).toMatchObject({
      reason: 'too-deep',
      at: { line: 1, column: 101 },
    });
    expect(read('['.repeat(100) + ']'.repeat(100)).value).toBeDefined();
    expect(failureOf(`a: ${'x'.repeat(1024 * 1024)}`)).toMatchObject({ reason: 'too-large' });
    expect(failureOf('a: "ééé"', { limits: { maxBytes: 10 } })).toMatchObject({ reason: 'too-large' });
  });

  test('a file full of errors ends at the first one', () => {
    expect(failureOf(`[${','.repeat(200_000)}`)).toMatchObject({ reason: 'yaml-syntax', at: { line: 1 } });
  });

  test('thirty thousand keys are not compared each with each', () => {
    const source = Array.from({ length: 30_000 }, (_, n) => `k${n}:`).join('\n');
    expect(Object.keys(read(source).value as object)).toHaveLength(30_000);
  });
});
