import { type CST, type Document, isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode } from 'yaml';
import { couldNot, formatPlace } from '../report/failure.ts';
import type { YamlLimits } from './limits.ts';
import { compose, composeAs11, type PlaceAt, tokenize } from './tokens.ts';

/**
 * A node of a document and where its text stands. Offsets count UTF-16 units of the file's text; an end is the
 * offset behind the last unit.
 */
export interface SyntaxNode {
  readonly kind: 'scalar' | 'map' | 'list' | 'alias';
  /**
   * How it is written. `empty`: a null that has no text. `pair`: the map in `[key: value]`, which has no braces of
   * its own.
   */
  readonly style:
    | 'plain'
    | 'single'
    | 'double'
    | 'literal'
    | 'folded'
    | 'empty'
    | 'flow'
    | 'pair'
    | 'block'
    | 'alias';
  /** The text of the node, without its anchor and tag, and without what follows it on its line. */
  readonly start: number;
  readonly end: number;
  /**
   * The end of what introduces the node: its tag, its anchor, or else the `:` or `-` before it. Undefined where
   * nothing does: the root, an item of a flow list, a flow map's key without a value.
   */
  readonly lead: number | undefined;
  readonly inFlow: boolean;
  /** The tag as written (`!!str`). */
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
  /** Aliases of this node. */
  readonly aliases: SyntaxNode[];
  /** What an alias stands for. */
  readonly target: SyntaxNode | undefined;
  /** The value of a scalar. */
  readonly scalar: unknown;
  /** The header and the lines of a block scalar. */
  readonly block: BlockText | undefined;
  readonly entries: readonly Entry[];
  /** Entries of a map by key, without merge keys. */
  readonly byKey: ReadonlyMap<string, Entry>;
  /** The entry that it is the value of; undefined for the root and for keys. */
  readonly owner: Entry | undefined;
}

/** A key and its value in a map, or an item of a list. */
export interface Entry {
  readonly parent: SyntaxNode;
  readonly index: number;
  /** From the key's anchor or tag, its `?`, or the item's `-`, to the end of the value. */
  readonly start: number;
  readonly end: number;
  /** The key as text; undefined for items of lists. */
  readonly key: string | undefined;
  readonly keyNode: SyntaxNode | undefined;
  readonly value: SyntaxNode;
  /** The key is `<<`: what the value holds is merged into the map. */
  readonly merge: boolean;
}

/** The parts of `|` and `>` texts. */
export interface BlockText {
  /** The end of `|`, `>-`, `|2+`…; a comment may follow on the line. */
  readonly headerEnd: number;
  /**
   * The lines after the header, without the last line end. They end at `headerEnd` where there are none; blank lines
   * that are no part of the value do not count.
   */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** The body's trailing line ends are part of the value (`|+`). */
  readonly keep: boolean;
}

export interface SyntaxDocument {
  /** Undefined when the document has no content at all. */
  readonly root: SyntaxNode | undefined;
  /** Where content of an empty document goes. */
  readonly contentEnd: number;
}

/** A file as YAML. */
export interface YamlSource {
  readonly file: string;
  /** The file's text without a byte order mark. */
  readonly text: string;
  readonly documents: readonly SyntaxDocument[];
  readonly placeAt: PlaceAt;
  /** The documents as a YAML 1.1 reader (Helm's) sees them: the same nodes in the same order, other scalars. */
  as11(): readonly SyntaxDocument[];
}

export const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Reads a file's text into nodes with ranges.
 *
 * A byte order mark is taken off first: it is no column of its line, and `yaml` 2.9 fails on a list behind one.
 *
 * @throws {Failure} (exit 2, with file:line:column) for text that is not YAML, duplicate keys, keys that are no
 * words, an alias without an anchor, an alias bomb, and anything beyond the limits.
 */
export function readSource(source: string, file: string, limits: YamlLimits): YamlSource {
  const text = source.startsWith(BYTE_ORDER_MARK) ? source.slice(1) : source;
  const placeAt = placesOf(text, file);
  const tokens = tokenize(text, placeAt, limits);
  return {
    file,
    text,
    documents: documentsOf(tokens, compose(tokens, text, placeAt), text, placeAt, limits),
    placeAt,
    as11: () => documentsOf(tokens, composeAs11(tokens, text), text, placeAt, undefined),
  };
}

function placesOf(text: string, file: string): PlaceAt {
  let lineStarts: number[] | undefined;
  return (offset) => {
    lineStarts ??= [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
    let low = 0;
    let high = lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: offset - (lineStarts[low] ?? 0) + 1 };
  };
}

function documentsOf(
  tokens: readonly CST.Token[],
  composed: readonly Document.Parsed[],
  text: string,
  placeAt: PlaceAt,
  limits: YamlLimits | undefined,
): SyntaxDocument[] {
  const documentTokens = tokens.filter((token) => token.type === 'document');
  const counts = { aliases: 0, aliased: 0 };
  return composed.map((document, index) => {
    const token = documentTokens[index];
    const contentEnd = token === undefined ? text.length : (endOf(token.start.at(-1)) ?? token.offset);
    const contents = document.contents as ParsedNode | null;
    const hasProps = token?.start.some((part) => part.type === 'anchor' || part.type === 'tag') ?? false;
    if (contents === null || (token?.value === undefined && !hasProps))
      return { root: undefined, contentEnd };
    const builder = new NodeBuilder(placeAt, limits, counts);
    return { root: builder.root(contents, token), contentEnd };
  });
}

interface Mutable extends SyntaxNode {
  start: number;
  end: number;
  entries: Entry[];
  byKey: Map<string, Entry>;
  owner: Entry | undefined;
  target: SyntaxNode | undefined;
  /** How many nodes it has when aliases and merge keys are followed. */
  size: number;
  /** Its end is not reached yet: an alias of it would contain itself. */
  open: boolean;
}

const NO_TOKENS: CST.CollectionItem = { start: [] };
const NO_ENTRIES: ReadonlyMap<string, Entry> = new Map();

/** Builds the nodes of one document in the order of the text, which is the order in which anchors come to hold. */
class NodeBuilder {
  private readonly placeAt: PlaceAt;
  /** Undefined for the second look with YAML 1.1's eyes, at text that was found good before. */
  private readonly limits: YamlLimits | undefined;
  private readonly counts: { aliases: number; aliased: number };
  private readonly anchors = new Map<string, Mutable>();

  constructor(
    placeAt: PlaceAt,
    limits: YamlLimits | undefined,
    counts: { aliases: number; aliased: number },
  ) {
    this.placeAt = placeAt;
    this.limits = limits;
    this.counts = counts;
  }

  root(contents: ParsedNode, token: CST.Document | undefined): SyntaxNode {
    return this.node(contents, token?.start ?? [], undefined, false);
  }

  /** @param before the tokens between what introduces the node (`:`, `-`, `---`) and the node, and the former itself */
  private node(
    source: ParsedNode,
    before: readonly CST.SourceToken[],
    lead: number | undefined,
    inFlow: boolean,
  ): Mutable {
    const node = this.bare(source, before, lead, inFlow);
    // An anchor holds from here on, so that an alias inside of the node is known to contain itself.
    if (node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isAlias(source)) this.resolveAlias(node, source.source);
    else if (isMap(source)) this.addPairs(node, source.items as Pair<ParsedNode, ParsedNode | null>[]);
    else if (isSeq(source)) this.addItems(node, source.items as ParsedNode[], source.srcToken);
    if (node.style === 'block' || node.style === 'pair') {
      node.start = node.entries[0]?.start ?? node.start;
      node.end = node.entries.at(-1)?.end ?? node.end;
    }
    for (const entry of node.entries) node.size += (entry.value as Mutable).size;
    node.open = false;
    return node;
  }

  private bare(
    source: ParsedNode,
    before: readonly CST.SourceToken[],
    lead: number | undefined,
    inFlow: boolean,
  ): Mutable {
    const props = before.filter((token) => token.type === 'anchor' || token.type === 'tag');
    const leadEnd = endOf(props.at(-1)) ?? lead;
    const style = styleOf(source);
    const block = style === 'literal' || style === 'folded' ? this.blockText(source) : undefined;
    const start = style === 'empty' ? (leadEnd ?? source.range[0]) : source.range[0];
    return {
      kind: isScalar(source) ? 'scalar' : isMap(source) ? 'map' : isSeq(source) ? 'list' : 'alias',
      style,
      start,
      end:
        block === undefined
          ? style === 'empty'
            ? start
            : source.range[1]
          : Math.max(block.headerEnd, block.bodyEnd),
      lead: leadEnd,
      inFlow,
      tag: before.find((token) => token.type === 'tag')?.source,
      anchor: isAlias(source) ? undefined : source.anchor,
      aliases: [],
      target: undefined,
      scalar: isScalar(source) ? source.value : undefined,
      block,
      entries: [],
      byKey: isMap(source) ? new Map() : (NO_ENTRIES as Map<string, Entry>),
      owner: undefined,
      size: 1,
      open: true,
    };
  }

  private blockText(source: ParsedNode): BlockText {
    const token = source.srcToken as CST.BlockScalar;
    const header = token.props[0] as CST.SourceToken;
    const headerEnd = header.offset + header.source.length;
    const bodyStart = source.range[1] - token.source.length;
    const keep = header.source.includes('+');
    const length = keep ? withoutLineEnd(token.source) : contentLength(token.source);
    const isEmpty = keep ? token.source === '' : length === 0;
    return { headerEnd, bodyStart, bodyEnd: isEmpty ? headerEnd : bodyStart + length, keep };
  }

  private resolveAlias(node: Mutable, name: string): void {
    const target = this.anchors.get(name);
    const at = this.placeAt(node.start);
    if (target === undefined) {
      throw couldNot(`the alias *${name} has no anchor &${name} before it`, {
        at,
        todo: 'Write the anchor, or the value itself.',
        reason: 'unresolved-alias',
      });
    }
    if (target.open) {
      throw couldNot(`the alias *${name} stands inside of what it repeats, which would never end`, {
        at,
        todo: 'Write the value out.',
        reason: 'endless-alias',
      });
    }
    this.counts.aliases += 1;
    if (this.limits !== undefined && this.counts.aliases > this.limits.maxAliases) {
      throw couldNot(`the file uses more than ${this.limits.maxAliases} aliases`, {
        at,
        todo: 'Write the values out.',
        reason: 'too-many-aliases',
      });
    }
    node.target = target;
    target.aliases.push(node);
    this.follow(node, target.size);
  }

  /** Counts the nodes that an alias adds, without ever making them. */
  private follow(node: Mutable, size: number): void {
    node.size = size;
    this.counts.aliased += size;
    if (this.limits !== undefined && this.counts.aliased > this.limits.maxAliasedNodes) {
      throw couldNot(`aliases blow this file up to more than ${this.limits.maxAliasedNodes} values`, {
        at: this.placeAt(node.start),
        todo: 'Write the values out; nested aliases multiply.',
        reason: 'alias-bomb',
      });
    }
  }

  private addPairs(map: Mutable, pairs: readonly Pair<ParsedNode, ParsedNode | null>[]): void {
    const inFlow = map.inFlow || map.style !== 'block';
    for (const pair of pairs) {
      const { start, sep = [] } = pair.srcToken ?? NO_TOKENS;
      const keyNode = this.node(pair.key, start, undefined, inFlow);
      const merge = keyNode.style === 'plain' && keyNode.tag === undefined && keyNode.scalar === '<<';
      const key = merge ? '<<' : this.keyOf(keyNode);
      const indicator = endOf(sep.find((token) => token.type === 'map-value-ind'));
      const value =
        pair.value === null
          ? this.absent(keyNode.end, inFlow)
          : this.node(pair.value, sep, indicator, inFlow);
      const entry = {
        parent: map,
        index: map.entries.length,
        start: firstOf(start) ?? keyNode.start,
        end: Math.max(keyNode.end, indicator ?? 0, value.lead ?? 0, value.end),
        key,
        keyNode,
        value,
        merge,
      };
      value.owner = entry;
      if (merge) this.checkMerge(value);
      else this.checkUnique(map, entry);
      map.entries.push(entry);
      if (!merge) map.byKey.set(key, entry);
    }
  }

  private absent(at: number, inFlow: boolean): Mutable {
    const none: ParsedNode[] = [];
    return {
      kind: 'scalar',
      style: 'empty',
      start: at,
      end: at,
      lead: undefined,
      inFlow,
      tag: undefined,
      anchor: undefined,
      aliases: [],
      target: undefined,
      scalar: null,
      block: undefined,
      entries: none as never[],
      byKey: NO_ENTRIES as Map<string, Entry>,
      owner: undefined,
      size: 1,
      open: false,
    };
  }

  private addItems(list: Mutable, items: readonly ParsedNode[], source: unknown): void {
    const inFlow = list.inFlow || list.style === 'flow';
    const tokens = (source as CST.BlockSequence | CST.FlowCollection).items.filter((item) =>
      list.style === 'block'
        ? item.start.some((token) => token.type === 'seq-item-ind')
        : item.start.some(
            (token) => token.type === 'anchor' || token.type === 'tag' || token.type === 'explicit-key-ind',
          ) ||
          item.sep !== undefined ||
          item.value !== undefined,
    );
    for (const [index, item] of items.entries()) {
      const { start, sep } = tokens[index] ?? NO_TOKENS;
      const dash = endOf(start.find((token) => token.type === 'seq-item-ind'));
      // The tokens before `key: value` in a flow list are the key's, not those of the map that it makes.
      const ofPair = sep !== undefined || start.some((token) => token.type === 'explicit-key-ind');
      const value = this.node(item, ofPair && list.style === 'flow' ? [] : start, dash, inFlow);
      const first = ofPair && list.style === 'flow' ? value.entries[0]?.start : firstOf(start);
      const entry = {
        parent: list,
        index,
        start: first ?? value.start,
        end: Math.max(dash ?? 0, value.lead ?? 0, value.end),
        key: undefined,
        keyNode: undefined,
        value,
        merge: false,
      };
      value.owner = entry;
      list.entries.push(entry);
    }
  }

  private keyOf(node: SyntaxNode): string {
    const scalar = node.target === undefined ? node.scalar : node.target.scalar;
    const isWord = typeof scalar === 'string' || typeof scalar === 'number' || typeof scalar === 'boolean';
    if (isWord || this.limits === undefined) return String(scalar);
    // Helm converts values to JSON and fails on such keys as well.
    throw couldNot(
      node.kind === 'scalar' || node.target?.kind === 'scalar'
        ? 'a key is missing here'
        : 'a map or a list stands here as a key, which Helm and Kubernetes cannot read',
      { at: this.placeAt(node.start), todo: 'Use a word as the key.', reason: 'bad-key' },
    );
  }

  private checkUnique(map: SyntaxNode, entry: Entry): void {
    const first = map.byKey.get(entry.key ?? '');
    if (first === undefined || this.limits === undefined) return;
    const there = this.placeAt(first.start);
    throw couldNot(
      `the key ${JSON.stringify(entry.key)} stands twice in one map, first at ${formatPlace(there)}`,
      {
        at: this.placeAt(entry.start),
        todo: 'Remove one of the two; readers disagree about which one counts.',
        reason: 'duplicate-key',
      },
    );
  }

  private checkMerge(value: SyntaxNode): void {
    const sources =
      resolved(value).kind === 'list' ? resolved(value).entries.map((item) => item.value) : [value];
    const wrong = sources.find((source) => resolved(source).kind !== 'map');
    if (wrong === undefined || this.limits === undefined) return;
    throw couldNot('the merge key << needs a map, or a list of maps', {
      at: this.placeAt(wrong.start),
      todo: 'Merge a map (<<: *name), or put the key in quotes if it is an ordinary one.',
      reason: 'bad-merge',
    });
  }
}

/** The node itself, or what an alias stands for. */
export const resolved = (node: SyntaxNode): SyntaxNode => node.target ?? node;

function styleOf(source: ParsedNode): SyntaxNode['style'] {
  if (isAlias(source)) return 'alias';
  if (!isScalar(source)) {
    if (source.srcToken === undefined) return 'pair';
    return source.flow === true ? 'flow' : 'block';
  }
  switch (source.type) {
    case 'QUOTE_SINGLE':
      return 'single';
    case 'QUOTE_DOUBLE':
      return 'double';
    case 'BLOCK_LITERAL':
      return 'literal';
    case 'BLOCK_FOLDED':
      return 'folded';
    default:
      return source.source === '' ? 'empty' : 'plain';
  }
}

const withoutLineEnd = (body: string): number =>
  body.length - (/\r?\n$/.exec(body.slice(-2))?.[0].length ?? 0);

/**
 * The length of a block scalar's lines without the blank ones at its end, which belong to the value only where
 * they hold more spaces than the text is indented by. No regular expression: on a megabyte of line ends it would
 * be quadratic.
 */
function contentLength(body: string): number {
  let end = body.length;
  while (end > 0 && (body[end - 1] === '\n' || body[end - 1] === '\r' || body[end - 1] === ' ')) end -= 1;
  const firstText =
    body
      .slice(0, end)
      .split('\n')
      .find((line) => line.trim() !== '') ?? '';
  const indent = firstText.length - firstText.trimStart().length;
  const blanks = body.slice(end).split(/\r?\n/).slice(1);
  return end > 0 && blanks.some((line) => line.length > indent) ? withoutLineEnd(body) : end;
}

const endOf = (token: CST.SourceToken | undefined): number | undefined =>
  token === undefined ? undefined : token.offset + token.source.length;

const firstOf = (tokens: readonly CST.SourceToken[]): number | undefined =>
  tokens.find((token) => !['space', 'newline', 'comment', 'comma'].includes(token.type))?.offset;
