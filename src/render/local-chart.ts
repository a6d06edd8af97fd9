import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { satisfies } from 'semver';
import { isNode, LineCounter, parse, parseDocument } from 'yaml';
import { z } from 'zod';
import { unfinished } from '../helm/bounded-folder.ts';
import { couldNot, type Place } from '../report/failure.ts';
import { markGrown, markUsed, storedChart } from './chart-store.ts';
import { isErrno, lookInside } from './inside.ts';
import type { RenderWorld } from './world.ts';

const text = z.string();
const dependencySchema = z.object({
  name: text,
  version: text.optional(),
  repository: text.default(''),
  condition: text.optional(),
  tags: z.array(text).optional(),
  enabled: z.boolean().optional(),
  'import-values': z.array(z.unknown()).optional(),
  alias: text.optional(),
});
type Dependency = z.infer<typeof dependencySchema>;
const chartSchema = z.object({
  name: text.optional(),
  version: text.optional(),
  dependencies: z.array(dependencySchema).nullish(),
});
const lockSchema = z.object({ digest: text.optional(), dependencies: z.array(dependencySchema).nullish() });

/** Of a chart's folder with all that is below it. */
const LIMITS = { files: 20_000, bytes: 200_000_000 };

const ready = new WeakMap<RenderWorld, Map<string, Promise<string>>>();

/**
 * A folder that helm can render without reading anything it should not, and with all dependencies: the chart's own, or a
 * private copy in the store, when charts/ misses what Chart.yaml names (`helm dependency build`, as Argo CD runs it then), or
 * when git's own files are in it (`.Files.Get` would read the token that a checkout leaves there).
 *
 * @param folder relative to the world's root
 * @throws Failure (exit 2): `chart-missing`, `outside-repository` for links, `render-limit`, and those of `storedChart`
 */
export function readyChart(folder: string, world: RenderWorld): Promise<string> {
  let inWorld = ready.get(world);
  if (inWorld === undefined) {
    inWorld = new Map();
    ready.set(world, inWorld);
  }
  let chart = inWorld.get(folder);
  if (chart === undefined) {
    chart = makeReady(folder, world);
    inWorld.set(folder, chart);
  }
  return chart;
}

async function makeReady(folder: string, world: RenderWorld): Promise<string> {
  const absolute = path.join(world.root, folder);
  const { holdsGit, files } = await lookThrough(folder, world);
  const chart = await readYaml(path.posix.join(folder, 'Chart.yaml'), chartSchema, world);
  if (chart === undefined) {
    // helm says it.
    return absolute;
  }
  const wanted = chart.dependencies ?? [];
  const present = await presentDependencies(folder, files, world);
  const missing = [...wanted.entries()].filter(([, { name }]) => !present.has(name));
  if (missing.length === 0 && !holdsGit) {
    return absolute;
  }
  const versions = missing.length === 0 ? [] : await lockedVersions(folder, wanted, world);
  const content = new Map<string, string>();
  for (const file of files) {
    content.set(file, path.join(absolute, file));
  }
  const placeOf = await dependencyPlaces(path.posix.join(folder, 'Chart.yaml'), world);
  for (const [index, dependency] of missing) {
    const version = versions[index] ?? dependency.version ?? '';
    const at = placeOf(index);
    if (dependency.repository.startsWith('file://')) {
      const target = path.posix.join(folder, dependency.repository.slice('file://'.length));
      await checkNeighbour(target, dependency, version, at, world);
      for (const file of (await lookThrough(target, world)).files) {
        content.set(`charts/${dependency.name}/${file}`, path.join(world.root, target, file));
      }
    } else {
      const archive = await dependencyArchive(dependency, version, at, world);
      content.set(`charts/${dependency.name}-${path.basename(archive)}`, archive);
    }
  }
  return await privateCopy(content, world);
}

/** Where each dependency stands in Chart.yaml, by its index. */
async function dependencyPlaces(file: string, world: RenderWorld): Promise<(index: number) => Place> {
  const lineCounter = new LineCounter();
  const source = await readFile(path.join(world.root, file), 'utf8');
  const document = parseDocument(source, { lineCounter, logLevel: 'error' });
  return (index) => {
    const node = document.getIn(['dependencies', index], true);
    const start = isNode(node) ? node.range?.[0] : undefined;
    return start === undefined ? { file } : { file, line: lineCounter.linePos(start).line };
  };
}

/**
 * Whether a folder holds the chart that a `file://` names. helm takes it as it is: what that chart itself misses in its charts/
 * is not fetched, and not rendered (pkg/downloader/manager.go, `tarFromLocalDir`).
 */
async function checkNeighbour(
  target: string,
  { name, repository }: Dependency,
  version: string,
  at: Place,
  world: RenderWorld,
): Promise<void> {
  const found = await lookInside(world.root, target, at);
  const chart =
    found?.kind === 'folder'
      ? await readYaml(path.posix.join(target, 'Chart.yaml'), chartSchema, world)
      : undefined;
  const problem =
    found?.kind !== 'folder'
      ? 'there is no such folder'
      : chart === undefined
        ? 'its Chart.yaml cannot be read'
        : chart.name !== name
          ? `the chart there is called ${JSON.stringify(chart.name)}`
          : isWithin(chart.version ?? '', version)
            ? undefined
            : `version ${chart.version} is there, not ${version}`;
  if (problem !== undefined) {
    throw couldNot(`The dependency ${name} is to be in ${repository}, and ${problem}.`, {
      at,
      todo: 'Correct the dependency in Chart.yaml, and run `helm dependency update` where there is a Chart.lock.',
      reason: 'chart-missing',
    });
  }
}

/** As helm reads a range: a comma is "and", and one that names a pre-release allows all of them. */
const isWithin = (version: string, range: string): boolean =>
  satisfies(version, range.replaceAll(',', ' '), { loose: true, includePrerelease: /\d-/.test(range) });

/** The archive of a missing dependency, absolute. */
async function dependencyArchive(
  { name, repository }: Dependency,
  version: string,
  at: Place,
  world: RenderWorld,
): Promise<string> {
  if (/^(?:https?|oci):\/\//.test(repository)) {
    const kind = repository.startsWith('oci:') ? 'oci' : 'http';
    return (
      await storedChart({ kind, repository: repository.replace(/\/+$/, ''), chart: name, version }, at, world)
    ).archive;
  }
  throw couldNot(
    repository === ''
      ? `The dependency ${name} is not in charts/, and nothing says where it is from.`
      : `The dependency ${name} is from ${repository}, a name that only the Argo CD that renders it knows.`,
    { at, todo: 'Write the URL of the repository, or put the chart into charts/.', reason: 'chart-missing' },
  );
}

/** What Chart.lock pins, in the order of Chart.yaml, to which it must belong, as `helm dependency build` wants it. */
async function lockedVersions(
  folder: string,
  wanted: readonly Dependency[],
  world: RenderWorld,
): Promise<(string | undefined)[]> {
  const file = path.posix.join(folder, 'Chart.lock');
  const lock = await readYaml(file, lockSchema, world);
  const locked = lock?.dependencies ?? [];
  if (lock !== undefined && lock.digest !== lockDigest(wanted, locked)) {
    throw couldNot('Chart.lock does not belong to this Chart.yaml any more.', {
      at: { file },
      todo: 'Run `helm dependency update` in the chart and commit Chart.lock.',
      reason: 'chart-missing',
    });
  }
  return locked.map(({ version }) => version);
}

/** helm, pkg/chart/common or internal/resolver `HashReq`: over both lists as Go writes JSON. */
export function lockDigest(wanted: readonly Dependency[], locked: readonly Dependency[]): string {
  const json = JSON.stringify([wanted.map(asGoWrites), locked.map(asGoWrites)])
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('&', '\\u0026');
  return `sha256:${createHash('sha256').update(json).digest('hex')}`;
}

/** In the order of Go's fields, without those that are empty. */
const asGoWrites = (dependency: Dependency): object => ({
  name: dependency.name,
  ...(dependency.version ? { version: dependency.version } : {}),
  repository: dependency.repository,
  ...(dependency.condition ? { condition: dependency.condition } : {}),
  ...(dependency.tags?.length ? { tags: dependency.tags } : {}),
  ...(dependency.enabled ? { enabled: true } : {}),
  ...(dependency['import-values']?.length ? { 'import-values': dependency['import-values'] } : {}),
  ...(dependency.alias ? { alias: dependency.alias } : {}),
});

/** Names of the charts in charts/. */
async function presentDependencies(
  folder: string,
  files: readonly string[],
  world: RenderWorld,
): Promise<Set<string>> {
  const names = new Set<string>();
  for (const file of files) {
    const archive = /^charts\/([^/]+?)-v?\d[^/]*\.tgz$/.exec(file)?.[1];
    if (archive !== undefined) {
      names.add(archive);
    } else if (/^charts\/[^/]+\/Chart\.yaml$/.test(file)) {
      const chart = await readYaml(path.posix.join(folder, file), chartSchema, world);
      names.add(chart?.name ?? '');
    }
  }
  return names;
}

async function readYaml<Shape extends z.ZodType>(
  file: string,
  schema: Shape,
  world: RenderWorld,
): Promise<z.output<Shape> | undefined> {
  const found = await lookInside(world.root, file);
  if (found?.kind !== 'file' || found.size > 1_000_000) {
    return undefined;
  }
  try {
    return schema.parse(parse(await readFile(found.absolute, 'utf8'), { maxAliasCount: 100 }));
  } catch {
    return undefined;
  }
}

/** The files of a chart's folder, links followed; each link looked at. */
async function lookThrough(
  folder: string,
  world: RenderWorld,
): Promise<{ readonly files: readonly string[]; readonly holdsGit: boolean }> {
  const absolute = path.join(world.root, folder);
  const found = await filesBelow(absolute, async (link) => {
    await lookInside(world.root, path.posix.join(folder, link));
  });
  return found;
}

/** Files below a folder, without .git. helm follows links, and so do we. */
async function filesBelow(
  absolute: string,
  onLink: (link: string) => Promise<void> = async () => undefined,
): Promise<{ readonly files: readonly string[]; readonly holdsGit: boolean }> {
  const files: string[] = [];
  let holdsGit = false;
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(path.join(absolute, folder), { withFileTypes: true })) {
      const name = path.posix.join(folder, entry.name);
      if (entry.name.toLowerCase() === '.git') {
        holdsGit = true;
        continue;
      }
      if (files.length > LIMITS.files || depth > 50) {
        throw couldNot(
          `There are more than ${LIMITS.files} files below this chart, or links lead in a circle.`,
          {
            at: { file: name },
            todo: 'Move the chart into a folder of its own.',
            reason: 'render-limit',
          },
        );
      }
      if (entry.isSymbolicLink()) {
        await onLink(name);
      }
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path.join(absolute, name))))) {
        await visit(name, depth + 1);
      } else {
        files.push(name);
      }
    }
  };
  await visit('', 0);
  return { files, holdsGit };
}

async function isFolder(file: string): Promise<boolean> {
  try {
    await readdir(file);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
      return false;
    }
    throw error;
  }
}

/** Puts files together in a folder of the store that is named after their content. */
async function privateCopy(content: ReadonlyMap<string, string>, world: RenderWorld): Promise<string> {
  const digest = await digestOfFiles(content);
  const target = path.join(world.charts, 'built', digest);
  await markUsed(target, world);
  if (await isUnchanged(target, digest)) {
    return target;
  }
  const staged = unfinished(target);
  try {
    for (const [name, from] of content) {
      const to = path.join(staged, name);
      await mkdir(path.dirname(to), { recursive: true });
      await copyFile(from, to);
    }
    await rm(target, { recursive: true, force: true });
    await rename(staged, target);
    markGrown(world);
  } catch (error) {
    // Another run may have put the same there first.
    if (!(await isUnchanged(target, digest))) {
      throw error;
    }
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
  return target;
}

async function isUnchanged(folder: string, digest: string): Promise<boolean> {
  try {
    const { files } = await filesBelow(folder);
    return (await digestOfFiles(new Map(files.map((file) => [file, path.join(folder, file)])))) === digest;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
      return false;
    }
    throw error;
  }
}

async function digestOfFiles(content: ReadonlyMap<string, string>): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const [name, from] of [...content].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const data = await readFile(from);
    bytes += data.length;
    if (bytes > LIMITS.bytes) {
      throw couldNot(`The chart with its dependencies is larger than ${LIMITS.bytes} bytes.`, {
        at: { file: name },
        todo: 'Move large files out of the folder of the chart.',
        reason: 'render-limit',
      });
    }
    hash.update(JSON.stringify([name, data.length])).update(data);
  }
  return hash.digest('hex');
}
