/** Makes a value of a scalar that stands without quotes. @throws what must be read by somebody else */
export type ReadScalar = (text: string) => unknown;

/** Deeper than objects are. */
const DEEPEST = 60;

/** Longer keys are none, for YAML, unless they are marked (YAML 1.2, 7.4.2). */
const LONGEST_KEY = 200;

/** Reads a value in brackets, all of it in one line. @throws what must be read by somebody else */
export type ReadFlow = (text: string) => unknown;

/**
 * Reads one YAML document of the form in which templates and programs write objects: maps and lists in lines of their own, scalars,
 * texts behind `|`. Whatever else there is, it gives up: undefined, for mistakes too. Three times as fast as `js-yaml`,
 * which matters where thousands of objects are read.
 *
 * @param text without tabs, carriage returns and separators of Unicode
 */
export function readBlockDocument(
  text: string,
  readScalar: ReadScalar,
  readFlow: ReadFlow,
): { readonly value: unknown } | undefined {
  if (!text.endsWith('\n')) {
    // Whether a text behind `|` ends with a line's end then, readers do not agree.
    return undefined;
  }
  try {
    return { value: new BlockReader(text, readScalar, readFlow).document() };
  } catch {
    return undefined;
  }
}

/** What this reader leaves to another one. One for all: where it was made tells nothing, and making many is slow. */
const NOT_PLAIN = new Error('not plain');

const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const APOSTROPHE = 39;
const DASH = 45;
const COLON = 58;
const QUESTION = 63;
const BAR = 124;

/** Letters, digits, `_`, `.`, `/`, `$` begin and make a key without quotes; `-` is in one, and does not begin one. */
const KEY_SIGN = new Uint8Array(128);
for (const sign of '_./$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-') {
  KEY_SIGN[sign.charCodeAt(0)] = 1;
}

/** What no scalar without quotes begins with (YAML 1.2, 7.3.3), and what begins one only sometimes. */
const NO_BEGINNING = new Uint8Array(128);
for (const sign of '?:,[]{}#&*!|>\'"%@`') {
  NO_BEGINNING[sign.charCodeAt(0)] = 1;
}

class BlockReader {
  readonly #text: string;
  readonly #readScalar: ReadScalar;
  readonly #readFlow: ReadFlow;
  /** Where the line begins that is read next, and where its first sign is. */
  #line = 0;
  #at = 0;
  /** How far that line is indented; -1 at the end. */
  #indent = 0;
  #depth = 0;
  /** Behind the colon of the key that was found last. */
  #afterKey = 0;

  constructor(text: string, readScalar: ReadScalar, readFlow: ReadFlow) {
    this.#text = text;
    this.#readScalar = readScalar;
    this.#readFlow = readFlow;
  }

  document(): unknown {
    this.#toContent();
    if (this.#indent === 0 && this.#text.startsWith('---\n', this.#line)) {
      this.#line += 4;
      this.#toContent();
    }
    if (this.#indent === -1) {
      return null;
    }
    const value = this.#node(this.#indent);
    if (this.#indent !== -1) {
      throw NOT_PLAIN;
    }
    return value;
  }

  /** Goes on to the next line that says something. */
  #toContent(): void {
    const text = this.#text;
    let line = this.#line;
    for (;;) {
      if (line >= text.length) {
        this.#line = line;
        this.#indent = -1;
        return;
      }
      let at = line;
      let sign = text.charCodeAt(at);
      while (sign === SPACE) {
        at += 1;
        sign = text.charCodeAt(at);
      }
      if (sign === NEWLINE) {
        line = at + 1;
      } else if (sign === HASH) {
        line = text.indexOf('\n', at) + 1;
      } else {
        this.#line = line;
        this.#at = at;
        this.#indent = at - line;
        return;
      }
    }
  }

  /** Goes on behind a line that was read. */
  #nextLine(end: number): void {
    this.#line = end + 1;
    this.#toContent();
  }

  /** A map or a list, whose lines have this indent. */
  #node(indent: number): unknown {
    this.#depth += 1;
    if (this.#depth > DEEPEST) {
      throw NOT_PLAIN;
    }
    const value = this.#isItem(this.#at) ? this.#list(indent) : this.#map(indent);
    this.#depth -= 1;
    return value;
  }

  #isItem(at: number): boolean {
    if (this.#text.charCodeAt(at) !== DASH) {
      return false;
    }
    const next = this.#text.charCodeAt(at + 1);
    return next === SPACE || next === NEWLINE;
  }

  #map(indent: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    do {
      const key = this.#keyAt(this.#at);
      // What every object has by birth (`constructor`) goes the same way as a key that stands twice.
      if (key === undefined || map[key] !== undefined) {
        throw NOT_PLAIN;
      }
      map[key] = this.#value(this.#afterKey, indent, true);
    } while (this.#indent === indent);
    if (this.#indent > indent) {
      throw NOT_PLAIN;
    }
    return map;
  }

  #list(indent: number): unknown[] {
    const list: unknown[] = [];
    do {
      if (!this.#isItem(this.#at)) {
        break;
      }
      list.push(this.#item(indent));
    } while (this.#indent === indent);
    if (this.#indent > indent) {
      throw NOT_PLAIN;
    }
    return list;
  }

  #item(indent: number): unknown {
    const from = this.#skipSpaces(this.#at + 1);
    if (this.#text.charCodeAt(from) === NEWLINE || !(this.#isItem(from) || this.#isKey(from))) {
      return this.#value(this.#at + 1, indent, false);
    }
    // Its first line stands behind the dash: the others are indented as much.
    this.#indent = from - this.#line;
    this.#at = from;
    return this.#node(this.#indent);
  }

  #isKey(at: number): boolean {
    return this.#keyAt(at) !== undefined;
  }

  #skipSpaces(from: number): number {
    let at = from;
    while (this.#text.charCodeAt(at) === SPACE) {
      at += 1;
    }
    return at;
  }

  /** The key that begins here, with its colon; undefined where none does. */
  #keyAt(from: number): string | undefined {
    const text = this.#text;
    const first = text.charCodeAt(from);
    let end = from;
    let key: string;
    if (first === QUOTE || first === APOSTROPHE) {
      end = text.indexOf(first === QUOTE ? '"' : "'", from + 1);
      const line = text.indexOf('\n', from);
      if (end < 0 || end > line) {
        throw NOT_PLAIN;
      }
      key = text.slice(from + 1, end);
      end += 1;
      if (text.charCodeAt(end) !== COLON) {
        return undefined;
      }
      if (first === QUOTE && key.includes('\\')) {
        throw NOT_PLAIN;
      }
    } else {
      while (KEY_SIGN[text.charCodeAt(end)] === 1) {
        end += 1;
      }
      if (end === from || first === DASH || text.charCodeAt(end) !== COLON) {
        return undefined;
      }
      key = text.slice(from, end);
    }
    const next = text.charCodeAt(end + 1);
    if (next !== SPACE && next !== NEWLINE) {
      return undefined;
    }
    if (key.length > LONGEST_KEY) {
      throw NOT_PLAIN;
    }
    if (first !== QUOTE && first !== APOSTROPHE) {
      const read = this.#readScalar(key);
      if (typeof read !== 'string') {
        throw NOT_PLAIN;
      }
    }
    if (key === '__proto__') {
      throw NOT_PLAIN;
    }
    this.#afterKey = end + 1;
    return key;
  }

  /**
   * The value that begins behind a key, or behind the dash of an item; the reader then is at the line after it.
   *
   * @param indent of the key, or of the dash
   */
  #value(behind: number, indent: number, isOfKey: boolean): unknown {
    const text = this.#text;
    const from = this.#skipSpaces(behind);
    const first = text.charCodeAt(from);
    if (first === NEWLINE) {
      this.#nextLine(from);
      // A list that is a key's may stand as far left as the key.
      const isOwn = this.#indent > indent || (isOfKey && this.#indent === indent && this.#isItem(this.#at));
      return isOwn ? this.#node(this.#indent) : null;
    }
    const end = text.indexOf('\n', from);
    if (first === BAR) {
      return this.#literal(from, end, indent);
    }
    if (first === QUOTE || first === APOSTROPHE) {
      return this.#single(this.#quoted(from, end, first), end, indent);
    }
    const written = this.#withoutSpaces(from, end);
    if (written.startsWith('[') || written.startsWith('{')) {
      return this.#single(this.#readFlow(written), end, indent);
    }
    if (NO_BEGINNING[first] === 1 || this.#isItem(from)) {
      throw NOT_PLAIN;
    }
    return this.#readScalar(this.#plain(written, end, indent));
  }

  /** A value that ends with its line. */
  #single(value: unknown, end: number, indent: number): unknown {
    this.#nextLine(end);
    if (this.#indent > indent) {
      throw NOT_PLAIN;
    }
    return value;
  }

  #withoutSpaces(from: number, end: number): string {
    let last = end;
    while (this.#text.charCodeAt(last - 1) === SPACE) {
      last -= 1;
    }
    return this.#text.slice(from, last);
  }

  #quoted(from: number, end: number, first: number): string {
    const written = this.#withoutSpaces(from, end);
    const inside = written.slice(1, -1);
    if (written.length < 2 || written.charCodeAt(written.length - 1) !== first) {
      throw NOT_PLAIN;
    }
    if (first === APOSTROPHE ? !inside.includes("'") : !/["\\]/.test(inside)) {
      return inside;
    }
    if (first === QUOTE && /^(?:[^"\\]|\\["\\nrt])*$/.test(inside)) {
      // These signs mean the same in JSON.
      return JSON.parse(written) as string;
    }
    throw NOT_PLAIN;
  }

  /** A scalar without quotes, of one line or of several, which are further right than what it belongs to (YAML 1.2, 7.3.3). */
  #plain(first: string, firstEnd: number, indent: number): string {
    let result = first;
    let part = first;
    let end = firstEnd;
    for (;;) {
      if (part.includes(' #') || part.includes(': ') || part.charCodeAt(part.length - 1) === COLON) {
        throw NOT_PLAIN;
      }
      const next = end + 1;
      this.#nextLine(end);
      if (this.#indent <= indent) {
        return result;
      }
      const between = this.#text.slice(next, this.#line);
      const sign = this.#text.charCodeAt(this.#at);
      if (between.includes('#') || sign === COLON || sign === QUESTION || this.#isItem(this.#at)) {
        throw NOT_PLAIN;
      }
      end = this.#text.indexOf('\n', this.#at);
      part = this.#withoutSpaces(this.#at, end);
      result += between === '' ? ` ${part}` : '\n'.repeat(between.split('\n').length - 1) + part;
    }
  }

  /** A text behind `|`, `|-` or `|+` (YAML 1.2, 8.1). */
  #literal(at: number, headEnd: number, parent: number): string {
    const text = this.#text;
    const head = text.slice(at, headEnd);
    if (head !== '|' && head !== '|-' && head !== '|+') {
      throw NOT_PLAIN;
    }
    let line = headEnd + 1;
    let indent = -1;
    let result = '';
    let empty = '';
    while (line < text.length) {
      const end = text.indexOf('\n', line);
      const from = this.#skipSpaces(line);
      if (from === end) {
        // Spaces in an empty line may belong to the text, or be a mistake.
        if (end - line > Math.max(indent, 0)) {
          throw NOT_PLAIN;
        }
        empty += '\n';
      } else {
        if (indent < 0) {
          indent = from - line;
        }
        if (from - line < indent || indent <= parent) {
          break;
        }
        result += empty + text.slice(line + indent, end + 1);
        empty = '';
      }
      line = end + 1;
    }
    this.#line = line;
    this.#toContent();
    if (this.#indent > parent || result === '') {
      throw NOT_PLAIN;
    }
    if (head === '|-') {
      return result.slice(0, -1);
    }
    return head === '|' ? result : result + empty;
  }
}
