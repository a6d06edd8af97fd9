/**
 * How long it takes to say what a pull request changes:
 *
 * - the upgrade of one large chart (hundreds of objects, definitions of kinds with big schemas), beside `helm template` for both
 *   versions, one after the other, which is the least that any tool must do that renders with helm;
 * - a repository of 1,000 apps in two clusters, of which one app changes, and of which 100 do.
 *
 * Nothing is cached: each run has a new folder for what was rendered. The start of node is not in it (see `start`).
 * `--apps N` for another size, `--runs N` for more runs. Medians.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { diffComment } from '../src/diff/comment.ts';
import { diffPage } from '../src/diff/page.ts';
import { openRenderer } from '../src/diff/render-side.ts';
import { type DiffOutputs, runDiff } from '../src/diff/run-diff.ts';
import { couldNot } from '../src/report/failure.ts';
import { openSuite } from '../src/repository/suite.ts';
import { openWorkingCopy } from '../src/repository/working-copy.ts';
import { generateExamples } from '../src/scaffold/examples.ts';
import { runRegenerate } from '../src/scaffold/regenerate.ts';
import type { Figures } from './main.ts';

const CHANGED_APPS = 100;

async function write(root: string, file: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), text);
}

const git = (root: string, ...args: readonly string[]) =>
  execa('git', ['-C', root, '-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args]);

async function commit(root: string, message: string): Promise<void> {
  await git(root, 'add', '-A');
  await git(root, 'commit', '-qm', message);
}

/** A schema of about as many fields as those of large operators. */
const schema = (fields: number, depth: number): object => ({
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: fields }, (_, index) => [
      `field${index}`,
      depth === 0
        ? {
            type: 'string',
            description: `What field ${index} of this part is for, in a sentence or two, as operators have it.`,
          }
        : schema(fields, depth - 1),
    ]),
  ),
});

const crd = (index: number, extra: boolean): string =>
  stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things${index}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: `Thing${index}`, plural: `things${index}` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: schema(10, 2), ...(extra && { status: { type: 'object' } }) },
            },
          },
        },
      ],
    },
  });

/** The helpers that `helm create` writes, as nearly every chart has them. */
const HELPERS = `{{- define "large.name" -}}{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}{{- end }}
{{- define "large.fullname" -}}{{ printf "%s-%s" .Release.Name (include "large.name" .) | trunc 50 | trimSuffix "-" }}{{- end }}
{{- define "large.selectorLabels" -}}
app.kubernetes.io/name: {{ include "large.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "large.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "large.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
`;

/** Four objects of one component, in a file of its own as charts have them. */
const component = (index: number): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "large.fullname" . }}-${index}
  labels:
    {{- include "large.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "large.selectorLabels" . | nindent 6 }}
      component: part-${index}
  template:
    metadata:
      annotations:
        checksum/config: {{ include (print $.Template.BasePath "/config-${index}.yaml") . | sha256sum }}
      labels:
        {{- include "large.selectorLabels" . | nindent 8 }}
        component: part-${index}
    spec:
      serviceAccountName: {{ include "large.fullname" . }}-${index}
      containers:
        - name: main
          image: "{{ .Values.image.repository }}/part-${index}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          args: [--a=1, --b=2, --index=${index}]
          env:
            {{- toYaml .Values.env | nindent 12 }}
          ports: [{ name: http, containerPort: 8080 }]
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          readinessProbe: { httpGet: { path: /, port: http } }
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "large.fullname" . }}-${index}
  labels:
    {{- include "large.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "large.selectorLabels" . | nindent 4 }}
    component: part-${index}
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "large.fullname" . }}-${index}
  labels:
    {{- include "large.labels" . | nindent 4 }}
`;

const configuration = (index: number): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "large.fullname" . }}-${index}
  labels:
    {{- include "large.labels" . | nindent 4 }}
data:
  config: |
{{- range $line := until 30 }}
    setting-{{ $line }} = value of {{ $line }}
{{- end }}
    version = {{ .Chart.Version }}
`;

const VALUES = `replicas: 2
nameOverride: ""
image: { repository: registry.example.com, tag: "" }
env: [{ name: A, value: "1" }, { name: B, value: "2" }, { name: C, value: "3" }]
resources: { requests: { cpu: 100m, memory: 128Mi }, limits: { memory: 256Mi } }
`;

async function writeLargeChart(root: string, version: string): Promise<void> {
  await write(
    root,
    'charts/large/Chart.yaml',
    `apiVersion: v2\nname: large\nversion: ${version}\nappVersion: ${version}\n`,
  );
  await write(root, 'charts/large/values.yaml', VALUES);
  await write(root, 'charts/large/templates/_helpers.tpl', HELPERS);
  for (let index = 0; index < 100; index += 1) {
    await write(root, `charts/large/templates/part-${index}.yaml`, component(index));
    await write(root, `charts/large/templates/config-${index}.yaml`, configuration(index));
  }
  for (let index = 0; index < 10; index += 1) {
    await write(root, `charts/large/crds/thing${index}.yaml`, crd(index, version !== '1.0.0'));
  }
}

const APPLICATION = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: large, namespace: argocd }
spec:
  project: default
  source: { repoURL: https://github.com/acme/gitops.git, path: charts/large }
  destination: { name: prod-1, namespace: large }
`;

const KAJITORI = `apiVersion: kajitori.dev/v1
repository: { url: https://github.com/acme/gitops.git }
environments: { production: { clusters: [prod-1] } }
clusters: { prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" } }
registries: [333333333333.dkr.ecr.ap-northeast-1.amazonaws.com]
`;

/** The example's GitOps repository with this many deployed apps, in two clusters. */
async function writeFleet(root: string, apps: number): Promise<void> {
  const example = await generateExamples();
  const ofWeb = new Map<string, string>();
  for (const [file, text] of example) {
    if (text === null) continue;
    if (file.startsWith('apps/web/')) ofWeb.set(file.slice('apps/web/'.length), text);
    else if (!file.startsWith('apps/')) await write(root, file, text);
  }
  for (let index = 0; index < apps; index += 1) {
    for (const [file, text] of ofWeb) {
      // One environment of two clusters, so that an app is two applications.
      if (!file.includes('staging'))
        await write(root, `apps/app-${index}/${file}`, text.replaceAll('/web', `/app-${index}`));
    }
  }
  await runRegenerate(
    { check: false },
    { repository: await openWorkingCopy(root), suite: await openSuite(), version: '1.0.0' },
  );
}

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

/** From the command to the comment and the page, with a cache that knows nothing. */
async function timedDiff(
  root: string,
  folder: string,
): Promise<{ readonly ms: number; readonly outputs: DiffOutputs }> {
  const cache = await mkdtemp(join(folder, 'cache-'));
  const start = performance.now();
  const renderer = openRenderer({ ...process.env, KAJITORI_CACHE: cache }, Date.now);
  const outputs = await runDiff(
    { root, base: 'HEAD', app: undefined, cluster: undefined },
    { render: renderer.render, urls: [], onProgress: () => {} },
  );
  diffComment(outputs.report);
  diffPage(outputs.report);
  const ms = performance.now() - start;
  await rm(cache, { recursive: true });
  const [failure] = outputs.report.notRendered;
  if (failure !== undefined) throw couldNot(`${failure.application}: ${failure.message}`);
  return { ms, outputs };
}

async function timedHelm(charts: readonly string[]): Promise<number> {
  const start = performance.now();
  for (const chart of charts) {
    await execa('helm', [
      'template',
      'large',
      chart,
      '--namespace=large',
      '--kube-version=1.34',
      '--include-crds',
    ]);
  }
  return performance.now() - start;
}

async function demandAffected(outputs: DiffOutputs, wanted: number): Promise<void> {
  const { affected } = outputs.report.applications;
  if (affected !== wanted) throw couldNot(`${affected} applications are affected instead of ${wanted}`);
}

/** `ratioToHelmTwice` is ours divided by helm's for both versions; `oneOfThousandSeconds` is the whole diff. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: { apps: { type: 'string', default: '1000' }, runs: { type: 'string', default: '5' } },
  });
  const [apps, runs] = [Number(values.apps), Number(values.runs)];
  if (!Number.isInteger(apps) || apps < 1 || !Number.isInteger(runs) || runs < 1) {
    throw couldNot(`--apps ${values.apps} --runs ${values.runs} are no numbers`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-bench-diff-'));
  try {
    const large = join(folder, 'large');
    await write(large, 'kajitori.yaml', KAJITORI);
    await write(large, 'argocd/large.yaml', APPLICATION);
    await writeLargeChart(large, '1.0.0');
    await git(large, 'init', '-q', '-b', 'main');
    await commit(large, 'Large chart');
    const old = join(folder, 'old');
    await cp(join(large, 'charts/large'), old, { recursive: true });
    await writeLargeChart(large, '2.0.0');
    const ours: number[] = [];
    const helm: number[] = [];
    let objects = 0;
    for (let index = 0; index <= runs; index += 1) {
      const { ms, outputs } = await timedDiff(large, folder);
      const helmMs = await timedHelm([old, join(large, 'charts/large')]);
      objects = outputs.report.blocks.reduce(
        (sum, { changes, noise }) => sum + changes.length + noise.length,
        0,
      );
      // The first warms the disk's cache and the compiler.
      if (index > 0) {
        ours.push(ms);
        helm.push(helmMs);
      }
    }

    const fleet = join(folder, 'fleet');
    await writeFleet(fleet, apps);
    await git(fleet, 'init', '-q', '-b', 'main');
    await commit(fleet, 'Fleet');
    const change = (index: number) =>
      write(fleet, `apps/app-${index}/values.production.yaml`, 'web: { scale: 5 }\n');
    await change(0);
    const one: number[] = [];
    for (let index = 0; index <= runs; index += 1) {
      const { ms, outputs } = await timedDiff(fleet, folder);
      await demandAffected(outputs, 2);
      if (index > 0) one.push(ms);
    }
    const many: number[] = [];
    const most = Math.min(CHANGED_APPS, apps);
    for (let index = 1; index < most; index += 1) await change(index);
    for (let index = 0; index <= runs; index += 1) {
      const { ms, outputs } = await timedDiff(fleet, folder);
      await demandAffected(outputs, 2 * most);
      if (index > 0) many.push(ms);
    }

    const seconds = (ms: number) => (ms / 1000).toFixed(2).padStart(8);
    const ratio = median(ours) / median(helm);
    console.log(`medians of ${runs} runs, nothing cached (Node ${process.versions.node})\n`);
    console.log(`upgrade of a large chart, ${objects} objects change`);
    console.log(`  kajitori diff               ${seconds(median(ours))} s`);
    console.log(`  helm template, twice        ${seconds(median(helm))} s`);
    console.log(`  ratio                       ${ratio.toFixed(2).padStart(8)}     at most 1.5`);
    console.log(`${apps} apps in 2 clusters`);
    console.log(`  1 app changes               ${seconds(median(one))} s   at most 3`);
    console.log(`  ${most} apps change            ${seconds(median(many))} s\n`);
    return {
      ratioToHelmTwice: Number(ratio.toFixed(3)),
      oneOfThousandSeconds: Number((median(one) / 1000).toFixed(3)),
      hundredOfThousandSeconds: Number((median(many) / 1000).toFixed(3)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
