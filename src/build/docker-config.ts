/**
 * Docker's configuration with the passwords of registries in it, for one build.
 *
 * The user's own config.json is never written: what runs at the same time (a job of the same runner, a `docker login`)
 * neither sees our passwords nor loses its own, and nothing has to be put back, whatever ends this process. A folder of
 * this build's own holds the merged copy; everything else in it (contexts, plugins) is a link to the user's, and builders
 * stay where they are.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { couldNot } from '../report/failure.ts';

/** What opens one registry. */
export interface RegistryLogin {
  /** As image references name it: `333333333333.dkr.ecr.ap-northeast-1.amazonaws.com`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

/** Ends with the build: no password stays on the disk. */
export interface BuildDockerConfig extends Disposable {
  /** For the process of `docker`. */
  readonly env: { readonly DOCKER_CONFIG: string; readonly BUILDX_CONFIG: string };
}

const schema = z.looseObject({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
});

/**
 * A config.json with these logins, everything else kept.
 *
 * @param text the user's; undefined: there is none
 * @param file for the error message
 * @throws Failure (exit 2, `bad-docker-config`)
 */
export function withLogins(text: string | undefined, logins: readonly RegistryLogin[], file: string): string {
  let config: z.infer<typeof schema>;
  try {
    config = schema.parse(text === undefined || text.trim() === '' ? {} : JSON.parse(text));
  } catch (cause) {
    // Without the parser's words: they quote the text, which holds passwords.
    throw couldNot("Docker's configuration is not what Docker writes.", {
      at: { file },
      todo: 'Repair the file, or set DOCKER_CONFIG to another folder.',
      reason: 'bad-docker-config',
      cause: cause instanceof SyntaxError ? undefined : cause,
    });
  }
  const auths = logins.map(({ host, username, password }) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ]);
  // A helper, or a store for all hosts (credsStore), would be asked instead of `auths`; an empty helper is none.
  const helpers = logins.map(({ host }) => [host, '']);
  return JSON.stringify({
    ...config,
    auths: { ...config.auths, ...Object.fromEntries(auths) },
    credHelpers: { ...config.credHelpers, ...Object.fromEntries(helpers) },
  });
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Makes the folder. It is gone when this is disposed of, when the process ends, and when a signal ends it.
 *
 * @param env where the user's is: DOCKER_CONFIG, else `.docker` at home
 */
export async function dockerConfigFor(
  logins: readonly RegistryLogin[],
  env: NodeJS.ProcessEnv,
): Promise<BuildDockerConfig> {
  const users = env.DOCKER_CONFIG || path.join(env.HOME || homedir(), '.docker');
  const file = path.join(users, 'config.json');
  const merged = withLogins(await ifThere(readFile(file, 'utf8')), logins, file);
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-docker-'));

  const remove = (): void => {
    process.off('exit', remove);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    rmSync(folder, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // Others that listen end the build in their own way, and this with it.
    if (process.listenerCount(signal) > 1) return;
    remove();
    // Because of our listener, Node did not end the process by itself.
    process.kill(process.pid, signal);
  };
  process.on('exit', remove);
  for (const signal of SIGNALS) process.on(signal, onSignal);

  try {
    await writeFile(path.join(folder, 'config.json'), merged, { mode: 0o600 });
    for (const name of (await ifThere(readdir(users))) ?? []) {
      if (name === 'config.json') continue;
      await symlink(path.resolve(users, name), path.join(folder, name));
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    env: {
      DOCKER_CONFIG: folder,
      // Also where it does not exist yet: a builder that is made now is there for the next build.
      BUILDX_CONFIG: env.BUILDX_CONFIG || path.resolve(users, 'buildx'),
    },
    [Symbol.dispose]: remove,
  };
}

/** Runs something with Docker signed in to registries: `docker` is to get the environment that it is called with. */
export async function withDockerConfig<T>(
  logins: readonly RegistryLogin[],
  env: NodeJS.ProcessEnv,
  body: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  using config = await dockerConfigFor(logins, env);
  return await body({ ...env, ...config.env });
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
