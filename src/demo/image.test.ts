import { chmod, mkdir, mkdtempDisposable, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { packImage } from './image.ts';
import { type LocalRegistry, startRegistry } from './registry.ts';

/** A folder as a checkout would leave it: `bin/web` can be executed. */
async function app(text = 'console.log("hello");\n') {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-app-'));
  await mkdir(path.join(folder.path, 'bin'));
  await writeFile(path.join(folder.path, 'bin/web'), text);
  await chmod(path.join(folder.path, 'bin/web'), 0o755);
  await writeFile(path.join(folder.path, 'package.json'), '{}\n');
  await writeFile(path.join(folder.path, 'secret.env'), 'TOKEN=x\n');
  return folder;
}

const pack = (registry: LocalRegistry, folder: string, more = {}) =>
  packImage({ folder, entries: ['package.json', 'bin'], reference: `${registry.host}/web:v1`, ...more });

describe('an image without a Docker engine', () => {
  it('is in the registry under its tag and digest, with what was asked for and nothing else', async () => {
    await using registry = await startRegistry();
    await using folder = await app();
    const labels = { 'org.opencontainers.image.source': 'acme/web, main' };
    const { reference, digest } = await pack(registry, folder.path, {
      labels,
      command: ['bin/web', '--port=1,2'],
    });
    expect(reference).toBe(`${registry.host}/web:v1`);
    expect((await execa('crane', ['digest', reference])).stdout).toBe(digest);
    const config = JSON.parse((await execa('crane', ['config', `${registry.host}/web@${digest}`])).stdout);
    expect(config).toMatchObject({
      os: 'linux',
      architecture: 'amd64',
      config: { Cmd: ['bin/web', '--port=1,2'], User: '1000', WorkingDir: '/app', Labels: labels },
    });
    const files = await execa('tar', ['-tv', '--numeric-owner'], {
      input: (await execa('crane', ['export', reference, '-'], { encoding: 'buffer' })).stdout,
    });
    expect(files.stdout.split('\n').map((line) => [line.slice(0, 10), line.split(' ').at(-1)])).toEqual([
      ['drwxr-xr-x', 'app'],
      ['drwxr-xr-x', 'app/bin'],
      ['-rwxr-xr-x', 'app/bin/web'],
      ['-rw-r--r--', 'app/package.json'],
    ]);
  });

  it('has the same digest for the same content, wherever and whenever, and another for another', async () => {
    await using one = await startRegistry();
    await using other = await startRegistry();
    await using folder = await app();
    await using again = await app();
    await using changed = await app('console.log("bye");\n');
    await utimes(path.join(again.path, 'bin/web'), 0, 0);
    const { digest } = await pack(one, folder.path);
    expect((await pack(other, again.path)).digest).toBe(digest);
    expect((await pack(one, changed.path)).digest).not.toBe(digest);
  });

  it('is refused for a reference that is none, a link, a file that is missing, a registry that is gone', async () => {
    await using folder = await app();
    await symlink('/etc/passwd', path.join(folder.path, 'bin/link'));
    const registry = await startRegistry();
    const failing = (more: object) => expect(pack(registry, folder.path, more)).rejects;
    await failing({ reference: '--insecure' }).toMatchObject({ exitCode: 2, reason: 'bad-image' });
    await failing({}).toMatchObject({ exitCode: 2, reason: 'bad-folder' });
    await failing({ entries: ['nothing'] }).toMatchObject({ exitCode: 2, reason: 'bad-folder' });
    await registry[Symbol.asyncDispose]();
    await failing({ entries: ['package.json'] }).toMatchObject({
      exitCode: 2,
      reason: 'image-failed',
      message: expect.stringContaining('connection refused'),
    });
  });
});

it('a registry that cannot be started says so', async () => {
  await expect(startRegistry({ crane: 'no-crane-of-this-name' })).rejects.toMatchObject({
    exitCode: 2,
    reason: 'registry-failed',
  });
  await expect(startRegistry({ crane: 'false' })).rejects.toMatchObject({ reason: 'registry-failed' });
});
