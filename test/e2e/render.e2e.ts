import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { servedApis } from '../../src/kubernetes/served-apis.ts';
import { type Distribution, startDistribution } from '../../src/standin/ecr/distribution.ts';
import {
  type Answer,
  allDifferences,
  asRendered,
  type ClusterKinds,
} from '../render-fixtures/as-compared.ts';
import { fixtureFiles, pushCharts, type ServedCharts, serveCharts } from '../render-fixtures/fixture.ts';
import { settled, withDigits, writeJudged } from '../render-fixtures/judged.ts';
import { KNOWN_DIFFERENCES, NEVER_APPLIED, ONLY_ARGO_CD } from '../render-fixtures/known-differences.ts';
import { kajitoriRender, type Manifest, type Rendered } from '../render-fixtures/rendered.ts';
import { startGitops } from './gitops.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { waitFor } from './rig/wait-for.ts';

/**
 * What `kajitori render` writes, judged by what a real Argo CD renders (`GET /api/v1/applications/NAME/manifests`), object by
 * object. With `JUDGED=write` in the environment, what Argo CD says of the fixture is kept for `npm test`.
 */

let rig: Rig;
let charts: ServedCharts;
let registry: Distribution;
let clusterKinds: ClusterKinds;
/** Names of applications that were looked at. */
const seen = new Set<string>();

beforeAll(async () => {
  [rig, charts, registry] = await Promise.all([
    startRig('prod-1', 'prod-2'),
    serveCharts(),
    startDistribution(),
  ]);
  clusterKinds = await kindsOfCluster();
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
  await charts?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

describe('a repository that knows nothing of Kajitori', () => {
  let ours: Rendered;
  let theirs: Record<string, Answer>;

  beforeAll(async () => {
    const git = `${rig.github.url}/acme/render.git`;
    const addresses = { git, charts: charts.url, registry: `${registry.host}/charts` };
    await pushCharts(charts, addresses.registry);
    await knownRegistry(addresses.registry);
    const files = await fixtureFiles(addresses);
    await rig.github.createRepository('acme/render', { files });
    await rig.clusters[0]?.kubectl(['apply', '--filename=-'], files['root.yaml']);
    const { rendered, commit } = await renderClone(git);
    ours = rendered;
    theirs = await answers(ours);
    if (process.env.JUDGED === 'write') await writeJudged(settled(theirs, addresses, commit));
    // A hundred applications, twice: in Argo CD and here.
  }, 600_000);

  test('is rendered as Argo CD renders it, but for what docs/render.md lists', () => {
    const { applications } = ours;
    const compared = Object.entries(applications).filter(([name]) => !NEVER_APPLIED.includes(name));
    const written = withDigits(JSON.stringify(Object.fromEntries(compared))) as typeof ours.applications;
    expect(allDifferences(written, theirs)).toEqual(KNOWN_DIFFERENCES);
    expect(compared.length).toBeGreaterThan(70);
  });

  test('has all of Argo CD’s applications, and of those that it refuses none is rendered', () => {
    const refused = Object.entries(theirs).flatMap(([name, answer]) => ('error' in answer ? [name] : []));
    const applications = (names: readonly string[]) => names.map((name) => `Application/${name}`).sort();
    expect(Object.keys(ours.notRendered).sort()).toEqual(applications([...refused, ...ONLY_ARGO_CD]));
    expect(ours.exitCode).toBe(2);
    expect(applications([...Object.keys(ours.applications), ...refused, ...ONLY_ARGO_CD])).toEqual(
      applications([...Object.keys(theirs), ...NEVER_APPLIED]),
    );
  });
});

/** A web server, a consumer of a queue, cron jobs: what most apps are. */
const VALUES = `web: { port: 8080, host: web.example.com, scale: 2-4 }
workers:
  mailer: { run: bin/mailer, queue: mails, scale: 1-3 }
cron:
  report: { schedule: "0 3 * * *", run: bin/report }
migrate: { run: bin/migrate, retries: 0 }
secrets: [DATABASE_URL]
`;

const configMap = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { a: "1" }\n`;

/** Of the clusters that kajitori.yaml names; a second generator beside it. */
const CLUSTERS_SET = (url: string): string => `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: agents, namespace: argocd }
spec:
  goTemplate: true
  generators:
    - clusters: {}
    - matrix:
        generators:
          - clusters: {}
          - git: { repoURL: "${url}", revision: main, directories: [{ path: platform/* }] }
  template:
    metadata: { name: 'agent-{{ with .path }}{{ .basename }}{{ else }}alone{{ end }}-{{ .name }}' }
    spec:
      project: default
      destination: { name: '{{ .name }}', namespace: agents }
      source: { repoURL: "${url}", targetRevision: main, path: 'platform/{{ with .path }}{{ .basename }}{{ else }}agent{{ end }}' }
`;

describe('a repository that kajitori init made', () => {
  test('is rendered as Argo CD renders it', async () => {
    const gitops = await startGitops(rig);
    await gitops.newApp('web', 'web', VALUES, {
      'apps/web/extra/config.yaml': configMap('extra'),
      'apps/web/extra/deep/more.yaml': configMap('more'),
      'apps/web/values.production.yaml': 'env: { LEVEL: info }\n',
    });
    await gitops.newApp('jobs', 'job');
    await gitops.newApp('mailer', 'worker');
    for (const app of ['web', 'jobs', 'mailer']) await gitops.deploy(app, 'v1');
    const release = 'apps/mailer/release.production.yaml';
    await gitops.push({
      [release]: `${await gitops.read(release)}hold: { reason: a test, by: octocat, at: 2026-11-21T00:00:00Z }\n`,
      'platform/agent/agent.yaml': configMap('agent'),
      'platform/other/kustomization.yaml': 'resources: [other.yaml]\nnamePrefix: the-\n',
      'platform/other/other.yaml': configMap('other'),
      'argocd/agents.yaml': CLUSTERS_SET(gitops.url),
    });
    const { rendered } = await renderClone(gitops.url);
    expect(rendered).toMatchObject({ exitCode: 0, notRendered: {} });
    const theirs = await answers(rendered);
    expect(allDifferences(rendered.applications, theirs)).toEqual({});
    const names = Object.keys(rendered.applications).sort();
    expect(names).toEqual([
      ...['agent', 'alone', 'other'].flatMap((name) =>
        ['in-cluster', 'prod-1', 'prod-2'].map((cluster) => `agent-${name}-${cluster}`),
      ),
      'jobs-prod-1',
      'jobs-prod-2',
      'kajitori',
      'mailer-prod-1',
      'mailer-prod-2',
      'web-prod-1',
      'web-prod-2',
    ]);
    expect(Object.keys(theirs).sort()).toEqual(names);
  });
});

test('a cluster serves what charts are told that it serves', async () => {
  const home = rig.cluster('prod-1');
  const versions = (await home.kubectl(['api-versions'])).trim().split('\n');
  const lists = await Promise.all(
    versions.map(async (version) => {
      const text = await home.kubectl(['get', '--raw', `/${version === 'v1' ? 'api' : 'apis'}/${version}`]);
      const { resources } = JSON.parse(text) as { resources: { kind: string; verbs: string[] }[] };
      const listed = resources.filter(({ verbs }) => ['list', 'watch'].every((verb) => verbs.includes(verb)));
      return listed.flatMap(({ kind }) => [version, `${version}/${kind}`]);
    }),
  );
  const served = lists.flat();
  const custom = await home.list('customresourcedefinitions.apiextensions.k8s.io');
  const groups = custom.map(({ spec }) => `${(spec as { group: string }).group}/`);
  const builtIn = served.filter((name) => !groups.some((group) => name.startsWith(group)));
  expect(await servedApis('1.36')).toEqual([...new Set(builtIn)].sort());
});

async function renderClone(url: string): Promise<{ readonly rendered: Rendered; readonly commit: string }> {
  const clone = await mkdtemp(join(rig.folder, 'clone-'));
  await execa('git', ['clone', '--quiet', url, clone]);
  const { stdout } = await execa('git', ['-C', clone, 'rev-parse', 'HEAD']);
  return { rendered: await kajitoriRender(clone), commit: stdout };
}

/** What Argo CD answers for each application that was not looked at before, once it has all that we found. */
async function answers({ applications, notRendered }: Rendered): Promise<Record<string, Answer>> {
  const wanted = [
    ...Object.keys(applications).filter((name) => !NEVER_APPLIED.includes(name)),
    ...Object.keys(notRendered).map((what) => what.replace(/^Application\//, '')),
  ];
  await waitFor(
    'Argo CD to have these applications',
    async () => {
      const names = (await rig.argocd.applications()).map(({ metadata }) => metadata.name);
      return wanted.filter((name) => !names.includes(name));
    },
    (missing) => missing.length === 0,
    200,
  );
  const result: Record<string, Answer> = {};
  for (const { metadata, spec } of await rig.argocd.applications()) {
    if (seen.has(metadata.name)) continue;
    seen.add(metadata.name);
    const path = `/api/v1/applications/${metadata.name}/manifests`;
    const { status, body } = await rig.argocd.request('GET', path);
    const { manifests = [], message = '' } = body as { manifests?: string[]; message?: string };
    result[metadata.name] =
      status === 200
        ? { objects: asRendered(manifests.map(read), spec.destination.namespace ?? '', clusterKinds) }
        : { error: `${status}: ${message}` };
  }
  return result;
}

const read = (text: string): Manifest => withDigits(text) as Manifest;

/** `group/Kind` of all that has no namespace, as the API server says. */
async function kindsOfCluster(): Promise<ClusterKinds> {
  const text =
    (await rig.clusters[0]?.kubectl(['api-resources', '--namespaced=false', '--no-headers'])) ?? '';
  return new Set(
    text.split('\n').map((line) => {
      const [version = '', , kind = ''] = line.trim().split(/\s+/).slice(-3);
      return `${version.includes('/') ? version.replace(/\/.*/, '') : ''}/${kind}`;
    }),
  );
}

/** Argo CD takes charts from a registry without TLS only when it is told to. */
async function knownRegistry(url: string): Promise<void> {
  const secret = (name: string, stringData: object): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'argocd', labels: { 'argocd.argoproj.io/secret-type': 'repository' } },
    stringData: { ...stringData, insecureOCIForceHttp: 'true' },
  });
  await rig.clusters[0]?.apply([
    secret('charts-helm', { type: 'helm', name: 'charts', url, enableOCI: 'true' }),
    secret('charts-oci', { type: 'oci', url: `oci://${url}/greeter` }),
  ]);
}
