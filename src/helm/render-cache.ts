import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { pruneFolder, unfinished } from './bounded-folder.ts';
import type { HelmObject } from './documents.ts';
import { runHelm } from './process.ts';

/** Raise it when `helmObjects` makes something else of the same text, so that old entries are not taken for new ones. */
const FORMAT = 1;

/** 200 MB hold about 80,000 rendered apps; GitHub keeps 10 GB a repository. */
const MOST_BYTES = 200 * 1024 * 1024;

/** No entry grows to more than this when it is unpacked: `helmTemplate` stops at as much. */
const MOST_ENTRY_BYTES = 64 * 1024 * 1024;

/** How long a use is not written down again, ms: touching each entry each time would cost more than reading it. */
const TOUCH_AFTER = 24 * 60 * 60 * 1000;

const DIGEST_BYTES = 32;

/**
 * What was rendered before, by the digest of all that it was rendered from.
 *
 * Reading and writing wait for the disk: entries are of a few KB, and for thousands of them Node's own way round by threads costs
 * more than the disk does.
 */
export interface RenderCache {
  readonly get: (inputs: string) => readonly HelmObject[] | undefined;
  readonly put: (inputs: string, objects: readonly HelmObject[]) => void;
  /** Removes what was not used for longest, until what is left is small enough. Does nothing where nothing was added. */
  readonly prune: () => Promise<void>;
}

export interface RenderCacheOptions {
  /** Part of every key: another helm may render something else. */
  readonly helmVersion: string;
  /** The time in ms since 1970. */
  readonly now: () => number;
  /** Default: 200 MB. */
  readonly mostBytes?: number;
}

/** Where rendered objects are kept: `KAJITORI_CACHE`, else the user's folder for caches (XDG). */
export function renderCacheFolder(environment: NodeJS.ProcessEnv): string {
  const own = environment.KAJITORI_CACHE;
  const user = environment.XDG_CACHE_HOME || path.join(environment.HOME || homedir(), '.cache');
  return path.join(own || path.join(user, 'kajitori'), 'render');
}

/**
 * The cache of this user, for the helm that is on PATH. Another helm may render something else: where its version cannot be
 * asked for there is no cache, and rendering says what is wrong.
 *
 * @param now the time in ms since 1970
 */
export async function openUserRenderCache(
  environment: NodeJS.ProcessEnv,
  now: () => number,
): Promise<RenderCache | undefined> {
  const limits = { milliseconds: 10_000, bytes: 10_000 };
  const end = await runHelm(['version', '--template', '{{.Version}}'], { limits }).catch(() => undefined);
  return end?.kind === 'done'
    ? openRenderCache(renderCacheFolder(environment), { helmVersion: end.stdout.trim(), now })
    : undefined;
}

/**
 * A cache in a folder, that several processes may use at once and that may be kept by actions/cache.
 *
 * An entry is a file: sha256 over key and content, then the content, deflated. Files are written elsewhere and moved into place;
 * one that is damaged, or that belongs to another key, is not there and is rendered again. Not being able to read or write is
 * never an error: it only costs time.
 *
 * The checksum is no signature. Who can write into the folder decides what is shown as rendered: keep it per trust. actions/cache
 * does: what a pull request writes is read by that pull request alone, never by the base branch (GitHub docs, "Restrictions for
 * accessing a cache").
 */
export function openRenderCache(folder: string, options: RenderCacheOptions): RenderCache {
  const { helmVersion, now, mostBytes = MOST_BYTES } = options;
  let hasAdded = false;
  const made = new Set<string>();
  const makeFolder = (name: string): void => {
    if (!made.has(name)) {
      mkdirSync(name, { recursive: true });
      made.add(name);
    }
  };
  const keyOf = (inputs: string): string =>
    createHash('sha256')
      .update(JSON.stringify([FORMAT, helmVersion, inputs]))
      .digest('hex');
  const fileOf = (key: string): string => path.join(folder, key.slice(0, 1), key.slice(1));
  const checksum = (key: string, content: Buffer): Buffer =>
    createHash('sha256').update(key).update(content).digest();

  return {
    get(inputs) {
      const key = keyOf(inputs);
      const file = fileOf(key);
      try {
        const bytes = readFileSync(file);
        const content = bytes.subarray(DIGEST_BYTES);
        if (!checksum(key, content).equals(bytes.subarray(0, DIGEST_BYTES))) {
          rmSync(file, { force: true });
          return undefined;
        }
        const text = inflateRawSync(content, { maxOutputLength: MOST_ENTRY_BYTES }).toString('utf8');
        touch(file, now());
        return JSON.parse(text) as HelmObject[];
      } catch {
        return undefined;
      }
    },

    put(inputs, objects) {
      if (!isExact(objects)) {
        return;
      }
      const text = JSON.stringify(objects);
      const key = keyOf(inputs);
      const file = fileOf(key);
      const content = deflateRawSync(text, { level: 1 });
      const staged = unfinished(file);
      try {
        makeFolder(path.dirname(file));
        writeFileSync(staged, Buffer.concat([checksum(key, content), content]), { mode: 0o600 });
        renameSync(staged, file);
        hasAdded = true;
      } catch {
        removeIfThere(staged);
      }
    },

    async prune() {
      if (hasAdded) {
        hasAdded = false;
        await pruneFolder(folder, { mostBytes, now: now() });
      }
    },
  };
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Its folder is none, and the cache is not there at all.
  }
}

/** Whether it comes back out of JSON: numbers that are none, -0, and large integers do not. */
const isExact = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value) && !Object.is(value, -0)
    : Array.isArray(value)
      ? value.every(isExact)
      : typeof value === 'object' && value !== null
        ? Object.keys(value).every(
            (key) => key !== '__proto__' && isExact((value as Record<string, unknown>)[key]),
          )
        : value !== undefined && typeof value !== 'bigint';

function touch(file: string, now: number): void {
  if (now - statSync(file).mtimeMs > TOUCH_AFTER) {
    utimesSync(file, now / 1000, now / 1000);
  }
}
