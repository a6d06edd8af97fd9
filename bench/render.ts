/**
 * How long it takes to render a fleet, by us and by one `helm template` a release, as many at once as there are processors, in one
 * run. What is compared is objects in hand: what helm prints is read by the same code on both sides.
 *
 * 1. standard: 1,000 apps in 2 clusters with the standard chart, values like those in charts/app/tests. Cold writes the cache.
 * 2. foreign: 200 apps with a chart that must be rendered one by one, since it uses `tpl` and `.Files` as community charts do.
 * 3. created: the same 200 apps with the chart that `helm create` makes, which asks for its release and itself.
 * 4. warm: all of it again, from the cache.
 *
 * Both sides take turns, part by part, so that what else runs on the machine meets both. Options:
 *
 *   --apps 1000      apps with the standard chart; the others are a fifth as many
 *   --sample 1       render one of so many releases by the peer, and multiply: the table says so
 */
import { cp, mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { helmObjects } from '../src/helm/documents.ts';
import { renderReleases } from '../src/helm/fleet.ts';
import { openRenderCache, type RenderCache } from '../src/helm/render-cache.ts';
import type { HelmRelease } from '../src/helm/template.ts';
import { appFacts, appValueFiles } from '../src/render/wiring.ts';
import { couldNot } from '../src/report/failure.ts';
import type { Figures } from './main.ts';

const CHART = fileURLToPath(new URL('../charts/app', import.meta.url));
const PARTS = 2;

const CLUSTERS = ['prod-1', 'prod-2'].map((name, index) => ({
  name,
  kubernetes: '1.34',
  region: 'ap-northeast-1',
  account: '222222222222',
  active: index === 0,
  architecture: ['amd64' as const],
  apiVersions: [],
}));

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** The GitOps repository of design.md with this many apps, whose values are those of the chart's tests in turn. */
async function standardFleet(root: string, apps: number): Promise<HelmRelease[]> {
  const chart = path.join(root, 'charts/app');
  await cp(CHART, chart, { recursive: true });
  const cases = (await readdir(path.join(CHART, 'tests'))).toSorted();
  const texts = await Promise.all(
    cases.map(async (name) => {
      const read = (file: string) =>
        readFile(path.join(CHART, 'tests', name, file), 'utf8').catch(() => '{}\n');
      const [values, release, app] = await Promise.all(
        ['values.yaml', 'release.production.yaml', 'app.yaml'].map(read),
      );
      return { values, release, app };
    }),
  );
  await write(
    path.join(root, 'defaults/platform.yaml'),
    'platform: { ingress: { domain: example.com }, maxLifetimes: [8h], access: { group: "acme:{team}" } }\n',
  );
  const releases: HelmRelease[] = [];
  for (let index = 0; index < apps; index += 1) {
    const name = `app-${index}`;
    const { values = '', release = '', app = '' } = texts[index % texts.length] ?? {};
    await write(path.join(root, `apps/${name}/values.yaml`), `# ${name}\n${values}`);
    await write(path.join(root, `apps/${name}/release.production.yaml`), `# ${name}\n${release}`);
    await write(path.join(root, `apps/${name}/app.yaml`), app);
    for (const cluster of CLUSTERS) {
      const facts = appFacts(name, 'production', cluster);
      const layers = appValueFiles(facts).filter(
        (file) =>
          file === 'defaults/platform.yaml' || /\/(?:values|release\.production|app)\.yaml$/.test(file),
      );
      releases.push({
        name,
        namespace: name,
        chart,
        valueFiles: layers.map((file) => path.join(root, file)),
        values: { facts },
        kubeVersion: cluster.kubernetes,
      });
    }
  }
  return releases;
}

/** A chart like those of the community: its configuration is a file that is a template, and values are templates. */
async function foreignChart(folder: string): Promise<string> {
  const chart = path.join(folder, 'foreign');
  await cp(path.join(folder, 'created'), chart, { recursive: true });
  await write(path.join(chart, 'files/nginx.conf'), 'server_name {{ .Release.Name }}.example.com;\n');
  await write(
    path.join(chart, 'templates/configmap.yaml'),
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "created.fullname" . }}
  labels: {{- include "created.labels" . | nindent 4 }}
data:
  nginx.conf: {{ tpl (.Files.Get "files/nginx.conf") . | quote }}
`,
  );
  for (const kind of ['Role', 'RoleBinding']) {
    const more =
      kind === 'Role'
        ? 'rules: [{ apiGroups: [""], resources: [configmaps], verbs: [get] }]'
        : 'roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ include "created.fullname" . }} }';
    await write(
      path.join(chart, `templates/${kind.toLowerCase()}.yaml`),
      `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: {{ include "created.fullname" . }}
  namespace: {{ .Release.Namespace }}
${more}
`,
    );
  }
  return chart;
}

const releasesOf = (chart: string, count: number): HelmRelease[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `foreign-${index}`,
    namespace: `foreign-${index}`,
    chart,
    valueFiles: [],
    values: { replicaCount: (index % 5) + 1, ingress: { enabled: index % 2 === 0 } },
    kubeVersion: '1.34',
  }));

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function ours(releases: readonly HelmRelease[], cache: RenderCache): Promise<void> {
  for (const result of await renderReleases(releases, { cache })) {
    if ('failure' in result) throw result.failure;
  }
}

/** The plain command, with what people give it. */
async function helmTemplate({ name, namespace, chart, valueFiles, values, kubeVersion }: HelmRelease) {
  const files = [...valueFiles, '-'].flatMap((file) => ['--values', file]);
  const { stdout } = await execa(
    'helm',
    [
      'template',
      name,
      chart,
      '--namespace',
      namespace,
      '--kube-version',
      kubeVersion,
      '--include-crds',
      ...files,
    ],
    { input: JSON.stringify(values), maxBuffer: 64 * 1024 * 1024 },
  );
  return helmObjects(stdout, chart);
}

async function oneByOne(releases: readonly HelmRelease[]): Promise<void> {
  const limit = pLimit(availableParallelism());
  await Promise.all(releases.map((release) => limit(() => helmTemplate(release))));
}

/** Times of both sides in ms, part by part in turn. */
async function compare(releases: readonly HelmRelease[], cache: RenderCache, sample: number) {
  const times = { ours: 0, peer: 0 };
  const size = Math.ceil(releases.length / PARTS);
  for (let from = 0; from < releases.length; from += size) {
    const part = releases.slice(from, from + size);
    const some = part.filter((_, index) => index % sample === 0);
    times.ours += await timed(() => ours(part, cache));
    times.peer += ((await timed(() => oneByOne(some))) / some.length) * part.length;
  }
  return times;
}

/** `standardSpeedup` and `createdSpeedup`: how many times as fast as the peer. `foreignRatio`: our time by the peer's. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: { apps: { type: 'string', default: '1000' }, sample: { type: 'string', default: '1' } },
  });
  const [apps, sample] = [Number(values.apps), Number(values.sample)];
  if (![apps, sample].every((number) => Number.isInteger(number) && number > 0)) {
    throw couldNot('--apps and --sample are whole numbers above 0');
  }
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-bench-render-'));
  const standard = await standardFleet(path.join(folder.path, 'gitops'), apps);
  await execa('helm', ['create', 'created'], { cwd: folder.path });
  const others = Math.max(1, Math.round(apps / 5));
  const foreign = releasesOf(await foreignChart(folder.path), others);
  const created = releasesOf(path.join(folder.path, 'created'), others);
  const cache = openRenderCache(path.join(folder.path, 'cache'), { helmVersion: 'bench', now: Date.now });
  const rows = {
    standard: await compare(standard, cache, sample),
    foreign: await compare(foreign, cache, sample),
    created: await compare(created, cache, sample),
  };
  await cache.prune();
  const warm = await timed(() => ours([...standard, ...foreign, ...created], cache));
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(`${availableParallelism()} processors, Node ${process.versions.node}\n`);
  console.log('             releases      ours    helm one by one      ratio');
  for (const [name, { ours: own, peer }] of Object.entries(rows)) {
    const count = { standard, foreign, created }[name]?.length ?? 0;
    const cells = [String(count).padStart(9), `${(own / 1000).toFixed(2)} s`.padStart(9)];
    cells.push(`${(peer / 1000).toFixed(2)} s`.padStart(14), (own / peer).toFixed(3).padStart(13));
    console.log(name.padEnd(12) + cells.join(' '));
  }
  const all = standard.length + foreign.length + created.length;
  console.log(`warm        ${String(all).padStart(9)} ${(warm / 1000).toFixed(2).padStart(7)} s`);
  console.log(
    sample === 1
      ? ''
      : `\nOf the peer's releases one of ${sample} was rendered, and its time multiplied by ${sample}.\n`,
  );
  const speedup = ({ ours: own, peer }: { ours: number; peer: number }) => Number((peer / own).toFixed(2));
  return {
    standardSpeedup: speedup(rows.standard),
    foreignRatio: Number((rows.foreign.ours / rows.foreign.peer).toFixed(3)),
    warmSeconds: Number((warm / 1000).toFixed(2)),
    peakMiB,
    createdSpeedup: speedup(rows.created),
  };
}
