import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { couldNot, type Failure, type Place } from '../report/failure.ts';

/** Of an archive, unpacked; as helm limits it (pkg/chart/loader `MaxDecompressedChartSize`). */
const MAX_UNPACKED_BYTES = 100 * 1024 * 1024;
const MAX_FILES = 10_000;
/** Of file systems. */
const LONGEST_NAME = 255;

/**
 * Reads a chart's archive (`.tgz`) in memory: its regular files by path, without the folder that all are in.
 *
 * Refused is what could leave a folder when it is unpacked: `..`, absolute names, links, devices.
 *
 * @throws Failure (exit 2, `bad-archive`)
 */
export async function readChartArchive(
  bytes: Uint8Array,
  at: Place,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const bad = (why: string): Failure =>
    couldNot(`This chart archive is not used: ${why}.`, {
      at,
      todo: 'Take the chart from somewhere else, and tell whoever publishes it.',
      reason: 'bad-archive',
    });
  let tar: Buffer;
  try {
    tar = await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw bad(
      isTooLarge
        ? `it is larger than ${MAX_UNPACKED_BYTES} bytes when unpacked`
        : 'it is not a whole gzip file',
    );
  }
  const files = new Map<string, Uint8Array>();
  for (const { name, type, content } of entriesOf(tar, bad)) {
    if (type === 'folder') {
      continue;
    }
    if (type !== 'file') {
      throw bad(`${JSON.stringify(name)} in it is a ${type}`);
    }
    const names = name.replaceAll('\\', '/').split('/');
    if (name.startsWith('/') || /^[A-Za-z]:/.test(name) || names.includes('..') || name.includes('\0')) {
      throw bad(`${JSON.stringify(name)} in it leads out of the folder`);
    }
    const inChart = names
      .filter((each) => each !== '' && each !== '.')
      .slice(1)
      .join('/');
    if (names.some((each) => Buffer.byteLength(each) > LONGEST_NAME)) {
      throw bad(`${JSON.stringify(name.slice(0, 50))}… in it is longer than a name can be`);
    }
    if (inChart !== '') {
      files.set(inChart, content);
    }
    if (files.size > MAX_FILES) {
      throw bad(`there are more than ${MAX_FILES} files in it`);
    }
  }
  for (const name of files.keys()) {
    for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      if (files.has(name.slice(0, slash))) {
        throw bad(`${JSON.stringify(name.slice(0, slash))} in it is a file and a folder`);
      }
    }
  }
  return files;
}

interface Entry {
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link' | 'special file';
  readonly content: Uint8Array;
}

const BLOCK = 512;

/** The entries of a tar archive: ustar, with long names of pax and GNU (POSIX.1-2017, pax; tar(5)). */
function* entriesOf(tar: Buffer, bad: (why: string) => Failure): Generator<Entry> {
  let longName: string | undefined;
  for (let offset = 0; offset + BLOCK <= tar.length; ) {
    const header = tar.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) {
      return;
    }
    const size = Number.parseInt(text(header.subarray(124, 136)).trim() || '0', 8);
    const start = offset + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > tar.length) {
      throw bad('it ends in the middle of a file');
    }
    const content = tar.subarray(start, start + size);
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
    const flag = String.fromCharCode(header[156] ?? 0);
    if (flag === 'x') {
      longName = paxPath(content.toString('utf8')) ?? longName;
    } else if (flag === 'L') {
      longName = text(content);
    } else if (flag !== 'g' && flag !== 'K') {
      const prefix = text(header.subarray(257, 262)) === 'ustar' ? text(header.subarray(345, 500)) : '';
      const short = text(header.subarray(0, 100));
      const name = longName ?? (prefix === '' ? short : `${prefix}/${short}`);
      longName = undefined;
      yield { name, type: TYPES[flag] ?? 'special file', content };
    }
  }
}

const TYPES: Readonly<Record<string, Entry['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '5': 'folder',
  '1': 'link',
  '2': 'link',
};

const text = (field: Buffer): string => field.toString('utf8').replace(/\0[\s\S]*$/, '');

/** Records are `length key=value\n`. */
const paxPath = (records: string): string | undefined => /^\d+ path=([^\n]*)$/m.exec(records)?.[1];
