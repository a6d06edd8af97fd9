import { couldNot, type Place } from '../report/failure.ts';

/** One step of a pattern without alternatives. */
export type PatternPart = { readonly any: true } | { readonly matches: (character: string) => boolean };

/** More alternatives than people write; each `{a,b}` doubles them. */
const MOST_ALTERNATIVES = 1000;

/**
 * A pattern of `directory.include` and `exclude`, as Argo CD matches it (util/glob, github.com/gobwas/glob without separators):
 * `*` and `**` are any text, `/` too; `?` one character; `[abc]`, `[a-z]`, `[!a]`; `{a,b}`; `\` takes the next as it is.
 *
 * Not a regular expression, since those can be made to run for ever.
 *
 * @param pattern written by anybody
 * @param at where it is written
 * @throws Failure (exit 2, `bad-pattern`) for one that Argo CD cannot read: it would match nothing, silently
 */
export function directoryGlob(pattern: string, at?: Place): (file: string) => boolean {
  const alternatives = parse(pattern, at);
  return (file) => {
    const characters = Array.from(file);
    return alternatives.some((parts) => matches(parts, characters));
  };
}

function parse(pattern: string, place: Place | undefined): PatternPart[][] {
  const characters = Array.from(pattern);
  let at = 0;
  const bad = (why: string) =>
    couldNot(`The pattern ${JSON.stringify(pattern)} cannot be read: ${why}.`, {
      ...(place === undefined ? {} : { at: place }),
      todo: 'Correct it; Argo CD takes a pattern that it cannot read for one that matches nothing.',
      reason: 'bad-pattern',
    });

  const sequence = (isInBraces: boolean): PatternPart[][] => {
    let found: PatternPart[][] = [[]];
    const add = (part: PatternPart) => {
      found = found.map((parts) => [...parts, part]);
    };
    for (; at < characters.length; at++) {
      const character = characters[at] ?? '';
      if (isInBraces && (character === ',' || character === '}')) {
        return found;
      }
      if (character === '*') {
        add({ any: true });
      } else if (character === '?') {
        add({ matches: () => true });
      } else if (character === '[') {
        add(range());
      } else if (character === '{') {
        const options = braces();
        found = found.flatMap((parts) => options.map((option) => [...parts, ...option]));
        if (found.length > MOST_ALTERNATIVES) {
          throw bad(`it stands for more than ${MOST_ALTERNATIVES} patterns`);
        }
      } else {
        at += character === '\\' ? 1 : 0;
        const wanted = characters[at];
        if (wanted !== undefined) {
          add({ matches: (given) => given === wanted });
        }
      }
    }
    return found;
  };

  const braces = (): PatternPart[][] => {
    const options: PatternPart[][] = [];
    do {
      at++;
      options.push(...sequence(true));
      if (options.length > MOST_ALTERNATIVES) {
        throw bad(`it stands for more than ${MOST_ALTERNATIVES} patterns`);
      }
    } while (characters[at] === ',');
    return options;
  };

  /** `at` is on `[`; afterwards on `]`. */
  const range = (): PatternPart => {
    const isNot = characters[at + 1] === '!';
    at += isNot ? 2 : 1;
    const [low, dash, high, close] = characters.slice(at, at + 4);
    if (low !== undefined && dash === '-' && high !== undefined) {
      if (close !== ']' || high < low) {
        throw bad('a range is like [a-z]');
      }
      at += 3;
      return { matches: (given) => (given >= low && given <= high) !== isNot };
    }
    const listed: string[] = [];
    for (; at < characters.length && characters[at] !== ']'; at++) {
      at += characters[at] === '\\' ? 1 : 0;
      listed.push(characters[at] ?? '');
    }
    if (listed.length === 0 || at >= characters.length) {
      throw bad('a [ is not closed, or nothing is in it');
    }
    return { matches: (given) => listed.includes(given) !== isNot };
  };

  const found = sequence(false);
  return found;
}

/** Takes the last `*` back by one character a time: never more steps than pattern times text. */
export function matches(parts: readonly PatternPart[], text: readonly string[]): boolean {
  let part = 0;
  let place = 0;
  let lastAny = -1;
  let afterAny = 0;
  while (place < text.length) {
    const current = parts[part];
    if (current !== undefined && 'any' in current) {
      lastAny = part++;
      afterAny = place;
    } else if (current !== undefined && 'matches' in current && current.matches(text[place] ?? '')) {
      part++;
      place++;
    } else if (lastAny >= 0) {
      part = lastAny + 1;
      place = ++afterAny;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => 'any' in rest);
}
