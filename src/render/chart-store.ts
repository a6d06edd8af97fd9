import { createHash } from 'node:crypto';
import {
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { pruneFolder, unfinished } from '../helm/bounded-folder.ts';
import { runHelm } from '../helm/process.ts';
import { renderCacheFolder } from '../helm/render-cache.ts';
import { couldNot, type Place } from '../report/failure.ts';
import { readChartArchive } from './chart-archive.ts';
import type { RenderWorld } from './world.ts';

/** A chart that is not in the repository. */
export interface ChartOrigin {
  readonly kind: 'http' | 'oci';
  /** `https://charts.example.com`, or `oci://registry.example.com/charts`. */
  readonly repository: string;
  readonly chart: string;
  /** A version or a range, as helm reads it; empty for the newest; in registries also a digest (`sha256:…`). */
  readonly version: string;
}

/** A chart's archive in the store. */
export interface StoredChart {
  /** Absolute; named after the digest of its content. */
  readonly archive: string;
  /** `sha256:…` of the archive. */
  readonly digest: string;
  /** The version that it is. */
  readonly version: string;
}

/** Where charts from elsewhere are kept, beside the rendered objects, unless a caller says so. */
export const chartFolder = (environment: NodeJS.ProcessEnv): string =>
  path.join(path.dirname(renderCacheFolder(environment)), 'charts');

/** Of one helm process that speaks with a repository. */
const LIMITS = { milliseconds: 60_000, bytes: 1_000_000 };

const MAX_ARCHIVE_BYTES = 100 * 1024 * 1024;

/** Of the whole store: some hundred large charts. */
const MOST_BYTES = 200 * 1024 * 1024;

/** No run takes longer, ms: what was used since then, this run or another may still read. */
const LONGEST_RUN = 60 * 60 * 1000;

type World = Pick<RenderWorld, 'charts' | 'tools' | 'signal' | 'now'>;

/** Those that put something into their store, which may be too large since. */
const grown = new WeakSet<World>();

/** Writes down that an entry of the store is used now, so that nobody prunes it; before it is read, or it may be gone then. */
export async function markUsed(entry: string, { now = Date.now }: World): Promise<void> {
  const seconds = now() / 1000;
  await utimes(entry, seconds, seconds).catch(() => undefined);
}

/** To be told when an entry was added; `pruneCharts` looks only then. */
export const markGrown = (world: World): void => void grown.add(world);

/**
 * Removes charts that were not used for longest, until the store has less than 200 MB. Those of the last hour stay. Does
 * nothing where this world added nothing.
 */
export async function pruneCharts(world: World): Promise<void> {
  if (grown.delete(world)) {
    const { charts, now = Date.now } = world;
    const time = now();
    await pruneFolder(charts, { mostBytes: MOST_BYTES, now: time, keepSince: time - LONGEST_RUN });
  }
}

/** What is being fetched or was, so that two hundred applications of one chart ask once, also when nobody answers. */
const fetched = new WeakMap<World, Map<string, Promise<StoredChart>>>();

/**
 * A chart from elsewhere, out of the store, or fetched into it by `helm pull`.
 *
 * What a repository's index or a registry says of its digest is compared with what came. An exact version is asked for once,
 * a range each time; an archive whose content is not what its name says is fetched again.
 *
 * @param at who wants it, for messages
 * @throws Failure (exit 2): `chart-missing` when there is no such version, `chart-unavailable` when nobody answers or signing in
 * is needed, `bad-archive`, `tool-missing`
 */
export function storedChart(origin: ChartOrigin, at: Place, world: World): Promise<StoredChart> {
  let inWorld = fetched.get(world);
  if (inWorld === undefined) {
    inWorld = new Map();
    fetched.set(world, inWorld);
  }
  const key = JSON.stringify([origin.kind, origin.repository, origin.chart, origin.version]);
  let chart = inWorld.get(key);
  if (chart === undefined) {
    chart = findOrFetch(origin, at, world);
    inWorld.set(key, chart);
  }
  return chart;
}

const EXACT = /^(?:v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?|sha256:[0-9a-f]{64})$/;

const noteSchema = z.object({ digest: z.string().regex(/^[0-9a-f]{64}$/), version: z.string() });

async function findOrFetch(origin: ChartOrigin, at: Place, world: World): Promise<StoredChart> {
  checkNames(origin, at);
  const note = path.join(world.charts, 'versions', `${sha256(JSON.stringify(origin))}.json`);
  if (EXACT.test(origin.version)) {
    const known = await readNote(note);
    const archive = known && archiveFile(world, known.digest);
    if (archive) {
      await Promise.all([note, archive].map((entry) => markUsed(entry, world)));
    }
    if (known && archive && (await digestOf(archive)) === known.digest) {
      return { archive, digest: `sha256:${known.digest}`, version: known.version };
    }
  }
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-chart-'));
  const { bytes, expected } = await pull(origin, folder.path, at, world);
  const digest = sha256(bytes);
  if (expected !== undefined && expected !== digest) {
    throw couldNot(
      `${nameOf(origin)} is not what its repository says: sha256:${digest} instead of sha256:${expected}.`,
      {
        at,
        todo: 'Do not use it; ask whoever runs the repository.',
        reason: 'bad-archive',
      },
    );
  }
  const version = chartVersion(await readChartArchive(bytes, { file: nameOf(origin) }), origin, at);
  const archive = archiveFile(world, digest);
  await writeWhole(archive, bytes);
  await writeWhole(note, Buffer.from(JSON.stringify({ digest, version })));
  markGrown(world);
  return { archive, digest: `sha256:${digest}`, version };
}

/**
 * The files of a stored chart, unpacked: the absolute folder with its Chart.yaml. What somebody changed there is written anew.
 */
export async function unpackedChart(stored: StoredChart, world: World): Promise<string> {
  const files = await readChartArchive(await readFile(stored.archive), {
    file: path.basename(stored.archive),
  });
  const folder = path.join(world.charts, 'unpacked', stored.digest.replace('sha256:', ''));
  await markUsed(folder, world);
  for (const [name, content] of files) {
    const file = path.join(folder, name);
    if ((await digestOf(file)) !== sha256(content)) {
      await writeWhole(file, content);
      markGrown(world);
    }
  }
  return folder;
}

const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');

const archiveFile = (world: World, digest: string): string =>
  path.join(world.charts, 'archives', `${digest}.tgz`);

const nameOf = ({ chart, version, repository }: ChartOrigin): string =>
  `${chart}${version === '' ? '' : ` ${version}`} of ${withoutPassword(repository)}`;

const withoutPassword = (text: string): string => text.replaceAll(/\/\/[^/@\s]*@/g, '//');

async function readNote(file: string): Promise<z.infer<typeof noteSchema> | undefined> {
  try {
    return noteSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Not there, or damaged: it is only a note of what can be asked again.
    return undefined;
  }
}

async function digestOf(file: string): Promise<string | undefined> {
  try {
    return sha256(await readFile(file));
  } catch {
    return undefined;
  }
}

/** Others may write the same file at the same time: they write the same content. */
async function writeWhole(file: string, content: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const staged = unfinished(file);
  try {
    await writeFile(staged, content);
    await rename(staged, file);
  } finally {
    await rm(staged, { force: true });
  }
}

function checkNames({ repository, chart, version }: ChartOrigin, at: Place): void {
  const isUrl = /^(?:https?|oci):\/\/[^\s/]+/.test(repository);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (!isUrl || !/^[\w][\w.-]*(?:\/[\w][\w.-]*)*$/.test(chart) || /[\u0000-\u001f]/.test(version)) {
    throw couldNot(
      `${withoutPassword(repository)} with chart ${JSON.stringify(chart)} is not a chart that can be fetched.`,
      {
        at,
        todo: 'Use a repository by https:// or a registry by oci://, and the name of a chart.',
        reason: 'chart-missing',
      },
    );
  }
}

/** The archive, and the digest that its repository's index gives. */
async function pull(
  origin: ChartOrigin,
  folder: string,
  at: Place,
  world: World,
): Promise<{ readonly bytes: Uint8Array; readonly expected: string | undefined }> {
  const to = path.join(folder, 'pulled');
  await mkdir(to);
  const isDigest = origin.version.startsWith('sha256:');
  const version = origin.version === '' || isDigest ? [] : [`--version=${origin.version}`];
  const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    askHelm(words, env, origin, at, world);
  if (origin.kind === 'oci') {
    const reference = `${origin.repository}/${origin.chart}${isDigest ? `@${origin.version}` : ''}`;
    await run(['pull', `--destination=${to}`, ...version, ...plainHttp(origin), '--', reference]);
  } else {
    const config = path.join(folder, 'repositories.yaml');
    const cache = path.join(folder, 'cache');
    const repository = {
      ...(await knownRepository(origin.repository)),
      name: REPOSITORY,
      url: origin.repository,
    };
    await writeFile(config, JSON.stringify({ apiVersion: '', repositories: [repository] }));
    const own = { HELM_REPOSITORY_CONFIG: config, HELM_REPOSITORY_CACHE: cache };
    const index = path.join(cache, `${REPOSITORY}-index.yaml`);
    const said = await run(['repo', 'update', REPOSITORY], own);
    if ((await digestOf(index)) === undefined) {
      // Helm 3 ends with 0 then, and Helm 4 does not know the option that changes it.
      throw notFetched(said, origin, at);
    }
    await run(['pull', `--destination=${to}`, ...version, '--', `${REPOSITORY}/${origin.chart}`], own);
    return {
      ...(await pulled(to, at)),
      expected: await indexDigest(index, origin, to),
    };
  }
  return { ...(await pulled(to, at)), expected: undefined };
}

/** What the repository is called in a configuration that only one process reads. */
const REPOSITORY = 'repository';

/** helm speaks TLS with every registry unless told otherwise; one on this machine has none. */
const plainHttp = ({ repository }: ChartOrigin): string[] =>
  /^oci:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/])/.test(repository) ? ['--plain-http'] : [];

async function pulled(folder: string, at: Place): Promise<{ readonly bytes: Uint8Array }> {
  const [file = ''] = await readdir(folder);
  const { size } = await stat(path.join(folder, file));
  if (size > MAX_ARCHIVE_BYTES) {
    throw couldNot(
      `This chart archive is not used: it has ${size} bytes, and the limit is ${MAX_ARCHIVE_BYTES}.`,
      {
        at,
        todo: 'Take the chart from somewhere else.',
        reason: 'bad-archive',
      },
    );
  }
  return { bytes: await readFile(path.join(folder, file)) };
}

const indexSchema = z.object({
  entries: z.record(
    z.string(),
    z.array(z.object({ version: z.string(), digest: z.string().nullish() }).loose()).nullable(),
  ),
});

/** Old indexes have no digests. */
async function indexDigest(file: string, origin: ChartOrigin, folder: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8');
  // Large indexes are JSON in YAML's clothes more and more; `yaml` needs seconds for the others.
  const index = indexSchema.safeParse(
    text.startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: 100 }),
  );
  const [name = ''] = await readdir(folder);
  const entry = index.data?.entries[origin.chart]?.find(
    ({ version }) => name === `${origin.chart}-${version}.tgz`,
  );
  return entry?.digest?.replace('sha256:', '');
}

/** A repository of this URL in the user's own configuration of helm, with the password that it may have there. */
async function knownRepository(url: string): Promise<object> {
  const { HELM_REPOSITORY_CONFIG, HELM_CONFIG_HOME, XDG_CONFIG_HOME } = process.env;
  const home = HELM_CONFIG_HOME ?? path.join(XDG_CONFIG_HOME ?? path.join(homedir(), '.config'), 'helm');
  try {
    const known: unknown = parse(
      await readFile(HELM_REPOSITORY_CONFIG ?? path.join(home, 'repositories.yaml'), 'utf8'),
    );
    const { repositories } = z
      .object({ repositories: z.array(z.object({ url: z.string() }).loose()) })
      .parse(known);
    return repositories.find((each) => each.url.replace(/\/$/, '') === url.replace(/\/$/, '')) ?? {};
  } catch {
    return {};
  }
}

/** @returns all that it said */
async function askHelm(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  origin: ChartOrigin,
  at: Place,
  { tools, signal }: World,
): Promise<string> {
  const end = await runHelm(words, {
    helm: tools?.helm,
    env,
    limits: LIMITS,
    signal,
  });
  switch (end.kind) {
    case 'done':
      return `${end.stdout}\n${end.stderr}`;
    case 'stopped':
      throw notFetched(
        end.by === 'time'
          ? `no answer within ${LIMITS.milliseconds / 1000} seconds`
          : 'helm said far too much',
        origin,
        at,
      );
    case 'failed':
      throw notFetched(`${end.stderr}\n${end.stdout}`, origin, at);
  }
}

const MISSING =
  /not found in|no chart version found|no chart name found|invalid_reference|: not found|could not locate a version|no tags? .*match/i;
const REFUSED = /\b(?:401|403)\b|unauthorized|forbidden|denied|basic credential/i;

/** Around the reason, which is all that helps: `repo update` of Helm 3 and 4. */
const UPDATE_WORDS =
  /Error: |failed to update the following repositories: \[[^\]]*\]|\.\.\.Unable to get an update from the "[^"]*" chart repository \([^)]*\):\s*/g;

function notFetched(stderr: string, origin: ChartOrigin, at: Place) {
  const words = withoutPassword(stripVTControlCharacters(stderr))
    .replaceAll(/[^\P{C}\n]/gu, '')
    .split('\n')
    .filter((line) => line !== '' && !/^(?:Hang tight|WARNING|Pulled|Digest|Update Complete)/.test(line))
    .join(' ')
    .replaceAll(UPDATE_WORDS, '')
    .trim()
    .slice(0, 1000);
  const isRefused = REFUSED.test(words);
  const isMissing = !isRefused && MISSING.test(words);
  return couldNot(`The chart ${nameOf(origin)} could not be fetched: ${words || 'helm said nothing'}`, {
    at,
    todo: isRefused
      ? 'Sign in first: `helm registry login`, or `helm repo add` with a user.'
      : isMissing
        ? 'Correct the name or the version of the chart.'
        : 'Look whether the repository can be reached from here, and try again.',
    reason: isMissing ? 'chart-missing' : 'chart-unavailable',
  });
}

function chartVersion(files: ReadonlyMap<string, Uint8Array>, origin: ChartOrigin, at: Place): string {
  const text = files.get('Chart.yaml');
  try {
    const chart: unknown = parse(new TextDecoder().decode(text), { maxAliasCount: 100 });
    return z.object({ version: z.string().regex(/^[\w.+-]{1,200}$/) }).parse(chart).version;
  } catch {
    throw couldNot(`${nameOf(origin)} is no chart: its Chart.yaml cannot be read.`, {
      at,
      todo: 'Correct the name of the chart.',
      reason: 'bad-archive',
    });
  }
}
