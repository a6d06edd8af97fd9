import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dockerConfigFor, type RegistryLogin, withDockerConfig, withLogins } from './docker-config.ts';

const HOST = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
const LOGIN: RegistryLogin = { host: HOST, username: 'AWS', password: 'the-password' };
const AUTH = Buffer.from('AWS:the-password').toString('base64');

let home: string;
const docker = (name: string): string => path.join(home, '.docker', name);
const USERS = `{
  "auths": { "ghcr.io": { "auth": "dXNlcjpwdw==" }, "${HOST}": { "auth": "b2xk" } },
  "credHelpers": { "public.ecr.aws": "ecr-login" },
  "credsStore": "desktop",
  "currentContext": "remote"
}`;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'kajitori-home-'));
  mkdirSync(docker('cli-plugins'), { recursive: true });
  writeFileSync(docker('cli-plugins/docker-buildx'), 'a plugin');
  writeFileSync(docker('config.json'), USERS);
});
afterEach(() => rmSync(home, { recursive: true }));

describe('a configuration with logins', () => {
  test('has ours for our host, and everything else as it was', () => {
    expect(JSON.parse(withLogins(USERS, [LOGIN], 'config.json'))).toEqual({
      auths: { 'ghcr.io': { auth: 'dXNlcjpwdw==' }, [HOST]: { auth: AUTH } },
      // Without the empty one, Docker would ask the store `desktop` and not look at `auths`.
      credHelpers: { 'public.ecr.aws': 'ecr-login', [HOST]: '' },
      credsStore: 'desktop',
      currentContext: 'remote',
    });
  });

  test.each([undefined, '', '{}', '{"auths":null}'])('may come from %j', (text) => {
    expect(JSON.parse(withLogins(text, [LOGIN], 'config.json')).auths).toEqual({ [HOST]: { auth: AUTH } });
  });

  test.each(['{"auths":', '[]', '{"auths":"c2VjcmV0"}'])(
    'is refused when it is %s, without its words',
    (text) => {
      expect(() => withLogins(text, [LOGIN], '/root-of/config.json')).toThrow(
        expect.objectContaining({
          exitCode: 2,
          reason: 'bad-docker-config',
          at: { file: '/root-of/config.json' },
          message: expect.not.stringContaining('c2VjcmV0'),
        }),
      );
    },
  );
});

describe("a build's configuration", () => {
  test("is its own: the user's file is the same, byte for byte, during the build and after it", async () => {
    let folder = '';
    await withDockerConfig([LOGIN], { HOME: home, KEPT: 'yes' }, async (env) => {
      folder = env.DOCKER_CONFIG ?? '';
      expect(env.KEPT).toBe('yes');
      expect(readFileSync(docker('config.json'), 'utf8')).toBe(USERS);
      expect(readFileSync(path.join(folder, 'cli-plugins/docker-buildx'), 'utf8')).toBe('a plugin');
      expect(env.BUILDX_CONFIG).toBe(docker('buildx'));
      expect(JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')).auths[HOST].auth).toBe(AUTH);
      expect(statSync(path.join(folder, 'config.json')).mode & 0o077).toBe(0);
      expect(statSync(folder).mode & 0o077).toBe(0);
    });
    expect(existsSync(folder)).toBe(false);
    expect(readFileSync(docker('config.json'), 'utf8')).toBe(USERS);
    expect(readdirSync(docker('cli-plugins'))).toEqual(['docker-buildx']);
  });

  test('is gone also when the build fails', async () => {
    let folder = '';
    const failing = withDockerConfig([LOGIN], { HOME: home }, async (env) => {
      folder = env.DOCKER_CONFIG ?? '';
      throw new Error('no space left');
    });
    await expect(failing).rejects.toThrow('no space left');
    expect(existsSync(folder)).toBe(false);
  });

  test('is made where Docker was never used', async () => {
    using config = await dockerConfigFor([LOGIN], { DOCKER_CONFIG: path.join(home, 'none') });
    expect(readdirSync(config.env.DOCKER_CONFIG)).toEqual(['config.json']);
    expect(existsSync(path.join(home, 'none'))).toBe(false);
  });

  test('does not get in the way of another build of the same user', async () => {
    using one = await dockerConfigFor([LOGIN], { HOME: home });
    using other = await dockerConfigFor([{ ...LOGIN, password: 'other' }], { HOME: home });
    const auth = (folder: string): string =>
      JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')).auths[HOST].auth;
    expect(auth(one.env.DOCKER_CONFIG)).toBe(AUTH);
    expect(auth(other.env.DOCKER_CONFIG)).not.toBe(AUTH);
  });

  test('leaves no listener behind', async () => {
    const before = process.listenerCount('SIGTERM') + process.listenerCount('exit');
    await withDockerConfig([LOGIN], { HOME: home }, async () => undefined);
    expect(process.listenerCount('SIGTERM') + process.listenerCount('exit')).toBe(before);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'is gone when %s ends the process, which ends by it',
    async (signal) => {
      const script = `
      import { dockerConfigFor } from ${JSON.stringify(new URL('docker-config.ts', import.meta.url).href)};
      const config = await dockerConfigFor(${JSON.stringify([LOGIN])}, process.env);
      console.log(config.env.DOCKER_CONFIG);
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, HOME: home, DOCKER_CONFIG: '' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise<NodeJS.Signals | null>((resolve) => {
        child.on('close', (_, by) => resolve(by));
      });
      for await (const folder of createInterface({ input: child.stdout })) {
        expect(existsSync(folder)).toBe(true);
        child.kill(signal);
        expect(await ended).toBe(signal);
        expect(existsSync(folder)).toBe(false);
        expect(readFileSync(docker('config.json'), 'utf8')).toBe(USERS);
      }
      expect.assertions(4);
    },
  );
});
