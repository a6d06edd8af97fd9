import { couldNot } from '../report/failure.ts';

/**
 * A path inside a repository, checked: relative, `/` between names, no `.`, `..` or empty names, nothing in `.git`.
 *
 * @throws Failure (exit 2) for anything else; nothing is silently normalised
 */
export function repositoryPath(text: string): string {
  const names = text.split('/');
  const bad =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /[\\\u0000-\u001f\u007f]/.test(text) ||
    names.some((name) => name === '' || name === '.' || name === '..' || name.toLowerCase() === '.git');
  if (bad) {
    throw couldNot(`${JSON.stringify(text)} is not a path inside the repository.`, {
      todo: 'Write it relative to the repository root, with / between names and without .. in it.',
      reason: 'bad-path',
    });
  }
  return text;
}

/** Files larger than this are not values files; reading them would only cost memory. Also GitHub's own limit for text in GraphQL is 512 KB, then it truncates. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** A file that is larger than we read. */
export const tooLarge = (file: string, bytes: number) =>
  couldNot(`The file is too large (${bytes} bytes; the limit is ${MAX_FILE_BYTES}).`, {
    at: { file },
    todo: 'Values files are small: move generated or binary data out of it.',
    reason: 'file-too-large',
  });

/** A file that is no text. */
export const notText = (file: string) =>
  couldNot('The file is not UTF-8 text.', { at: { file }, todo: 'Save it as UTF-8.', reason: 'not-text' });

/** The text of a file's bytes. A byte order mark stays in the text, so that writing it back loses nothing. */
export function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw notText(file);
  }
}

/** A symbolic link (or a submodule, or a folder) where a file should be. */
export const notAFile = (file: string, kind: string) =>
  couldNot(`This is a ${kind}, not a file.`, {
    at: { file },
    todo: 'Put the file itself there: links are not followed, since they could lead out of the repository.',
    reason: 'not-a-file',
  });
