import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { couldNot, type Failure } from '../report/failure.ts';
import { limitWords, runHelm, type ToolEnd } from './process.ts';
import { explainHelmError } from './template-error.ts';

/** One chart with its values, for one cluster. */
export interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  /** The chart's folder or its archive (`.tgz`), absolute. */
  readonly chart: string;
  /** What messages call the chart, like `podinfo 6.5.0`; default: its path. */
  readonly chartName?: string;
  /** Absolute paths; later ones win. Each must exist. */
  readonly valueFiles: readonly string[];
  /** Argo CD's `valuesObject`: wins over every file. */
  readonly values?: unknown;
  /** Argo CD's `values`, YAML as it is written: wins over every file. Read only where `values` is undefined. */
  readonly valuesText?: string;
  /** As `--set` takes them, in order; they win over all values. */
  readonly set?: readonly HelmParameter[];
  /** As `--set-string`: the value stays text. */
  readonly setString?: readonly HelmParameter[];
  /** As `--set-file`: the value is the content of a file, named by an absolute path. */
  readonly setFile?: readonly HelmParameter[];
  /** Of the cluster, like `1.34`. Without it helm assumes a version that it was built with, by `go install` 1.20. */
  readonly kubeVersion: string;
  /** What the cluster has besides the built-in kinds, like `monitoring.coreos.com/v1/ServiceMonitor`. */
  readonly apiVersions?: readonly string[];
  /** Leaves out what stands in the chart's crds/. */
  readonly skipCrds?: boolean;
  /** Leaves out helm's test hooks. */
  readonly skipTests?: boolean;
  /** Renders what values.schema.json would refuse. Needs Helm 3.16. */
  readonly skipSchemaValidation?: boolean;
}

/** One parameter: `image.tag` and its value, in the small language of `helm --set`. */
export interface HelmParameter {
  readonly name: string;
  readonly value: string;
}

export interface HelmOptions {
  /** The command; default: `helm` on PATH. */
  readonly helm?: string;
  readonly signal?: AbortSignal;
  /** Messages name files relative to this folder; default: absolute. */
  readonly root?: string;
  /** Against templates that do not end. Default: 30 s, 64 MiB. */
  readonly limits?: { readonly milliseconds: number; readonly bytes: number };
}

const LIMITS = { milliseconds: 30_000, bytes: 64 * 1024 * 1024 };

/**
 * What `helm template` makes of a release, as objects.
 *
 * @throws Failure (exit 2): `tool-missing`, `chart-missing`, `values-refused` by the chart's schema, `render-failed`
 * in a template, `render-limit`, `bad-manifest`
 */
export async function helmTemplate(
  release: HelmRelease,
  options: HelmOptions = {},
): Promise<KubernetesObject[]> {
  const text = await helmTemplateText(release, options);
  return parseManifests(text, shownChart(release, options));
}

/** The same as text, byte for byte as helm prints it. */
export async function helmTemplateText(release: HelmRelease, options: HelmOptions = {}): Promise<string> {
  const end = await runHelmTemplate(release, options);
  if (end.kind === 'done') {
    return end.stdout;
  }
  throw await notRendered(end, release, options);
}

/**
 * Runs `helm template`; how it ended is for the caller to judge.
 *
 * @param env besides our own environment
 * @throws Failure (exit 2, `tool-missing`)
 */
export function runHelmTemplate(
  release: HelmRelease,
  { helm, signal, limits = LIMITS }: HelmOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<ToolEnd> {
  return runHelm(helmArguments(release), {
    helm,
    // Helm lives for a moment: collecting garbage a quarter as often takes a fifth of its time away.
    env: { GOGC: process.env.GOGC ?? '400', ...env },
    input: release.values === undefined ? (release.valuesText ?? '{}') : JSON.stringify(release.values),
    limits,
    signal,
  });
}

/** Why there is nothing, in words. What helm said itself is the cause. */
export async function notRendered(
  end: Exclude<ToolEnd, { readonly kind: 'done' }>,
  release: HelmRelease,
  options: HelmOptions,
): Promise<Failure> {
  const chart = shownChart(release, options);
  if (end.kind === 'stopped') {
    return couldNot(`Rendering took ${limitWords(end.by, options.limits ?? LIMITS)} and was stopped.`, {
      at: { file: chart },
      todo: 'Look for a template or a value that repeats itself.',
      reason: 'render-limit',
    });
  }
  const schema = await chartSchema(release.chart, chart);
  const { message, ...details } = explainHelmError(end.stderr, {
    chart,
    schema,
    show: (file) => shownPath(file, options),
  });
  return couldNot(message, { ...details, cause: end.stderr });
}

/** Flags first and `--` before names: nothing that a repository calls itself becomes an option. */
function helmArguments(release: HelmRelease): string[] {
  return [
    'template',
    `--namespace=${release.namespace}`,
    `--kube-version=${release.kubeVersion}`,
    // As Argo CD calls it.
    ...(release.skipCrds === true ? [] : ['--include-crds']),
    ...(release.skipTests === true ? ['--skip-tests'] : []),
    ...(release.skipSchemaValidation === true ? ['--skip-schema-validation'] : []),
    ...(release.apiVersions ?? []).map((version) => `--api-versions=${quoteForHelm(version)}`),
    ...release.valueFiles.map((file) => `--values=${quoteForHelm(file)}`),
    '--values=-',
    ...parameters('--set', release.set),
    ...parameters('--set-string', release.setString),
    ...parameters('--set-file', release.setFile),
    '--',
    release.name,
    release.chart,
  ];
}

const parameters = (flag: string, list: readonly HelmParameter[] = []): string[] =>
  list.map(({ name, value }) => `${flag}=${name}=${withoutCommas(value)}`);

/** Helm takes a comma for the next parameter, except in a list (`{a,b}`); Argo CD escapes it so (util/helm/cmd.go). */
const withoutCommas = (value: string): string =>
  value.startsWith('{') && value.endsWith('}') ? value : value.replaceAll(/(?<!\\),/g, '\\,');

/** Helm splits the value of these flags like a line of CSV. */
const quoteForHelm = (text: string): string =>
  /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

const shownPath = (file: string, { root }: HelmOptions): string =>
  root !== undefined && path.isAbsolute(file) ? path.relative(root, file) || '.' : file;

/** What messages call the chart of a release. */
export const shownChart = (release: HelmRelease, options: HelmOptions): string =>
  release.chartName ?? shownPath(release.chart, options);

/** The chart's schema, for better words about what it refuses; undefined when it has none that can be read. */
async function chartSchema(folder: string, shown: string): Promise<unknown> {
  if (folder.endsWith('.tgz')) {
    return undefined;
  }
  await readFile(path.join(folder, 'Chart.yaml')).catch(() => {
    throw couldNot('There is no chart here: Chart.yaml cannot be read.', {
      at: { file: shown },
      todo: 'Name the folder of a chart; `kajitori init` puts the standard chart into charts/app.',
      reason: 'chart-missing',
    });
  });
  try {
    return JSON.parse(await readFile(path.join(folder, 'values.schema.json'), 'utf8'));
  } catch {
    return undefined;
  }
}
