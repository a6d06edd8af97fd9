import { defineMappingTag, defineScalarTag, loadAll, NOT_RESOLVED, Schema, seqTag, strTag } from 'js-yaml';
import { Document, Scalar, type ScalarTag, type Tags } from 'yaml';
import { largeInteger } from './large-integer.ts';

/**
 * Helm and Argo CD read YAML 1.1 with Go's reader, where a date or a base-60 number (`1:30`) that stands without
 * quotes is text, and so is what only looks like a number (`0x_`, `-.`) or is too large for one (`1e999`). Integers of 64 bits
 * that a number does not hold are bigints.
 *
 * For `customTags` of `yaml`, with `version: '1.1'`.
 */
export const asGoReads = (tags: Tags): Tags =>
  [...tags, goInteger]
    .filter(
      (tag) =>
        typeof tag === 'string' ||
        (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
    )
    .map((tag) => (isNumberTag(tag) ? { ...tag, resolve: numberOrText(tag) } : tag));

/** Go's `ParseInt` with base 0 takes these too. */
const goInteger: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0(?:[oO][0-7_]+|B[01_]+|X[\da-fA-F_]+)$/,
  resolve: (text) => {
    const digits = text.replaceAll('_', '').toLowerCase();
    const value = Number(digits.replace(/^[-+]/, ''));
    return digits.startsWith('-') ? 0 - value : value;
  },
};

const isNumberTag = (tag: Tags[number]): tag is ScalarTag =>
  typeof tag !== 'string' && /:(?:int|float)$/.test(tag.tag) && !('collection' in tag && tag.collection);

const numberOrText =
  (tag: ScalarTag): ScalarTag['resolve'] =>
  (text, onError, options) => {
    const read: unknown = tag.resolve(text, onError, options);
    const value: unknown = read instanceof Scalar ? read.value : read;
    if (typeof value === 'number' && tag.tag.endsWith(':int')) {
      const exactly = (): unknown => tag.resolve(text, onError, { ...options, intAsBigInt: true });
      const large = largeInteger(value, exactly);
      if (large !== undefined) return large;
    }
    const isNone = typeof value === 'number' && !Number.isFinite(value) && !/(?:inf|nan)$/i.test(text);
    return isNone ? text : read;
  };

/**
 * Reads one YAML document as Go does, about ten times as fast as `yaml`, and only what both readers surely take for the
 * same: undefined for everything rare (anchors, tags, directives, tabs, keys that are no plain words) and for every mistake.
 * Who gets undefined reads it again with `yaml` and `asGoReads`, which also knows the places of mistakes.
 */
export const readPlainDocument = (text: string): { readonly value: unknown } | undefined => read(text, PLAIN);

/**
 * The same for values of a chart, which are handed on as JSON: besides, undefined where anybody might read a scalar in another
 * way. Of numbers only plain decimal ones pass, of the words for true and false only these two, and none for nothing.
 */
export const readPlainValues = (text: string): { readonly value: unknown } | undefined =>
  read(text, PLAIN_VALUES);

function read(text: string, schema: Schema): { readonly value: unknown } | undefined {
  if (UNUSUAL.test(text) || MARKS.test(text)) {
    return undefined;
  }
  try {
    const documents = loadAll(text, { schema, maxAliases: 0 });
    return documents.length > 1 ? undefined : { value: documents[0] ?? null };
  } catch {
    return undefined;
  }
}

/** Directives, marks of documents that are not where they belong, and a block of text that is the whole document. */
const MARKS = /^(?:%|\.\.\.| +---(?:\s|$)|(?:---\s+)? *(?:[&!]\S*\s+)*[|>][-+]?\d)/m;

/** All characters besides printable ones of one line: tabs, a byte order mark, line separators of Unicode. */
const UNUSUAL = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\uffff]/;

/** The very tags by which `yaml` tells what a scalar without quotes is, so that both readers agree. */
const PLAIN_TAGS = new Document(null, { version: '1.1', customTags: asGoReads }).schema.tags.filter(
  (tag): tag is ScalarTag & { readonly test: RegExp } =>
    tag.default === true && 'test' in tag && tag.test instanceof RegExp && tag.collection === undefined,
);

const plainScalar = defineScalarTag('tag:kajitori.dev,2026:plain', {
  implicit: true,
  // What begins otherwise is text for all of PLAIN_TAGS.
  implicitFirstChars: ['', ...'~.+-0123456789nNyYtTfFoO'.split('')],
  resolve: (source) => {
    const tag = PLAIN_TAGS.find(({ test }) => test.test(source));
    if (tag === undefined) {
      return NOT_RESOLVED;
    }
    const read: unknown = tag.resolve(source, () => undefined, {});
    return read instanceof Scalar ? read.value : read;
  },
  identify: () => false,
});

type Values = Record<string, unknown>;

const plainMap = defineMappingTag<Values>('tag:yaml.org,2002:map', {
  create: () => ({}),
  addPair: (map, key, value) => {
    if ((typeof key !== 'string' && typeof key !== 'boolean') || key === '<<' || key === '__proto__') {
      return 'a rare key';
    }
    map[String(key)] = value;
    return '';
  },
  has: (map, key) => Object.hasOwn(map, String(key)),
  keys: (map) => Object.keys(map),
  get: (map, key) => map[String(key)],
  identify: () => false,
});

const PLAIN = new Schema([strTag, plainScalar, seqTag, plainMap]);

/** What Go's reader tries as a number (yaml.v2, resolve.go: `ParseInt` with base 0, `yamlStyleFloat`), underscores taken out. */
const GO_NUMBER =
  /^[-+]?(?:0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|\.\d+(?:[eE][-+]?\d+)?|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)$/;

const plainValue = defineScalarTag('tag:kajitori.dev,2026:plain-value', {
  implicit: true,
  implicitFirstChars: plainScalar.implicitFirstChars,
  resolve: (source) => {
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(source)) {
      return Number(source);
    }
    if (source === 'true' || source === 'false') {
      return source === 'true';
    }
    if (GO_NUMBER.test(source.replaceAll('_', '')) || PLAIN_TAGS.some(({ test }) => test.test(source))) {
      throw new Error('a rare scalar');
    }
    return NOT_RESOLVED;
  },
  identify: () => false,
});

const PLAIN_VALUES = new Schema([strTag, plainValue, seqTag, plainMap]);
