import picomatch from 'picomatch';
import { readPlainValues } from '../kubernetes/go-yaml.ts';
import { isMap } from '../yaml/data.ts';
import type { PlainMap } from './merged-values.ts';
import { declaredNames, declaresTemplates, templateActions, wordForAlone } from './template-facts.ts';

/** A chart of which many releases can be rendered by one process, with what that needs of it. */
export interface BatchChart {
  readonly name: string;
  /** `kubeVersion` of Chart.yaml, which helm only looks at in the chart that it is given. */
  readonly kubeVersion?: string;
  readonly chartYaml: string;
  readonly valuesYaml: string | undefined;
  readonly defaults: PlainMap;
  /** Files of templates/ that are rendered, by path in the chart. */
  readonly rendered: ReadonlyMap<string, string>;
  /** Files of templates/ that begin with `_`. */
  readonly partials: ReadonlyMap<string, string>;
  /** values.schema.json, parsed. */
  readonly schema: PlainMap | undefined;
}

/** `reason` says for people why each release of a chart is rendered by a process of its own. */
export type Suitability =
  | { readonly suited: true; readonly chart: BatchChart }
  | { readonly suited: false; readonly reason: string };

/**
 * Whether many releases of a chart can be rendered together, decided by reading it. Whatever is not known to come out the same
 * is not suited: dependencies, files besides templates that are read, anything of `template-facts.ts`.
 */
export function suitability(files: ReadonlyMap<string, Buffer>): Suitability {
  try {
    return { suited: true, chart: batchChart(files) };
  } catch (error) {
    if (!(error instanceof NotSuited)) {
      throw error;
    }
    return { suited: false, reason: error.message };
  }
}

class NotSuited extends Error {}

const unless = (condition: boolean, reason: string): void => {
  if (!condition) {
    throw new NotSuited(reason);
  }
};

function batchChart(files: ReadonlyMap<string, Buffer>): BatchChart {
  const text = (name: string): string | undefined => {
    const content = files.get(name);
    return content === undefined ? undefined : utf8(name, content);
  };
  const chartYaml = text('Chart.yaml') ?? '';
  const about = readPlainValues(chartYaml)?.value;
  if (!isMap(about) || typeof about.name !== 'string' || typeof about.version !== 'string') {
    throw new NotSuited('its Chart.yaml says something unusual');
  }
  unless(
    about.apiVersion === 'v2' && (about.type ?? 'application') === 'application',
    'it is no application chart',
  );
  unless(
    /^[a-z0-9][a-z0-9-]*$/.test(about.name) && /^\d+\.\d+\.\d+[\w.+-]*$/.test(about.version),
    'its name or version',
  );
  unless(about.kubeVersion === undefined || typeof about.kubeVersion === 'string', 'its kubeVersion');
  for (const [name] of files) {
    unless(!/^(?:charts|crds)\/|^(?:requirements\.ya?ml|Chart\.lock)$/.test(name), `it has ${name}`);
  }
  unless(about.dependencies === undefined, 'it has dependencies');
  const valuesYaml = text('values.yaml');
  const defaults = readPlainValues(valuesYaml ?? '')?.value ?? undefined;
  unless(valuesYaml === undefined || isMap(defaults), 'its values.yaml has something unusual, or null');
  const templates = [...files.keys()].filter((name) => name.startsWith('templates/'));
  checkIgnored(text('.helmignore') ?? '', ['Chart.yaml', 'values.yaml', 'values.schema.json', ...templates]);
  const rendered = new Map<string, string>();
  const partials = new Map<string, string>();
  for (const name of templates) {
    const template = utf8(name, files.get(name) ?? Buffer.of());
    const actions = templateActions(template);
    if (actions === undefined) {
      throw new NotSuited(`${name} is no template`);
    }
    const word = wordForAlone(actions);
    unless(word === undefined, `${name} uses ${word}`);
    unless(
      declaredNames(actions).every((each) => !/[/\\]/.test(each)),
      `${name} declares a template named like a file`,
    );
    const isPartial = name.slice(name.lastIndexOf('/') + 1).startsWith('_');
    unless(isPartial || !declaresTemplates(actions), `${name} declares a template`);
    (isPartial ? partials : rendered).set(name, template);
  }
  return {
    name: about.name,
    ...(about.kubeVersion === undefined ? {} : { kubeVersion: about.kubeVersion as string }),
    chartYaml,
    valuesYaml,
    defaults: isMap(defaults) ? defaults : {},
    rendered,
    partials,
    schema: schemaOf(text('values.schema.json')),
  };
}

function utf8(name: string, content: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    unless(!text.startsWith('\ufeff'), `${name} has a byte order mark`);
    return text;
  } catch {
    throw new NotSuited(`${name} is not UTF-8`);
  }
}

/** Helm applies .helmignore only to the chart that it is given. So nothing that we take may be meant by it. */
function checkIgnored(helmignore: string, names: readonly string[]): void {
  const paths = names.flatMap((name) => {
    const steps = name.split('/');
    return steps
      .flatMap((_, from) => steps.map((__, to) => steps.slice(from, to + 1).join('/')))
      .filter((each) => each !== '');
  });
  for (const line of helmignore.split('\n').map((each) => each.trim())) {
    if (line !== '' && !line.startsWith('#')) {
      unless(!line.startsWith('!'), '.helmignore has exceptions');
      const meant = picomatch(line.replace(/^\//, '').replace(/\/$/, ''), { dot: true });
      unless(!paths.some((each) => meant(each)), `.helmignore names ${line}`);
    }
  }
}

/** Keywords that say something about one key, so that they say the same when helm adds `global` to a dependency's values. */
const ROOT_KEYWORDS = new Set(
  (
    '$schema title description type properties patternProperties additionalProperties required definitions $defs default ' +
    'examples $comment'
  ).split(' '),
);

function schemaOf(text: string | undefined): PlainMap | undefined {
  if (text === undefined) {
    return undefined;
  }
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    throw new NotSuited('its schema is not JSON');
  }
  if (!isMap(schema)) {
    throw new NotSuited('its schema is no map');
  }
  const odd = Object.keys(schema).find((key) => !ROOT_KEYWORDS.has(key));
  unless(odd === undefined, `its schema has ${odd} at the root`);
  // Under an `$id` of ours its references are still its own, unless it has ways of its own to name places.
  unless(
    !/"(?:\$id|id|\$anchor|\$dynamicRef|\$dynamicAnchor|\$recursiveRef|\$recursiveAnchor)"\s*:\s*"/.test(
      text,
    ),
    'its schema has an id',
  );
  const references = [...text.matchAll(/"\$ref"\s*:\s*"([^"]*)"/g)].map(([, to]) => to ?? '');
  unless(
    references.every((to) => /^#\/[\w$/-]+$/.test(to)),
    'its schema refers to another file',
  );
  const { global } = isMap(schema.properties) ? schema.properties : {};
  const takesGlobal =
    global === undefined
      ? schema.additionalProperties !== false &&
        !isMap(schema.additionalProperties) &&
        schema.patternProperties === undefined
      : isMap(global) &&
        Object.keys(global).every((key) => ['type', 'title', 'description'].includes(key)) &&
        [global.type ?? 'object'].flat().includes('object');
  unless(takesGlobal, 'its schema does not take `global`');
  return schema;
}
