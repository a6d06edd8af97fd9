import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** A server process of this machine, ended when it is disposed of. */
export interface StartedServer extends AsyncDisposable {
  /** What the pattern found in the line that says it is ready. */
  readonly said: string;
}

/**
 * Starts a server and waits until it says that it is ready.
 *
 * @param ready matches one line of what it prints; its first group is kept
 * @throws Error with what it printed, when it ends before that
 */
export async function startServer(
  command: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<StartedServer> {
  const [program = '', ...args] = command;
  const server = execa(program, args, { env, reject: false, buffer: false, stdin: 'ignore', all: true });
  const lines: string[] = [];
  const output = createInterface({ input: server.all });
  for await (const line of output) {
    lines.push(line);
    const found = ready.exec(line);
    if (found === null) continue;
    // Nobody reads its log from here on; a full pipe would stop it.
    server.all.resume();
    return {
      said: found[1] ?? '',
      async [Symbol.asyncDispose]() {
        server.kill();
        await server;
      },
    };
  }
  const { shortMessage } = await server;
  throw new Error(`${program} did not start: ${lines.slice(-10).join('\n') || shortMessage}`);
}
