import { couldNot } from '../report/failure.ts';

const LONGEST_COMMAND = 2000;
const MOST_WORDS = 100;

/**
 * The words of a command that a form gives as one text: a JSON list of texts as it stands, else split at spaces. No shell ever
 * reads it, so there are no quotes; words with spaces need the list.
 *
 * @throws Failure (exit 2, `bad-command`)
 */
export function parseCommand(text: string): readonly string[] {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST_COMMAND) {
    throw badCommand(`it has ${trimmed.length} characters, ${LONGEST_COMMAND} are allowed`);
  }
  return checkCommand(trimmed.startsWith('[') ? parseList(trimmed) : trimmed.split(/ +/));
}

/** @throws Failure (exit 2, `bad-command`) for no words, too many, and control characters */
export function checkCommand(words: readonly string[]): readonly string[] {
  if (words.length === 0 || words[0] === '') {
    throw badCommand('it is empty');
  }
  if (words.length > MOST_WORDS) {
    throw badCommand(`it has ${words.length} words, ${MOST_WORDS} are allowed`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (words.some((word) => /[\u0000-\u001f\u007f]/.test(word))) {
    throw badCommand('it has control characters or several lines');
  }
  return words;
}

function parseList(text: string): readonly string[] {
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    throw badCommand('it begins with [ and is not a JSON list');
  }
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw badCommand('it is not a list of texts');
  }
  return words;
}

const badCommand = (why: string) =>
  couldNot(`This is not a command: ${why}.`, {
    todo: 'Write words with spaces between them, like bin/console users:fix 42, or a list, like ["bin/console", "say", "two words"].',
    reason: 'bad-command',
  });
