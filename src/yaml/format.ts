import { isMap, writable, type YamlValue } from './data.ts';
import { formatKey, formatScalar } from './scalar.ts';

/** How blocks are written. */
export interface BlockStyle {
  /** How far a map stands right of its key: `a:` / `  b: 1` is 2. */
  readonly mapStep: number;
  /** How far the dashes of a list stand right of its key: `a:` / `- x` is 0. */
  readonly listStep: number;
  /** Write texts of several lines as `|`. Only safe where no line follows that could be taken for a part of them. */
  readonly literals: boolean;
}

/** Our own style, and that of files that show none. */
export const OUR_STYLE: BlockStyle = { mapStep: 2, listStep: 2, literals: false };

/** A map or a list that is not empty. Only those are written as blocks; everything else fits on a line. */
export type BlockValue = readonly YamlValue[] | { readonly [key: string]: YamlValue };

export function isBlockValue(value: YamlValue): value is BlockValue {
  return isList(value) ? value.length > 0 : isMap(value) && Object.keys(value).length > 0;
}

export const isList = (value: unknown): value is readonly YamlValue[] => Array.isArray(value);

/**
 * The text of a whole new file: maps and lists as blocks, indented by 2 (`a:` / `  - x`), `\n` line ends, strings
 * quoted where a reader of YAML 1.1 or 1.2 needs it, texts of several lines as `|`.
 *
 * @throws {Failure} (exit 2) for values that not all readers would read back.
 */
export function formatYaml(value: YamlValue): string {
  const known = writable(value);
  const lines = isBlockValue(known)
    ? blockLines(known, { ...OUR_STYLE, literals: true })
    : [inlineText(known, {})];
  return `${lines.join('\n')}\n`;
}

/** The lines of a block, indented relative to its own column. */
export function blockLines(value: BlockValue, style: BlockStyle): string[] {
  return isList(value)
    ? value.flatMap((item) => itemLines(item, style))
    : Object.entries(value).flatMap(([key, item]) => entryLines(key, item, style));
}

/** The lines of `key: value`, relative to the column of its map. */
export function entryLines(key: string, value: YamlValue, style: BlockStyle): string[] {
  const name = `${formatKey(key, false)}:`;
  if (isBlockValue(value)) {
    return [name, ...indentLines(blockLines(value, style), isList(value) ? style.listStep : style.mapStep)];
  }
  const [first = '', ...rest] = valueLines(value, style);
  return [`${name} ${first}`, ...indentLines(rest, style.mapStep)];
}

/** The lines of `- value`, relative to the column of its list. */
export function itemLines(value: YamlValue, style: BlockStyle, dash = '- '): string[] {
  const [first = '', ...rest] = isBlockValue(value) ? blockLines(value, style) : valueLines(value, style);
  return [dash + first, ...indentLines(rest, dash.length)];
}

export const indentLines = (lines: readonly string[], columns: number): string[] =>
  lines.map((line) => (line === '' ? '' : ' '.repeat(columns) + line));

function valueLines(value: YamlValue, style: BlockStyle): string[] {
  const body =
    style.literals && typeof value === 'string' && value.includes('\n') ? literalBody(value) : undefined;
  if (body === undefined) return [inlineText(value, {})];
  return [(value as string).endsWith('\n') ? '|' : '|-', ...body];
}

/**
 * The lines of a text as they can stand in a block scalar. Undefined for a text that would not show there what it
 * is (white space at line ends, tabs, invisible characters), or needs an indentation indicator or `+`.
 */
export function literalBody(text: string): string[] | undefined {
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  const visible = lines.every((line) => VISIBLE_LINE.test(line));
  return visible && lines[0] !== '' && lines[0]?.[0] !== ' ' && lines.at(-1) !== '' ? lines : undefined;
}

const VISIBLE_LINE = /^(?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]*[\p{L}\p{M}\p{N}\p{P}\p{S}])?$/u;

/** Where a value is written on one line. */
export interface InlinePlace {
  /** Inside of `{…}` or `[…]`. */
  readonly inFlow?: boolean;
  /** Braces with spaces: `{ a: 1 }`. */
  readonly spacedBraces?: boolean;
}

/** A value on one line: a scalar, or a flow collection. */
export function inlineText(value: YamlValue, place: InlinePlace): string {
  if (isList(value)) {
    return `[${value.map((item) => inlineText(item, { ...place, inFlow: true })).join(', ')}]`;
  }
  if (!isMap(value)) return formatScalar(value, { inFlow: place.inFlow === true });
  const pairs = Object.entries(value).map(([key, item]) => flowPair(key, item as YamlValue, place));
  const space = place.spacedBraces === true && pairs.length > 0 ? ' ' : '';
  return `{${space}${pairs.join(', ')}${space}}`;
}

/** `key: value` in a flow map. */
export const flowPair = (key: string, value: YamlValue, place: InlinePlace): string =>
  `${formatKey(key, true)}: ${inlineText(value, { ...place, inFlow: true })}`;
