import { createContext, Script } from 'node:vm';

/** What is wrong with a text of this format, as the end of a sentence that begins with the place; undefined: nothing. */
export function formatMistake(format: string, text: string): string | undefined {
  switch (format) {
    case 'quantity':
      return QUANTITY.test(text) ? undefined : 'is no quantity: write it like 500m, 0.5 or 128Mi';
    case 'byte':
      return isBase64(text)
        ? undefined
        : 'must be base64, but is not (a Secret takes plain text under stringData)';
    case 'date-time':
      return DATE_TIME.test(text) && !Number.isNaN(Date.parse(text))
        ? undefined
        : 'must be a time like 2026-11-21T09:00:00Z';
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
        ? undefined
        : 'must be a date like 2026-11-21';
    default:
      // An API server passes over formats that it does not know, and so do we over those that no CRD here uses.
      return undefined;
  }
}

/** The format of k8s.io/apimachinery/pkg/api/resource.Quantity. */
const QUANTITY = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Go's base64.StdEncoding, which passes over line ends. */
function isBase64(text: string): boolean {
  const digits = text.replace(/[\r\n]/g, '');
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}

/** Whether an integer of this format holds the number. */
export function fitsInteger(format: string | undefined, value: number): boolean {
  return format === 'int32' ? value >= -(2 ** 31) && value < 2 ** 31 : Math.abs(value) <= 2 ** 63;
}

/** Long enough for any honest pattern, short enough for ten hostile ones. */
const PATTERN_MS = 100;

const compiled = new Map<string, RegExp | undefined>();
const limited = createContext({ pattern: /^/, text: '' });
const limitedTest = new Script('pattern.test(text)');

/**
 * Whether a pattern of a CustomResourceDefinition matches.
 *
 * The API server uses RE2, which needs no time limit. JavaScript's engine backtracks, so a pattern that somebody else wrote gets
 * one.
 *
 * @returns undefined when this cannot be found out: the engine does not know the syntax, or time ran out
 */
export function patternMatches(
  pattern: string,
  text: string,
  { trusted }: { readonly trusted: boolean },
): boolean | undefined {
  if (!compiled.has(pattern)) compiled.set(pattern, compile(pattern));
  const regExp = compiled.get(pattern);
  if (regExp === undefined) return undefined;
  if (trusted) return regExp.test(text);
  Object.assign(limited, { pattern: regExp, text });
  try {
    return limitedTest.runInContext(limited, { timeout: PATTERN_MS }) === true;
  } catch {
    return undefined;
  }
}

function compile(pattern: string): RegExp | undefined {
  // RE2 takes flags for the rest of the pattern; the definitions that use them do so for the whole of it.
  const ignoreCase = /^\^?\(\?i\)/.test(pattern);
  try {
    return new RegExp(ignoreCase ? pattern.replace('(?i)', '') : pattern, ignoreCase ? 'i' : '');
  } catch {
    return undefined;
  }
}
