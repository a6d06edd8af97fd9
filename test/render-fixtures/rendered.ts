import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { GENERATED_NAME, parseManifests } from '../../src/kubernetes/manifests.ts';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** A Kubernetes object, without our types: the judge's side has them too. */
export type Manifest = Readonly<Record<string, unknown>>;

/** What `kajitori render` says of a clone. */
export interface Rendered {
  readonly exitCode: number | undefined;
  /** Objects of each application, read from the files that `--output` wrote. */
  readonly applications: Readonly<Record<string, readonly Manifest[]>>;
  /** The reasons, by `Application/name` and the like. */
  readonly notRendered: Readonly<Record<string, string>>;
}

/** Runs the command in a clone, with an empty cache. */
export async function kajitoriRender(clone: string): Promise<Rendered> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'kajitori-rendered-'));
  const output = join(folder.path, 'output');
  const { stdout, exitCode } = await execa(process.execPath, [MAIN, 'render', '--output', output, '--json'], {
    cwd: clone,
    reject: false,
    stdin: 'ignore',
    env: { KAJITORI_CACHE: join(folder.path, 'cache') },
  });
  const said = JSON.parse(stdout) as {
    readonly notRendered: readonly {
      readonly what: string;
      readonly message: string;
      readonly reason: string;
    }[];
  };
  const entries = await readdir(output, { recursive: true, withFileTypes: true });
  const applications: Record<string, readonly Manifest[]> = {};
  for (const { parentPath, name } of entries.filter((entry) => entry.name.endsWith('.yaml'))) {
    const text = await readFile(join(parentPath, name), 'utf8');
    applications[name.slice(0, -'.yaml'.length)] = parseManifests(text, name).map(asWritten);
  }
  return {
    exitCode,
    applications,
    notRendered: Object.fromEntries(said.notRendered.map(({ what, reason }) => [what, reason])),
  };
}

/** `parseManifests`, which reads as Go does, also gives a name to what has only `generateName`. */
function asWritten(object: KubernetesObject): Manifest {
  const { name, generateName, ...metadata } = object.metadata;
  return name === `${String(generateName)}${GENERATED_NAME}`
    ? { ...object, metadata: { ...metadata, generateName } }
    : { ...object };
}
