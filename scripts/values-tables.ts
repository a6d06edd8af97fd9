/** The tables of values in the standard chart's README.md, made from its values.schema.json and values.yaml. */
import { parse } from 'yaml';
import { z } from 'zod';
import { couldNot } from '../src/report/failure.ts';
import { cell, code, fill, table } from './action-tables.ts';

/** The part of the schema that the tables show. */
interface Node {
  readonly $ref?: string | undefined;
  readonly description?: string | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  readonly patternProperties?: Readonly<Record<string, Node>> | undefined;
  readonly items?: Node | undefined;
}

const node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    description: z.string().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), node).optional(),
    patternProperties: z.record(z.string(), node).optional(),
    items: node.optional(),
  }),
);
const schemaFile = z.object({
  properties: z.record(z.string(), node),
  definitions: z.record(z.string(), node),
});

interface Row {
  readonly key: string;
  readonly required: boolean;
  readonly what: string;
}

/** What machines write, and what Helm hands to every chart: the README tells of it in prose. */
const NOT_FOR_PEOPLE = new Set(['global', 'image', 'images', 'release', 'hold', 'app', 'facts']);

/** A map or a list of texts and numbers is told in one row. */
const hasKeys = (at: Node): boolean =>
  [at.$ref, at.properties, at.patternProperties, at.items].some((part) => part !== undefined);

/** Every key below some keys of the schema, in its order. What stands in several places is told at the first. */
function rowsOf(
  keys: Readonly<Record<string, Node>>,
  definitions: Readonly<Record<string, Node>>,
  below: string,
): Row[] {
  const told = new Map<string, string>();
  const rows: Row[] = [];
  const visit = (key: string, at: Node, required: boolean): void => {
    const name = at.$ref?.replace('#/definitions/', '');
    const here = name === undefined ? at : (definitions[name] ?? at);
    const inside: readonly (readonly [string, Node, boolean])[] = [
      ...Object.entries(here.properties ?? {}).map(
        ([child, value]) => [`${key}.${child}`, value, here.required?.includes(child) ?? false] as const,
      ),
      ...Object.values(here.patternProperties ?? {})
        .filter(hasKeys)
        .map((value) => [`${key}.<name>`, value, false] as const),
      ...(here.items !== undefined && hasKeys(here.items) ? [[`${key}[]`, here.items, false] as const] : []),
    ];
    const elsewhere = name === undefined ? undefined : told.get(name);
    if (elsewhere !== undefined && elsewhere !== key && hasKeys(here)) {
      rows.push({ key, required, what: `As \`${elsewhere}\`, for this one.` });
      return;
    }
    if (name !== undefined) told.set(name, key);
    rows.push({ key, required, what: here.description ?? '' });
    for (const child of inside) visit(...child);
  };
  const top = Object.entries(keys).map(([key, at]) => [`${below}${key}`, at] as const);
  // What is a key of its own is told there, not where a component has it first.
  for (const [key, { $ref }] of top) {
    if ($ref !== undefined) told.set($ref.replace('#/definitions/', ''), key);
  }
  for (const [key, at] of top) visit(key, at, false);
  return rows;
}

/** What values.yaml has at a path like `platform.health.live`, as YAML in one line; empty when nothing. */
function defaultAt(values: unknown, key: string): string {
  let value = values;
  for (const step of key.split('.')) {
    value = isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  if (value === undefined || isRecord(value)) return '';
  return Array.isArray(value) ? value.join(', ') : `${value as string | number | boolean}`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const whatOf = ({ required, what }: Row): string => cell(`${required ? '**Required.** ' : ''}${what}`);

/**
 * The chart's README with its tables as values.schema.json and values.yaml have them; the rest stays as it is.
 *
 * Failure: a schema that is none, or no place for a table.
 */
export function readmeWithValues(of: {
  readonly schema: string;
  readonly values: string;
  readonly readme: string;
}): string {
  const parsed = schemaFile.safeParse(JSON.parse(of.schema));
  if (!parsed.success) {
    throw couldNot(z.prettifyError(parsed.error), { at: { file: 'charts/app/values.schema.json' } });
  }
  const { properties, definitions } = parsed.data;
  const { platform, ...rest } = properties;
  const forPeople = Object.fromEntries(Object.entries(rest).filter(([key]) => !NOT_FOR_PEOPLE.has(key)));
  const told = rowsOf(forPeople, definitions, '');
  const isPodTemplate = ({ key }: Row): boolean => key.startsWith('podTemplate.');
  const cellsOf = (row: Row): string[] => [code(row.key), whatOf(row)];
  const defaults: unknown = parse(of.values);
  const tables = {
    values: table(['key', 'what it is'], told.filter((row) => !isPodTemplate(row)).map(cellsOf)),
    'pod-template': table(['key', 'what it is'], told.filter(isPodTemplate).map(cellsOf)),
    platform: table(
      ['key', 'default', 'what it is'],
      rowsOf(platform?.properties ?? {}, definitions, 'platform.').map((row) => [
        code(row.key),
        code(defaultAt(defaults, row.key)),
        whatOf(row),
      ]),
    ),
  };
  let text = of.readme;
  for (const [name, content] of Object.entries(tables)) {
    const filled = fill(text, name, content);
    if (filled === undefined) {
      throw couldNot(`charts/app/README.md has no place for the table of ${name}`, {
        todo: `put <!-- ${name}:start --> and <!-- ${name}:end --> on lines of their own where it belongs`,
      });
    }
    text = filled;
  }
  return text;
}
