import { z } from 'zod';
import { couldNot, type Failure, formatPlace, type Place } from '../report/failure.ts';
import { parseYaml } from '../yaml/parse.ts';
import { formatPath } from '../yaml/path.ts';
import { nearestName } from './nearest.ts';

type Path = readonly (string | number)[];

/** One thing that is wrong in a file, where it is and in plain words. */
interface Mistake {
  readonly at: Place;
  readonly message: string;
}

/**
 * Reads a YAML file of ours by its schema.
 *
 * @returns what the schema makes of it
 * @throws one Failure (exit 2, `invalid-file`) that lists every mistake with file:line:column
 */
export function parseBySchema<Schema extends z.ZodType>(
  schema: Schema,
  source: string,
  file: string,
): z.output<Schema> {
  const yaml = parseYaml(source, { file });
  const overlooked = protoKeys(yaml.value, []).map((path) => ({
    at: yaml.placeOfKey(path),
    message: `${formatPath(path)}: there is no such key`,
  }));
  const result = schema.safeParse(yaml.value ?? null, { error: plainWords, reportInput: true });
  if (result.success && overlooked.length === 0) {
    return result.data;
  }
  const mistakes = (result.error?.issues ?? []).flatMap((issue): Mistake[] => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          at: yaml.placeOfKey([...path, key]),
          message: unknownKey([...path, key], keysAt(schema, path)),
        }));
      case 'invalid_key':
        return [{ at: yaml.placeOfKey(path), message: `${formatPath(path)}: ${lowerFirst(issue.message)}` }];
      default: {
        // A key that is missing has no place of its own; its parent has.
        const missing = issue.code === 'invalid_type' && issue.input === undefined;
        return [
          {
            at: missing ? yaml.placeOf(path.slice(0, -1)) : yaml.placeOf(path),
            message: missing
              ? `${formatPath(path)} is missing${hintOf(schema, path)}`
              : `${path.length === 0 ? 'the file' : formatPath(path)}: ${lowerFirst(issue.message)}`,
          },
        ];
      }
    }
  });
  throw asFailure([...mistakes, ...overlooked], file);
}

/** zod passes over the key `__proto__` in maps with free keys, as if it were not there. */
function protoKeys(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const list = Array.isArray(value);
  return Object.entries(value).flatMap(([key, inside]) => {
    const here = [...path, list ? Number(key) : key];
    return key === '__proto__' ? [here] : protoKeys(inside, here);
  });
}

function asFailure(mistakes: readonly Mistake[], file: string): Failure {
  const todo = `Correct ${file}; editors complete and check it by its $schema line (docs/setup.md).`;
  const [first] = mistakes;
  if (first !== undefined && mistakes.length === 1) {
    return couldNot(asSentence(first.message), { at: first.at, todo, reason: 'invalid-file' });
  }
  const sorted = mistakes.toSorted(
    (a, b) => (a.at.line ?? 0) - (b.at.line ?? 0) || (a.at.column ?? 0) - (b.at.column ?? 0),
  );
  const lines = sorted.map((mistake) => `\n  ${formatPlace(mistake.at)}: ${mistake.message}`);
  return couldNot(`${mistakes.length} mistakes:${lines.join('')}`, {
    at: { file },
    todo,
    reason: 'invalid-file',
  });
}

const asSentence = (text: string): string => (/[.?)]$/.test(text) ? text : `${text}.`);

/** zod's issue in words for someone who has never heard of zod. Messages that a schema gives itself come first. */
function plainWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === null
        ? `is empty; it must be ${KINDS[issue.expected] ?? issue.expected}`
        : `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case 'invalid_value':
      return oneOf(issue.input, issue.values.map(String));
    case 'invalid_key':
      return issue.issues[0]?.message;
    case 'too_small':
      return issue.origin === 'array' ? 'must not be an empty list' : 'must not be empty';
    default:
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map (key: value)',
  record: 'a map (key: value)',
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) {
    return 'a list';
  }
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'number':
    case 'bigint':
      return 'a number (put it in quotes to make it text)';
    case 'boolean':
      return 'true or false';
    default:
      return 'a map';
  }
}

function oneOf(input: unknown, values: readonly string[]): string {
  const must = values.length === 1 ? `must be ${values[0]}` : `must be one of: ${values.join(', ')}`;
  const nearest = typeof input === 'string' ? nearestName(input, values) : undefined;
  return nearest === undefined || values.length === 1 ? must : `${must}. Did you mean "${nearest}"?`;
}

function unknownKey(path: Path, known: readonly string[]): string {
  const key = String(path.at(-1));
  const nearest = nearestName(key, known);
  const guess = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return `${formatPath(path)}: there is no such key${guess} (known: ${known.join(', ')})`;
}

interface SchemaNode {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

function nodeAt(schema: z.ZodType, path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = z.toJSONSchema(schema, { io: 'input' }) as SchemaNode;
  for (const step of path) {
    const inside: SchemaNode | undefined = node?.anyOf?.find((each) => each.properties ?? each.items) ?? node;
    if (typeof step === 'number') {
      node = inside?.items;
    } else if (inside?.properties !== undefined && Object.hasOwn(inside.properties, step)) {
      node = inside.properties[step];
    } else {
      node = typeof inside?.additionalProperties === 'object' ? inside.additionalProperties : undefined;
    }
  }
  return node;
}

const keysAt = (schema: z.ZodType, path: Path): string[] =>
  Object.keys(nodeAt(schema, path)?.properties ?? {});

function hintOf(schema: z.ZodType, path: Path): string {
  const [sentence] = nodeAt(schema, path)?.description?.split(/\.(?: |$)/) ?? [];
  return sentence === undefined ? '' : `: ${lowerFirst(sentence)}`;
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
