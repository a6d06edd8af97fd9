import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import type { ApplicationSource } from '../applications/application.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { startDistribution } from '../standin/ecr/distribution.ts';
import { isMap } from '../yaml/data.ts';
import { renderApplication } from './application.ts';
import { anApplication, aSource, helmOptions } from './application-fixture.ts';
import { type ChartOrigin, pruneCharts, storedChart, unpackedChart } from './chart-store.ts';
import { runRender } from './run-render.ts';

const AT = { file: 'argocd/web.yaml', line: 1 };

/** Charts `demo` of these versions, packaged, and the index.yaml over them. */
async function packagedCharts(folder: string, versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    const chart = path.join(folder, 'source', version);
    await mkdir(path.join(chart, 'templates'), { recursive: true });
    await writeFile(path.join(chart, 'Chart.yaml'), `apiVersion: v2\nname: demo\nversion: ${version}\n`);
    await writeFile(path.join(chart, 'values.yaml'), 'greeting: hello\n');
    await writeFile(path.join(chart, 'values-big.yaml'), 'greeting: HELLO\n');
    await writeFile(
      path.join(chart, 'templates/a.yaml'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-{{ .Chart.Name }} }\ndata: { version: "{{ .Chart.Version }}", greeting: {{ .Values.greeting }} }\n`,
    );
    await execa('helm', ['package', '--destination', path.join(folder, 'served'), chart]);
  }
  await execa('helm', ['repo', 'index', path.join(folder, 'served')]);
}

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A chart repository in a temporary folder, and a store beside it. */
async function repository(versions: readonly string[] = ['1.0.0', '1.2.0', '2.0.0']) {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await mkdtempDisposable(path.join(tmpdir(), 'kajitori-charts-')));
  await packagedCharts(folder.path, versions);
  const requests: string[] = [];
  const served = path.join(folder.path, 'served');
  const server = made.use(
    await serve(async (request, response) => {
      requests.push(request.url ?? '');
      const content = await readFile(path.join(served, path.basename(request.url ?? ''))).catch(
        () => undefined,
      );
      response.writeHead(content === undefined ? 404 : 200).end(content);
    }),
  );
  const all = made.move();
  return {
    served,
    requests,
    url: server.url,
    charts: path.join(folder.path, 'store'),
    root: folder.path,
    origin: (version: string): ChartOrigin => ({
      kind: 'http',
      repository: server.url,
      chart: 'demo',
      version,
    }),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}

const sha256 = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

describe('charts of a repository', () => {
  it.each(['helm', 'helm4'])(
    'are stored by their content, the newest of a range, as %s chooses it',
    async (helm) => {
      await using charts = await repository();
      const world = { charts: charts.charts, tools: { helm } };
      const stored = await storedChart(charts.origin('1.x'), AT, world);
      expect(stored.version).toBe('1.2.0');
      expect(path.basename(stored.archive)).toBe(
        `${await sha256(path.join(charts.served, 'demo-1.2.0.tgz'))}.tgz`,
      );
      expect(`sha256:${await sha256(stored.archive)}`).toBe(stored.digest);
    },
  );

  it('are asked for once: by many applications, and an exact version in later runs too', async () => {
    await using charts = await repository();
    const world = { charts: charts.charts };
    await Promise.all([1, 2, 3].map(() => storedChart(charts.origin('1.0.0'), AT, world)));
    expect(charts.requests).toEqual(['/index.yaml', '/demo-1.0.0.tgz']);
    await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts });
    expect(charts.requests).toHaveLength(2);
  });

  it('are fetched again when the store is damaged', async () => {
    await using charts = await repository();
    const first = await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts });
    const whole = await sha256(first.archive);
    await writeFile(first.archive, 'half');
    const again = await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts });
    expect([again.archive, await sha256(again.archive)]).toEqual([first.archive, whole]);
    const [note = ''] = await readdir(path.join(charts.charts, 'versions'));
    await writeFile(
      path.join(charts.charts, 'versions', note),
      '{"digest":"../../etc/passwd","version":"1"}',
    );
    expect(await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts })).toEqual(again);
  });

  it('are refused when they are not what the index says', async () => {
    await using charts = await repository();
    await writeFile(
      path.join(charts.served, 'demo-1.0.0.tgz'),
      await readFile(path.join(charts.served, 'demo-1.2.0.tgz')),
    );
    await expect(storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'bad-archive',
      message: expect.stringContaining('is not what its repository says'),
      at: AT,
    });
  });

  it.each<[string, Partial<ChartOrigin>, string]>([
    ['a version that is not there', { version: '3.0.0' }, 'chart-missing'],
    ['a range that nothing is in', { version: '~3' }, 'chart-missing'],
    ['a chart that is not there', { chart: 'other' }, 'chart-missing'],
    ['a name that is a path', { chart: '../demo' }, 'chart-missing'],
    ['a name that looks like an option', { chart: '--debug' }, 'chart-missing'],
    ['a repository that is none', { repository: 'file:///etc' }, 'chart-missing'],
    ['a path that is not there', { repository: 'http://127.0.0.1:9/charts' }, 'chart-unavailable'],
  ])('say what is wrong: %s', async (_, wrong, reason) => {
    await using charts = await repository(['1.0.0']);
    const origin = { ...charts.origin('1.0.0'), ...wrong };
    await expect(storedChart(origin, AT, { charts: charts.charts })).rejects.toMatchObject({
      exitCode: 2,
      reason,
      at: AT,
    });
  });

  it.each<[string, RequestListener]>([
    ['answers 404', (_, response) => response.writeHead(404).end()],
    ['answers 500', (_, response) => response.writeHead(500).end()],
    ['wants a password', (_, response) => response.writeHead(401).end()],
    ['answers something else', (_, response) => response.end('<html>')],
    [
      'breaks off in the middle',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('entries:\n');
        response.socket?.end();
      },
    ],
  ])('are not rendered when the repository %s', async (_, listener) => {
    await using server = await serve(listener);
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-charts-'));
    const origin = {
      kind: 'http',
      repository: server.url.replace('//', '//user:secret@'),
      chart: 'demo',
      version: '1.0.0',
    } as const;
    for (const helm of ['helm', 'helm4']) {
      const world = { charts: folder.path, tools: { helm } };
      const error = await storedChart(origin, AT, world).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ exitCode: 2, reason: 'chart-unavailable', at: AT });
      expect(String(error)).toMatch(/could not be fetched: (?!helm said nothing|Unable)\w/);
      expect(String(error)).not.toContain('secret');
    }
  });
});

describe('the store', () => {
  const HOUR = 60 * 60 * 1000;

  /** Puts 300 MB of nothing there, last used so long ago. */
  async function fill(store: string, entry: string, milliseconds: number): Promise<void> {
    const file = path.join(store, entry);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, '');
    await truncate(file, 300 * 1024 * 1024);
    const used = (Date.now() - milliseconds) / 1000;
    for (const part of [file, path.join(store, ...entry.split('/').slice(0, 2))]) {
      await utimes(part, used, used);
    }
  }

  it('loses what was not used for longest once a chart was added, and keeps what may be in use', async () => {
    await using charts = await repository(['1.0.0', '1.2.0']);
    const [world, later] = [{ charts: charts.charts }, { charts: charts.charts }];
    const old = await storedChart(charts.origin('1.0.0'), AT, world);
    await utimes(old.archive, 0, 0);
    await fill(charts.charts, 'archives/young.tgz', HOUR / 2);
    for (const entry of ['archives/old.tgz', 'unpacked/old/templates/a.yaml', 'built/old/a/b.yaml']) {
      await fill(charts.charts, entry, 2 * HOUR);
    }
    // What is there is used again: nothing was added, and nobody looks.
    expect(await storedChart(charts.origin('1.0.0'), AT, later)).toEqual(old);
    await pruneCharts(later);
    expect(await readdir(path.join(charts.charts, 'built'))).toEqual(['old']);
    const added = await storedChart(charts.origin('1.2.0'), AT, later);
    await unpackedChart(added, later);
    await pruneCharts(later);
    const left = await Promise.all(
      ['archives', 'built', 'unpacked', 'versions'].map((name) => readdir(path.join(charts.charts, name))),
    );
    expect(left.map((names) => names.length)).toEqual([3, 0, 1, 2]);
    expect(left[0]).toEqual(
      expect.arrayContaining([path.basename(old.archive), path.basename(added.archive), 'young.tgz']),
    );
  });

  it('is what it was before, after it lost all: charts are fetched again', async () => {
    await using charts = await repository(['1.0.0']);
    const in3000 = { charts: charts.charts, now: () => Date.parse('3000-01-01T00:00:00Z') };
    const stored = await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts });
    await fill(charts.charts, 'archives/later.tgz', -HOUR);
    await storedChart(charts.origin('1.x'), AT, in3000);
    await pruneCharts(in3000);
    expect(await readdir(path.join(charts.charts, 'archives'))).toEqual([]);
    expect(await storedChart(charts.origin('1.0.0'), AT, { charts: charts.charts })).toEqual(stored);
  });

  it('is pruned when a repository was rendered', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-charts-'));
    const [root, charts] = [path.join(folder.path, 'repository'), path.join(folder.path, 'store')];
    const files = {
      'argocd/web.yaml': `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: web, namespace: argocd }
spec:
  destination: { server: https://kubernetes.default.svc, namespace: web }
  project: default
  source: { repoURL: https://github.com/acme/gitops.git, path: web }
`,
      'web/Chart.yaml':
        'apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{ name: common, version: 0.1.0, repository: "file://../common" }]\n',
      'common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 0.1.0\n',
      'common/templates/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: common }\n',
    };
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), text);
    }
    await fill(charts, 'archives/old.tgz', 2 * HOUR);
    const { applications, exitCode } = await runRender(
      { app: undefined, environment: undefined, cluster: undefined },
      {
        tree: await openWorkingCopy(root),
        root,
        charts,
        urls: ['https://github.com/acme/gitops.git'],
        onProgress: () => undefined,
      },
    );
    expect([applications[0]?.objects.length, exitCode]).toEqual([1, 0]);
    expect(await readdir(path.join(charts, 'archives'))).toEqual([]);
    expect(await readdir(path.join(charts, 'built'))).toHaveLength(1);
  });
});

describe('an application of a chart from elsewhere', () => {
  const render = async (charts: { root: string; charts: string }, source: Partial<ApplicationSource>) => {
    const application = anApplication({ sources: [aSource({ here: false, ...source })] });
    const { objects, notRendered } = await renderApplication(application, charts);
    expect(notRendered).toEqual([]);
    return objects.map((each) => ({ data: each.object.data, file: each.file }));
  };

  it('is rendered from a repository, with values files that the chart brings', async () => {
    await using charts = await repository();
    const source = { repoURL: charts.url, chart: 'demo', targetRevision: '1.*' };
    expect(await render(charts, source)).toEqual([
      { data: { version: '1.2.0', greeting: 'hello' }, file: 'demo 1.2.0/templates/a.yaml' },
    ]);
    const big = { ...source, helm: helmOptions({ valueFiles: ['values-big.yaml'] }) };
    expect(await render(charts, big)).toMatchObject([{ data: { greeting: 'HELLO' } }]);
  });

  it('reads values files of the repository by reference', async () => {
    await using charts = await repository();
    await writeFile(path.join(charts.root, 'mine.yaml'), 'greeting: mine\n');
    const application = anApplication({
      sources: [
        aSource({
          here: false,
          repoURL: charts.url,
          chart: 'demo',
          targetRevision: '2.0.0',
          helm: helmOptions({ valueFiles: ['$values/mine.yaml'] }),
        }),
        aSource({ ref: 'values' }),
      ],
    });
    const { objects } = await renderApplication(application, charts);
    expect(objects.map((each) => each.object.data)).toEqual([{ version: '2.0.0', greeting: 'mine' }]);
  });

  it('is rendered from a registry, by version, range and digest', async ({ skip }) => {
    const registry = await startDistribution().catch((error: unknown) => String(error));
    if (typeof registry === 'string') {
      skip(`docker-registry cannot be started: ${registry}`);
      return;
    }
    await using running = registry;
    await using charts = await repository(['1.0.0', '1.1.0']);
    const digests: string[] = [];
    for (const version of ['1.0.0', '1.1.0']) {
      const archive = path.join(charts.served, `demo-${version}.tgz`);
      const { stderr, stdout } = await execa('helm', [
        'push',
        '--plain-http',
        archive,
        `oci://${running.host}/charts`,
      ]);
      digests.push(/sha256:[0-9a-f]{64}/.exec(stderr + stdout)?.[0] ?? '');
    }
    const version = async (source: Partial<ApplicationSource>) => (await render(charts, source))[0]?.data;
    const inChart = { repoURL: `${running.host}/charts`, chart: 'demo' };
    expect(await version({ ...inChart, targetRevision: '1.0.0' })).toMatchObject({ version: '1.0.0' });
    expect(await version({ ...inChart, targetRevision: '^1' })).toMatchObject({ version: '1.1.0' });
    const inUrl = { repoURL: `oci://${running.host}/charts/demo`, path: '.' };
    expect(await version({ ...inUrl, targetRevision: digests[0] ?? '' })).toMatchObject({ version: '1.0.0' });
    const missing = {
      kind: 'oci',
      repository: `oci://${running.host}/charts`,
      chart: 'demo',
      version: '9.9.9',
    } as const;
    await expect(storedChart(missing, AT, { charts: charts.charts })).rejects.toMatchObject({
      reason: 'chart-missing',
    });
  });
});

describe('dependencies of a chart in the repository', () => {
  /** Has helm write Chart.lock of the chart `web`, and no charts/. */
  const lock = async (root: string) => {
    const web = path.join(root, 'web');
    const env = {
      HELM_REPOSITORY_CONFIG: path.join(root, 'r.yaml'),
      HELM_REPOSITORY_CACHE: path.join(root, 'cache'),
    };
    await execa('helm', ['dependency', 'update', web], { env });
    await rm(path.join(web, 'charts'), { recursive: true });
  };
  const chart = async (root: string, dependencies: string, files: Readonly<Record<string, string>> = {}) => {
    const all = {
      'web/Chart.yaml': `apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n${dependencies}`,
      'common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 0.1.0\n',
      'common/templates/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: common }\n',
      ...files,
    };
    for (const [file, text] of Object.entries(all)) {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), text);
    }
  };
  const render = async (world: { root: string; charts: string }) =>
    await renderApplication(anApplication({ sources: [aSource({ path: 'web' })] }), {
      root: world.root,
      charts: world.charts,
    });

  const versionsOf = (objects: readonly { readonly object: KubernetesObject }[]) =>
    objects.map(({ object }) => isMap(object.data) && object.data.version);

  it('are fetched where they are missing, into a private copy', async () => {
    await using charts = await repository();
    await chart(
      charts.root,
      `  - { name: demo, version: 1.x, repository: "${charts.url}" }\n  - { name: common, version: 0.1.0, repository: "file://../common" }\n`,
    );
    const { objects, notRendered } = await render(charts);
    expect(notRendered).toEqual([]);
    expect(objects.map((each) => each.file)).toEqual([
      'web/charts/common/templates/c.yaml',
      'web/charts/demo/templates/a.yaml',
    ]);
    expect(await readdir(path.join(charts.root, 'web'))).toEqual(['Chart.yaml']);
  });

  it('are those that Chart.lock pins', async () => {
    await using charts = await repository(['1.0.0', '1.2.0']);
    await chart(charts.root, `  - { name: demo, version: ">=1.0.0 <2", repository: "${charts.url}" }\n`);
    await lock(charts.root);
    await packagedCharts(charts.root, ['1.3.0']);
    expect((await render(charts)).objects[0]?.object.data).toMatchObject({ version: '1.2.0' });
    await chart(charts.root, `  - { name: demo, version: ">=1.1.0 <2", repository: "${charts.url}" }\n`);
    expect((await render({ ...charts })).notRendered).toMatchObject([
      {
        exitCode: 2,
        reason: 'chart-missing',
        at: { file: 'web/Chart.lock' },
        message: expect.stringContaining('does not belong'),
      },
    ]);
  });

  it.for(['helm', 'helm4'])(
    'are fetched from a registry, as %s does, pinned or not',
    async (helm, { skip }) => {
      const registry = await startDistribution().catch((error: unknown) => String(error));
      if (typeof registry === 'string') {
        skip(`docker-registry cannot be started: ${registry}`);
        return;
      }
      await using running = registry;
      await using charts = await repository(['0.9.0', '1.0.0', '1.1.0', '2.0.0']);
      const oci = `oci://${running.host}/charts`;
      for (const version of ['0.9.0', '1.0.0', '1.1.0', '2.0.0']) {
        await execa('helm', ['push', '--plain-http', path.join(charts.served, `demo-${version}.tgz`), oci]);
      }
      const versions = async (range: string) => {
        await chart(
          charts.root,
          `  - { name: demo, version: "${range}", repository: "${oci}" }\n  - { name: demo, version: 0.9.0, repository: "${oci}/", alias: old }\n`,
        );
        const { objects, notRendered } = await renderApplication(
          anApplication({ sources: [aSource({ path: 'web' })] }),
          { root: charts.root, charts: charts.charts, tools: { helm } },
        );
        return notRendered.length > 0 ? notRendered : versionsOf(objects);
      };
      expect(await versions('1.x')).toEqual(['1.1.0', '0.9.0']);
      expect(await versions('2.0.0')).toEqual(['2.0.0', '0.9.0']);
      for (const missing of ['3.0.0', '~3']) {
        expect(await versions(missing)).toMatchObject([
          { exitCode: 2, reason: 'chart-missing', at: { file: 'web/Chart.yaml', line: 5 } },
        ]);
      }
    },
  );

  it('of one name are each what Chart.lock pins for it', async () => {
    await using charts = await repository(['1.0.0', '1.2.0']);
    const both = `  - { name: demo, version: ">=1.1.0 <2", repository: "${charts.url}", alias: new }\n  - { name: demo, version: 1.0.0, repository: "${charts.url}" }\n`;
    await chart(charts.root, both);
    await lock(charts.root);
    const { objects } = await render(charts);
    expect(new Set(versionsOf(objects))).toEqual(new Set(['1.0.0', '1.2.0']));
  });

  it('by file:// are taken as they are: what they miss themselves is not rendered, as helm does it', async () => {
    await using charts = await repository(['1.0.0']);
    await chart(charts.root, `  - { name: common, version: 0.x, repository: "file://../common" }\n`, {
      'common/Chart.yaml': `apiVersion: v2\nname: common\nversion: 0.1.0\ndependencies: [{ name: demo, version: 1.0.0, repository: "${charts.url}" }]\n`,
    });
    const { objects, notRendered } = await render(charts);
    expect(notRendered).toEqual([]);
    const copy = path.join(charts.root, 'copy');
    await cp(path.join(charts.root, 'web'), path.join(copy, 'web'), { recursive: true });
    await cp(path.join(charts.root, 'common'), path.join(copy, 'common'), { recursive: true });
    await execa('helm', ['dependency', 'build', path.join(copy, 'web')]);
    const { stdout } = await execa('helm', ['template', path.join(copy, 'web')]);
    expect(objects.map((each) => `# Source: ${each.file}`)).toEqual(stdout.match(/^# Source: .*$/gm));
  });

  it.each([
    ['is nowhere', '{ name: gone, version: 1.0.0 }', 'nothing says where'],
    [
      'has a name that only Argo CD knows',
      '{ name: gone, version: 1.0.0, repository: "@internal" }',
      'only the Argo CD',
    ],
    [
      'is in a folder that does not exist',
      '{ name: gone, version: 1.0.0, repository: "file://../gone" }',
      'no such folder',
    ],
    [
      'is out of the repository',
      '{ name: gone, version: 1.0.0, repository: "file://../../.." }',
      'leads out of',
    ],
    [
      'is in a repository that is down',
      '{ name: gone, version: 1.0.0, repository: "http://127.0.0.1:9" }',
      'could not be fetched',
    ],
    [
      'is another chart',
      '{ name: gone, version: 1.0.0, repository: "file://../common" }',
      'is called "common"',
    ],
    [
      'has another version',
      '{ name: common, version: ">=0.2.0, <1", repository: "file://../common" }',
      'version 0.1.0 is there',
    ],
    [
      'is in a registry that is down',
      '{ name: gone, version: 1.0.0, repository: "oci://127.0.0.1:9/charts" }',
      'could not be fetched',
    ],
    [
      'is in a registry without a name',
      '{ name: gone, version: 1.0.0, repository: "oci://" }',
      'not a chart that can be fetched',
    ],
  ])('are not passed over: one %s', async (_, dependency, words) => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-charts-'));
    await chart(path.join(folder.path, 'repository'), `  - ${dependency}\n`);
    const { objects, notRendered } = await render({
      root: path.join(folder.path, 'repository'),
      charts: folder.path,
    });
    expect(objects).toEqual([]);
    expect(notRendered).toMatchObject([
      { exitCode: 2, at: { file: 'web/Chart.yaml', line: 5 }, message: expect.stringContaining(words) },
    ]);
  });
});

describe('archives of strangers', () => {
  /** One entry of a tar archive. */
  const entry = (name: string, type: string, content = '') => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\u000000', 257);
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148);
    return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
  };
  const chartYaml = entry('demo/Chart.yaml', '0', 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');

  it.each<[string, Buffer, string]>([
    ['leads out of its folder', entry('demo/../../evil', '0', 'x'), 'leads out of the folder'],
    ['has an absolute name', entry('/etc/evil', '0', 'x'), 'leads out of the folder'],
    ['holds a link', entry('demo/link', '2'), 'is a link'],
    ['holds a device', entry('demo/null', '3'), 'is a special file'],
    ['is cut off', entry('demo/x', '0', 'x'.repeat(5000)).subarray(0, 600), 'ends in the middle'],
    [
      'holds a file that is a folder too',
      Buffer.concat([entry('demo/a', '0', 'x'), entry('demo/a/b', '0', 'x')]),
      'is a file and a folder',
    ],
    ['is a bomb', Buffer.alloc(101 * 1024 * 1024), 'larger than'],
  ])('are refused: one %s', async (_, tar, words) => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-charts-'));
    const archive = gzipSync(Buffer.concat([chartYaml, tar, Buffer.alloc(1024)]));
    await using server = await serve((request, response) => {
      const index = 'entries: { demo: [{ name: demo, version: 1.0.0, urls: [demo-1.0.0.tgz] }] }\n';
      response.end(request.url === '/index.yaml' ? `apiVersion: v1\n${index}` : archive);
    });
    const origin = { kind: 'http', repository: server.url, chart: 'demo', version: '1.0.0' } as const;
    await expect(storedChart(origin, AT, { charts: folder.path })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'bad-archive',
      message: expect.stringContaining(words),
    });
    expect(await readdir(folder.path)).toEqual([]);
  });
});
