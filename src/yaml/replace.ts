import { couldNot, type Failure } from '../report/failure.ts';
import { dataOf, isMap, sameData, type YamlValue } from './data.ts';
import {
  type BlockStyle,
  type BlockValue,
  blockLines,
  indentLines,
  inlineText,
  isBlockValue,
  isList,
  literalBody,
} from './format.ts';
import { columnOf, indentationAt, lineBreakAt, lineEnd, nextLine, type Splice, startsLine } from './lines.ts';
import { formatScalar, readsAsOther } from './scalar.ts';
import { type BlockText, resolved, type SyntaxNode } from './syntax.ts';
import type { PlaceAt } from './tokens.ts';

/**
 * The splices that put a value in the place of a node.
 *
 * - A scalar keeps its quotes or its `|` where the new value is a string that they can hold, and always the comment
 *   behind it.
 * - A map or list goes whole, with the comments inside of it; the comment on its key's line stays.
 * - A flow collection on one line, and everything inside of one, is written as flow; the rest as blocks.
 * - A value that already stands there, and that all readers read alike, is left as it is written.
 */
export function replaceNode(text: string, node: SyntaxNode, value: YamlValue, style: BlockStyle): Splice[] {
  if (isWritten(text, node, value)) return [];
  if (isBlockValue(value) && !node.inFlow && !isFlowLine(text, node))
    return byBlock(text, node, value, style);
  if (typeof value === 'string' && node.block !== undefined) {
    const lines = blockScalar(text, node, node.block, value);
    if (lines !== undefined) return lines;
  }
  return byInline(text, node, inlineFor(text, node, value));
}

/** A flow collection with something in it, on one line. An empty one (`{}`) says nothing about style. */
const isFlowLine = (text: string, node: SyntaxNode): boolean =>
  node.style === 'flow' && node.entries.length > 0 && !text.slice(node.start, node.end).includes('\n');

function inlineFor(text: string, node: SyntaxNode, value: YamlValue): string {
  // In `{"a":x}` the colon is one only because a quote stands before it; no plain scalar may follow.
  const glued = node.inFlow && text[node.start - 1] === ':' && node.style !== 'empty';
  if (typeof value !== 'string')
    return inlineText(value, { inFlow: node.inFlow, spacedBraces: hasSpacedBraces(text, node) });
  const preferred = glued
    ? 'double'
    : node.style === 'single' || node.style === 'double'
      ? node.style
      : 'plain';
  return formatScalar(value, { inFlow: node.inFlow }, preferred);
}

/** Does the flow map that is, or is around, a node have spaces inside of its braces? */
export function hasSpacedBraces(text: string, node: SyntaxNode): boolean {
  for (let at: SyntaxNode | undefined = node; at !== undefined; at = at.owner?.parent) {
    if (at.kind === 'map' && at.style === 'flow' && at.entries.length > 0) return text[at.start + 1] === ' ';
  }
  return false;
}

function byInline(text: string, node: SyntaxNode, inline: string): Splice[] {
  if (node.block !== undefined) {
    return [{ start: node.start, end: node.block.headerEnd, text: inline }, ...withoutBody(text, node.block)];
  }
  if (node.style === 'empty') {
    // `{a}`: a key of a flow map may stand without its colon.
    const introduced = node.lead === undefined ? ': ' : ' ';
    return [{ start: node.start, end: node.start, text: introduced + inline }];
  }
  if (node.style === 'block') {
    if (node.lead === undefined || !startsBelow(text, node, node.lead)) {
      return [{ start: node.start, end: outerEnd(text, node), text: inline }];
    }
    return [
      { start: node.lead, end: node.lead, text: ` ${inline}` },
      { start: lineEnd(text, node.lead), end: outerEnd(text, node), text: '' },
    ];
  }
  return [{ start: node.start, end: node.end, text: inline }];
}

function withoutBody(text: string, block: BlockText): Splice[] {
  const start = lineEnd(text, block.headerEnd);
  return block.bodyEnd > start ? [{ start, end: block.bodyEnd, text: '' }] : [];
}

const startsBelow = (text: string, node: SyntaxNode, lead: number): boolean =>
  lineEnd(text, lead) < node.start;

function byBlock(text: string, node: SyntaxNode, value: BlockValue, style: BlockStyle): Splice[] {
  const lines = blockLines(value, style);
  const newline = lineBreakAt(text, node.start);
  const below = (column: number): string =>
    indentLines(lines, column)
      .map((line) => newline + line)
      .join('');
  const inPlace = (start: number, column: number, end: number, before = ''): Splice => ({
    start,
    end,
    text: before + indentLines(lines, column).join(newline).trimStart(),
  });
  const { lead, owner } = node;
  if (node.style === 'block' && (lead === undefined || !startsBelow(text, node, lead))) {
    return [inPlace(node.start, columnOf(text, node.start), outerEnd(text, node))];
  }
  if (lead === undefined && node.block === undefined && startsLine(text, node.start)) {
    return [inPlace(node.start, columnOf(text, node.start), node.end)];
  }
  const isItem = owner?.parent.kind === 'list';
  const onlyDash = isItem && node.tag === undefined && node.anchor === undefined && node.block === undefined;
  if (onlyDash && node.style !== 'block' && text.slice(node.end, lineEnd(text, node.end)).trim() === '') {
    return node.style === 'empty'
      ? [inPlace(node.start, columnOf(text, node.start) + 1, node.end, ' ')]
      : [inPlace(node.start, columnOf(text, node.start), node.end)];
  }
  const column = blockColumn(text, node, value, style);
  if (node.style === 'block' && lead !== undefined) {
    return [{ start: lineEnd(text, lead), end: outerEnd(text, node), text: below(column) }];
  }
  const gone = { start: lead ?? node.start, end: node.block?.headerEnd ?? node.end, text: '' };
  const lineEnds = lineEnd(text, gone.end);
  return [gone, { start: lineEnds, end: Math.max(lineEnds, node.block?.bodyEnd ?? 0), text: below(column) }];
}

/** The column of a block that is written below its key, its dash, or its `---`. */
function blockColumn(text: string, node: SyntaxNode, value: BlockValue, style: BlockStyle): number {
  const kind = isList(value) ? 'list' : 'map';
  if (node.style === 'block' && node.kind === kind) return columnOf(text, node.start);
  if (node.owner === undefined) return 0;
  const base = columnOf(text, node.owner.start);
  if (node.owner.parent.kind === 'list') return base + 2;
  return base + (kind === 'list' ? style.listStep : style.mapStep);
}

/**
 * The end of the last line of a block, with the comments that follow it and stand deeper than its key: they are
 * inside of it.
 */
export function outerEnd(text: string, node: SyntaxNode): number {
  const column = node.owner === undefined ? undefined : columnOf(text, node.owner.start);
  const end = lineEnd(text, node.end);
  return column === undefined ? end : endWithComments(text, end, column);
}

/** The end of the last of the comment lines that follow an offset's line and stand right of a column. */
export function endWithComments(text: string, offset: number, column: number): number {
  let end = lineEnd(text, offset);
  for (let line = nextLine(text, end); line < text.length; line = nextLine(text, line)) {
    const first = line + indentationAt(text, line);
    if (text[first] === '#') {
      if (first - line <= column) break;
      end = lineEnd(text, first);
    } else if (first < lineEnd(text, line)) break;
  }
  return end;
}

/** The splices that give a `|` or `>` scalar a new text, in the same style; undefined where that cannot hold it. */
function blockScalar(text: string, node: SyntaxNode, block: BlockText, value: string): Splice[] | undefined {
  const lines = literalBody(value);
  const body = text.slice(block.bodyStart, block.bodyEnd);
  const firstLine = body.split('\n').find((line) => line.trim() !== '');
  // Readers disagree about the last line end of a text that ends with the file.
  const endsFile = block.bodyEnd === text.length;
  if (lines === undefined || firstLine === undefined || (endsFile && value.endsWith('\n'))) return undefined;
  const indented = /^ */.exec(firstLine)?.[0].length ?? 0;
  const shown = /^[ \n]*/.exec(String(node.scalar))?.[0].replaceAll('\n', '').length ?? 0;
  if (node.style === 'folded' && lines.some((line) => line.startsWith(' '))) return undefined;
  const written = node.style === 'folded' ? folded(lines) : lines;
  const header =
    text.slice(node.start, block.headerEnd).replace(/[+-]/, '') + (value.endsWith('\n') ? '' : '-');
  return [
    { start: node.start, end: block.headerEnd, text: header },
    {
      start: block.bodyStart,
      end: block.bodyEnd,
      text: indentLines(written, indented - shown).join(lineBreakAt(text, block.bodyStart)),
    },
  ];
}

/** In a folded text a line end counts only when an empty line follows it. */
const folded = (lines: readonly string[]): string[] =>
  lines.flatMap((line, index) =>
    line !== '' && index < lines.length - 1 && nextText(lines, index) ? [line, ''] : [line],
  );

const nextText = (lines: readonly string[], index: number): boolean =>
  lines.slice(index + 1).some((line) => line !== '');

/** Does the value stand there already, written so that readers of YAML 1.1 and 1.2 agree? */
const isWritten = (text: string, node: SyntaxNode, value: YamlValue): boolean =>
  sameData(dataOf(node), value) && readsAlike(text, node);

function readsAlike(text: string, node: SyntaxNode): boolean {
  const source = resolved(node);
  if (source.kind !== 'scalar') {
    return source.entries.every(
      (entry) =>
        !entry.merge &&
        readsAlike(text, entry.value) &&
        (entry.keyNode === undefined || readsAlike(text, entry.keyNode)),
    );
  }
  if (source.tag !== undefined || source.scalar === null) return true;
  if (typeof source.scalar === 'string') return source.style !== 'plain' || !readsAsOther(source.scalar);
  return text.slice(source.start, source.end) === JSON.stringify(source.scalar);
}

const TAGS: Readonly<Record<string, (value: YamlValue) => boolean>> = {
  '!!str': (value) => typeof value === 'string',
  '!!int': (value) => Number.isInteger(value),
  '!!float': (value) => typeof value === 'number',
  '!!bool': (value) => typeof value === 'boolean',
  '!!null': (value) => value === null,
  '!!map': isMap,
  '!!seq': isList,
};

/** Refuses to put a value behind a tag that says something else about it, or that we do not know. */
export function refuseTag(node: SyntaxNode, value: YamlValue, placeAt: PlaceAt): Failure | undefined {
  if (node.tag === undefined || TAGS[node.tag]?.(value) === true) return undefined;
  return couldNot(
    `the value has the tag ${node.tag}, and it is not known whether the new value may have it`,
    {
      at: placeAt(node.start),
      todo: `Remove ${node.tag} from the file first, if it is not needed.`,
      reason: 'tag',
    },
  );
}
