import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { parseImageReference } from '../release/image-reference.ts';
import { couldNot } from '../report/failure.ts';
import { tarOf } from './tar.ts';

export interface PackImageOptions {
  /** The folder of the app. */
  readonly folder: string;
  /** What of it goes into the image, like the COPY lines of its Dockerfile. */
  readonly entries: readonly string[];
  /** Where it goes: `127.0.0.1:41235/web:1f3c9e2b`. */
  readonly reference: string;
  /** The command; default: `crane` on PATH. */
  readonly crane?: string;
  /** What runs when nothing else is said (CMD). */
  readonly command?: readonly string[];
  /** Plain values: no `=`, no quotes. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PackedImage {
  /** As it was asked for. */
  readonly reference: string;
  /** `sha256:…` of its manifest. */
  readonly digest: string;
}

/**
 * Makes an image of one layer out of a folder and pushes it, without a Docker engine: real for registries, digests and
 * manifests, but there is no Node in it, so it does not run. The same content gives the same digest.
 *
 * @throws Failure (exit 2): `bad-image` for the reference, `bad-folder`, `image-failed` with what crane said
 */
export async function packImage(options: PackImageOptions): Promise<PackedImage> {
  const { folder, entries, reference, crane = 'crane', command = ['bin/web'], labels = {} } = options;
  const { repository } = parseImageReference(reference);
  await using scratch = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-image-'));
  const layer = path.join(scratch.path, 'layer.tar');
  await writeFile(layer, await tarOf(folder, entries, 'app'));
  const run = (...args: string[]) => runCrane(crane, args, scratch.path);
  // crane changes only what a registry holds, so the bare layer is pushed first, under a tag of its own.
  await run('append', '--oci-empty-base', '--new_layer', layer, '--new_tag', `${repository}:layer`);
  const pushed = await run(
    'mutate',
    `--tag=${reference}`,
    '--set-platform=linux/amd64',
    '--workdir=/app',
    '--user=1000',
    ...command.map((word) => `--cmd=${csv(word)}`),
    ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
    `${repository}:layer`,
  );
  const digest = /@(sha256:[a-f\d]{64})\s*$/.exec(pushed)?.[1];
  if (digest === undefined) {
    throw couldNot(`crane named no digest: ${pushed}`, { reason: 'image-failed' });
  }
  return { reference, digest };
}

/** crane splits the value of this flag like a line of CSV. */
const csv = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function runCrane(crane: string, args: readonly string[], scratch: string): Promise<string> {
  const result = await execa(crane, args, {
    reject: false,
    // Without the credentials and helpers of this machine's user: a local registry wants none.
    env: { DOCKER_CONFIG: scratch },
    stdin: 'ignore',
    timeout: 60_000,
  });
  if (result.exitCode !== 0) {
    throw couldNot(`crane ${args[0]} failed: ${result.stderr || result.shortMessage}`, {
      todo: 'Run scripts/setup demo, which brings crane.',
      reason: 'image-failed',
    });
  }
  return result.stdout;
}
