import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

/** What a process may take (ms) and print; it is killed beyond. */
export interface ProcessLimits {
  readonly milliseconds: number;
  readonly bytes: number;
}

export interface ToolProcess {
  readonly env: Readonly<Record<string, string>>;
  /** `false`: `env` is all of its environment. Default: it is added to our own. */
  readonly extendEnv?: boolean;
  readonly cwd?: string;
  /** What it reads. */
  readonly input?: string;
  readonly limits: ProcessLimits;
  readonly signal?: AbortSignal | undefined;
}

/** How it ended, with all that it printed. */
export type ToolEnd =
  | { readonly kind: 'done'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'failed'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'stopped'; readonly by: 'time' | 'bytes' };

/**
 * Runs a tool that renders, helm or kustomize, within limits: what it renders is somebody else's text.
 *
 * @returns undefined when there is no such command
 * @throws what `signal` was aborted with
 */
export async function runTool(
  command: string,
  words: readonly string[],
  { limits, signal, ...options }: ToolProcess,
): Promise<ToolEnd | undefined> {
  const running = execa(command, words, {
    ...options,
    reject: false,
    stripFinalNewline: false,
    timeout: limits.milliseconds,
    maxBuffer: limits.bytes,
    // Of a process that fails execa repeats all that it kept in a message, character by character: longer than helm takes.
    buffer: { stdout: false },
    // It does not listen while it renders, and leaves nothing behind.
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  const printed: Buffer[] = [];
  let bytes = 0;
  running.stdout.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes > limits.bytes) {
      running.kill();
    } else {
      printed.push(part);
    }
  });
  const result = await running;
  signal?.throwIfAborted();
  if (result.code === 'ENOENT' || result.code === 'EACCES') {
    return undefined;
  }
  if (result.timedOut || result.isMaxBuffer || bytes > limits.bytes) {
    return { kind: 'stopped', by: result.timedOut ? 'time' : 'bytes' };
  }
  const [stdout, stderr] = [Buffer.concat(printed).toString(), String(result.stderr)];
  return result.exitCode === 0
    ? { kind: 'done', stdout, stderr }
    : { kind: 'failed', stdout, stderr: stderr || (result.shortMessage ?? '') };
}

/** `longer than 30 seconds`, for what was stopped. */
export const limitWords = (by: 'time' | 'bytes', { milliseconds, bytes }: ProcessLimits): string =>
  by === 'time' ? `longer than ${milliseconds / 1000} seconds` : `more than ${bytes} bytes`;

export interface HelmProcess extends Pick<ToolProcess, 'input' | 'limits' | 'signal'> {
  /** The command; default: `helm` on PATH. */
  readonly helm?: string | undefined;
  /** Besides our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** For the message where there is no helm, like `ApplicationSets with functions in their templates need it`. */
  readonly neededFor?: string;
}

/**
 * Runs helm, without plugins: one would be code of this machine's user in what we render.
 *
 * @throws Failure (exit 2, `tool-missing`), or what `signal` was aborted with
 */
export async function runHelm(words: readonly string[], options: HelmProcess): Promise<ToolEnd> {
  const { helm = 'helm', env, input = '', limits, signal, neededFor } = options;
  const end = await runTool(helm, words, { env: { ...env, HELM_NO_PLUGINS: '1' }, input, limits, signal });
  if (end === undefined) {
    throw couldNot(`${helm} could not be started${neededFor === undefined ? '' : `; ${neededFor}`}.`, {
      todo: 'Install Helm 3.14 or newer, or 4 (https://helm.sh/docs/intro/install).',
      reason: 'tool-missing',
    });
  }
  return end;
}
