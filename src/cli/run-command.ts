import { Failure, formatFailure } from '../report/failure.ts';

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
}

/**
 * Runs the body of a command: what it returns goes to standard output, a `Failure` to standard error with the exit
 * code of its kind; with `--json` both are JSON. Anything else is a defect of ours and is shown with its stack.
 */
export async function runCommand(
  options: CommonOptions,
  body: () => Promise<{ readonly text: string; readonly json: object; readonly exitCode?: number }>,
): Promise<void> {
  try {
    const { text, json, exitCode } = await body();
    process.stdout.write(`${options.json === true ? JSON.stringify(json, undefined, 2) : text}\n`);
    process.exitCode = exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof Failure)) {
      process.stderr.write('This is a defect of Kajitori, please report it with what follows.\n');
      throw error;
    }
    process.exitCode = error.exitCode;
    if (options.json === true) {
      const { message, reason, at, todo } = error;
      process.stdout.write(`${JSON.stringify({ error: { message, reason, at, todo } }, undefined, 2)}\n`);
    } else {
      process.stderr.write(`${error.exitCode === 1 ? 'Refused: ' : 'Error: '}${formatFailure(error)}\n`);
    }
  }
}

/** A line of progress: on a terminal only, so that logs stay short. */
export function progress(line: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`${line}\n`);
  }
}
