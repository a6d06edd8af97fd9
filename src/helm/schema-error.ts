import { nearestName } from '../config/nearest.ts';
import { formatPath, type YamlPath } from '../yaml/path.ts';

/** One value that a chart's schema refuses. */
export interface RefusedValue {
  /** Where it is in the values; empty for the whole, and where helm does not say. */
  readonly path: YamlPath;
  /** To be read behind the path: `must be a whole number, not text. How many pods…`. */
  readonly problem: string;
}

/** The parts of JSON Schema (draft 7) that say what was possible at a place. */
interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

/** One line of helm's tree: `- at '/web': validation failed`, and the lines below it. */
interface Complaint {
  readonly path: YamlPath;
  readonly text: string;
  readonly causes: Complaint[];
}

/**
 * The values that helm says do not meet a chart's schema, in words that name the keys there are and the nearest one.
 *
 * Helm prints the tree of santhosh-tekuri/jsonschema since 3.18. Lines of another form, as of older helm, stay as they
 * are.
 *
 * @param text helm's error, plain
 * @param schema the chart's values.schema.json, parsed
 */
export function refusedValues(text: string, schema: unknown): RefusedValue[] {
  const root: SchemaNode = isNode(schema) ? schema : {};
  return (
    complaintsOf(text)
      .flatMap((complaint) => explain(complaint, root))
      // Helm walks Go maps, whose order changes from run to run.
      .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
  );
}

const sortKey = ({ path, problem }: RefusedValue): string => `${formatPath(path)} ${problem}`;

const isNode = (value: unknown): value is SchemaNode => typeof value === 'object' && value !== null;

function complaintsOf(text: string): Complaint[] {
  const top: Complaint[] = [];
  /** The complaint that a line of this depth is a cause of. */
  const parents: Complaint[][] = [top];
  for (const line of text.split('\n')) {
    const [, indent, pointer, words] = /^( *)- (?:at '(.*?)': )?(.*)$/.exec(line) ?? [];
    if (indent !== undefined && words !== undefined) {
      const complaint = { path: pathOf(pointer ?? ''), text: words, causes: [] };
      const depth = Math.min(Math.floor(indent.length / 2), parents.length - 1);
      parents[depth]?.push(complaint);
      parents.splice(depth + 1, Infinity, complaint.causes);
    }
  }
  return top;
}

/** A JSON Pointer (RFC 6901) as a path; only digits are taken for an index. */
const pathOf = (pointer: string): YamlPath =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d{1,9}$/.test(step) ? Number(step) : step));

function explain(complaint: Complaint, schema: SchemaNode): RefusedValue[] {
  const { path, text, causes } = complaint;
  if (text === 'validation failed' || text === "'allOf' failed") {
    return causes.flatMap((cause) => explain(cause, schema));
  }
  const node = nodeAt(schema, path);
  const unknown = /^additional properties (.*) not allowed$/.exec(text)?.[1];
  if (unknown !== undefined) {
    return quoted(unknown).map((key) => ({ path: [...path, key], problem: noSuchKey(key, node) }));
  }
  const missing = /^missing propert(?:y|ies) (.*)$/.exec(text)?.[1];
  if (missing !== undefined) {
    return quoted(missing).map((key) => {
      const absent = [...path, key];
      return { path: absent, problem: `is missing${about(nodeAt(schema, absent))}` };
    });
  }
  const [, given, wanted] = /^got (\w+), want (.*)$/.exec(text) ?? [];
  if (given !== undefined && wanted !== undefined) {
    const must = wanted.split(' or ').map(typeWords).join(' or ');
    return [{ path, problem: `must be ${must}, not ${typeWords(given)}${about(node)}` }];
  }
  const value = /^('.*') does not match pattern /.exec(text)?.[1];
  if (value !== undefined) {
    return [{ path, problem: `cannot be ${value}${about(node)}` }];
  }
  const why = [text, ...causes.map((cause) => cause.text)].join('; ');
  return [{ path, problem: `is not right (${why})${about(node)}` }];
}

/** `'a', 'b'`. */
const quoted = (text: string): string[] =>
  [...text.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map((found) => found[1] ?? '');

function noSuchKey(key: string, node: SchemaNode | undefined): string {
  if (node?.patternProperties !== undefined) {
    return `cannot be called so${about(node)}`;
  }
  const known = Object.keys(node?.properties ?? {});
  const nearest = nearestName(key, known);
  const guess = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return `is not a key of this chart${guess}${known.length === 0 ? '' : ` (known: ${known.join(', ')})`}`;
}

const about = (node: SchemaNode | undefined): string =>
  node?.description === undefined ? '' : `. ${node.description}`;

const TYPES: ReadonlyMap<string, string> = new Map([
  ['object', 'a map'],
  ['array', 'a list'],
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['null', 'nothing'],
]);
const typeWords = (type: string): string => TYPES.get(type) ?? type;

/** What the schema says of a place. Schemas of charts are bundled: a reference elsewhere is not followed. */
function nodeAt(schema: SchemaNode, path: YamlPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const step of path) {
    const [byPattern]: SchemaNode[] = Object.values(node?.patternProperties ?? {});
    const others: SchemaNode | boolean | undefined = byPattern ?? node?.additionalProperties;
    const next: SchemaNode | boolean | undefined =
      own(node?.properties, String(step)) ?? (typeof step === 'number' ? node?.items : undefined) ?? others;
    node = isNode(next) ? resolve(schema, next) : undefined;
  }
  return node;
}

function resolve(schema: SchemaNode, node: SchemaNode): SchemaNode | undefined {
  const definition = /^#\/definitions\/([^/]+)$/.exec(node.$ref ?? '')?.[1];
  return definition === undefined ? node : own(schema.definitions, definition);
}

const own = <Value>(record: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
