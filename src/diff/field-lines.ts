import { diffArrays } from 'diff';
import { stringify } from 'yaml';
import { parseExactly } from '../kubernetes/large-integer.ts';
import { textDiff } from '../report/text-diff.ts';
import { type FieldPath, formatFieldPath } from './field-path.ts';
import type { FieldChange } from './fields.ts';
import { HiddenValue } from './hidden.ts';

/** One line of a difference. `place`: where in the object, or in a text, the next lines are. */
export interface DiffLine {
  readonly kind: 'added' | 'removed' | 'same' | 'place';
  readonly text: string;
}

/** A line of a report holds no more than this; a value is known by its begin. */
const LONGEST = 300;

/** The changed fields for reading: those of one part of the object together, below the path of that part. */
export function fieldLines(fields: readonly FieldChange[]): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let part: string | undefined;
  for (const field of fields) {
    const parent = formatFieldPath(partOf(field.path));
    if (parent !== part) lines.push({ kind: 'place', text: parent === '' ? '(the object)' : parent });
    part = parent;
    lines.push(...changeLines(field));
  }
  return lines.map(({ kind, text }) => ({ kind, text: printable(text) }));
}

const partOf = (path: FieldPath): FieldPath => path.slice(0, -1);

/** Control characters and signs that turn the direction of text could hide what a line says. */
const printable = (text: string): string => {
  const clean = text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    '\ufffd',
  );
  return clean.length <= LONGEST ? clean : `${clean.slice(0, LONGEST)}… (${clean.length} characters)`;
};

function changeLines({ path, before, after }: FieldChange): readonly DiffLine[] {
  const last = path.at(-1);
  const name = typeof last === 'string' ? keyText(last) : `[${last?.item ?? ''}]`;
  const [from, to] = [unwrapped(before), unwrapped(after)];
  if (before instanceof HiddenValue && after instanceof HiddenValue && from === to) {
    const isWhole = from === '(hidden)';
    return [
      {
        kind: 'same',
        text: `${name}: ${isWhole ? '(hidden), changed' : 'changed, but only in values that are hidden'}`,
      },
    ];
  }
  if (isLong(from) || isLong(to)) {
    if (isTextOrNone(from) && isTextOrNone(to)) return textLines(name, from, to);
  }
  if (isPlainList(from) && isPlainList(to)) return listLines(name, from, to);
  return [
    ...(before === undefined ? [] : valueLines('removed', name, before)),
    ...(after === undefined ? [] : valueLines('added', name, after)),
  ];
}

const keyText = (key: string): string => (/^[\w./-]+$/.test(key) ? key : JSON.stringify(key));

const unwrapped = (value: unknown): unknown => (value instanceof HiddenValue ? value.shown : value);

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

const isLong = (value: unknown): value is string =>
  typeof value === 'string' && value.trimEnd().includes('\n');

const isTextOrNone = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

const isPlainList = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) &&
  value.every((item) => typeof item !== 'object' || item === null || item instanceof HiddenValue);

/** The lines of a text that differ, with those around them. */
function textLines(name: string, before: string | undefined, after: string | undefined): readonly DiffLine[] {
  if (before === undefined || after === undefined) {
    const kind = before === undefined ? 'added' : 'removed';
    const all = (before ?? after ?? '').trimEnd().split('\n');
    return [{ kind, text: `${name}: |` }, ...all.map((line): DiffLine => ({ kind, text: `  ${line}` }))];
  }
  const [, , ...patch] = textDiff('x', before, after).trimEnd().split('\n');
  return [
    { kind: 'same', text: `${name}: |` },
    ...patch.flatMap((line): readonly DiffLine[] => {
      if (line.startsWith('+')) return [{ kind: 'added', text: `  ${line.slice(1)}` }];
      if (line.startsWith('-')) return [{ kind: 'removed', text: `  ${line.slice(1)}` }];
      if (line.startsWith('@@')) return [{ kind: 'same', text: '  …' }];
      if (line.startsWith('\\')) return [];
      return [{ kind: 'same', text: `  ${line.slice(1)}` }];
    }),
  ];
}

function listLines(name: string, before: readonly unknown[], after: readonly unknown[]): readonly DiffLine[] {
  const [from, to] = [before.map(String), after.map(String)];
  const isOrder = from.length === to.length && [...from].sort().join('\0') === [...to].sort().join('\0');
  const parts = diffArrays(from, to, { timeout: 1_000 }) ?? [
    { removed: true, added: false, value: from },
    { removed: false, added: true, value: to },
  ];
  return [
    { kind: 'same', text: isOrder ? `${name}: (another order)` : `${name}:` },
    ...parts.flatMap((part) =>
      part.value
        .filter((_, index) => part.added || part.removed || index < 1 || index === part.value.length - 1)
        .map(
          (value): DiffLine => ({
            kind: part.added ? 'added' : part.removed ? 'removed' : 'same',
            text: `  - ${firstLine(value)}`,
          }),
        ),
    ),
  ];
}

function valueLines(kind: 'added' | 'removed', name: string, value: unknown): readonly DiffLine[] {
  const shown = unwrapped(value);
  if (typeof shown === 'string' && /[\r\n]/.test(shown))
    return [{ kind, text: `${name}: ${JSON.stringify(shown)}` }];
  if (typeof shown !== 'object' || shown === null) return [{ kind, text: `${name}: ${scalarText(shown)}` }];
  const body = yamlLines(shown);
  if (name.startsWith('[')) {
    // An item of a list, as YAML writes it: what it is called stands in it.
    return body.map((line, index) => ({ kind, text: `${index === 0 ? '- ' : '  '}${line}` }));
  }
  if (Object.keys(shown).length === 0) return [{ kind, text: `${name}: ${body[0] ?? ''}` }];
  return [{ kind, text: `${name}:` }, ...body.map((line): DiffLine => ({ kind, text: `  ${line}` }))];
}

/** Text that YAML would read as something else is in quotes, so that "1" and 1 differ for the eye. */
const scalarText = (value: unknown): string =>
  typeof value === 'string' ? (stringify(value, { lineWidth: 0 }) ?? '').trimEnd() : String(value);

/** An object or a part of one as YAML, with secrets hidden. */
export function yamlLines(value: unknown): readonly string[] {
  const text = stringify(parseExactly(JSON.stringify(value)), { lineWidth: 0, aliasDuplicateObjects: false });
  return text.trimEnd().split('\n').map(printable);
}
