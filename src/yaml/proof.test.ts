import { expect, test } from 'vitest';
import { Failure, formatFailure } from '../report/failure.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { YamlEdit } from './operation.ts';
import { proveEdits } from './proof.ts';
import { readSource } from './syntax.ts';

const SOURCE = 'image:\n  tag: v1 # x\n  name: web\n---\nother: 1\n';
const EDIT: YamlEdit = { op: 'set', path: ['image', 'tag'], value: '1.10' };

function verdict(text: string, edit = EDIT): string {
  const before = readSource(SOURCE, 'values.yaml', DEFAULT_LIMITS);
  try {
    proveEdits({ before, document: 0, edits: [edit], limits: DEFAULT_LIMITS }, text);
    return 'proven';
  } catch (error) {
    if (error instanceof Failure) return formatFailure(error).split('\n')[0] ?? '';
    throw error;
  }
}

const edited = (tag: string): string => SOURCE.replace('v1', tag);

test('the intended text is proven', () => {
  expect(verdict(edited('"1.10"'))).toBe('proven');
});

test.each([
  ['the value is another one', edited('"1.11"'), 'image.tag'],
  ['the value has another type', edited('1.10'), 'image.tag'],
  ['a neighbour changed', edited('"1.10"').replace('web', 'job'), 'image.name'],
  ['a neighbour is gone', edited('"1.10"').replace('  name: web\n', ''), 'image.name'],
  ['something was added', `more: 1\n${edited('"1.10"')}`, 'more'],
  ['another document changed', edited('"1.10"').replace('other: 1', 'other: 2'), 'other'],
  ['a document was lost', edited('"1.10"').split('---')[0] ?? '', 'the number of documents'],
  ['it is no YAML any more', edited('"1.10'), 'the file into something unreadable'],
])('not when %s', (_what, text, changed) => {
  expect(verdict(text)).toBe(
    `values.yaml: the edit of "image.tag" would have changed ${changed}; nothing was written`,
  );
});

test('not when a YAML 1.1 reader, like Helm, sees another value', () => {
  for (const [value, written] of [
    ['on', 'on'],
    ['0123x', '0123x'],
    ['12:30:45', '12:30:45'],
    ['2024-01-01', '2024-01-01'],
  ] as const) {
    const result = verdict(edited(written), { ...EDIT, value } as YamlEdit);
    if (value === '0123x') expect(result).toBe('proven');
    else expect(result).toMatch(/would have changed how YAML 1.1 reads image.tag; nothing was written$/);
  }
});
