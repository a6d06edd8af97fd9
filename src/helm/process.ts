import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

export interface HelmProcess {
  /** The command; default: `helm` on PATH. */
  readonly helm?: string;
  /** Besides our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads; default: nothing. */
  readonly input?: string;
  /** What it may take and print; it is killed beyond. */
  readonly limits: { readonly milliseconds: number; readonly bytes: number };
  readonly signal?: AbortSignal;
  /** For the message where there is no helm, like `ApplicationSets with functions in their templates need it`. */
  readonly neededFor?: string;
}

/** How it ended, with all that it printed. */
export type HelmEnd =
  | { readonly kind: 'done' | 'failed'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'stopped'; readonly by: 'time' | 'bytes' };

/**
 * Runs helm, without plugins: one would be code of this machine's user in what we render.
 *
 * @throws Failure (exit 2, `tool-missing`), or what `signal` was aborted with
 */
export async function runHelm(words: readonly string[], options: HelmProcess): Promise<HelmEnd> {
  const { helm = 'helm', env = {}, input = '', limits, signal, neededFor } = options;
  const result = await execa(helm, words, {
    reject: false,
    env: { ...env, HELM_NO_PLUGINS: '1' },
    input,
    stripFinalNewline: false,
    timeout: limits.milliseconds,
    maxBuffer: limits.bytes,
    // Helm does not listen while it renders, and leaves nothing behind.
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (result.code === 'ENOENT' || result.code === 'EACCES') {
    throw couldNot(`${helm} could not be started${neededFor === undefined ? '' : `; ${neededFor}`}.`, {
      todo: 'Install Helm 3.14 or newer, or 4 (https://helm.sh/docs/intro/install).',
      reason: 'tool-missing',
    });
  }
  if (result.timedOut || result.isMaxBuffer) {
    return { kind: 'stopped', by: result.timedOut ? 'time' : 'bytes' };
  }
  const stderr = String(result.stderr);
  return result.exitCode === 0
    ? { kind: 'done', stdout: result.stdout, stderr }
    : { kind: 'failed', stdout: result.stdout, stderr: stderr || (result.shortMessage ?? '') };
}
