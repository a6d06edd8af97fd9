import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Failure } from '../report/failure.ts';
import type { BatchChart } from './batch-chart.ts';
import type { PlainMap } from './merged-values.ts';
import { type HelmOptions, type HelmRelease, helmTemplateText } from './template.ts';

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

/**
 * What came of a batch: the text of each member, byte for byte as helm prints it for this release alone (undefined where
 * something in it is odd), or what helm said.
 */
export type BatchOutcome =
  | { readonly texts: readonly (string | undefined)[] }
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
 *
 * Names have a random part, so that nothing which is rendered can be taken for the head line that helm prints over a document.
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
  const rendered = await helmTemplateText({ ...release, ...flags }, options).then(
    (text) => ({ text }),
    (failure: unknown) => ({ failure }),
  );
  if ('failure' in rendered) {
    const { failure } = rendered;
    if (!(failure instanceof Failure)) {
      throw failure;
    }
    const said = typeof failure.cause === 'string' ? failure.cause : '';
    const named = new Set(
      [...said.matchAll(new RegExp(`${umbrella}-(\\d+)\\b`, 'g'))].map(([, at]) => Number(at)),
    );
    return {
      failure,
      named: [...named].filter((index) => index < members.length),
      isComplete: failure.reason === 'values-refused',
    };
  }
  return { texts: textsOf(rendered.text, umbrella, chart.name, members.length) };
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
  files.set(`templates/${umbrella}.yaml`, LAST_OBJECT);
  for (const [file, text] of chart.partials) {
    files.set(file, text);
  }
  for (const [file, text] of chart.rendered) {
    const template = JSON.stringify(`${name}/${file}`);
    files.set(`templates/_${umbrella}/${file}.tpl`, `{{ define ${template} }}${text}{{ end }}`);
    files.set(`charts/chart/${file}`, `{{ include ${template} ${context(name, file)} }}`);
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

/**
 * An object that helm prints after all others and before all hooks: kinds that it does not know are last, by name (`InstallOrder`
 * in its source). It shows where hooks begin.
 */
const LAST_OBJECT = 'apiVersion: v1\nkind: "~"\n';

/** Parts helm's output by the head lines that say which dependency a document is from; order is kept. */
function textsOf(output: string, umbrella: string, chart: string, members: number): (string | undefined)[] {
  const last = output.indexOf(`---\n# Source: ${umbrella}/templates/${umbrella}.yaml\n`);
  if (last === -1 || !output.startsWith(`---\n# Source: ${umbrella}/`)) {
    return Array.from({ length: members }, () => undefined);
  }
  const objects = partsOf(output.slice(0, last), umbrella, chart, members);
  const hooks = partsOf(output.slice(last), umbrella, chart, members);
  return objects.map((part, index) => {
    // Helm takes the space after the last object away, and Helm 4 that after no other one.
    const trimmed = part.trimEnd();
    // These are space to Go or to JavaScript only.
    const isOdd = /[\u0085\ufeff]/.test(part.slice(Math.max(0, trimmed.length - 1)));
    const text = `${trimmed}\n${hooks[index]}`;
    return isOdd || text.includes(umbrella) ? undefined : text;
  });
}

function partsOf(output: string, umbrella: string, chart: string, members: number): string[] {
  const texts = Array.from({ length: members }, () => '');
  const heads = new RegExp(`^---\\n# Source: ${umbrella}/charts/${umbrella}-(\\d+)/(.*)\\n`, 'gm');
  let before: { readonly index: number; readonly head: string; readonly from: number } | undefined;
  const close = (to: number): void => {
    if (before !== undefined) {
      texts[before.index] += before.head + output.slice(before.from, to);
    }
  };
  for (const found of output.matchAll(heads)) {
    close(found.index);
    const [head, index, file] = found;
    before = {
      index: Number(index),
      head: `---\n# Source: ${chart}/${file}\n`,
      from: found.index + head.length,
    };
  }
  close(output.length);
  return texts;
}
