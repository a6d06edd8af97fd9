/**
 * Text from a cluster (messages, events, the lines of a pod) was written by anybody: what is here makes it fit to be shown in a
 * log, a commit status or a summary. Markdown is escaped where Markdown is written (report/markdown.ts).
 */

/** Escape sequences of terminals: CSI, OSC and the short ones (ECMA-48). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

/** Control characters but tab and line feed, and those that turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** What looks like a secret: the sign that tells it, and what is hidden. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[hidden]'],
  [/\b(?:gh[opsur]_|github_pat_)\w{16,}/g, '[hidden]'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '[hidden]'],
  [/\bxox[abprs]-[\w-]{10,}/g, '[hidden]'],
  [/\bsk_(?:live|test)_\w{10,}/g, '[hidden]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g, '[hidden]'],
  // postgres://user:password@host
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/]{0,100}):[^\s@/]{1,200}@/gi, '$1:[hidden]@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 [hidden]'],
  [
    /((?:password|passwd|secret|token|api[_-]?key|private[_-]?key|credentials?)["']?\s{0,3}[:=]\s{0,3}["']?)[^\s"',;}&]{3,}/gi,
    '$1[hidden]',
  ],
];

/** Lines that were cut are worth more than a log of megabytes. */
const LONGEST_LINE = 500;

/**
 * Lines of a pod's log or of a long message: no escape sequences, no commands to GitHub's runner (a line that begins with
 * `::`, `##[` anywhere: actions/runner, ActionCommand.cs), nothing that looks like a secret, no endless line.
 */
export function cleanLines(text: string): string[] {
  return hideSecrets(text.replaceAll('\r\n', '\n').replaceAll(ANSI, '').replaceAll(CONTROL, ''))
    .split('\n')
    .map((line) => shorten(line.trimEnd(), LONGEST_LINE))
    .map((line) => line.replace(/^(\s*):(?=:)/, '$1:\u200b').replaceAll('##[', '##\u200b['));
}

/** One line out of a message, at most `longest` signs. */
export const cleanLine = (text: string, longest = LONGEST_LINE): string =>
  shorten(cleanLines(text).join(' ').replaceAll(/\s+/g, ' ').trim(), longest);

const hideSecrets = (text: string): string =>
  SECRETS.reduce((shown, [pattern, instead]) => shown.replaceAll(pattern, instead), text);

const shorten = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1).trimEnd()}…`;
