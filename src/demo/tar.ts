import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';

const BLOCK = 512;

/**
 * A folder as a tar archive (POSIX ustar) whose bytes depend on nothing but names, contents and who may execute:
 * sorted, owned by root, without times. GNU tar can do this by flags that the tar of macOS has not.
 *
 * @param entries what of the folder is packed, by name
 * @param prefix the folder inside the archive, like `app`
 * @throws Failure (exit 2, `bad-folder`) for what is neither file nor folder, and for names that ustar cannot hold
 */
export async function tarOf(folder: string, entries: readonly string[], prefix: string): Promise<Buffer> {
  const parts: Buffer[] = [header(`${prefix}/`, 0, 0o755, '5')];
  for (const entry of entries.toSorted()) {
    parts.push(...(await blocksOf(path.join(folder, entry), `${prefix}/${entry}`)));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

async function blocksOf(file: string, name: string): Promise<Buffer[]> {
  const status = await lstat(file).catch((cause: unknown) => {
    throw couldNot('There is no such file.', { at: { file }, reason: 'bad-folder', cause });
  });
  if (status.isDirectory()) {
    const inside: Buffer[] = [];
    for (const child of (await readdir(file)).toSorted()) {
      inside.push(...(await blocksOf(path.join(file, child), `${name}/${child}`)));
    }
    return [header(`${name}/`, 0, 0o755, '5'), ...inside];
  }
  if (!status.isFile()) {
    throw couldNot('Only files and folders are packed, and this is neither.', {
      at: { file },
      todo: 'Replace it by the file itself.',
      reason: 'bad-folder',
    });
  }
  const content = await readFile(file);
  const executable = (status.mode & 0o111) !== 0;
  return [
    header(name, content.length, executable ? 0o755 : 0o644, '0'),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ];
}

/** The fields of a header block (IEEE Std 1003.1, pax, "ustar Interchange Format") that are not zero. */
function header(name: string, size: number, mode: number, type: '0' | '5'): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100) {
    throw couldNot('The path is too long for an archive: more than 100 bytes.', {
      at: { file: name },
      reason: 'bad-folder',
    });
  }
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(name, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  // The sum of all bytes, in which its own field counts as blanks.
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
