import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readBlockDocument } from './block-yaml.ts';
import { asGoReads } from './go-yaml.ts';

/** What the careful reader makes of a text; `mistake` for what it refuses, and for several documents. */
function careful(text: string): unknown {
  const documents = parseAllDocuments(text, { version: '1.1', customTags: asGoReads, logLevel: 'error' });
  const [document] = documents;
  if (documents.length > 1 || documents.some(({ errors }) => errors.length > 0)) return 'mistake';
  return document?.toJS() ?? null;
}

/** Every scalar without quotes is text here, and nothing in brackets is read. */
const block = (text: string) =>
  readBlockDocument(
    text,
    (scalar) => scalar,
    () => {
      throw new Error('brackets');
    },
  );

const PLAIN = ['word', 'two words', 'a:b', "it's", 'say "so"', '-x', 'a#b', 'x]', 'ü'];
const ODD = ['#', ': ', 'a: b', 'w:', '- i', '|', '? q'];
const often = <T>(usual: readonly T[], odd: readonly T[]) =>
  fc.oneof(
    { weight: 25, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
const WORDS = [...PLAIN, ...ODD];
const words = often(PLAIN, ODD);
const keys = often(['key', 'a.b/c-d', '_k', '$k'], ['k:k', 'k k', '-k']);
const scalar = fc.oneof(
  words,
  fc.constantFrom(...WORDS.map((word) => JSON.stringify(word))),
  fc.constantFrom(...WORDS.filter((word) => !word.includes("'")).map((word) => `'${word}'`)),
  often(['"a\\nb"', "''", '"" ', 'word  '], ['"a\\/b"', '"', "'a", "'it''s'", 'word # why']),
);
/** A text of several lines, as it stands behind a key, and how far it may be indented. */
const several = fc
  .tuple(
    often(['|', '|-', '|+', 'begins', 'two words'], ['"begins', '>']),
    fc.array(
      fc.tuple(
        often(['', '', '', ' '], ['  ', '-']),
        fc.oneof(
          { weight: 8, arbitrary: words },
          fc.constantFrom('', '', '    ', '# no', '---', '...', '[a', '"b'),
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([head, lines]) => (indent: string) => [
    head,
    ...lines.map(([more, text]) => (more === '-' ? `${indent.slice(1)}${text}` : `${indent}${more}${text}`)),
  ]);

type Lines = (indent: string) => string[];
const { node } = fc.letrec<{ node: Lines; map: Lines; list: Lines; value: Lines }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar.map((text) => () => [text]),
    several,
    fc.constant(() => ['']),
    fc.tuple(tie('node'), often(['', ''], ['  ', ' '])).map(([inner, more]) => (indent: string) => [
      '',
      ...inner(indent.slice(2) + more),
    ]),
  ),
  map: fc.array(fc.tuple(fc.nat(300), keys, tie('value')), { minLength: 1, maxLength: 4 }).map(
    (entries) => (indent: string) =>
      entries.flatMap(([number, key, value]) => {
        const quote = ['', '', '"', "'"][number % 4] ?? '';
        const name = `${quote}${key}${number}${quote}`;
        const [first = '', ...others] = value(`${indent}  `);
        return [`${indent}${name}:${first === '' ? '' : ' '}${first}`, ...others];
      }),
  ),
  list: fc.array(fc.tuple(tie('value'), tie('node'), fc.boolean()), { minLength: 1, maxLength: 3 }).map(
    (items) => (indent: string) =>
      items.flatMap(([value, inner, isNode]) => {
        const lines = isNode ? inner(`${indent}  `) : value(`${indent}  `);
        const [first = '', ...others] = lines;
        return [`${indent}- ${isNode ? first.slice(indent.length + 2) : first}`, ...others];
      }),
  ),
  node: fc.oneof({ depthSize: 'small' }, tie('map'), tie('list')),
}));

/** Documents as programs write them, with a comment or an empty line put in somewhere. */
const documents = fc
  .tuple(
    node,
    often(['', '---\n', '---\n# Source: a\n'], ['--- \n']),
    fc.nat(20),
    often(['', '# c'], ['   ', '  # c']),
  )
  .map(([lines, head, at, extra]) => {
    const all = lines('');
    return `${head}${[...all.slice(0, at), ...(extra === '' ? [] : [extra]), ...all.slice(at)].join('\n')}\n`;
  });

it('reads a document as the careful reader does, or not at all', () => {
  let read = 0;
  fc.assert(
    fc.property(documents, (text) => {
      const found = block(text);
      if (found === undefined) return;
      read += 1;
      expect(found.value).toEqual(careful(text));
    }),
    { numRuns: 2000 },
  );
  expect(read).toBeGreaterThan(500);
});

it.each([
  [
    'lists as far left as their key',
    'a:\n- b\n- c: d\n  e: f\ng: h\n',
    { a: ['b', { c: 'd', e: 'f' }], g: 'h' },
  ],
  [
    'text behind |',
    'a: |\n  b\n\n    c\n  # d\n\ne: |-\n  f\n\ng: |+\n  h\n\n',
    { a: 'b\n\n  c\n# d\n', e: 'f', g: 'h\n\n' },
  ],
  ['text of several lines', 'a: b c\n  d\n\n  e\nf: g\n', { a: 'b c d\ne', f: 'g' }],
  ['quotes', 'a: "b\\nc"\n"d/e": \'f: # g\'\n', { a: 'b\nc', 'd/e': 'f: # g' }],
  ['comments and empty lines', '---\n# a\n\nb:\n  # c\n\n  d: e\n', { b: { d: 'e' } }],
  ['nothing', '---\n# a\n', null],
])('reads %s', (_, text, value) => {
  expect(block(text)).toEqual({ value });
  expect(careful(text)).toEqual(value);
});

it.each([
  'a: b\na: c\n',
  '__proto__: a\n',
  'constructor: a\n',
  'a: &b c\n',
  'a: *b\n',
  'a: !b c\n',
  'a: >\n  b\n',
  'a: [b]\n',
  'a: b # c\n',
  'a: "b\n  c"\n',
  '? a\n: b\n',
  'a: b\n---\nc: d\n',
  'a: |\n  b',
  `${Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')}`,
])('leaves %j to others', (text) => {
  expect(block(text)).toBeUndefined();
});
