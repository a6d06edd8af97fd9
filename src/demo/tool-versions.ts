import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

const PROBES = {
  git: { args: ['--version'], get: 'https://git-scm.com' },
  helm: { args: ['version', '--template', '{{.Version}}'], get: 'https://helm.sh/docs/intro/install' },
  crane: { args: ['version'], get: 'https://github.com/google/go-containerregistry' },
} as const;

export type ToolVersions = Readonly<Record<keyof typeof PROBES, string>>;

/**
 * The versions of the real tools that the demo uses.
 *
 * @throws Failure (exit 2, `tool-missing`) that names all that are missing
 */
export async function toolVersions(): Promise<ToolVersions> {
  const probed = await Promise.all(
    Object.entries(PROBES).map(async ([name, { args, get }]) => {
      const result = await execa(name, args, { reject: false, stdin: 'ignore' });
      const version = result.exitCode === 0 ? /\d+\.\d+(?:\.\d+)?/.exec(result.stdout)?.[0] : undefined;
      return { name, get, version };
    }),
  );
  const missing = probed.filter(({ version }) => version === undefined);
  if (missing.length > 0) {
    throw couldNot(`The demo needs ${missing.map(({ name }) => name).join(' and ')} on PATH.`, {
      todo: `In a clone of Kajitori run \`npm run demo\`, which brings them. Else: ${missing.map(({ name, get }) => `${name}: ${get}`).join(', ')}`,
      reason: 'tool-missing',
    });
  }
  return Object.fromEntries(probed.map(({ name, version }) => [name, version])) as ToolVersions;
}
