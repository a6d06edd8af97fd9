import { Composer, type CST, type Document, Lexer, type ParsedNode, Parser } from 'yaml';
import { couldNot, type Failure, type Place } from '../report/failure.ts';
import type { YamlLimits } from './limits.ts';

/** Where an offset of a text stands: line and column from 1. */
export type PlaceAt = (offset: number) => Place;

/**
 * Neither readable YAML (1.2, section 5.1) nor read alike by all: U+0085, U+2028, U+2029 and a carriage return alone
 * end a line for Helm's YAML 1.1 reader and not for a 1.2 one, so `# note\u2028image: x` sets an image that only one
 * of them sees.
 */
const NOT_FOR_ALL_READERS =
  /[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|\r(?!\n)/u;

/**
 * Splits a text into the tokens of its documents.
 *
 * Stops at the first thing that is wrong, so that hostile text costs no more than its length.
 */
export function tokenize(text: string, placeAt: PlaceAt, limits: YamlLimits): CST.Token[] {
  refuseUnreadable(text, placeAt, limits);
  const tokens: CST.Token[] = [];
  const parser = new Parser();
  const take = (token: CST.Token): void => {
    if (token.type === 'error') throw syntaxError(placeAt(token.offset), token.message);
    tokens.push(token);
  };
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) take(token);
    // The parser's stack holds the document and the collections that are open, so depth is known before any
    // recursion over the nodes could exhaust the call stack.
    const open = parser.stack.at(-1);
    if (parser.stack.length > limits.maxDepth + 1 && isCollection(open)) {
      throw couldNot(`maps and lists are nested more than ${limits.maxDepth} deep`, {
        at: placeAt(open.offset),
        todo: 'Flatten the structure; no reader of such files needs this depth.',
        reason: 'too-deep',
      });
    }
  }
  for (const token of parser.end()) take(token);
  return tokens;
}

const isCollection = (
  token: CST.Token | undefined,
): token is CST.BlockMap | CST.BlockSequence | CST.FlowCollection =>
  token?.type === 'block-map' || token?.type === 'block-seq' || token?.type === 'flow-collection';

function refuseUnreadable(text: string, placeAt: PlaceAt, limits: YamlLimits): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.maxBytes) {
    throw couldNot(`the file has ${bytes} bytes, and at most ${limits.maxBytes} are read`, {
      at: { file: placeAt(0).file },
      todo: 'Split the file.',
      reason: 'too-large',
    });
  }
  const odd = NOT_FOR_ALL_READERS.exec(text);
  if (odd === null) return;
  const code = (odd[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  throw couldNot(`the character U+${code} stands here, which YAML readers do not read alike or not at all`, {
    at: placeAt(odd.index),
    todo: 'Remove it, or write it as an escape in a double-quoted string.',
    reason: 'unreadable-character',
  });
}

/** The nodes of the documents, with ranges, as a YAML 1.2 reader sees them. The first error is thrown. */
export function compose(tokens: readonly CST.Token[], text: string, placeAt: PlaceAt): Document.Parsed[] {
  const composer = newComposer('1.2');
  // The composer would collect an error object for each comma of a megabyte of commas (11 s); the first is enough.
  // Should a later version keep its handler elsewhere, `errors` below still has them.
  let first: Failure | undefined;
  Object.assign(composer, {
    onError(source: unknown, _code: string, message: string, warning?: boolean): void {
      if (warning === true) return;
      // The composer catches what is thrown inside of a collection and reports it again: still the first one.
      first ??= syntaxError(placeAt(offsetOf(source)), message);
      throw first;
    },
  });
  const documents = composeWith(composer, tokens, text);
  const error = documents.flatMap((document) => document.errors)[0];
  if (error !== undefined) throw syntaxError(placeAt(error.pos[0]), error.message);
  return documents;
}

/**
 * The same nodes as a YAML 1.1 reader sees them (Helm's, PyYAML's). Only for scalars that are known to be readable:
 * errors are not looked at.
 */
export const composeAs11 = (tokens: readonly CST.Token[], text: string): Document.Parsed[] =>
  composeWith(newComposer('1.1'), tokens, text);

const newComposer = (version: '1.1' | '1.2'): Composer<ParsedNode> =>
  new Composer({
    version,
    keepSourceTokens: true,
    // Duplicates are looked for in `syntax.ts`: the composer's own check is quadratic, and follows no aliases.
    uniqueKeys: false,
    merge: false,
    resolveKnownTags: false,
    logLevel: 'silent',
  });

function composeWith(
  composer: Composer<ParsedNode>,
  tokens: readonly CST.Token[],
  text: string,
): Document.Parsed[] {
  const documents: Document.Parsed[] = [];
  for (const token of tokens) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  return documents;
}

function offsetOf(source: unknown): number {
  if (typeof source === 'number') return source;
  if (Array.isArray(source)) return Number(source[0]);
  return Number((source as { offset: number }).offset);
}

const TODO: readonly [pattern: RegExp, todo: string][] = [
  [/^Tabs are not allowed/, 'Replace the tab with spaces.'],
  [/[Ii]ndent|same column/, 'Line it up with its neighbours, with spaces.'],
  [/alias|anchor/i, 'Mend or remove the anchor (&name) or alias (*name).'],
];

const syntaxError = (at: Place, message: string): Failure =>
  couldNot(`this is not YAML: ${message}`, {
    at,
    todo: TODO.find(([pattern]) => pattern.test(message))?.[1] ?? 'Mend the YAML at this place.',
    reason: 'yaml-syntax',
  });
