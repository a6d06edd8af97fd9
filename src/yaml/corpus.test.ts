import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isScalar, parseAllDocuments, parseDocument, type Scalar, visit } from 'yaml';
import { editYaml } from './edit.ts';
import type { YamlPath } from './path.ts';

const CORPUS = new URL('../../../shared/corpus/values/', import.meta.url);
const hasCorpus = existsSync(CORPUS);
if (!hasCorpus)
  console.info('skipped: edits of real values files; shared/corpus/values is not beside the repository');
const files = hasCorpus ? readdirSync(CORPUS).filter((name) => name.endsWith('.yaml')) : [];

interface Found {
  readonly path: YamlPath;
  readonly range: readonly [start: number, end: number];
}

/** All scalars that are values, found by the library and not by us; without those that an alias repeats, which are refused. */
function scalarsOf(text: string): Found[] {
  const found: Found[] = [];
  const document = parseDocument(text);
  const repeated = new Set<string>();
  visit(document, {
    Alias(_, { source }) {
      repeated.add(source);
    },
  });
  const isRepeated = (node: object): boolean =>
    'anchor' in node && typeof node.anchor === 'string' && repeated.has(node.anchor);
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || [...ancestors, node].some(isRepeated)) return;
      const path = ancestors.flatMap((ancestor, index): YamlPath => {
        const child: unknown = ancestors[index + 1] ?? node;
        if ('items' in ancestor && 'key' in (ancestor.items[0] as object)) return [];
        if ('items' in ancestor) return [ancestor.items.indexOf(child as never)];
        return 'key' in ancestor && isScalar(ancestor.key) ? [String((ancestor.key as Scalar).value)] : [];
      });
      const [start, end] = node.range ?? [0, 0];
      found.push({ path, range: [start, end] });
    },
  });
  return found;
}

const data = (text: string, version: '1.1' | '1.2'): unknown[] =>
  parseAllDocuments(text, { version, logLevel: 'silent' }).map((document) => document.toJS() as unknown);

function withValue(documents: unknown[], path: YamlPath, value: unknown): unknown[] {
  const copy = structuredClone(documents);
  let parent = copy as unknown as Record<string | number, unknown>;
  const steps = [0, ...path];
  for (const step of steps.slice(0, -1)) parent = parent[step] as Record<string | number, unknown>;
  parent[steps.at(-1) ?? 0] = value;
  return copy;
}

const string = fc.oneof(
  fc.constantFrom(
    '1.10',
    '0123',
    '0o17',
    'on',
    'n',
    '2024-01-01',
    '1e3',
    'null',
    '',
    'a: b',
    'a #b',
    "it's",
    'one\ntwo\n',
    '1f3c9e2b',
    'sha256:0a',
    '12:30:45',
  ),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

describe.skipIf(!hasCorpus)('a random scalar of a real values file, set to a random string', () => {
  test('the corpus is all there', () => {
    expect(files.length).toBeGreaterThanOrEqual(43);
  });

  test.each(files)('%s', (name) => {
    const text = readFileSync(new URL(name, CORPUS), 'utf8');
    const scalars = scalarsOf(text);
    const was = { '1.1': data(text, '1.1'), '1.2': data(text, '1.2') };
    expect(scalars.length).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.constantFrom(...scalars), string, ({ path, range: [start, end] }, value) => {
        const edited = editYaml(text, [{ op: 'set', path, value }], { file: name });
        for (const version of ['1.1', '1.2'] as const) {
          expect(data(edited, version)).toEqual(withValue(was[version], path, value));
        }
        // A value without text gets a space before it, wherever its range is said to be.
        const before = text.slice(0, start);
        expect(edited.startsWith(withoutText(text, start, end) ? before.trimEnd() : before)).toBe(true);
        expect(edited.endsWith(text.slice(end))).toBe(true);

        const back = withoutText(text, start, end) ? null : valueAt(was['1.2'][0], path);
        const restored = editYaml(edited, [{ op: 'set', path, value: back as string }], { file: name });
        expect(data(restored, '1.2')).toEqual(was['1.2']);
      }),
      { numRuns: text.length > 100_000 ? 2 : 5 },
    );
  });
});

const withoutText = (text: string, start: number, end: number): boolean =>
  text.slice(start, end).trim() === '';

const valueAt = (from: unknown, path: YamlPath): unknown =>
  path.reduce<unknown>((inside, step) => (inside as Record<string | number, unknown>)[step], from);
