/** `scripts/with-tools SET COMMAND [ARGUMENT]...`: runs the command with the set's tools on PATH; its exit code is ours. */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { couldNot, Failure, formatFailure } from '../src/report/failure.ts';
import { listText, parseTools, pathWithTools, toolPath, toolsFor } from './tools.ts';

function withTools([set = '', command, ...args]: readonly string[]): number {
  for (const tool of toolsFor(set, parseTools(listText()))) toolPath(tool.name);
  if (command === undefined) throw couldNot('no command', { todo: 'write: scripts/with-tools SET COMMAND' });
  const env = { ...process.env, PATH: pathWithTools(process.env) };
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', env });
  if (error !== undefined) throw couldNot(`could not start ${command}: ${error.message}`);
  return status ?? 128 + constants.signals[signal ?? 'SIGTERM'];
}

try {
  process.exitCode = withTools(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(formatFailure(error));
  process.exitCode = error.exitCode;
}
