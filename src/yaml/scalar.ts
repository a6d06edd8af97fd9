import { couldNot, type Failure } from '../report/failure.ts';

/** Where a scalar is written. In a flow collection (`{…}`, `[…]`) fewer strings may go without quotes. */
export interface ScalarPlace {
  readonly inFlow: boolean;
}

export type QuotingStyle = 'plain' | 'single' | 'double';

/**
 * The text of a scalar on one line.
 *
 * A string is written in the preferred style if it can be; a plain one that some reader would take for something
 * else (see `isPlainString`), or for two things, gets double quotes. Numbers, booleans and null are never quoted.
 */
export function formatScalar(
  value: string | number | boolean | null,
  place: ScalarPlace,
  preferred: QuotingStyle = 'plain',
): string {
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value !== 'string') return String(value);
  if (preferred === 'plain' && isPlainString(value, place.inFlow)) return value;
  if (preferred === 'single' && isVisible(value)) return `'${value.replaceAll("'", "''")}'`;
  return doubleQuoted(value);
}

/**
 * The text of a key.
 *
 * @throws {Failure} (exit 2) for one that YAML readers need not accept: a key and its `:` must stand on one line,
 * within 1024 characters (YAML 1.2, section 7.4).
 */
export function formatKey(key: string, inFlow: boolean): string {
  const text = formatScalar(key, { inFlow });
  if (text.length > 1000) throw keyTooLong(key);
  return text;
}

const keyTooLong = (key: string): Failure =>
  couldNot(
    `the key ${JSON.stringify(`${key.slice(0, 40)}…`)} has ${key.length} characters, which is too long`,
    {
      todo: 'Use a key under 1000 characters.',
      reason: 'unwritable-value',
    },
  );

/**
 * Decimal digits, so that all readers agree: no exponent without a fraction, which PyYAML takes for a string, and
 * none without a sign.
 */
function formatNumber(value: number): string {
  const text = String(value);
  return text.includes('e') && !text.includes('.') ? text.replace('e', '.0e') : text;
}

/** Letters, digits, marks, punctuation and symbols of any script, and the space: what an eye sees in a diff. */
const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;
const isVisible = (text: string): boolean => VISIBLE.test(text);

/**
 * Starts with a character that starts nothing else in YAML; contains no `: `, ` #`, nor white space at its ends.
 * Stricter than the specification: a first `<`, `=`, `;`… would be allowed.
 */
const PLAIN_IN_BLOCK =
  /^(?!---|\.\.\.|- )[\p{L}\p{N}_./$(+\\-](?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]*[\p{L}\p{M}\p{N}\p{P}\p{S}])?$/u;
const ENDS_EARLY = /: | #|:$/;
/** `?` too: Helm's reader ends a plain scalar there. */
const NOT_IN_FLOW = /[,[\]{}?]|:[^\p{L}\p{N}/]/u;

/** Is this string, without quotes, the same string to every reader that we know? */
export function isPlainString(text: string, inFlow: boolean): boolean {
  return (
    PLAIN_IN_BLOCK.test(text) &&
    !ENDS_EARLY.test(text) &&
    !(inFlow && NOT_IN_FLOW.test(text)) &&
    !readsAsOther(text)
  );
}

/**
 * Plain texts that are not strings to some reader: YAML 1.2's core schema, or YAML 1.1 as Helm (sigs.k8s.io/yaml,
 * which is go-yaml v2) and PyYAML read it. Sources: yaml.org/type/{null,bool,int,float,timestamp,merge,value}.html,
 * and `resolve.go` of go-yaml v2.
 */
const OTHER_TYPES: readonly RegExp[] = [
  /^(?:~|null|true|false|yes|no|on|off|y|n)?$/i,
  /^[-+]?\.(?:inf|nan)$/i,
  /^(?:=|<<)$/,
  // Go's ParseInt takes 0x, 0o and 0b in both cases; underscores may stand anywhere.
  /^[-+]?0_*(?:x[0-9a-f_]*|o[0-7_]*|b[01_]*)$/i,
  // Without digits before the e, too: `yaml` 2.9 reads e5 as a number in its 1.1 mode.
  /^[-+]?[0-9_]*\.?[0-9_]*(?:e[-+]?[0-9_]+)?$/i,
  // Base 60: 12:30:45 is 45045 in YAML 1.1.
  /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?$/,
];

export const readsAsOther = (text: string): boolean => OTHER_TYPES.some((pattern) => pattern.test(text));

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/**
 * `"…"` with escapes that YAML 1.1 and 1.2 share. Whatever an eye cannot see (controls, line and paragraph
 * separators, zero-width and direction marks, odd spaces) is written as an escape, so that a diff shows it.
 */
function doubleQuoted(text: string): string {
  return `"${text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, escaped)}"`;
}

function escaped(character: string): string {
  const short = ESCAPES[character];
  if (short !== undefined) return short;
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}
