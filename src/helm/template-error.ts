import { stripVTControlCharacters } from 'node:util';
import type { FailureDetails, Place } from '../report/failure.ts';
import { formatPath } from '../yaml/path.ts';
import { refusedValues } from './schema-error.ts';

/** What helm's words are about. */
export interface HelmErrorContext {
  /** The chart's folder, as messages show it. */
  readonly chart: string;
  /** The chart's values.schema.json, parsed; undefined when there is none. */
  readonly schema: unknown;
  /** How messages show an absolute path. */
  readonly show: (file: string) => string;
}

/** A `Failure` in parts: helm's error for people. */
export interface HelmErrorWords extends FailureDetails {
  readonly message: string;
}

/** Helm can repeat a whole rendered file, and name a thousand includes before it says what is wrong. */
const LONGEST = 4000;

const REFUSED_VALUES = "values don't meet the specifications of the schema";

/** `app/templates/_pod.tpl:12:4`; the first part is the chart's name, the column may be missing. */
const TEMPLATE_PLACE = String.raw`[^\s/:()]+/((?:charts|templates)/[^\s:()]+)(?::(\d+)(?::(\d+))?)?`;

/**
 * Makes helm's error readable: the place it talks about, one line for each value that the schema refuses, none of the
 * Go types and call chains. What is not recognised stays in helm's own words.
 *
 * The forms are those of Helm 3.14 to 4 (pkg/engine `cleanupExecError`, pkg/chart/common/util `ValidateAgainstSchema`).
 *
 * @param stderr all that helm wrote there; it may contain text that was written by anybody
 */
export function explainHelmError(stderr: string, context: HelmErrorContext): HelmErrorWords {
  const text = plainText(stderr);
  return (
    schemaError(text, context) ??
    failedTemplate(text, context) ??
    brokenTemplate(text, context) ??
    brokenValues(text, context) ??
    brokenChart(text, context) ??
    wrongKubernetes(text, context) ?? {
      message: `helm could not render it: ${text || 'it said nothing'}`,
      at: { file: context.chart },
      todo: 'Correct the chart, or take another version of it.',
      reason: 'render-failed',
    }
  );
}

/** Without warnings, helm's closing hint, colours and other control characters. */
const plainText = (stderr: string): string =>
  shortened(
    stripVTControlCharacters(stderr)
      .replaceAll(/[^\P{C}\n]/gu, '')
      .replace(/^[\s\S]*?^Error: /m, '')
      .replace(/\n*Use --debug flag[^\n]*\s*$/, '')
      .trim(),
  );

/** Chains end with what is wrong; a list of refused values begins with it. */
function shortened(text: string): string {
  if (text.length <= LONGEST) {
    return text;
  }
  return text.startsWith(REFUSED_VALUES)
    ? text.slice(0, LONGEST)
    : `${text.slice(0, LONGEST / 2)} […] ${text.slice(-LONGEST / 2)}`;
}

function schemaError(text: string, { chart, schema }: HelmErrorContext): HelmErrorWords | undefined {
  if (!text.startsWith(REFUSED_VALUES)) {
    return undefined;
  }
  const refused = refusedValues(text, schema);
  const lines = refused.map(({ path, problem }) =>
    path.length === 0 ? problem : `${formatPath(path)} ${problem}`,
  );
  return {
    message:
      lines.length === 1
        ? `The chart does not accept the values: ${lines[0]}`
        : `The chart does not accept the values:${lines.map((line) => `\n  ${line}`).join('')}`,
    at: { file: chart },
    todo: "Correct the values; the chart's README.md and values.schema.json list its keys.",
    reason: 'values-refused',
  };
}

/** `fail` and `required`: the chart's own words for people. */
function failedTemplate(text: string, context: HelmErrorContext): HelmErrorWords | undefined {
  const found = new RegExp(`execution error at \\(${TEMPLATE_PLACE}\\): ([\\s\\S]*)$`).exec(text);
  return found === null
    ? undefined
    : { message: found[4] ?? '', at: templatePlace(found, context), reason: 'render-failed' };
}

function brokenTemplate(text: string, context: HelmErrorContext): HelmErrorWords | undefined {
  // A chain of includes names several places; the last is where it happened. Helm 4 puts each on a line of its own.
  const [place] = [
    ...text.matchAll(
      new RegExp(`(?:template: |parse error at \\(|parse error on |^)${TEMPLATE_PLACE}`, 'gm'),
    ),
  ].slice(-1);
  if (place === undefined) {
    return undefined;
  }
  const why = text
    .slice(place.index + place[0].length)
    .replace(/^\)?:?\s+/, '')
    .replace(/^executing "[^\n]*?" at (<[^\n]*?>):\s+/, '$1: ');
  const yamlLine = /\byaml: line (\d+)/.exec(text);
  const rendered = yamlLine !== null && text.startsWith('YAML parse error');
  return {
    message: rendered
      ? `What this template renders is not YAML (its line ${yamlLine[1]}): ${why.replace(/^.*?yaml: line \d+: /, '')}`
      : `The template fails: ${why}`,
    at: templatePlace(place, context),
    todo: 'Correct the template, or the value that it stumbles over.',
    reason: 'render-failed',
  };
}

function templatePlace(found: RegExpExecArray | RegExpMatchArray, { chart }: HelmErrorContext): Place {
  const [, file, line, column] = found;
  return {
    file: `${chart}/${file}`,
    ...(line === undefined ? {} : { line: Number(line) }),
    // Go counts columns from 0 (text/template, ErrorContext).
    ...(column === undefined ? {} : { column: Number(column) + 1 }),
  };
}

function brokenValues(text: string, { show }: HelmErrorContext): HelmErrorWords | undefined {
  const found = /^failed to parse ([^\n]+?): ([\s\S]*)$/.exec(text);
  const [, file, why] = found ?? [];
  if (file === undefined || why === undefined) {
    return undefined;
  }
  const line = /\bline (\d+)/.exec(why)?.[1];
  return {
    message: `helm cannot read these values: ${why.replace(/^(?:cannot unmarshal yaml document: )?(?:error converting YAML to JSON: )?(?:yaml: )?(?:line \d+: )?/, '')}`,
    at: { file: show(file), ...(line === undefined ? {} : { line: Number(line) }) },
    todo: 'Correct the YAML.',
    reason: 'render-failed',
  };
}

/** What helm says when it loads a chart (pkg/chart/loader). */
function brokenChart(text: string, { chart }: HelmErrorContext): HelmErrorWords | undefined {
  const [, large, limit] =
    /^chart file "([^"\n]+)" is larger than the maximum file size (\d+)/.exec(text) ?? [];
  if (large !== undefined) {
    return {
      message: `The file is too large for helm (its limit is ${limit} bytes).`,
      at: { file: `${chart}/${large}` },
      todo: 'Move it out of the chart, or name it in .helmignore.',
      reason: 'file-too-large',
    };
  }
  const [, file, why] = /^cannot load ([\w./-]+): ([\s\S]*)$/.exec(text) ?? [];
  if (file === undefined || why === undefined) {
    return undefined;
  }
  const line = /\bline (\d+)/.exec(why)?.[1];
  return {
    message: `helm cannot read this: ${why.replace(/^(?:error converting YAML to JSON: )?(?:yaml: )?(?:line \d+: )?/, '')}`,
    at: { file: `${chart}/${file}`, ...(line === undefined ? {} : { line: Number(line) }) },
    todo: 'Correct the YAML.',
    reason: 'render-failed',
  };
}

function wrongKubernetes(text: string, { chart }: HelmErrorContext): HelmErrorWords | undefined {
  const found = /^chart requires kubeVersion: (.*?) which is incompatible with Kubernetes v?(\S+)/.exec(text);
  return found === null
    ? undefined
    : {
        message: `The chart is for Kubernetes ${found[1]}, and the cluster runs ${found[2]}.`,
        at: { file: `${chart}/Chart.yaml` },
        todo: 'Take a version of the chart that supports this cluster; kajitori.yaml says which Kubernetes it runs.',
        reason: 'render-failed',
      };
}
