import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { couldNot, type Place } from '../report/failure.ts';
import { matches, type PatternPart } from './directory-glob.ts';
import { lookInside } from './inside.ts';

const MOST_ALTERNATIVES = 1000;
/** Names that are looked at for one pattern; links can lead in circles. */
const MOST_NAMES = 100_000;
const DEEPEST = 30;

/** `**`: any folders, none too. */
const ANY_FOLDERS = Symbol('**');

type Segment = string | typeof ANY_FOLDERS | readonly (readonly PatternPart[])[];

/**
 * What a pattern of `valueFiles` matches, in the order of github.com/bmatcuk/doublestar (v4), in which later values win: what is
 * in a folder before what is deeper, by name. `*`, `?` and `[a-z]`, `[^a]` within one name, hidden ones too; `**` any folders;
 * `{a,b}` alternatives; where a `/` is in them, all is in the order of names. Links are followed where they stay inside.
 *
 * @param pattern relative to the root; written by anybody
 * @param at where it is written
 * @returns paths relative to the root, of files and folders
 * @throws Failure (exit 2): `bad-pattern`, `render-limit`, `outside-repository`
 */
export async function globPaths(root: string, pattern: string, at?: Place): Promise<string[]> {
  const bad = (why: string) =>
    couldNot(`The pattern ${JSON.stringify(pattern)} cannot be read: ${why}.`, {
      ...(at === undefined ? {} : { at }),
      todo: 'Correct it.',
      reason: 'bad-pattern',
    });
  const found = new Set<string>();
  let names = 0;

  const childrenOf = async (folder: string): Promise<string[]> => {
    const inside = await lookInside(root, folder);
    if (inside?.kind !== 'folder') {
      return [];
    }
    const children = (await readdir(inside.absolute))
      .filter((name) => name.toLowerCase() !== '.git')
      .toSorted();
    names += children.length;
    if (names > MOST_NAMES) {
      throw couldNot(`The pattern ${JSON.stringify(pattern)} looks at more than ${MOST_NAMES} names.`, {
        ...(at === undefined ? {} : { at }),
        todo: 'Begin it with the folder that is meant.',
        reason: 'render-limit',
      });
    }
    return children;
  };
  const isFolder = async (name: string) => (await lookInside(root, name))?.kind === 'folder';

  /** Folders with what is still to be matched below them: several `**` lead to the same ones in many ways. */
  const seen = new Set<string>();
  const visit = async (folder: string, segments: readonly Segment[], depth: number): Promise<void> => {
    const [segment, ...rest] = segments;
    const state = `${segments.length} ${folder}`;
    if (depth > DEEPEST || seen.has(state)) {
      return;
    }
    seen.add(state);
    if (segment === undefined) {
      found.add(folder);
    } else if (segment === ANY_FOLDERS) {
      await visit(folder, rest, depth + 1);
      for (const name of await childrenOf(folder)) {
        const child = path.posix.join(folder, name);
        if (await isFolder(child)) {
          await visit(child, segments, depth + 1);
        } else if (rest.length === 0) {
          found.add(child);
        }
      }
    } else if (typeof segment === 'string') {
      const child = path.posix.join(folder, segment);
      if ((await lookInside(root, child)) !== undefined) {
        await visit(child, rest, depth + 1);
      }
    } else {
      for (const name of await childrenOf(folder)) {
        if (segment.some((parts) => matches(parts, Array.from(name)))) {
          await visit(path.posix.join(folder, name), rest, depth + 1);
        }
      }
    }
  };
  const alternatives = alternativesOf(pattern, (option) => option.includes('/'), bad);
  for (const alternative of alternatives) {
    seen.clear();
    await visit(
      '.',
      alternative.split('/').map((segment) => parsedSegment(segment, bad)),
      0,
    );
  }
  return alternatives.length > 1 ? [...found].toSorted() : [...found];
}

/** `a{b,c}` as `ab` and `ac`, nested ones too; only of braces with such an option. */
function alternativesOf(
  pattern: string,
  isMeant: (option: string) => boolean,
  bad: (why: string) => Error,
): string[] {
  const done: string[] = [];
  const waiting = [pattern];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const braces = outerBraces(next).find(({ options }) => options.some(isMeant));
    if (braces === undefined) {
      done.push(next);
    } else {
      const { start, end, options } = braces;
      const [before, after] = [next.slice(0, start), next.slice(end + 1)];
      waiting.unshift(...options.map((option) => `${before}${option}${after}`));
    }
    if (done.length + waiting.length > MOST_ALTERNATIVES) {
      throw bad(`it stands for more than ${MOST_ALTERNATIVES} patterns`);
    }
  }
  return done;
}

/** Each pair of braces that is in no other, with what stands between its own commas. */
function outerBraces(text: string) {
  const found: { start: number; end: number; options: string[] }[] = [];
  let edges: number[] = [];
  let level = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') {
      at++;
    } else if (character === '{') {
      edges = level === 0 ? [at] : edges;
      level++;
    } else if (character === ',' && level === 1) {
      edges.push(at);
    } else if (character === '}' && level > 0) {
      level--;
      if (level === 0) {
        const starts = [...edges, at];
        const options = starts.slice(1).map((edge, index) => text.slice((starts[index] ?? 0) + 1, edge));
        found.push({ start: starts[0] ?? 0, end: at, options });
      }
    }
  }
  return found;
}

function parsedSegment(segment: string, bad: (why: string) => Error): Segment {
  if (segment === '**') {
    return ANY_FOLDERS;
  }
  const isEvery = () => true;
  const [first, ...others] = alternativesOf(segment, isEvery, bad).map((each) => parsedName(each, bad));
  return others.length === 0 && first?.plain !== undefined
    ? first.plain
    : [first, ...others].flatMap((each) => (each === undefined ? [] : [each.parts]));
}

/** A name's pattern without alternatives; `plain` where it stands for itself. */
function parsedName(
  segment: string,
  bad: (why: string) => Error,
): { readonly parts: readonly PatternPart[]; readonly plain: string | undefined } {
  const characters = Array.from(segment);
  const parts: PatternPart[] = [];
  let plain = '';
  let isPlain = true;
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') {
      parts.push({ any: true });
      isPlain = false;
    } else if (character === '?') {
      parts.push({ matches: () => true });
      isPlain = false;
    } else if (character === '[') {
      const end = characters.indexOf(']', at + 2);
      if (end < 0) {
        throw bad('a [ is not closed');
      }
      parts.push({ matches: characterClass(characters.slice(at + 1, end)) });
      at = end;
      isPlain = false;
    } else {
      at += character === '\\' ? 1 : 0;
      const wanted = characters[at] ?? '';
      plain += wanted;
      parts.push({ matches: (given) => given === wanted });
    }
  }
  return { parts, plain: isPlain ? plain : undefined };
}

function characterClass(items: readonly string[]): (character: string) => boolean {
  const isNot = items[0] === '^' || items[0] === '!';
  const ranges: (readonly [string, string])[] = [];
  for (let at = isNot ? 1 : 0; at < items.length; at++) {
    const low = items[at] ?? '';
    const isRange = items[at + 1] === '-' && items[at + 2] !== undefined;
    ranges.push([low, isRange ? (items[at + 2] ?? low) : low]);
    at += isRange ? 2 : 0;
  }
  return (character) => ranges.some(([low, high]) => character >= low && character <= high) !== isNot;
}
