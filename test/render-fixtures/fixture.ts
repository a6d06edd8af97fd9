import { cp, mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/**
 * A GitOps repository of another layout than ours, without kajitori.yaml: applications over all kinds of sources. A real Argo
 * CD renders them in test/e2e/render.e2e.ts; what it said is kept in judged.yaml.
 */
const REPOSITORY = fileURLToPath(new URL('repository', import.meta.url));
/** Charts that the fixture's applications take from elsewhere. */
const CHARTS = fileURLToPath(new URL('charts', import.meta.url));

/** What the fixture's manifests call what is not at the same address twice. */
export interface FixtureAddresses {
  /** Of the repository itself, for git. */
  readonly git: string;
  /** Of the chart repository. */
  readonly charts: string;
  /** Host and port of the registry with the same charts. */
  readonly registry: string;
}

export const IN_FIXTURE: FixtureAddresses = {
  git: 'https://git.example.com/acme/render.git',
  charts: 'https://charts.example.com',
  registry: 'registry.example.com/charts',
};

/** Texts with the addresses of one place for those of another. */
export const readdressed = (text: string, from: FixtureAddresses, to: FixtureAddresses): string =>
  text.replaceAll(from.git, to.git).replaceAll(from.charts, to.charts).replaceAll(from.registry, to.registry);

/** The files of the fixture's repository, by path. */
export async function fixtureFiles(addresses: FixtureAddresses): Promise<Record<string, string>> {
  const entries = await readdir(REPOSITORY, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files.map(async (file) => [
    file.slice(REPOSITORY.length + 1),
    readdressed(await readFile(file, 'utf8'), IN_FIXTURE, addresses),
  ]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

/** A chart repository on the loopback interface, and the archives that it serves. */
export interface ServedCharts extends AsyncDisposable {
  readonly url: string;
  readonly archives: readonly string[];
}

/** Serves the chart `greeter` in three versions. */
export async function serveCharts(): Promise<ServedCharts> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await mkdtempDisposable(join(tmpdir(), 'kajitori-render-charts-')));
  const served = join(folder.path, 'served');
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
    const chart = join(folder.path, version);
    await cp(join(CHARTS, 'greeter'), chart, { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: greeter\nversion: ${version}\n`);
    await execa('helm', ['package', '--destination', served, chart]);
  }
  await execa('helm', ['repo', 'index', served]);
  const server = createServer(async (request, response) => {
    const content = await readFile(join(served, basename(request.url ?? ''))).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  made.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const names = (await readdir(served)).filter((name) => name.endsWith('.tgz'));
  const kept = made.move();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    archives: names.map((name) => join(served, name)),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Puts charts into a registry without TLS. @param repository host, port and path */
export async function pushCharts({ archives }: ServedCharts, repository: string): Promise<void> {
  for (const archive of archives) {
    await execa('helm', ['push', '--plain-http', archive, `oci://${repository}`]);
  }
}

/** Writes files into a folder and commits them there, as a clone of `url` has them. @returns the commit */
export async function writeClone(
  folder: string,
  url: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  const git = (...args: readonly string[]) => execa('git', ['-C', folder, ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', url);
  await git('add', '--all');
  await git('-c', 'user.name=A', '-c', 'user.email=a@example.com', 'commit', '--quiet', '--message=All');
  return (await git('rev-parse', 'HEAD')).stdout;
}
