import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Failure } from '../report/failure.ts';
import type { BatchChart } from './batch-chart.ts';
import type { PlainMap } from './merged-values.ts';
import type { RenderedFile } from './rendered-files.ts';
import { type HelmOptions, type HelmRelease, notRendered, runHelmTemplate } from './template.ts';

/** One release of a batch. */
export interface BatchMember {
  readonly name: string;
  readonly namespace: string;
  /** All its layers as one, without `global`. */
  readonly values: PlainMap;
}

/** What all of a batch have in common. */
export type BatchFlags = Pick<
  HelmRelease,
  'kubeVersion' | 'apiVersions' | 'skipTests' | 'skipSchemaValidation'
>;

/** What came of a batch: what each template rendered for each member, in the order of the templates' paths, or what helm said. */
export type BatchOutcome =
  | { readonly files: readonly (readonly RenderedFile[])[] }
  | {
      readonly failure: Failure;
      /** Indexes of members that helm names; empty where it names none. */
      readonly named: readonly number[];
      /** Helm names all that a schema refuses, but only the first that a template fails for. */
      readonly isComplete: boolean;
    };

/**
 * Renders many releases of one chart by one helm process: each is a dependency, under a name of its own, of one umbrella chart
 * that is made for this and thrown away. So helm itself lays the chart's defaults under the values of each.
 *
 * - Templates are parsed once: they are named templates of the umbrella, called like the files that they are from (so that
 *   `include (print $.Template.BasePath "/x.yaml") .` finds them), and each dependency includes them.
 * - What a template asks of the release and the chart is told as it is when it is rendered alone; the dependency's own would be
 *   those of the umbrella.
 * - The schema is lifted to the umbrella, where helm compiles it once and looks at all dependencies' values with it.
 * - Helm would read all of it as YAML to bring it into order, as we do again: a third of its time. So each file begins with
 *   what no YAML begins with. Helm then says so of the first, and what it is told to print in this case (`--debug`) are all files as
 *   they were rendered. They are put into order by `readRenderedFiles`.
 *
 * Names have a random part, so that nothing which is rendered can be taken for the head line that helm prints over a file.
 */
export async function renderBatch(
  chart: BatchChart,
  flags: BatchFlags,
  members: readonly BatchMember[],
  options: HelmOptions,
): Promise<BatchOutcome> {
  const umbrella = `kj-${randomBytes(8).toString('hex')}`;
  const alias = (index: number): string => `${umbrella}-${index}`;
  // Node's own way round by threads would take ten times as long for these few small files, and a processor waits for them.
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'kajitori-umbrella-'));
  const aliases = members.map((_, index) => alias(index));
  const made = new Set<string>();
  for (const [name, text] of umbrellaFiles(chart, umbrella, aliases, flags)) {
    const file = path.join(folder.path, name);
    const parent = path.dirname(file);
    if (!made.has(parent)) {
      mkdirSync(parent, { recursive: true });
      made.add(parent);
    }
    writeFileSync(file, text);
  }
  const values = Object.fromEntries(
    members.map((member, index) => [
      alias(index),
      { ...member.values, global: { kajitori: { name: member.name, namespace: member.namespace } } },
    ]),
  );
  const release = { name: 'umbrella', namespace: 'umbrella', chart: folder.path, valueFiles: [], values };
  const all = { ...release, ...flags };
  const end = await runHelmTemplate(all, options, { HELM_DEBUG: 'true' });
  const templates = [...chart.rendered.keys()].filter((name) => !name.endsWith('NOTES.txt'));
  const files = end.kind === 'stopped' ? undefined : filesOf(end.stdout, umbrella, templates, members.length);
  if (files !== undefined) {
    return { files };
  }
  if (end.kind === 'done') {
    return { files: [] };
  }
  const failure = await notRendered(end, all, options);
  const said = end.kind === 'failed' ? end.stderr.slice(Math.max(0, end.stderr.search(/^Error: /m))) : '';
  const named = new Set(
    [...said.matchAll(new RegExp(`${umbrella}-(\\d+)\\b`, 'g'))].map(([, at]) => Number(at)),
  );
  return {
    failure,
    named: [...named].filter((index) => index < members.length),
    isComplete: failure.reason === 'values-refused',
  };
}

function umbrellaFiles(
  chart: BatchChart,
  umbrella: string,
  aliases: readonly string[],
  flags: BatchFlags,
): Map<string, string> {
  const { name, kubeVersion, schema } = chart;
  const files = new Map<string, string>();
  const dependencies = aliases.map((alias) => ({ name, version: '>=0.0.0-0', alias }));
  const about = { apiVersion: 'v2', name: umbrella, version: '0.0.0', dependencies };
  files.set('Chart.yaml', JSON.stringify(kubeVersion === undefined ? about : { ...about, kubeVersion }));
  if (schema !== undefined && flags.skipSchemaValidation !== true) {
    files.set('values.schema.json', JSON.stringify(liftedSchema(schema, umbrella)));
  }
  files.set('charts/chart/Chart.yaml', chart.chartYaml);
  if (chart.valuesYaml !== undefined) {
    files.set('charts/chart/values.yaml', chart.valuesYaml);
  }
  for (const [file, text] of chart.partials) {
    files.set(file, text);
  }
  for (const [file, text] of chart.rendered) {
    const template = JSON.stringify(`${name}/${file}`);
    files.set(`templates/_${umbrella}/${file}.tpl`, `{{ define ${template} }}${text}{{ end }}`);
    files.set(`charts/chart/${file}`, `${MARK}{{ include ${template} ${context(name, file)} }}${MARK}`);
  }
  return files;
}

/** What `.` is in a template of a chart that is rendered alone (helm's pkg/engine `recAllTpls`), without its files. */
const context = (chart: string, file: string): string => {
  const facts = {
    Values: '(omit .Values "global")',
    Release: `(dict "Name" .Values.global.kajitori.name "Namespace" .Values.global.kajitori.namespace "Service" "Helm" "IsInstall" true "IsUpgrade" false "Revision" 1)`,
    Chart: `(dict "Name" ${JSON.stringify(chart)} "Version" .Chart.Version "AppVersion" .Chart.AppVersion)`,
    Capabilities: '.Capabilities',
    Template: `(dict "Name" ${JSON.stringify(`${chart}/${file}`)} "BasePath" ${JSON.stringify(`${chart}/templates`)})`,
  };
  const pairs = Object.entries(facts).map(([name, value]) => `"${name}" ${value}`);
  return `(dict ${pairs.join(' ')})`;
};

const liftedSchema = (schema: PlainMap, umbrella: string) => ({
  ...(schema.$schema === undefined ? {} : { $schema: schema.$schema }),
  type: 'object',
  patternProperties: { [`^${umbrella}-[0-9]+$`]: { $ref: '#/definitions/chart' } },
  // An `$id` makes `#/…` in it mean its own places.
  definitions: { chart: { ...schema, $id: 'https://kajitori.dev/lifted/values.schema.json' } },
});

/** YAML keeps it for later: nothing may begin with it. */
const MARK = '@';

/**
 * Parts helm's output by the head lines over its files, which are in no order.
 *
 * @returns undefined unless each file of each member is there, from mark to mark
 */
function filesOf(
  output: string,
  umbrella: string,
  templates: readonly string[],
  members: number,
): RenderedFile[][] | undefined {
  const heads = new RegExp(`^---\\n# Source: ${umbrella}/charts/${umbrella}-(\\d+)/(.*)\\n${MARK}`, 'gm');
  const found = [...output.matchAll(heads)];
  const texts = new Map<string, string>();
  for (const [at, head] of found.entries()) {
    const file = output.slice(head.index + head[0].length, found[at + 1]?.index);
    if (!file.endsWith(`${MARK}\n`)) {
      return undefined;
    }
    texts.set(`${head[1]}/${head[2]}`, file.slice(0, -MARK.length - 1));
  }
  const inOrder = templates.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const files = Array.from({ length: members }, (_, index) =>
    inOrder.flatMap((template) => {
      const text = texts.get(`${index}/${template}`);
      return text === undefined ? [] : [{ template, text }];
    }),
  );
  return files.every(({ length }) => length === templates.length) ? files : undefined;
}
