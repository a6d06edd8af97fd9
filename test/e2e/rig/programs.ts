import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolPath } from '../../../scripts/tools.ts';
import { waitFor } from './wait-for.ts';

/** What `scripts/setup e2e` built: `programs/`, `crds/`, `configuration/`, `stages/` (scripts/argocd-rig/build.ts). */
export const built = (...path: string[]): string => resolve(toolPath('argocd'), '../..', ...path);

/** A program of the rig that runs. */
export interface RunningProgram extends Disposable {
  readonly process: ChildProcess;
  /** Waits until a question to it is answered; fails at once when it has ended. */
  ready(answer: () => Promise<unknown>): Promise<void>;
}

/** A program of the rig that a test takes away for a while. It keeps its port and what it has stored. */
export interface Part {
  /** Ends it as a power failure would. */
  stop(): Promise<void>;
  /** @returns when it answers again */
  start(): Promise<void>;
}

/** Starts a program that can be stopped, and started again in the same way. @param answer as of `ready` */
export async function startPart(run: () => RunningProgram, answer: () => Promise<unknown>): Promise<Part> {
  let running = run();
  await running.ready(answer);
  return {
    stop: async () => {
      const { process } = running;
      if (process.exitCode !== null || process.signalCode !== null) return;
      const gone = once(process, 'exit');
      process.kill('SIGKILL');
      await gone;
    },
    start: async () => {
      running = run();
      await running.ready(answer);
    },
  };
}

/** The programs and the folder of one rig. Whatever happens to this process, they go when it goes (reaper.ts). */
export interface Programs extends AsyncDisposable {
  /** A temporary folder, only for this user. */
  readonly folder: string;
  /**
   * Starts one of the programs that were built, or one on PATH. What it says goes to `logs/NAME.log` in the folder, but for
   * standard output when that is `piped`.
   */
  start(
    name: string,
    program: string,
    args: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>>; readonly piped?: boolean },
  ): RunningProgram;
}

export async function openPrograms(): Promise<Programs> {
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-argocd-'));
  const reaper = spawn(process.execPath, [fileURLToPath(new URL('reaper.ts', import.meta.url)), folder], {
    // Not in our process group: Ctrl-C on a terminal must not end it before it has done its work.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const done = once(reaper, 'exit');
  await mkdir(join(folder, 'logs'));

  const start: Programs['start'] = (name, program, args, { env = {}, piped = false } = {}) => {
    const log = join(folder, 'logs', `${name}.log`);
    const output = openSync(log, 'a');
    const child = spawn(program, args, {
      env: {
        ...process.env,
        PATH: `${built('programs')}:${process.env.PATH}`,
        // Neither this person's configuration nor a proxy may have a say.
        HOME: folder,
        NO_PROXY: '127.0.0.1',
        no_proxy: '127.0.0.1',
        ...env,
      },
      stdio: ['ignore', piped ? 'pipe' : output, output],
    });
    let ended: string | undefined;
    child.on('error', (error) => {
      ended = error.message;
    });
    child.on('exit', (code, signal) => {
      ended ??= `it ended (${signal ?? code})`;
      reaper.stdin.write(`-${child.pid}\n`);
    });
    if (child.pid !== undefined) reaper.stdin.write(`+${child.pid}\n`);
    const ready = async (answer: () => Promise<unknown>): Promise<void> => {
      const answers = async (): Promise<string> => {
        if (ended !== undefined) return ended;
        await answer();
        return 'ready';
      };
      try {
        const seen = await waitFor(
          `${name} to be ready`,
          answers,
          (state) => state === 'ready' || state === ended,
        );
        if (seen !== 'ready') throw new Error(`${name}: ${seen}`);
      } catch (error) {
        const said = readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n');
        throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
      }
    };
    return { process: child, ready, [Symbol.dispose]: () => void child.kill() };
  };

  return {
    folder,
    start,
    async [Symbol.asyncDispose]() {
      reaper.stdin.end();
      await done;
    },
  };
}
