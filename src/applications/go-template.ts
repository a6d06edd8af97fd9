import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHelm } from '../helm/process.ts';
import type { PlainMap } from '../yaml/data.ts';
import { TemplateMistake } from './fast-template.ts';
import { ARGOCD_FUNCTIONS, templateForHelm } from './go-template-for-helm.ts';

/** One Go template with the parameters it is filled with. */
export interface TemplateJob {
  readonly template: string;
  readonly params: PlainMap;
}

/**
 * Fills Go templates as Argo CD's ApplicationSet controller does.
 *
 * @param isStrict `missingkey=error`
 * @returns a text for each job, in their order
 * @throws TemplateMistake when one of them cannot be filled
 */
export type TemplateEvaluator = (
  jobs: readonly TemplateJob[],
  isStrict: boolean,
) => Promise<readonly string[]>;

/** What a template may cost: time, and text. A template can repeat without end. */
const LIMITS = { milliseconds: 30_000, bytes: 64 * 1024 * 1024 };

const CHART = 'kajitori';

/**
 * Go's own templates, in the real helm: one process for all jobs. It has the same functions (sprig), and reads values as
 * the same types. Each template is a file of a throw-away chart; one more file prints what they make, a line of JSON each.
 */
export const helmTemplates =
  (tools: { readonly helm?: string; readonly signal?: AbortSignal } = {}): TemplateEvaluator =>
  async (jobs, isStrict) => {
    if (jobs.length === 0) return [];
    const templates = [...new Set(jobs.map(({ template }) => template))];
    const params = [...new Set(jobs.map((job) => job.params))];
    const templateAt = new Map(templates.map((template, index) => [template, index]));
    const paramsAt = new Map(params.map((each, index) => [each, index]));
    // Before anything is written: what throws here would leave writes behind that nobody waits for.
    const texts = templates.map((template, index) => templateForHelm(template, isStrict, `t${index}.`));
    const folder = await mkdtemp(join(tmpdir(), 'kajitori-templates-'));
    try {
      const files = join(folder, 'templates');
      await mkdir(files);
      await Promise.all([
        writeFile(join(folder, 'Chart.yaml'), `apiVersion: v2\nname: ${CHART}\nversion: 0.0.0\n`),
        writeFile(join(files, '_argocd.tpl'), ARGOCD_FUNCTIONS),
        writeFile(join(files, 'results.yaml'), RESULTS),
        ...texts.map((text, index) => writeFile(join(files, `_t${index}.tpl`), text)),
      ]);
      const values = {
        params,
        jobs: jobs.map((job) => [templateAt.get(job.template), paramsAt.get(job.params)]),
      };
      return resultsOf(await fillIn(folder, JSON.stringify(values), templates, tools));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

/** `toJson` writes `<` as an escape, so that helm does not take a `<no value>` out of the text afterwards. */
const RESULTS = `apiVersion: v1
kind: Results
results:
{{- range .Values.jobs }}
- {{ include (printf "${CHART}/templates/_t%d.tpl" (int (index . 0))) (index $.Values.params (int (index . 1))) | toJson }}
{{- end }}
`;

function resultsOf(text: string): string[] {
  const lines = text.slice(text.indexOf('\nresults:\n')).split('\n');
  return lines.filter((line) => line.startsWith('- ')).map((line) => JSON.parse(line.slice(2)) as string);
}

async function fillIn(
  folder: string,
  values: string,
  templates: readonly string[],
  tools: { readonly helm?: string; readonly signal?: AbortSignal },
): Promise<string> {
  const end = await runHelm(['template', '--values=-', '--', 'templates', folder], {
    ...tools,
    // A kubeconfig would let `lookup` read a cluster.
    env: { KUBECONFIG: '' },
    input: values,
    limits: LIMITS,
    neededFor: 'ApplicationSets with functions in their templates need it',
  });
  if (end.kind === 'done') return end.stdout;
  const said = end.kind === 'failed' ? end.stderr : '';
  const index = /_t(\d+)\.tpl/.exec(said)?.[1];
  throw new TemplateMistake(
    templates[Number(index ?? 0)] ?? '',
    end.kind === 'stopped' ? 'filling it in takes too long, or makes too much text' : inPlainWords(said),
  );
}

/** What Go says, without our file names and what we wrote into the template. */
function inPlainWords(said: string): string {
  const missing =
    /at <[^>]*?\(pluck "([^"]+)"[^>]*>: error calling index: (?:error calling index: )?(?:reflect: slice )?index out of range/s.exec(
      said,
    );
  if (missing !== null) return `there is no parameter .${missing[1]}`;
  const line = said.split('\n').find((each) => /_t\d+\.tpl/.test(each));
  const words = line?.replace(/^.*_t\d+\.tpl:\d+(?::\d+)?:?\s*/, '').replace(/^executing "[^"]*" /, '');
  return words === undefined || words === '' ? `helm cannot fill it in: ${said.trim()}` : words;
}
