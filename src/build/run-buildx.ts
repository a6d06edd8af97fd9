import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';
import { maskSecrets } from './build-log.ts';

/** How `docker` is run. */
export interface DockerProcess {
  /** Its environment, in whole: build secrets of the kind `env` are in it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Values that no line may show. */
  readonly secrets: readonly string[];
  /** Gets every line as it is printed, masked. */
  readonly onLine: (line: string) => void;
  /** Ends it: SIGTERM to docker, which ends the build. */
  readonly signal?: AbortSignal | undefined;
}

/** How it ended. */
export interface DockerResult {
  readonly ok: boolean;
  /** What it printed, masked. */
  readonly text: string;
}

/**
 * Runs `docker` with arguments, never by a shell.
 *
 * @throws Failure (exit 2): `no-docker`
 */
export async function runDocker(args: readonly string[], options: DockerProcess): Promise<DockerResult> {
  const child = execa('docker', args, {
    cwd: options.cwd,
    env: options.env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.all })) {
    const masked = maskSecrets(line, options.secrets);
    lines.push(masked);
    options.onLine(masked);
  }
  const result = await child;
  if (result.code === 'ENOENT') {
    throw couldNot('There is no `docker` on this machine.', {
      todo: "Use a runner with docker and buildx (GitHub's ubuntu runners have both), or install them.",
      reason: 'no-docker',
    });
  }
  return { ok: !result.failed, text: lines.join('\n') };
}

/**
 * The digest that buildx wrote down (`--metadata-file`).
 *
 * Docs: "docker buildx build", --metadata-file.
 */
export async function digestOfMetadata(file: string): Promise<string> {
  const metadata = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, unknown>>;
  const digest = metadata['containerimage.digest'];
  if (typeof digest !== 'string' || !/^sha256:[a-f\d]{64}$/.test(digest)) {
    throw couldNot('docker buildx did not say the digest of the image.', {
      todo: 'Update buildx: 0.13 or newer is needed.',
      reason: 'no-digest',
    });
  }
  return digest;
}
