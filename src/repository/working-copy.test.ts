import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../report/failure.ts';
import { MAX_FILE_BYTES } from './path.ts';
import { openWorkingCopy } from './working-copy.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'working-copy-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

const put = async (file: string, content: string | Uint8Array) => {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), content);
};

describe('reading', () => {
  test('a file byte for byte: byte order mark, CRLF, no final newline', async () => {
    await put('a/b.yaml', '\ufeffa: 1\r\nb: 2');
    const copy = await openWorkingCopy(root);
    expect(await copy.read('a/b.yaml')).toBe('\ufeffa: 1\r\nb: 2');
    expect(await copy.read('a/missing.yaml')).toBeUndefined();
    expect(await copy.read('a/b.yaml/c')).toBeUndefined();
  });

  test('folders, sorted, with their kinds', async () => {
    await put('z', '');
    await put('a/x', '');
    await symlink('/etc/passwd', path.join(root, 'm'));
    const copy = await openWorkingCopy(root);
    expect(await copy.list('')).toEqual([
      { name: 'a', kind: 'folder' },
      { name: 'm', kind: 'symlink' },
      { name: 'z', kind: 'file' },
    ]);
    expect(await copy.list('nowhere')).toEqual([]);
  });

  test.each([
    '../x',
    '/etc/passwd',
    'a/../../x',
    'a//b',
    './a',
    '',
    'a\\b',
    '.git/config',
    'a/.GIT/x',
    'a\0b',
  ])('the path %j is refused', async (file) => {
    const copy = await openWorkingCopy(root);
    await expect(copy.read(file)).rejects.toThrow('is not a path inside the repository');
    await expect(copy.write(new Map([[file, 'x']]))).rejects.toThrow('is not a path inside the repository');
  });

  test('a link is not followed, neither at the end nor on the way', async () => {
    const outside = await mkdtemp(path.join(tmpdir(), 'outside-'));
    await writeFile(path.join(outside, 'secret'), 'x');
    await symlink(outside, path.join(root, 'dir'));
    await symlink(path.join(outside, 'secret'), path.join(root, 'file'));
    const copy = await openWorkingCopy(root);
    await expect(copy.read('dir/secret')).rejects.toThrow('symbolic link');
    await expect(copy.read('file')).rejects.toThrow('symlink');
    await expect(copy.list('dir')).rejects.toThrow('symlink');
    await expect(copy.write(new Map([['dir/new', 'x']]))).rejects.toThrow('symbolic link');
    expect(await readdir(outside)).toEqual(['secret']);
    await rm(outside, { recursive: true });
  });

  test('what is too large or no text is refused with its name', async () => {
    await put('large.yaml', 'x'.repeat(MAX_FILE_BYTES + 1));
    await put('latin1.yaml', Buffer.from([0x61, 0xe9]));
    const copy = await openWorkingCopy(root);
    await expect(copy.read('large.yaml')).rejects.toMatchObject({ reason: 'file-too-large', exitCode: 2 });
    await expect(copy.read('latin1.yaml')).rejects.toMatchObject({
      at: { file: 'latin1.yaml' },
      exitCode: 2,
    });
  });
});

describe('writing', () => {
  test('new, changed and removed files; new folders; the mode stays', async () => {
    await put('run.sh', 'old');
    await chmod(path.join(root, 'run.sh'), 0o755);
    await put('gone.yaml', 'x');
    const copy = await openWorkingCopy(root);
    await copy.write(
      new Map<string, string | null>([
        ['run.sh', 'new'],
        ['gone.yaml', null],
        ['deep/er/new.yaml', 'y'],
      ]),
    );
    expect(await readFile(path.join(root, 'run.sh'), 'utf8')).toBe('new');
    expect((await stat(path.join(root, 'run.sh'))).mode & 0o777).toBe(0o755);
    expect((await readdir(root, { recursive: true })).sort()).toEqual([
      'deep',
      'deep/er',
      'deep/er/new.yaml',
      'run.sh',
    ]);
  });

  test('all or nothing: when one file cannot be written, all is as before', async () => {
    await put('a.yaml', 'a');
    await put('b/c.yaml', 'c');
    const copy = await openWorkingCopy(root);
    const edits = new Map<string, string | null>([
      ['a.yaml', 'changed'],
      ['new/x.yaml', 'x'],
      // A folder stands where a file should be.
      ['b', 'not possible'],
    ]);
    await expect(copy.write(edits)).rejects.toBeInstanceOf(Failure);
    expect((await readdir(root, { recursive: true })).sort()).toEqual(['a.yaml', 'b', 'b/c.yaml']);
    expect(await readFile(path.join(root, 'a.yaml'), 'utf8')).toBe('a');
  });
});
