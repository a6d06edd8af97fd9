import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { YamlPath } from '../yaml/path.ts';
import { CHART } from './standard-chart-cases.ts';

// biome-ignore lint/suspicious/noExplicitAny: generated values are read and mended at will here
export type Values = Record<string, any>;

/** The part of JSON Schema (draft 7) that the chart's schema uses. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly not?: { readonly const?: unknown; readonly pattern?: string };
  readonly anyOf?: readonly { readonly required: readonly string[] }[];
  readonly oneOf?: readonly { readonly required: readonly string[] }[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const SCHEMA: Schema = JSON.parse(readFileSync(path.join(CHART, 'values.schema.json'), 'utf8'));

/** Any values that values.schema.json lets in, of every key there is. */
export function schemaValues(options: { readonly everyKey?: boolean } = {}): fc.Arbitrary<Values> {
  return anyOf(SCHEMA, options.everyKey ?? false) as fc.Arbitrary<Values>;
}

/** The keys that the schema knows at a path of values that it lets in; none where names are free. */
export function knownKeys(at: YamlPath): readonly string[] {
  const below = (
    { properties, patternProperties, items }: Schema,
    step: string | number,
  ): Schema | undefined =>
    typeof step === 'number' ? items : (properties?.[step] ?? Object.values(patternProperties ?? {})[0]);
  const schema = at.reduce<Schema>((above, step) => resolve(below(above, step) ?? {}), SCHEMA);
  return Object.keys(schema.properties ?? {});
}

function anyOf(given: Schema, everyKey: boolean): fc.Arbitrary<unknown> {
  const schema = resolve(given);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  // With every key wanted, a map tells more than the word that may stand for it.
  const chosen = everyKey && types.includes('object') ? ['object'] : types;
  return fc.oneof(...chosen.map((type) => valueOfType(type, schema, everyKey)));
}

function valueOfType(type: string, schema: Schema, everyKey: boolean): fc.Arbitrary<unknown> {
  switch (type) {
    case 'object':
      return mapOf(schema, everyKey);
    case 'array':
      return listOf(schema, everyKey);
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000_000 });
    case 'boolean':
      return fc.boolean();
    default:
      throw new Error(`values.schema.json has a type that no value can be made of: ${type}`);
  }
}

function mapOf(schema: Schema, everyKey: boolean): fc.Arbitrary<Values> {
  const known = Object.entries(schema.properties ?? {});
  if (known.length > 0) {
    const required = [...(schema.required ?? [])];
    const shape = Object.fromEntries(known.map(([key, value]) => [key, anyOf(value, everyKey)]));
    const all = everyKey && schema.maxProperties === undefined && schema.oneOf === undefined;
    const map = all
      ? fc.record(shape, { noNullPrototype: true })
      : fc.record(shape, { requiredKeys: required, noNullPrototype: true });
    return map.filter((value) => isComplete(schema, value as Values)) as fc.Arbitrary<Values>;
  }
  const [[pattern, value] = []] = Object.entries(schema.patternProperties ?? {});
  if (pattern === undefined || value === undefined) return fc.constant({});
  return fc.dictionary(textOf({ pattern }), anyOf(value, everyKey), {
    minKeys: everyKey ? 1 : 0,
    maxKeys: 2,
    noNullPrototype: true,
  });
}

const isComplete = (schema: Schema, value: Values): boolean => {
  const has = ({ required }: { readonly required: readonly string[] }): boolean =>
    required.every((key) => Object.hasOwn(value, key));
  const count = Object.keys(value).length;
  return (
    count >= (schema.minProperties ?? 0) &&
    count <= (schema.maxProperties ?? Number.POSITIVE_INFINITY) &&
    (schema.anyOf?.some(has) ?? true) &&
    (schema.oneOf === undefined || schema.oneOf.filter(has).length === 1)
  );
};

function listOf(schema: Schema, everyKey: boolean): fc.Arbitrary<unknown[]> {
  const limits = { minLength: Math.max(schema.minItems ?? 0, everyKey ? 1 : 0), maxLength: 2 };
  const items = anyOf(schema.items ?? {}, everyKey);
  return schema.uniqueItems ? fc.uniqueArray(items, limits) : fc.array(items, limits);
}

function textOf({ pattern, maxLength, not }: Schema): fc.Arbitrary<string> {
  const any =
    pattern === undefined
      ? fc.string({ maxLength: 40 })
      : fc.stringMatching(new RegExp(pattern), { size: 'xsmall' });
  const refused = not?.pattern === undefined ? undefined : new RegExp(not.pattern);
  return any.filter(
    (text) =>
      text.length <= (maxLength ?? text.length) && text !== not?.const && refused?.test(text) !== true,
  );
}

function resolve(schema: Schema): Schema {
  const name = schema.$ref?.replace('#/definitions/', '');
  return name === undefined ? schema : (SCHEMA.definitions?.[name] ?? schema);
}
