/** A pattern that Argo CD would not understand, or that we do not. */
export class BadPattern extends Error {
  override readonly name = 'BadPattern';
}

/** One step of a pattern. `any` is `*`. */
type Step = 'any' | ((character: string) => boolean);

/**
 * Whether a folder matches the pattern of a git directory generator, as Go's `path.Match`: `*`, `?` and `[a-z]` within
 * one name. A pattern that Go cannot read matches nothing (argo-cd, generators/git.go, logs it and goes on).
 */
export function matchesGoPath(pattern: string, path: string): boolean {
  const patterns = pattern.split('/');
  const names = path.split('/');
  try {
    return (
      patterns.length === names.length &&
      patterns.every((each, index) => matchesSteps(stepsOf(each), names[index] ?? ''))
    );
  } catch (error) {
    if (error instanceof BadPattern) return false;
    throw error;
  }
}

/**
 * Which files a pattern of a git file generator means: Argo CD asks `git ls-files`, so that `*` and `**` both match `/` too,
 * and a folder means all below it. (With `applicationsetcontroller.enable.new.git.file.globbing`, which is off by
 * default, `*` would not.)
 *
 * @throws BadPattern for git's pathspec magic (`:(exclude)…`) and what leads out of the repository
 */
export function gitPathspec(pattern: string): (file: string) => boolean {
  if (pattern.startsWith(':'))
    throw new BadPattern('patterns that begin with ":" (git\'s pathspec magic) are not read');
  const names: string[] = [];
  for (const name of pattern.split('/')) {
    if (name === '..') throw new BadPattern('".." is not read');
    if (name !== '' && name !== '.') names.push(name);
  }
  const plain = names.join('/');
  // A trailing slash means a folder only.
  const isFolder = /(?:^|\/)\.?$/.test(pattern);
  if (plain === '') return () => true;
  const below = (file: string): boolean => file.startsWith(`${plain}/`);
  if (!/[*?[\\]/.test(plain)) return (file) => below(file) || (!isFolder && file === plain);
  const steps = stepsOf(isFolder ? `${plain}/` : plain);
  return (file) => below(file) || matchesSteps(steps, file);
}

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (steps.at(-1) !== 'any') steps.push('any');
    } else if (character === '?') {
      steps.push(() => true);
    } else if (character === '[') {
      const end = characters.indexOf(']', at + (/[!^]/.test(characters[at + 1] ?? '') ? 3 : 2));
      if (end < 0) throw new BadPattern('a [ is not closed');
      steps.push(classOf(characters.slice(at + 1, end)));
      at = end;
    } else if (character === '\\') {
      at += 1;
      const literal = characters[at];
      if (literal === undefined) throw new BadPattern('it ends with a backslash');
      steps.push((each) => each === literal);
    } else {
      steps.push((each) => each === character);
    }
  }
  return steps;
}

function classOf(characters: readonly string[]): (character: string) => boolean {
  const isNot = /[!^]/.test(characters[0] ?? '');
  const members = isNot ? characters.slice(1) : characters;
  if (members.some((each) => each === '[' || each === '\\')) throw new BadPattern('such a [ ] is not read');
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? '';
    if (members[at + 1] === '-' && at + 2 < members.length) {
      ranges.push([from, members[at + 2] ?? '']);
      at += 2;
    } else {
      ranges.push([from, from]);
    }
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== isNot;
}

/** Steps against text in time of their product at most: only the last `*` is ever tried again. */
function matchesSteps(steps: readonly Step[], text: string): boolean {
  const characters = Array.from(text);
  let at = 0;
  let step = 0;
  let retry: { readonly step: number; at: number } | undefined;
  while (at < characters.length) {
    const next = steps[step];
    if (next === 'any') {
      retry = { step, at };
      step += 1;
    } else if (next?.(characters[at] ?? '') === true) {
      step += 1;
      at += 1;
    } else if (retry !== undefined) {
      retry.at += 1;
      at = retry.at;
      step = retry.step + 1;
    } else {
      return false;
    }
  }
  return steps.slice(step).every((each) => each === 'any');
}

/** Alternatives of one pattern; more is a mistake or an attack. */
const MOST_ALTERNATIVES = 100;

/**
 * The patterns of `directory.include` and `exclude`: `{a,b}`, and `*` that matches `/` too (argo-cd, util/glob, with
 * github.com/gobwas/glob). A pattern that cannot be read matches every file, so that nothing is overlooked.
 */
export function gobwasGlob(pattern: string): (path: string) => boolean {
  try {
    const alternatives = withoutBraces(pattern).map(stepsOf);
    return (path) => alternatives.some((steps) => matchesSteps(steps, path));
  } catch (error) {
    if (error instanceof BadPattern) return () => true;
    throw error;
  }
}

function withoutBraces(pattern: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(pattern);
  if (braces === null) return [pattern];
  const [all, inside = ''] = braces;
  const made = inside
    .split(',')
    .flatMap((each) =>
      withoutBraces(`${pattern.slice(0, braces.index)}${each}${pattern.slice(braces.index + all.length)}`),
    );
  if (made.length > MOST_ALTERNATIVES) throw new BadPattern('it has too many alternatives');
  return made;
}
