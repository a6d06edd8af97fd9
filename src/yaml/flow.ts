import { columnOf, lineBreakAt, lineEnd, lineStart, type Splice, startsLine } from './lines.ts';
import type { Entry, SyntaxNode } from './syntax.ts';

/** The splices that add the text of an entry to a `{…}` or `[…]`, before an entry or at the end. */
export function insertFlow(text: string, node: SyntaxNode, index: number, written: string): Splice[] {
  const next = node.entries[index];
  if (next !== undefined) {
    return [{ start: next.start, end: next.start, text: `${written},${separator(text, next)}` }];
  }
  const last = node.entries.at(-1);
  if (last === undefined) return [intoEmpty(text, node, written)];
  if (node.style === 'pair') {
    // `[a: 1]` is a map without braces; two keys need them.
    return [
      { start: node.start, end: node.start, text: '{' },
      { start: node.end, end: node.end, text: `, ${written}}` },
    ];
  }
  const rest = text.slice(last.end, lineEnd(text, last.end));
  const comment = /^[^#]*\s#/.test(rest) && lineEnd(text, last.end) < node.end;
  if (!comment) {
    // A colon without a value must not touch the comma: `{a:, b}` is another key to some readers.
    const space = last.value.style === 'empty' && last.value.lead !== undefined ? ' ' : '';
    return [{ start: last.end, end: last.end, text: `${space},${separator(text, last)}${written}` }];
  }
  const hasComma = /^\s*,/.test(rest);
  const line = lineEnd(text, last.end);
  const newLine =
    lineBreakAt(text, line) + text.slice(lineStart(text, last.start), last.start).replace(/\S.*/, '');
  return [
    ...(hasComma ? [] : [{ start: last.end, end: last.end, text: ',' }]),
    { start: line, end: line, text: `${newLine}${written}${hasComma ? ',' : ''}` },
  ];
}

/** What stands between entries: a new line with the same indentation where the neighbour has one of its own. */
function separator(text: string, neighbour: Entry): string {
  if (!startsLine(text, neighbour.start)) return ' ';
  return lineBreakAt(text, neighbour.start) + ' '.repeat(columnOf(text, neighbour.start));
}

function intoEmpty(text: string, node: SyntaxNode, written: string): Splice {
  const inside = text.slice(node.start + 1, node.end - 1);
  if (/^ *$/.test(inside)) {
    return { start: node.start + 1, end: node.end - 1, text: inside === '' ? written : ` ${written} ` };
  }
  return { start: node.end - 1, end: node.end - 1, text: written };
}

/** The splices that remove an entry of a `{…}` or `[…]` with its comma, and with the comment behind it. */
export function removeFlow(text: string, entry: Entry): Splice[] {
  const { parent, index } = entry;
  if (parent.style === 'pair') return [{ start: parent.start, end: parent.end, text: '{}' }];
  const next = parent.entries[index + 1];
  if (next !== undefined) {
    return [{ start: entry.start, end: endBefore(text, entry, next.start), text: '' }];
  }
  const previous = parent.entries[index - 1];
  const close = parent.end - 1;
  const after = endBefore(text, entry, close);
  if (previous === undefined) {
    const inside = text.slice(parent.start + 1, entry.start) + text.slice(after, close);
    const onlySpace = inside.trim() === '';
    return [
      onlySpace
        ? { start: parent.start + 1, end: close, text: '' }
        : { start: entry.start, end: after, text: '' },
    ];
  }
  const ends = withComment(text, entry.end, close);
  if (!text.slice(previous.end, entry.start).includes('#')) {
    return [{ start: previous.end, end: ends > entry.end ? ends : entry.end, text: '' }];
  }
  // A comment stands between the two, so the comma before it stays, which YAML allows.
  const start = startsLine(text, entry.start)
    ? lineEnd(text, lineStart(text, lineStart(text, entry.start) - 1))
    : entry.start;
  return [{ start, end: withComment(text, afterComma(text, entry.end, close), close), text: '' }];
}

/** The end of what goes with an entry: its comma, the comment behind it, and the white space up to what follows. */
function endBefore(text: string, entry: Entry, next: number): number {
  let at = withComment(text, afterComma(text, entry.end, next), next);
  while (at < next && /\s/.test(text[at] ?? '')) at += 1;
  return at;
}

/** The offset behind the comma that follows an entry, over white space and comments; the offset itself if none does. */
function afterComma(text: string, from: number, limit: number): number {
  for (let at = from; at < limit; at += 1) {
    if (text[at] === ',') return at + 1;
    if (text[at] === '#') at = lineEnd(text, at);
  }
  return from;
}

/** The end of the comment that follows on the same line; the offset itself if none does. */
function withComment(text: string, at: number, limit: number): number {
  const line = lineEnd(text, at);
  return line < limit && /^[ \t]+#/.test(text.slice(at, line)) ? line : at;
}
