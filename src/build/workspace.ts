import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';
import type { BuildRequest, BuildSecret } from './build-request.ts';

/** The places of a build on this machine, all absolute, links followed, all inside the workspace. */
export interface BuildPaths {
  readonly workspace: string;
  readonly context: string;
  readonly dockerfile: string;
  /** By name: a folder, or `docker-image://…`. */
  readonly contexts: Readonly<Record<string, string>>;
}

/**
 * Finds the files of a build.
 *
 * @param workspace the checked-out repository
 * @throws Failure (exit 2): `outside-workspace`, `no-context`, `no-dockerfile`
 */
export async function buildPaths(request: BuildRequest, workspace: string): Promise<BuildPaths> {
  const root = await realpath(workspace);
  const context = await inside(root, request.context, 'context');
  if (context === undefined || !(await stat(context)).isDirectory()) {
    throw couldNot(`The context ${request.context} is not a folder of this repository.`, {
      todo: 'Check `context`; it is relative to the root of the repository, which must be checked out before.',
      reason: 'no-context',
    });
  }
  const written = request.dockerfile ?? path.posix.join(request.context, 'Dockerfile');
  const dockerfile = await inside(root, written, 'dockerfile');
  if (dockerfile === undefined || !(await stat(dockerfile)).isFile()) {
    throw couldNot(`There is no Dockerfile at ${written}.`, {
      todo: 'Add one there, or name its place by `dockerfile` (relative to the root of the repository).',
      reason: 'no-dockerfile',
    });
  }
  const contexts: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.contexts)) {
    const folder = value.startsWith('docker-image://')
      ? value
      : await inside(root, value, `build context ${name}`);
    if (folder === undefined) {
      throw couldNot(`The build context ${name} is ${value}, which does not exist.`, {
        todo: 'Name a folder of this repository.',
        reason: 'no-context',
      });
    }
    contexts[name] = folder;
  }
  return { workspace: root, context, dockerfile, contexts };
}

/** The real path; undefined where nothing is. What links out of the workspace would build what nobody reviewed. */
async function inside(root: string, written: string, what: string): Promise<string | undefined> {
  const outside = () =>
    couldNot(`The ${what} ${JSON.stringify(written.slice(0, 200))} lies outside of the repository.`, {
      todo: 'Name a place inside of the repository, without .. and without a link that leads out.',
      reason: 'outside-workspace',
    });
  const isInside = (file: string) => file === root || file.startsWith(`${root}${path.sep}`);
  const absolute = path.resolve(root, written);
  if (!isInside(absolute) || written.includes('\0')) {
    throw outside();
  }
  let real: string;
  try {
    real = await realpath(absolute);
  } catch {
    return undefined;
  }
  if (!isInside(real)) {
    throw outside();
  }
  return real;
}

/**
 * The values of secrets, so that they can be kept out of every log.
 *
 * @throws Failure (exit 2): `no-secret`
 */
export async function secretValues(
  secrets: readonly BuildSecret[],
  workspace: string,
  environment: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  return Promise.all(
    secrets.map(async ({ id, from, name }) => {
      const value =
        from === 'env'
          ? environment[name]
          : await readFile(path.resolve(workspace, name), 'utf8').catch(() => undefined);
      if (value === undefined || value === '') {
        throw couldNot(
          `The build secret ${id} is empty: there is no ${from === 'env' ? 'variable' : 'file'} ${name}.`,
          {
            todo:
              from === 'env'
                ? `Give it to the step: env: ${name}: \${{ secrets.… }}`
                : 'Write the file in a step before, or take env:.',
            reason: 'no-secret',
          },
        );
      }
      return value;
    }),
  );
}
