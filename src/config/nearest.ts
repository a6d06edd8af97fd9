import { distance } from 'fastest-levenshtein';

/** `prod` is how people call production; two letters may be the beginning of anything. */
const SHORTEST_BEGINNING = 3;

/**
 * The name that was probably meant, for "did you mean …?".
 *
 * @returns undefined when nothing is near: a wrong guess misleads more than none
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  const [begun, ...others] = [...names].filter((name) => name.toLowerCase().startsWith(wanted));
  if (begun !== undefined && wanted.length >= SHORTEST_BEGINNING) {
    return others.length === 0 ? begun : undefined;
  }
  let best: { name: string; edits: number } | undefined;
  for (const name of names) {
    const edits = editsBetween(wanted, name.toLowerCase());
    if (best === undefined || edits < best.edits) {
      best = { name, edits };
    }
  }
  // Two letters in five: `registry` finds `registries`, `dev` does not find `stg`.
  return best !== undefined && best.edits <= Math.max(1, Math.round(word.length * 0.4))
    ? best.name
    : undefined;
}

/** Levenshtein's distance, but two letters in the wrong order are one edit: `cup` is as near to `cpu` as `cpus`. */
function editsBetween(word: string, name: string): number {
  const at = Array.from({ length: word.length }, (_, index) => index).findIndex(
    (index) => word[index] !== name[index],
  );
  const swapped = `${word.slice(0, at)}${word[at + 1] ?? ''}${word[at] ?? ''}${word.slice(at + 2)}`;
  return at >= 0 && swapped === name ? 1 : distance(word, name);
}

/** `Did you mean "production"? There are: staging, production.` to be put behind a sentence. */
export function nameHint(word: string, names: readonly string[]): string {
  const nearest = nearestName(word, names);
  const guess = nearest === undefined ? '' : `Did you mean "${nearest}"? `;
  return `${guess}${names.length === 0 ? 'There are none.' : `There are: ${names.join(', ')}.`}`;
}
