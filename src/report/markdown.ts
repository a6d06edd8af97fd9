/**
 * Markdown for job summaries, comments and reports. Everything that people can write goes through `plain` or `code`:
 * a branch name or a reason must not become a link, a mention or a row of a table.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g;

/** Plain text in Markdown: every sign with a meaning is escaped, an @ does not notify anybody. */
export const plain = (text: string): string =>
  text
    .replaceAll(CONTROL, ' ')
    .replaceAll(/[\\`*_{}[\]<>()#+!|~&$]/g, (sign) => `&#${sign.codePointAt(0)};`)
    .replaceAll('@', '@\u200b')
    .trim();

/** Code in a line; the fence is longer than any run of backticks inside (CommonMark, "Code spans"). */
export function code(text: string): string {
  const inner = text.replaceAll(CONTROL, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...inner.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = inner.startsWith('`') || inner.endsWith('`') ? ' ' : '';
  return inner === '' ? '' : `${fence}${pad}${inner}${pad}${fence}`;
}

/** A block of code, e.g. a diff. */
export function codeBlock(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
}

/** A link; only to http and https. `text` must be Markdown already. */
export const link = (text: string, url: string): string =>
  /^https?:\/\/[^\s()<>]+$/.test(url) ? `[${text}](${url})` : text;

/** A table of cells that are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
