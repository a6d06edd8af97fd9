import { nearestName } from '../config/nearest.ts';
import { isMap } from '../yaml/data.ts';
import type { YamlPath } from '../yaml/path.ts';
import type { CustomKind } from './custom-kinds.ts';
import { fitsInteger, formatMistake, patternMatches } from './formats.ts';
import type { KubernetesObject } from './object.ts';
import { placeIn, type SchemaProblem } from './problem.ts';
import type { Schema } from './schema.ts';
import { OBJECT_META, type Schemas } from './schemas.ts';

/** More than these help nobody, and an object may come from somebody who wants to keep us busy. */
const MOST_PROBLEMS = 50;

/** What stays the same on the way through one object. */
interface Walk {
  readonly object: KubernetesObject;
  readonly schemas: Schemas;
  /** Undefined for built-in kinds. */
  readonly custom: CustomKind | undefined;
  /** Who decides, for messages: `Kubernetes 1.34`. */
  readonly judge: string;
  readonly problems: SchemaProblem[];
  /** Below `anyOf` and its like, where schemas add conditions and do not say which fields there are. */
  readonly conditionsOnly: boolean;
}

/**
 * Compares an object with the schema of its kind, as an API server does before admission: strict decoding, then validation
 * against the schema.
 *
 * Not a JSON Schema validator, since what an API server does is not JSON Schema: null is an absent field, a default satisfies
 * `required`, unknown fields are found across `x-kubernetes-preserve-unknown-fields` and embedded resources, quantities are read
 * by Go; and what is found must be said in words, with the key that was meant.
 *
 * @param custom the definition that the schema is from; undefined for a built-in kind
 */
export function checkObject(
  object: KubernetesObject,
  schema: Schema,
  schemas: Schemas,
  custom: CustomKind | undefined,
): readonly SchemaProblem[] {
  const judge =
    custom === undefined
      ? `Kubernetes ${schemas.version}`
      : `the definition of ${custom.kind} (${custom.group})`;
  const walk: Walk = { object, schemas, custom, judge, problems: [], conditionsOnly: false };
  check(object, custom === undefined ? schema : withObjectFields(schema), [], walk);
  return walk.problems;
}

/** Whatever a definition says of them, the API server reads these three itself. */
const withObjectFields = (schema: Schema): Schema => ({
  ...schema,
  properties: {
    ...schema.properties,
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { $ref: OBJECT_META },
  },
});

function check(value: unknown, given: Schema, path: YamlPath, walk: Walk): void {
  const schema = resolved(given, walk);
  if (!checkType(value, schema, path, walk)) return;
  if (typeof value === 'string') checkText(value, schema, path, walk);
  else if (typeof value === 'number' || typeof value === 'bigint')
    checkNumber(Number(value), schema, path, walk);
  else if (Array.isArray(value)) checkList(value, schema, path, walk);
  else if (isMap(value)) checkMap(value, schema, given.$ref, path, walk);
  if (schema.enum !== undefined && !schema.enum.some((one) => isEqual(one, value))) {
    const allowed = schema.enum.map((one) => JSON.stringify(one)).join(', ');
    report(
      walk,
      'bad-value',
      path,
      (place) => `${place} must be one of ${allowed}, but is ${said(value, walk)}.`,
    );
  }
  checkConditions(value, schema, path, walk);
}

const resolved = (schema: Schema, { schemas }: Walk): Schema =>
  schema.$ref === undefined ? schema : (schemas.definitions.get(schema.$ref) ?? {});

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
};

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'number':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value));
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isMap(value);
    default:
      return true;
  }
}

function checkType(value: unknown, schema: Schema, path: YamlPath, walk: Walk): boolean {
  if (value === null && schema.nullable === true) return true;
  const expected =
    schema['x-kubernetes-int-or-string'] === true
      ? ['integer', 'string']
      : schema.format === 'quantity'
        ? ['number', 'string']
        : schema.type === undefined
          ? []
          : [schema.type];
  if (expected.length === 0 || expected.some((type) => hasType(value, type))) return true;
  const words = expected.map((type) => TYPE_WORDS[type] ?? type).join(' or ');
  report(
    walk,
    'wrong-type',
    path,
    (place) => `${place} must be ${words}, but is ${said(value, walk)}.${quotesHint(value, expected)}`,
  );
  return false;
}

function quotesHint(value: unknown, expected: readonly string[]): string {
  const [type] = expected;
  if (
    type === 'string' &&
    (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
  ) {
    return ' Put it in quotes.';
  }
  const isPlain =
    (type === 'integer' && typeof value === 'string' && /^-?\d+$/.test(value)) ||
    (type === 'boolean' && (value === 'true' || value === 'false'));
  return isPlain ? ' Write it without quotes.' : '';
}

/** A value for a message. What is in a Secret is never repeated. */
function said(value: unknown, { object }: Walk): string {
  if (value === null) return 'empty (null)';
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  if (object.kind === 'Secret') return typeof value === 'string' ? 'text' : `a ${typeof value}`;
  if (typeof value === 'string') return `the text ${JSON.stringify(shortened(value))}`;
  return `the ${typeof value === 'number' ? 'number' : 'value'} ${JSON.stringify(value)}`;
}

function checkText(value: string, schema: Schema, path: YamlPath, walk: Walk): void {
  const mistake = schema.format === undefined ? undefined : formatMistake(schema.format, value);
  if (mistake !== undefined) {
    report(walk, 'bad-value', path, (place) => `${place} ${mistake}; it is ${said(value, walk)}.`);
  }
  // Characters as Go counts them, which are code points.
  const length =
    schema.minLength === undefined && schema.maxLength === undefined ? 0 : Array.from(value).length;
  checkSize(length, schema.minLength, schema.maxLength, 'characters', path, walk);
  if (schema.pattern === undefined) return;
  const { pattern } = schema;
  const matches = patternMatches(pattern, value, { trusted: walk.custom?.bundled !== false });
  if (matches === false) {
    report(
      walk,
      'bad-value',
      path,
      (place) => `${place} must match the pattern ${pattern}, but is ${said(value, walk)}.`,
    );
  } else if (matches === undefined) {
    report(
      walk,
      'not-checked',
      path,
      (place) => `${place} is not checked: its pattern ${pattern} cannot be evaluated here.`,
    );
  }
}

function checkNumber(value: number, schema: Schema, path: YamlPath, walk: Walk): void {
  const { minimum, maximum, multipleOf } = schema;
  const bad = (words: string) =>
    report(walk, 'bad-value', path, (place) => `${place} must be ${words}, but is ${said(value, walk)}.`);
  const isInteger = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
  if (isInteger && !fitsInteger(integerFormat(schema, walk), value)) {
    bad('smaller: no such number can be stored');
  }
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    bad(schema.exclusiveMinimum === true ? `more than ${minimum}` : `${minimum} or more`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    bad(schema.exclusiveMaximum === true ? `less than ${maximum}` : `${maximum} or less`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) bad(`a multiple of ${multipleOf}`);
}

/** An int-or-string of a built-in kind is Go's intstr.IntOrString; in custom resources numbers stay JSON. */
const integerFormat = (schema: Schema, { custom }: Walk): string | undefined =>
  schema['x-kubernetes-int-or-string'] === true && custom === undefined ? 'int32' : schema.format;

function checkSize(
  size: number,
  least: number | undefined,
  most: number | undefined,
  what: string,
  path: YamlPath,
  walk: Walk,
): void {
  const bad = (words: string) =>
    report(walk, 'bad-value', path, (place) => `${place} must have ${words} ${what}, but has ${size}.`);
  if (least !== undefined && size < least) bad(`at least ${least}`);
  if (most !== undefined && size > most) bad(`at most ${most}`);
}

function checkList(list: readonly unknown[], schema: Schema, path: YamlPath, walk: Walk): void {
  checkSize(list.length, schema.minItems, schema.maxItems, 'items', path, walk);
  checkRepeated(list, schema, path, walk);
  const { items } = schema;
  if (items === undefined) return;
  list.forEach((item, index) => {
    // Go reads null in a list as the empty value of its type. Custom resources stay JSON, where null has a type of its own.
    if (item === null && walk.custom === undefined) {
      if (resolved(items, walk).type === 'object') check({}, items, [...path, index], walk);
    } else {
      check(item, items, [...path, index], walk);
    }
  });
}

/** Lists that are sets, or maps by some of their fields. */
function checkRepeated(list: readonly unknown[], schema: Schema, path: YamlPath, walk: Walk): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const { properties } = resolved(schema.items ?? {}, walk);
  const keyOf = (item: Readonly<Record<string, unknown>>) =>
    keys.map((key) => own(item, key) ?? properties?.[key]?.default);
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const identity = JSON.stringify(type === 'map' && isMap(item) ? keyOf(item) : item);
    if (seen.has(identity)) {
      const by = type === 'map' ? ` with the same ${keys.join(' and ')}` : '';
      report(walk, 'bad-value', [...path, index], (place) => `${place} repeats an earlier item${by}.`);
    }
    seen.add(identity);
  });
}

function checkMap(
  map: Readonly<Record<string, unknown>>,
  given: Schema,
  definition: string | undefined,
  path: YamlPath,
  walk: Walk,
): void {
  const schema =
    given['x-kubernetes-embedded-resource'] === true
      ? { ...withObjectFields(given), required: [...(given.required ?? []), 'apiVersion', 'kind'] }
      : given;
  const { properties = {}, additionalProperties, required = [] } = schema;
  const takesAnyField =
    walk.conditionsOnly ||
    additionalProperties === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    // "Any value": only a schema without a type says so little.
    (schema.type === undefined && schema.properties === undefined);
  for (const [key, value] of Object.entries(map)) {
    const field = Object.hasOwn(properties, key)
      ? properties[key]
      : typeof additionalProperties === 'object'
        ? additionalProperties
        : undefined;
    if (field === undefined) {
      if (!takesAnyField) reportUnknownField(key, properties, definition, path, walk);
    } else if (value !== null || field.nullable === true) {
      check(value, field, [...path, key], walk);
    }
  }
  for (const key of required) {
    if (!isThere(map, key, properties)) {
      report(
        walk,
        'missing-field',
        path,
        (place) => `${place} must have the field "${key}", which is missing.`,
      );
    }
  }
  const { minProperties, maxProperties } = schema;
  checkSize(Object.keys(map).length, minProperties, maxProperties, 'keys', path, walk);
}

/** The API server removes null from fields that cannot be null, then puts defaults in, then looks for what is missing. */
function isThere(
  map: Readonly<Record<string, unknown>>,
  key: string,
  properties: Readonly<Record<string, Schema>>,
) {
  const value = own(map, key);
  const field = Object.hasOwn(properties, key) ? properties[key] : undefined;
  return (
    (value !== undefined && (value !== null || field?.nullable === true)) || field?.default !== undefined
  );
}

function reportUnknownField(
  key: string,
  properties: Readonly<Record<string, Schema>>,
  definition: string | undefined,
  path: YamlPath,
  walk: Walk,
): void {
  report(walk, 'unknown-field', [...path, key], () => {
    const place = placeIn(walk.object, path);
    const names = Object.keys(properties);
    const nearest = nearestName(key, names);
    const others = definition === undefined ? [] : walk.schemas.versionsOfField(definition, key);
    const [hint] = [
      others.length > 0 ? ` It is there in Kubernetes ${others.join(', ')}.` : undefined,
      nearest === undefined ? undefined : ` Did you mean "${nearest}"?`,
      names.length > 0 && names.length <= 12 ? ` There are: ${names.join(', ')}.` : '',
    ].filter((one) => one !== undefined);
    return `"${shortened(key)}" is no field of ${place} in ${walk.judge}.${hint ?? ''}`;
  });
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function checkConditions(value: unknown, schema: Schema, path: YamlPath, walk: Walk): void {
  const { allOf, anyOf, oneOf, not } = schema;
  if (allOf !== undefined) {
    const inner: Walk = { ...walk, conditionsOnly: true };
    for (const condition of allOf) check(value, condition, path, inner);
  }
  const holding = (conditions: readonly Schema[]): number =>
    conditions.filter((condition) => holds(value, condition, path, walk)).length;
  if (anyOf !== undefined && holding(anyOf) === 0) {
    report(walk, 'bad-value', path, (place) => `${place} ${choiceWords(anyOf, 'at least one')}.`);
  }
  if (oneOf !== undefined && holding(oneOf) !== 1) {
    report(walk, 'bad-value', path, (place) => `${place} ${choiceWords(oneOf, 'exactly one')}.`);
  }
  if (not !== undefined && holds(value, not, path, walk)) {
    report(walk, 'bad-value', path, (place) => {
      const fields = not.required?.join('" and "');
      return fields === undefined
        ? `${place} is of a form that ${walk.judge} excludes.`
        : `${place} must not have "${fields}".`;
    });
  }
}

function holds(value: unknown, condition: Schema, path: YamlPath, walk: Walk): boolean {
  const inner: Walk = { ...walk, problems: [], conditionsOnly: true };
  check(value, condition, path, inner);
  return inner.problems.length === 0;
}

function choiceWords(choices: readonly Schema[], count: string): string {
  const fields = choices.map(({ required }) => required?.join('" with "'));
  return fields.every((names) => names !== undefined)
    ? `must have ${count} of the fields "${fields.join('", "')}"`
    : `must be of ${count} of ${choices.length} forms that the definition lists`;
}

function report(
  walk: Walk,
  kind: SchemaProblem['kind'],
  path: YamlPath,
  message: (place: string) => string,
): void {
  if (walk.problems.length >= MOST_PROBLEMS) return;
  walk.problems.push({ kind, severity: 'error', path, message: message(placeIn(walk.object, path)) });
}

const own = (map: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(map, key) ? map[key] : undefined;

const isEqual = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
