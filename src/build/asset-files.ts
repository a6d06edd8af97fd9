import { constants } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { couldNot } from '../report/failure.ts';

/** The files of a folder of assets. */
export interface AssetFiles {
  /** Real path of the folder. */
  readonly folder: string;
  /** Relative, with `/`, sorted. */
  readonly files: readonly string[];
  /** What is no file: links, which could lead to anything on this machine, sockets, devices. */
  readonly skipped: readonly string[];
}

/** More is no folder of assets, but a mistake in the path. */
const MOST = 100_000;

/**
 * Finds what is to be uploaded. A Dockerfile makes this folder, so it is not trusted: no link is followed, and the folder
 * itself must lie in what the build gave.
 *
 * @param root what the build gave
 * @param folder in it, as people write it: `/app/public`
 * @throws Failure (exit 2): `no-assets`
 */
export async function assetFiles(root: string, folder: string): Promise<AssetFiles> {
  const real = await realpath(root);
  const wanted = path.join(real, path.posix.join('/', folder));
  const found = await realpath(wanted).catch(() => undefined);
  if (found === undefined || !(found === real || found.startsWith(`${real}${path.sep}`))) {
    throw couldNot(
      `There is no folder ${JSON.stringify(folder.slice(0, 200))} in what the assets' stage made.`,
      {
        todo: 'Check assets-path: it is the folder in that stage of the Dockerfile, and no link out of it.',
        reason: 'no-assets',
      },
    );
  }
  const files: string[] = [];
  const skipped: string[] = [];
  const waiting = [''];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    for (const entry of await readdir(path.join(found, at), { withFileTypes: true })) {
      const name = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(name);
      else if (entry.isFile()) files.push(name);
      else skipped.push(name);
      if (files.length > MOST) {
        throw couldNot(`${folder} has more than ${MOST} files.`, {
          todo: 'Let a stage of its own hold only the assets: FROM scratch, COPY --from=build /app/public /.',
          reason: 'no-assets',
        });
      }
    }
  }
  if (files.length === 0) {
    throw couldNot(`The folder ${folder} has no files.`, {
      todo: 'Check assets-path; without assets leave it out.',
      reason: 'no-assets',
    });
  }
  return { folder: found, files: files.toSorted(), skipped: skipped.toSorted() };
}

/** Reads a file that `assetFiles` found; one that became a link since is refused by the system. */
export async function readAsset(folder: string, file: string): Promise<Buffer> {
  await using handle = await open(path.join(folder, file), constants.O_RDONLY | constants.O_NOFOLLOW);
  return handle.readFile();
}
