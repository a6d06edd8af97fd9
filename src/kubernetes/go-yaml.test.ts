import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { asGoReads, readPlainDocument } from './go-yaml.ts';
import { parseManifests, parseManifestsWithPlaces } from './manifests.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CORPUS = path.join(ROOT, '../shared/corpus');

/** What the careful reader makes of the one document of a text; `mistake` for what it refuses, and for several. */
function careful(text: string): unknown {
  const documents = parseAllDocuments(text, { version: '1.1', customTags: asGoReads, logLevel: 'error' });
  const [document] = documents;
  if (documents.length > 1 || documents.some(({ errors }) => errors.length > 0)) return 'mistake';
  return document?.toJS() ?? null;
}

/** Scalars, keys and signs that readers of YAML have read differently. */
const PIECES = [
  '0644',
  '0o17',
  '0x1F',
  '0x_',
  '0b11',
  '1_000',
  '+1',
  '-0',
  '-',
  '-.',
  '.',
  '.5',
  '5.',
  '1e3',
  '1e999',
  '.e1',
  '1:30',
  '190:20:30',
  '2026-11-21',
  '2026-11-21T09:00:00Z',
  '2001-12-14 21:59:43.10 -5',
  '12345678901234567890',
  '08',
  '0_',
  '1.2.3',
  '.inf',
  '-.INF',
  '.nan',
  '~',
  'null',
  'Null',
  'nUll',
  'y',
  'N',
  'yes',
  'On',
  'off',
  'TRUE',
  '"a\\tb\\u263a"',
  "'it''s'",
  '"1"',
  "'true'",
  'a #b',
  'a # b',
  'a: b',
  'a:b',
  '-a',
  '- a',
  '[a, 1, {b: c}]',
  '{a, b: }',
  '[]',
  '{}',
  '[a',
  '{a',
  '*a',
  '&a b',
  '!!str 1',
  '! a',
  '<<',
  '=',
  '?',
  '? a',
  '|',
  '>-',
  '|2',
  '|+',
  '%a',
  '@a',
  '`a',
  '"',
  "'",
  ',',
  '#',
  '%YAML 1.1',
  '...',
  '---',
  '\t',
  '\u2028',
  '\u00e9',
  '\u{1f600}',
  '__proto__',
  'a',
  'b c',
  '',
  ':',
  '::',
  'a:',
  ': a',
  '"a": b',
  'true: b',
  '1: b',
  '0x10: b',
  'null: b',
  '[a]: b',
  '\r',
];

const line = fc.tuple(
  fc.constantFrom('', '', '  ', '    ', ' ', '- ', '  - '),
  fc.constantFrom('', 'a: ', 'b: ', 'a:', '"a": ', 'on: ', '1: ', '? ', '- ', 'a: - '),
  fc.constantFrom(...PIECES),
  fc.constantFrom('', '', ' ', ' # c', '#c', ','),
);
const anyLines = fc
  .array(line, { minLength: 1, maxLength: 7 })
  .map((lines) => lines.map((parts) => parts.join('')).join('\n'));
/** As templates write: keys of their own, in maps and lists. */
const orderly = fc
  .array(fc.tuple(fc.constantFrom('k', '  k', 'l:\n  - k', '    k'), fc.constantFrom(...PIECES)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((entries) => entries.map(([key, piece], index) => `${key}${index}: ${piece}`).join('\n'));
const anyText = fc.oneof(anyLines, orderly);

describe('the fast reader', () => {
  it('reads a document as the careful one does, or not at all', () => {
    let read = 0;
    fc.assert(
      fc.property(anyText, (text) => {
        // Two documents in one text are for the caller to part.
        const found = readPlainDocument(text);
        if (found !== undefined) {
          read += 1;
          expect(found.value).toEqual(careful(text));
        }
      }),
      { numRuns: 4000 },
    );
    expect(read).toBeGreaterThan(500);
  });

  it.each(PIECES)('reads %j as the careful one does, as value, as key and as item', (piece) => {
    for (const text of [
      piece,
      `a: ${piece}`,
      `${piece}: a`,
      `- ${piece}`,
      `a: {b: ${piece}}`,
      `a: [${piece}, ${piece}]`,
    ]) {
      const found = readPlainDocument(text);
      if (found !== undefined) expect(found.value, text).toEqual(careful(text));
    }
  });

  it.each([
    ['0o17', 15],
    ['-0O1_7', -15],
    ['0B11', 3],
    ['0X1f', 31],
    ['0o18', '0o18'],
    ['017', 15],
  ])('reads the integer %s as Go does: %j', (text, value) => {
    expect(careful(`a: ${text}`)).toEqual({ a: value });
    expect(
      parseManifests(`{apiVersion: v1, kind: A, metadata: {name: a}, a: ${text}}`, 'a')[0],
    ).toMatchObject({
      a: value,
    });
  });

  it('leaves aliases, prototypes and other rare things to the careful one', () => {
    for (const text of [
      'a: &x b\nc: *x',
      'a: !x 1',
      '__proto__: a',
      '<<: {a: b}',
      '%YAML 1.1\n---\na',
      '1: a',
      'a: 1\na: 2',
    ]) {
      expect(readPlainDocument(text), text).toBeUndefined();
    }
  });
});

describe.skipIf(!existsSync(CORPUS))('real files (skipped without ../shared/corpus)', () => {
  const files = (pattern: string) =>
    globSync(pattern, { cwd: CORPUS }).map(
      (file) => [file, readFileSync(path.join(CORPUS, file), 'utf8')] as const,
    );

  it.each(files('values/*.yaml'))('%s is read the same', (_, text) => {
    const found = readPlainDocument(text);
    if (found !== undefined) expect(found.value).toEqual(careful(text));
  });

  it('nearly all of them are read fast', () => {
    const all = files('{values,charts}/*.yaml');
    const slow = all.filter(([, text]) => readPlainDocument(text) === undefined);
    expect(slow.length / all.length).toBeLessThan(0.1);
  });

  it('objects are the same, whoever reads them', () => {
    for (const [file, text] of files('crds/**/*.yaml')) {
      expect(parseManifests(text, file), file).toEqual(parseManifestsWithPlaces(text, file));
    }
  });
});

it('what the standard chart renders is the same, whoever reads it', () => {
  for (const file of globSync('charts/app/tests/*/expected*.yaml', { cwd: ROOT })) {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    expect(parseManifests(text, file), file).toEqual(parseManifestsWithPlaces(text, file));
    expect(text.split(/^(?=---\s)/m).filter((part) => readPlainDocument(part) === undefined)).toEqual([]);
  }
});
