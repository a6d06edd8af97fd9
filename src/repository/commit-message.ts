/** One line of a commit's trailer block, e.g. `Kajitori-App: web`. */
export interface Trailer {
  readonly name: string;
  readonly value: string;
}

/** What a commit says. */
export interface CommitMessage {
  /** One line, at most 72 characters by git's custom; longer ones are kept whole. */
  readonly headline: string;
  readonly body?: string;
  /** In order; names may repeat (a batch repeats its block). */
  readonly trailers: readonly Trailer[];
}

/** The trailer by which we know a commit of ours again after an answer was lost. */
export const KEY_TRAILER = 'Kajitori-Key';

/** One line of plain text: what people wrote must not become a trailer or a paragraph of its own. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();

/** The part under the headline: body, blank line, trailers (git-interpret-trailers). */
export function formatBody(message: CommitMessage): string {
  const trailers = message.trailers.map(({ name, value }) => `${name}: ${oneLine(value)}`).join('\n');
  return [message.body?.trim(), trailers].filter((part) => part !== undefined && part !== '').join('\n\n');
}

/** The whole text, as `git commit -F` takes it. */
export const formatMessage = (message: CommitMessage): string =>
  [oneLine(message.headline), formatBody(message)].filter((part) => part !== '').join('\n\n');

/** The first line of a commit's text. */
export const headlineOf = (text: string): string => text.split('\n', 1)[0] ?? '';

/** What stands under the first line. */
export const bodyOf = (text: string): string => text.slice(headlineOf(text).length).trim();

/** The trailers of a commit's text: those of its last paragraph. */
export function parseTrailers(text: string): readonly Trailer[] {
  const last =
    text
      .trimEnd()
      .split(/\n[ \t]*\n/)
      .at(-1) ?? '';
  return last.split('\n').flatMap((line) => {
    const match = /^([A-Za-z][A-Za-z\d-]*):[ \t]+(.*)$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? '', value: (match[2] ?? '').trim() }];
  });
}

/** The key that a message carries; undefined for a commit that is not ours. */
export const keyOf = (message: string): string | undefined =>
  parseTrailers(message).find(({ name }) => name === KEY_TRAILER)?.value;
