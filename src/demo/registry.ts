import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

/** An OCI registry on this machine's loopback; what it holds is gone with it. */
export interface LocalRegistry extends AsyncDisposable {
  /** `127.0.0.1:41235`, for references. */
  readonly host: string;
}

/**
 * Starts `crane registry serve` on a free port and waits until it says that it listens.
 *
 * @param crane the command
 * @throws Failure (exit 2, `registry-failed`) with what crane said, when it does not start
 */
export async function startRegistry(options: { readonly crane?: string } = {}): Promise<LocalRegistry> {
  const { crane = 'crane' } = options;
  const served = execa(crane, ['registry', 'serve', '--address', '127.0.0.1:0'], {
    reject: false,
    // It logs each request; nobody reads them once it runs.
    buffer: false,
    stdin: 'ignore',
    stdout: 'ignore',
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: served.stderr })) {
    said.push(line);
    const port = / serving on port (\d+)$/.exec(line)?.[1];
    if (port !== undefined) {
      served.stderr.resume();
      return {
        host: `127.0.0.1:${port}`,
        async [Symbol.asyncDispose]() {
          served.kill();
          await served;
        },
      };
    }
  }
  const { shortMessage } = await served;
  throw couldNot(`The local registry did not start: ${said.join('\n') || shortMessage}`, {
    todo: 'Run scripts/setup demo, which brings crane.',
    reason: 'registry-failed',
  });
}
