/** The tables of inputs and outputs in an action's README.md, made from its action.yml. */
import { parse } from 'yaml';
import { z } from 'zod';
import { couldNot } from '../src/report/failure.ts';

/** The part of action.yml that the tables show (docs.github.com: "Metadata syntax for GitHub Actions"). */
const actionSchema = z.object({
  inputs: z
    .record(
      z.string(),
      z.object({
        description: z.string(),
        required: z.boolean().optional(),
        default: z.union([z.string(), z.number(), z.boolean()]).optional(),
        deprecationMessage: z.string().optional(),
      }),
    )
    .nullish(),
  outputs: z.record(z.string(), z.object({ description: z.string() })).nullish(),
});

type Action = z.infer<typeof actionSchema>;

/** A cell holds one line, and a bare `|` would end it. */
export const cell = (text: string): string =>
  text
    .trim()
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ');

export const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``);

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function inputsTable(inputs: Action['inputs']): string {
  const rows = Object.entries(inputs ?? {}).map(([name, input]) => {
    const deprecated =
      input.deprecationMessage === undefined ? '' : `**Deprecated:** ${input.deprecationMessage} `;
    const description = cell(`${deprecated}${input.description}`);
    return [code(name), input.required ? 'yes' : '', code(String(input.default ?? '')), description];
  });
  return rows.length === 0 ? 'None.' : table(['input', 'required', 'default', 'what it is'], rows);
}

function outputsTable(outputs: Action['outputs']): string {
  const rows = Object.entries(outputs ?? {}).map(([name, output]) => [code(name), cell(output.description)]);
  return rows.length === 0 ? 'None.' : table(['output', 'what it is'], rows);
}

/** Puts `content` between `<!-- name:start -->` and `<!-- name:end -->`, or returns undefined where those are not. */
export function fill(text: string, name: string, content: string): string | undefined {
  const start = `<!-- ${name}:start -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) return undefined;
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/**
 * The README of an action with its tables as action.yml has them; the rest stays as it is.
 *
 * Failure: no README, no place for a table in it, or an action.yml without what a table needs.
 */
export function readmeWithTables(of: {
  readonly name: string;
  readonly action: { readonly path: string; readonly text: string };
  readonly readme: string | undefined;
}): string {
  const parsed = actionSchema.safeParse(parse(of.action.text));
  if (!parsed.success) {
    throw couldNot(z.prettifyError(parsed.error), { at: { file: of.action.path } });
  }
  let text = of.readme;
  for (const [name, content] of [
    ['inputs', inputsTable(parsed.data.inputs)],
    ['outputs', outputsTable(parsed.data.outputs)],
  ] as const) {
    text = text === undefined ? undefined : fill(text, name, content);
    if (text === undefined) {
      throw couldNot(`actions/${of.name}/README.md has no place for the table of ${name}`, {
        todo: `put <!-- ${name}:start --> and <!-- ${name}:end --> on lines of their own where it belongs`,
      });
    }
  }
  return text ?? '';
}
