import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Failure } from '../report/failure.ts';
import { editYaml, formatYaml, type YamlEdit, type YamlValue } from './edit.ts';
import { parseYaml } from './parse.ts';
import type { YamlPath } from './path.ts';

/** A file as someone might have written it: the text, and which of its documents is edited. */
interface Written {
  readonly text: string;
  readonly document: number;
}

/** What a node looks like; rendered to text by `lines`. */
type Node =
  | { readonly is: 'scalar'; readonly text: string }
  | { readonly is: 'block'; readonly header: string; readonly lines: readonly string[] }
  | { readonly is: 'map'; readonly entries: readonly Entry[] }
  | { readonly is: 'list'; readonly entries: readonly Entry[] };

interface Entry {
  readonly key: string;
  readonly value: Node;
  readonly above: readonly string[];
  readonly behind: string;
  readonly inside: readonly string[];
}

interface Layout {
  readonly step: number;
  readonly listStep: number;
}

const KEYS = ['a', 'b', 'image', 'tag', '"x.y"', "'on'", 'n', '"a: b"', '7', 'k-1', '"__proto__"'];
const SCALARS = [
  'x',
  '1',
  '1.10',
  '"q # no"',
  "'it''s'",
  'true',
  'null',
  '~',
  '',
  'two words',
  '"1.10"',
  "''",
  'sha256:ab',
  '!!str 5',
  '0x1F',
  '&anchor v',
  '-1',
  '"two\\nlines"',
];
const FLOWS = [
  '{}',
  '[]',
  '{a: 1, b: x}',
  '{ a: 1 }',
  '[1, "2", [3], {b: 4}]',
  '{a: {b: [1]}, image: }',
  '[a: 1, b]',
  '{"a": 1, tag}',
  '{ }',
  '[ ]',
];
const FLOW_LINES = [
  '{\nIa: 1, # one\nIb: 2\nE}',
  '[\nI1,\nI2, # two\nE]',
  '{\nIa: 1,\nI# own\nIb: 2 # two\nE}',
  '[ 1,\nI2 ]',
  '{ # none\nE}',
];

const scalar = fc
  .constantFrom(...SCALARS, ...FLOWS, ...FLOW_LINES)
  .map((text): Node => ({ is: 'scalar', text }));
const block = fc
  .record({
    header: fc.constantFrom('|', '>', '|-', '>-', '|+', '>+', '|2', '| # note'),
    lines: fc.constantFrom(
      ['one'],
      ['one', 'two'],
      ['one', '', 'two'],
      ['one', '  more', 'two', ''],
      ['one', '', ''],
      [],
    ),
  })
  .map((made): Node => ({ is: 'block', ...made }));

const comment = fc.constantFrom('# note', '#', '# a: 1', '# - "x');
const entry = (value: fc.Arbitrary<Node>): fc.Arbitrary<Entry> =>
  fc.record({
    key: fc.constantFrom(...KEYS),
    value,
    above: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(fc.oneof(comment, fc.constant('')), { maxLength: 2 }),
    ),
    behind: fc.oneof(
      { weight: 2, arbitrary: fc.constant('') },
      comment.map((text) => ` ${text}`),
    ),
    inside: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(comment, { maxLength: 2 })),
  });

const { node } = fc.letrec<{ node: Node; map: Node; list: Node }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, scalar, block, tie('map'), tie('list')),
  map: fc
    .uniqueArray(entry(tie('node')), {
      minLength: 1,
      maxLength: 4,
      selector: ({ key }) => key.replace(/["']/g, ''),
    })
    .map((entries): Node => ({ is: 'map', entries })),
  list: fc
    .array(entry(tie('node')), { minLength: 1, maxLength: 3 })
    .map((entries): Node => ({ is: 'list', entries })),
}));
const collection = node.filter(({ is }) => is === 'map' || is === 'list');

/** The lines of a block, relative to its column. */
function lines(from: Node, layout: Layout): string[] {
  if (from.is !== 'map' && from.is !== 'list') throw new Error('only blocks have lines');
  return from.entries.flatMap((each) => {
    const name = from.is === 'map' ? `${each.key}:` : '-';
    const step = from.is === 'list' ? 2 : each.value.is === 'list' ? layout.listStep : layout.step;
    const inside = each.inside.map((text) => ' '.repeat(Math.max(step, 1)) + text);
    return [
      ...each.above,
      ...value(each, name, step, from.is === 'list', layout),
      ...(isOpen(each.value) ? inside : []),
    ];
  });
}

/** May comments follow that belong to the entry? After a text they would be a part of it. */
const isOpen = (last: Node): boolean =>
  last.is === 'map' || last.is === 'list' || (last.is === 'scalar' && last.text === '{}');

function value(each: Entry, name: string, step: number, isItem: boolean, layout: Layout): string[] {
  const indent = (line: string, by: number): string => (line === '' ? '' : ' '.repeat(by) + line);
  const { value: of, behind } = each;
  if (of.is === 'scalar') {
    const text = of.text.replaceAll('I', ' '.repeat(step + 2)).replaceAll('E', ' '.repeat(step + 1));
    return `${name}${text === '' ? '' : ' '}${text}${behind}`.split('\n');
  }
  if (of.is === 'block') {
    const by = of.header.includes('2') ? 2 : Math.max(step, 1);
    return [`${name} ${of.header}`, ...of.lines.map((line) => indent(line, by))];
  }
  const inner = lines(of, layout);
  const compact = isItem && behind === '' && inner[0] !== '' && !inner[0]?.startsWith('#');
  if (compact) return [`${name} ${inner[0]}`, ...inner.slice(1).map((line) => indent(line, 2))];
  return [name + behind, ...inner.map((line) => indent(line, step))];
}

const written: fc.Arbitrary<Written> = fc
  .record({
    root: collection,
    layout: fc.constantFrom(
      { step: 2, listStep: 0 },
      { step: 2, listStep: 2 },
      { step: 4, listStep: 4 },
      { step: 4, listStep: 2 },
    ),
    newline: fc.constantFrom('\n', '\r\n'),
    mark: fc.boolean(),
    finalNewline: fc.boolean(),
    before: fc.constantFrom('', 'first: 1 # one\n---\n', '# only a comment\n---\n'),
    after: fc.constantFrom('', '\n---\nlast: "1"\n', '\n...\n# end'),
  })
  .map(({ root, layout, newline, mark, finalNewline, before, after }) => {
    const text = before + lines(root, layout).join('\n') + (finalNewline && after === '' ? '\n' : after);
    return {
      text: (mark ? '\uFEFF' : '') + text.replaceAll('\n', newline),
      document: before.startsWith('first') ? 1 : 0,
    };
  });

const readable = (file: Written): boolean => {
  try {
    parseYaml(file.text, { file: 'generated', document: file.document });
    return true;
  } catch {
    return false;
  }
};

const string = fc.oneof(
  fc.constantFrom(
    'x',
    '1.10',
    'on',
    '0123',
    '',
    'a: b',
    'a #b',
    "it's",
    'one\ntwo',
    'one\ntwo\n',
    ' x ',
    '#',
    'null',
    'a, b]',
    '本番',
  ),
  fc.string({ maxLength: 12 }),
);
const newValue: fc.Arbitrary<YamlValue> = fc.letrec<{ value: YamlValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'value' },
    { weight: 4, arbitrary: string },
    fc.constantFrom<YamlValue>(null, true, 0, -3, 1.5, {}, []),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('p', 'on', '1', 'a: b'), tie('value'), { maxKeys: 3 }),
  ),
})).value;

/** An edit of something that is there, or could be, chosen by a number. */
const wish = fc.record({
  pick: fc.nat(),
  op: fc.constantFrom('set', 'insert', 'append', 'delete'),
  value: newValue,
  key: fc.constantFrom('new', 'on', '1', 'new.key'),
});
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function pathsOf(data: unknown, path: YamlPath = []): YamlPath[] {
  if (typeof data !== 'object' || data === null) return [path];
  const steps: [string | number, unknown][] = Array.isArray(data)
    ? [...data.entries()]
    : Object.entries(data);
  return [path, ...steps.flatMap(([step, inside]) => pathsOf(inside, [...path, step]))];
}

function editFor(data: unknown, { pick, op, value: made, key }: Wish): YamlEdit | undefined {
  const paths = pathsOf(data);
  const chosen = (fits: (data: unknown, path: YamlPath) => boolean): YamlPath | undefined => {
    const fitting = paths.filter((path) => fits(at(data, path), path));
    return fitting[pick % Math.max(1, fitting.length)];
  };
  const path = chosen((found, where) => {
    if (op === 'append') return Array.isArray(found);
    if (op === 'insert')
      return Array.isArray(found) || (isMap(found) && !Object.hasOwn(found, key)) || found === null;
    return where.length > 0;
  });
  if (path === undefined) return undefined;
  if (op === 'append' || op === 'set') return { op, path, value: made };
  if (op === 'delete') return { op, path };
  const found = at(data, path);
  return {
    op: 'insert',
    path: [...path, Array.isArray(found) ? pick % (found.length + 1) : key],
    value: made,
  };
}

const isMap = (data: unknown): data is Record<string, unknown> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

function at(data: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((inside, step) => (inside as Record<string | number, unknown>)[step], data);
}

/** The edit on plain data, as a person would describe it. */
function applied(data: unknown, edit: YamlEdit): unknown {
  const holder: { root: unknown } = { root: structuredClone(data) };
  const last = edit.path.at(-1);
  const parentPath = edit.path.slice(0, -1);
  let parent = edit.path.length === 0 ? holder : at(holder.root, parentPath);
  if (edit.op === 'append') {
    (at(holder.root, edit.path) as unknown[]).push(edit.value);
    return holder.root;
  }
  if (parent === null && parentPath.length > 0) {
    parent = {};
    (at(holder.root, parentPath.slice(0, -1)) as Record<string | number, unknown>)[parentPath.at(-1) ?? ''] =
      parent;
  }
  const slot = parent as Record<string | number, unknown>;
  if (edit.op === 'delete') {
    if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete slot[last ?? ''];
  } else if (edit.op === 'insert' && Array.isArray(parent)) parent.splice(Number(last), 0, edit.value);
  else
    Object.defineProperty(slot, last ?? 'root', {
      value: edit.value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return holder.root;
}

/** All documents, by the library's own conversion. */
const dataIn = (text: string): unknown[] =>
  // Without its byte order mark: `yaml` 2.9 fails on a list behind one.
  parseAllDocuments(text.replace(/^\uFEFF/, ''), { logLevel: 'silent' }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });

const edited = (file: Written, edits: readonly YamlEdit[]): string =>
  editYaml(file.text, edits, { file: 'generated', document: file.document });

/** Every unit of one text is in the other, in the same order. */
function isWithin(part: string, whole: string): boolean {
  let from = 0;
  for (const unit of part) {
    from = whole.indexOf(unit, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

/** Nothing is new, but for the `{}` or `[]` that the last key or item leaves. */
const isOnlyShorter = (text: string, before: string): boolean =>
  isWithin(text, before) ||
  Array.from(text.matchAll(/ ?(?:\{\}|\[\])/g)).some(({ 0: empty, index }) =>
    isWithin(text.slice(0, index) + text.slice(index + empty.length), before),
  );

/** The only refusal that may meet an edit of a generated file: nothing can be added to a text without line end. */
const isKnownRefusal = (error: unknown): boolean =>
  error instanceof Failure && (/without a line end/.test(error.message) || error.reason === 'tag');

describe('for any file and any edit', () => {
  const file = written.filter(readable);

  test('most of the files that are generated here are YAML', () => {
    expect(fc.sample(written, 200).filter(readable).length).toBeGreaterThan(150);
  });

  test('the file means what the edit says, and nothing else of it has changed', () => {
    let done = 0;
    fc.assert(
      fc.property(file, wish, (before, wished) => {
        const old = dataIn(before.text);
        const edit = editFor(old[before.document], wished);
        if (edit === undefined) return;
        let text: string;
        try {
          text = edited(before, [edit]);
        } catch (error) {
          if (isKnownRefusal(error)) return;
          throw error;
        }
        done += 1;
        expect(dataIn(text)).toEqual(old.with(before.document, applied(old[before.document], edit)));
        expect(text.startsWith('\uFEFF')).toBe(before.text.startsWith('\uFEFF'));
        if (!before.text.includes('\r')) expect(text).not.toContain('\r');
        else expect(text).not.toMatch(/(?<!\r)\n/);
        if (edit.op === 'delete') expect(isOnlyShorter(text, before.text)).toBe(true);
        const scalar =
          edit.op === 'set' && typeof edit.value !== 'object' ? scalarRange(before, edit.path) : undefined;
        if (scalar !== undefined) {
          expect(text.startsWith(before.text.slice(0, scalar[0]))).toBe(true);
          expect(text.endsWith(before.text.slice(scalar[1]))).toBe(true);
        }
      }),
      { numRuns: 600 },
    );
    expect(done).toBeGreaterThan(200);
  });

  test('several edits at once are the same as one after the other', () => {
    fc.assert(
      fc.property(file, fc.array(wish, { minLength: 2, maxLength: 4 }), (before, wishes) => {
        const edits: YamlEdit[] = [];
        let text = before.text;
        try {
          for (const wished of wishes) {
            const edit = editFor(dataIn(text)[before.document], wished);
            if (edit === undefined) continue;
            text = edited({ ...before, text }, [edit]);
            edits.push(edit);
          }
        } catch (error) {
          if (isKnownRefusal(error)) return;
          throw error;
        }
        expect(edited(before, edits)).toBe(text);
      }),
      { numRuns: 150 },
    );
  });

  test('setting a value to what it is changes nothing that readers agree about', () => {
    fc.assert(
      fc.property(file, fc.nat(), newValue, (before, pick, made) => {
        const edit = editFor(dataIn(before.text)[before.document], {
          pick,
          op: 'set',
          value: made,
          key: 'new',
        });
        if (edit === undefined) return;
        try {
          const once = edited(before, [edit]);
          expect(edited({ ...before, text: once }, [edit])).toBe(once);
        } catch (error) {
          if (!isKnownRefusal(error)) throw error;
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** The range of a scalar, by the library, when it stands on one line. */
function scalarRange(file: Written, path: YamlPath): [number, number] | undefined {
  const mark = file.text.startsWith('\uFEFF') ? 1 : 0;
  const found = parseAllDocuments(file.text.slice(mark), { logLevel: 'silent' })[file.document]?.getIn(
    path,
    true,
  ) as { range?: [number, number, number]; type?: string; source?: string } | undefined;
  if (found?.range === undefined || found.type === undefined || found.source === '') return undefined;
  return found.type.startsWith('BLOCK') ? undefined : [found.range[0] + mark, found.range[1] + mark];
}

test('a whole new file reads back as what was written, by YAML 1.2 and 1.1', () => {
  fc.assert(
    fc.property(newValue, (made) => {
      const text = formatYaml(made);
      expect(parseAllDocuments(text).map((document) => document.toJS() as unknown)).toEqual([made]);
      expect(
        parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS() as unknown),
      ).toEqual([made]);
      expect(text.endsWith('\n')).toBe(true);
    }),
    { numRuns: 150 },
  );
});
