import { spawn } from 'node:child_process';

/** Paths are data, never patterns. */
const OPTIONS = ['--literal-pathspecs', '--no-optional-locks', '-c', 'core.quotePath=false'];

/**
 * What git prints; undefined where it fails, or is not there.
 *
 * By Node's own `spawn`: a build that finds its image built already is over in a quarter of a second, of which loading execa and
 * what it does for each process would be a tenth.
 *
 * @param input lines for its standard input
 */
export function gitOutput(
  folder: string,
  args: readonly string[],
  input?: readonly string[],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('git', [...OPTIONS, ...args], {
      cwd: folder,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'ignore'],
    });
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => resolve(code === 0 ? Buffer.concat(output).toString() : undefined));
    // Git that ended before it read them says so by its code.
    child.stdin?.on('error', () => undefined).end(input?.map((line) => `${line}\n`).join(''));
  });
}
