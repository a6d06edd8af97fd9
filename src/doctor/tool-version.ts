import { execa } from 'execa';
import type { ToolVersion } from './check-tools.ts';

/** Asks the tools on PATH. A tool that hangs counts as one that does not run. */
export const toolVersionOnPath: ToolVersion = async (command, parameters) => {
  const result = await execa(command, [...parameters], { reject: false, timeout: 10_000 });
  return result.exitCode === 0 ? result.stdout : undefined;
};
