import * as core from '@actions/core';

/**
 * Prints text of which people may have written a part (a file's name, a branch, GitHub's own words). The runner takes a
 * line that begins with `::` for a command, and `##[` anywhere in a line (actions/runner, ActionCommand.cs): either could
 * set an output of this step, or stop what masks secrets.
 */
export const logText = (text: string): void => core.info(withoutCommands(text));

/** The same text to people; a zero-width space breaks what the runner looks for. */
export const withoutCommands = (text: string): string =>
  text.replaceAll(/^(\s*):(?=:)/gm, '$1:\u200b').replaceAll('##[', '##\u200b[');
