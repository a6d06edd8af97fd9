import type { YamlValue } from './data.ts';
import { insertFlow } from './flow.ts';
import {
  type BlockStyle,
  blockLines,
  entryLines,
  flowPair,
  indentLines,
  inlineText,
  isBlockValue,
  itemLines,
} from './format.ts';
import { columnOf, lineBreakAt, lineEnd, type Splice } from './lines.ts';
import { cannotEdit } from './locate.ts';
import { endWithComments, hasSpacedBraces, outerEnd, replaceNode } from './replace.ts';
import type { Entry, SyntaxDocument, SyntaxNode } from './syntax.ts';
import type { PlaceAt } from './tokens.ts';

/** The splices that add a key at the end of a map. */
export function insertKey(
  text: string,
  map: SyntaxNode,
  key: string,
  value: YamlValue,
  style: BlockStyle,
  placeAt: PlaceAt,
): Splice[] {
  const last = map.entries.at(-1);
  if (map.style === 'block' && last !== undefined) {
    const lines = entryLines(key, value, style);
    return [below(text, last, indentLines(lines, columnOf(text, map.start)), placeAt)];
  }
  if (isEmptyInBlock(text, map)) return replaceNode(text, map, { [key]: value }, style);
  const place = { spacedBraces: hasSpacedBraces(text, map) };
  return insertFlow(text, map, map.entries.length, flowPair(key, value, place));
}

/** The splices that add an item to a list before an index, or at the end. */
export function insertItem(
  text: string,
  list: SyntaxNode,
  index: number,
  value: YamlValue,
  style: BlockStyle,
  placeAt: PlaceAt,
): Splice[] {
  if (list.style === 'block') {
    const column = columnOf(text, list.start);
    const lines = indentLines(itemLines(value, style, dashLike(text, list)), column);
    const previous = list.entries[index - 1];
    if (previous !== undefined) return [below(text, previous, lines, placeAt)];
    const newline = lineBreakAt(text, list.start);
    const first = lines.join(newline).slice(column);
    return [{ start: list.start, end: list.start, text: first + newline + ' '.repeat(column) }];
  }
  if (isEmptyInBlock(text, list)) return replaceNode(text, list, [value], style);
  const place = { inFlow: true, spacedBraces: hasSpacedBraces(text, list) };
  return insertFlow(text, list, index, inlineText(value, place));
}

/** `{}` or `[]`, where a block could stand. */
const isEmptyInBlock = (text: string, node: SyntaxNode): boolean =>
  node.entries.length === 0 && !node.inFlow && /^[{[] *[\]}]$/.test(text.slice(node.start, node.end));

/** The dash of the last item with the spaces behind it, which say how far maps in the list are indented. */
function dashLike(text: string, list: SyntaxNode): string {
  const last = list.entries.at(-1);
  const written =
    last === undefined ? undefined : /^- {1,4}(?=\S)/.exec(text.slice(last.start, last.end + 1))?.[0];
  return written ?? '- ';
}

/** New lines below an entry, and below the comments inside of it. */
function below(text: string, entry: Entry, lines: readonly string[], placeAt: PlaceAt): Splice {
  const at = endOfEntry(text, entry);
  const last = lastNode(entry.value);
  if (at === text.length && last.block !== undefined) {
    // YAML gives the text a final line end only if the file has one; a new line would give it one.
    throw cannotEdit(
      'the file ends in the middle of a text (| or >), without a line end',
      placeAt(last.start),
      {
        todo: 'Add a line end at the end of the file.',
      },
    );
  }
  const newline = lineBreakAt(text, at);
  return { start: at, end: at, text: lines.map((line) => newline + line).join('') };
}

function lastNode(node: SyntaxNode): SyntaxNode {
  const last = node.style === 'block' ? node.entries.at(-1) : undefined;
  return last === undefined ? node : lastNode(last.value);
}

/**
 * The end of an entry's last line. Comments below it that stand deeper than its key are inside of it where it holds
 * a map, a list, or nothing: often they are the keys that could be there.
 */
export function endOfEntry(text: string, entry: Entry): number {
  const { value } = entry;
  const line = lineEnd(text, entry.end);
  if (value.style === 'block') return Math.max(line, outerEnd(text, value));
  const empty =
    value.style === 'empty' ||
    (value.kind !== 'scalar' && value.entries.length === 0 && value.style === 'flow');
  return empty ? endWithComments(text, line, columnOf(text, entry.start)) : line;
}

/** The splices that give an empty document its content. */
export function createRoot(
  text: string,
  document: SyntaxDocument,
  value: YamlValue,
  style: BlockStyle,
): Splice[] {
  const at = document.contentEnd;
  const newline = lineBreakAt(text, at);
  const lines = isBlockValue(value) ? blockLines(value, style) : [inlineText(value, {})];
  const onNewLine = at === 0 || text[at - 1] === '\n';
  const written = lines.join(newline);
  const isEnd = at === text.length;
  return [
    {
      start: at,
      end: at,
      text: `${onNewLine ? '' : newline}${written}${isEnd && !onNewLine ? '' : newline}`,
    },
  ];
}
