/**
 * What a .dockerignore keeps out of the context.
 *
 * Source: "Build context", "Dockerignore files" (Docker Docs), and moby/patternmatcher for what these leave open: a pattern
 * also matches everything under a folder that it matches, and the last pattern that matches decides.
 */

interface Pattern {
  readonly expression: RegExp;
  readonly isException: boolean;
}

/** Longer patterns are nobody's; keeps the expressions small. */
const MAX_LENGTH = 1_000;

/** What one .dockerignore says. */
export interface Dockerignore {
  /** Whether a path of the context (with `/`, not beginning with it) is left out. */
  leavesOut(path: string): boolean;
  /** Whether something under a folder that is left out may be in all the same. */
  readonly hasExceptions: boolean;
}

/** Reads a .dockerignore; an empty text leaves nothing out. */
export function dockerignore(text: string): Dockerignore {
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => parsePattern(line.trim()));
  return {
    leavesOut: (path) =>
      patterns.reduce(
        (isOut, { expression, isException }) => (expression.test(path) ? !isException : isOut),
        false,
      ),
    hasExceptions: patterns.some(({ isException }) => isException),
  };
}

function parsePattern(line: string): Pattern[] {
  const isException = line.startsWith('!');
  const parts = (isException ? line.slice(1) : line).trim().split('/');
  const cleaned = parts.filter((part) => part !== '' && part !== '.');
  // `..` and character classes are rare: what is not understood leaves nothing out, and a file too many is only caution.
  if (cleaned.length === 0 || line.length > MAX_LENGTH) return [];
  if (cleaned.some((part) => part === '..' || /[[\]\\]/.test(part))) {
    // As an exception it may bring anything back in.
    return isException ? [{ expression: /^/, isException }] : [];
  }
  const source = cleaned
    .map((part, index) => {
      const isLast = index === cleaned.length - 1;
      if (part === '**') return isLast ? '.*' : '(?:[^/]+/)*';
      const text = part
        .replaceAll(/[.+^${}()|]/g, '\\$&')
        .replaceAll(/\*+/g, '[^/]*')
        .replaceAll('?', '[^/]');
      return isLast ? text : `${text}/`;
    })
    .join('');
  return [{ expression: new RegExp(`^${source}(?:/.*)?$`, 's'), isException }];
}
