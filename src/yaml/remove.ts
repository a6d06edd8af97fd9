import { removeFlow } from './flow.ts';
import { endOfEntry } from './insert.ts';
import { columnOf, lineEnd, lineStart, nextLine, type Splice, startsLine } from './lines.ts';
import { endWithComments } from './replace.ts';
import type { Entry, SyntaxNode } from './syntax.ts';

/**
 * The splices that remove an entry.
 *
 * In blocks its lines go whole, with the comment behind it and with what is inside of it; comments above stay, since
 * they often speak of more than one key. The last key leaves `{}`, the last item `[]`.
 */
export function removeEntry(text: string, entry: Entry): Splice[] {
  const { parent } = entry;
  if (parent.style !== 'block') return removeFlow(text, entry);
  const onOwnLine = startsLine(text, entry.start);
  const end = endOfRemoval(text, entry);
  if (parent.entries.length === 1) return lastOne(text, entry, end, onOwnLine);
  const next = parent.entries[entry.index + 1];
  if (!onOwnLine && next !== undefined) {
    // `- a: 1`: the next key, or the comment before it, moves up behind the dash.
    return [{ start: entry.start, end: firstText(text, nextLine(text, end)), text: '' }];
  }
  return [wholeLines(text, entry, end)];
}

function firstText(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return at;
}

function wholeLines(text: string, entry: Entry, end: number): Splice {
  const start = lineStart(text, entry.start);
  const before = previousNode(entry);
  const endsFile = nextLine(text, end) === text.length && !text.endsWith('\n');
  // The line end before goes instead of the missing one after, unless it belongs to a text (| or >).
  if (endsFile && start > 0 && before?.block === undefined) {
    return { start: lineEnd(text, lineStart(text, start - 1)), end: text.length, text: '' };
  }
  return { start, end: nextLine(text, end), text: '' };
}

function endOfRemoval(text: string, entry: Entry): number {
  const end = endOfEntry(text, entry);
  const before = previousNode(entry);
  if (before?.block === undefined) return end;
  // A text (| or >) before the entry would take in the comments, and with `|+` the blank lines, that follow it.
  const withComments = endWithComments(text, end, columnOf(text, entry.start));
  return before.block.keep ? endWithBlanks(text, withComments) : withComments;
}

function endWithBlanks(text: string, offset: number): number {
  let end = offset;
  for (let line = nextLine(text, end); line < text.length; line = nextLine(text, line)) {
    if (text.slice(line, lineEnd(text, line)).trim() !== '') break;
    end = lineEnd(text, line);
  }
  return end;
}

/** The node whose text stands right before an entry's first line. */
function previousNode(entry: Entry): SyntaxNode | undefined {
  let node = entry.parent.entries[entry.index - 1]?.value;
  while (node?.style === 'block') node = node.entries.at(-1)?.value;
  return node;
}

/** `a:` / `  b: 1` becomes `a: {}`, and `- b: 1` becomes `- {}`. */
function lastOne(text: string, entry: Entry, end: number, onOwnLine: boolean): Splice[] {
  const empty = entry.parent.kind === 'list' ? '[]' : '{}';
  const { lead } = entry.parent;
  if (!onOwnLine || lead === undefined || lineEnd(text, lead) >= entry.start) {
    return [{ start: entry.start, end, text: empty }];
  }
  return [{ start: lead, end: lead, text: ` ${empty}` }, wholeLines(text, entry, end)];
}
