import { couldNot, type Failure } from '../report/failure.ts';

/**
 * The way to a value in a YAML document: a string is a key of a map, a number an index (from 0) of a list.
 * The empty path is the whole document.
 */
export type YamlPath = readonly (string | number)[];

/** What a key must consist of to be written without quotes: everything that is not part of the notation. */
const BARE = /[^\s.[\]"\\]+/y;
const INDEX = /\[(0|[1-9]\d{0,8})\]/y;

/**
 * Reads `a.b[0]."key.with.dots"`.
 *
 * Keys are separated by dots; `[0]` is an item of a list, counted from 0. A key that contains a dot, a bracket,
 * a quote, a backslash or white space is put in double quotes, where `\"` and `\\` are the only escapes. A number
 * without brackets is a key. `.` alone is the whole document.
 *
 * @throws {Failure} (exit 2) with the column, when the text is not such a path.
 */
export function parsePath(text: string): YamlPath {
  if (text === '.') return [];
  const path: (string | number)[] = [];
  let at = 0;
  while (at < text.length || path.length === 0) {
    if (text[at] === '[') {
      const [index, end] = indexAt(text, at);
      path.push(index);
      at = end;
    } else {
      const [key, end] = text[at] === '"' ? quotedKeyAt(text, at) : bareKeyAt(text, at);
      path.push(key);
      at = end;
    }
    if (text[at] === '.') {
      at += 1;
      if (at === text.length) throw notAPath(text, at, 'ends with a dot');
      if (text[at] === '[') throw notAPath(text, at, 'has a dot before "["');
    } else if (at < text.length && text[at] !== '[') {
      throw notAPath(text, at, `has ${JSON.stringify(characterAt(text, at))} where "." or "[" is expected`);
    }
  }
  return path;
}

function indexAt(text: string, at: number): [index: number, end: number] {
  INDEX.lastIndex = at;
  const found = INDEX.exec(text)?.[1];
  if (found !== undefined) return [Number(found), INDEX.lastIndex];
  if (/^\[\s*-/.test(text.slice(at))) throw notAPath(text, at, 'has a negative index; items count from 0');
  throw notAPath(text, at, 'has something other than a number between "[" and "]"');
}

function quotedKeyAt(text: string, start: number): [key: string, end: number] {
  let key = '';
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '"') return [key, at + 1];
    if (text[at] === '\\') {
      at += 1;
      if (text[at] !== '"' && text[at] !== '\\')
        throw notAPath(text, at, 'has an escape other than \\" and \\\\');
    }
    key += text[at];
  }
  throw notAPath(text, start, 'has a quote that is not closed');
}

function bareKeyAt(text: string, at: number): [key: string, end: number] {
  BARE.lastIndex = at;
  const key = BARE.exec(text)?.[0];
  if (key !== undefined) return [key, BARE.lastIndex];
  if (at === text.length || text[at] === '.') throw notAPath(text, at, 'has an empty step');
  throw notAPath(text, at, `has ${JSON.stringify(characterAt(text, at))}, which must stand in quotes`);
}

const characterAt = (text: string, at: number): string => String.fromCodePoint(text.codePointAt(at) ?? 0);

function notAPath(text: string, at: number, what: string): Failure {
  return couldNot(`the path ${JSON.stringify(text)} ${what} (column ${at + 1})`, {
    at: { file: 'path', line: 1, column: at + 1 },
    todo: 'Write it like a.b[0]."key.with.dots".',
    reason: 'bad-path',
  });
}

/** The text that `parsePath` reads as this path. */
export function formatPath(path: YamlPath): string {
  if (path.length === 0) return '.';
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : keyStep(step, index))).join('');
}

function keyStep(key: string, index: number): string {
  const bare = /^[^\s.[\]"\\]+$/.test(key);
  return `${index === 0 ? '' : '.'}${bare ? key : `"${key.replace(/["\\]/g, '\\$&')}"`}`;
}
