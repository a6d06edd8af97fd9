import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatYaml } from './edit.ts';
import { formatKey, formatScalar, isPlainString } from './scalar.ts';

/**
 * Plain texts that are something else to Helm's reader: what sigs.k8s.io/yaml 1.6 (go-yaml v2.4) made of `k: TEXT`.
 * Recorded once by running it.
 */
const HELM_READS: Readonly<Record<string, unknown>> = {
  '': null,
  '~': null,
  null: null,
  Null: null,
  NULL: null,
  true: true,
  True: true,
  yes: true,
  Yes: true,
  YES: true,
  on: true,
  On: true,
  ON: true,
  y: true,
  Y: true,
  false: false,
  no: false,
  No: false,
  off: false,
  OFF: false,
  n: false,
  N: false,
  '0': 0,
  '-1': -1,
  '+1': 1,
  '0123': 83,
  '0o17': 15,
  '0x1F': 31,
  '0X1f': 31,
  '0b101': 5,
  '1_000': 1000,
  '1.10': 1.1,
  '1.': 1,
  '.5': 0.5,
  '1e3': 1000,
  '1E+3': 1000,
  '1_0.5': 10.5,
  '01_7': 15,
  '-0b1': -1,
  // It fails on these: JSON has no such numbers.
  '.inf': Infinity,
  '-.INF': -Infinity,
  '+.inf': Infinity,
  '.NaN': Number.NaN,
};

/** Texts that are a date, a number to base 60 or a special key to PyYAML, though not to Helm. */
const OTHERS_READ = [
  '2024-01-01',
  '2026-11-21T09:00:00Z',
  '2026-11-21 09:00:00',
  '12:30:45',
  '1:20',
  '-190:20:30',
  '190:20:30.15',
  '=',
  '<<',
];

/** What a deploy writes most: these need no quotes. */
const PLAIN = [
  'web',
  '1f3c9e2b',
  'v1.10',
  '1.2.3',
  '1.34.1-eks',
  'sha256:0123abcd',
  'acme/web@1f3c9e2b',
  '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web',
  'https://example.com/path',
  '0 3 * * *',
  '100m',
  '1Gi',
  '2-10',
  'bin/worker --queue shop',
  'it is a "word"',
  '$HOME/x',
  '-1m',
  '本番環境',
  'Yess',
  'none',
  'x:y',
];

describe('a string that some reader would take for something else is quoted', () => {
  test.each([...Object.keys(HELM_READS), ...OTHERS_READ])('%s', (text) => {
    expect(formatScalar(text, { inFlow: false })).toBe(`"${text}"`);
    expect(formatScalar(text, { inFlow: true })).toBe(`"${text}"`);
    expect(formatKey(text, false)).toBe(`"${text}"`);
  });

  test('in any case of its letters', () => {
    for (const text of ['nULL', 'tRUE', 'oFF', 'yES', '0XFF', '0O7', '1E5', '.InF']) {
      expect(isPlainString(text, false)).toBe(false);
    }
  });

  test.each(PLAIN)('and %s is not', (text) => {
    expect(formatScalar(text, { inFlow: false })).toBe(text);
  });
});

describe('a string that would be cut, joined or hidden is quoted', () => {
  test.each([
    ['a: b', '"a: b"'],
    ['a #b', '"a #b"'],
    ['ends:', '"ends:"'],
    ['- a', '"- a"'],
    ['-', '"-"'],
    ['---', '"---"'],
    ['...', '"..."'],
    [' a', '" a"'],
    ['a ', '"a "'],
    ['a\tb', '"a\\tb"'],
    ['a\nb', '"a\\nb"'],
    ['a\r\nb', '"a\\r\\nb"'],
    ['{{ .Values.x }}', '"{{ .Values.x }}"'],
    ['*a', '"*a"'],
    ['&a', '"&a"'],
    ['!a', '"!a"'],
    ['%a', '"%a"'],
    ['@a', '"@a"'],
    ['`a', '"`a"'],
    ['#a', '"#a"'],
    ['|', '"|"'],
    ['"a"', '"\\"a\\""'],
    ["'a'", `"'a'"`],
    ['\\a', '\\a'],
    ['"\\', '"\\"\\\\"'],
    ['\0\u0007\u001b', '"\\x00\\x07\\x1B"'],
    ['a\u0085b', '"a\\x85b"'],
    ['a\u2028b\u2029c', '"a\\u2028b\\u2029c"'],
    ['\uFEFFa', '"\\uFEFFa"'],
    ['a\u00A0b', '"a\\xA0b"'],
    ['a\u200Bb\u202Ec', '"a\\u200Bb\\u202Ec"'],
    ['\u{E0041}', '"\\U000E0041"'],
    ['😀 ok', '"😀 ok"'],
  ])('%j', (text, written) => {
    expect(formatScalar(text, { inFlow: false })).toBe(written);
    expect(parse(written)).toBe(text);
  });

  test('in a flow collection also what ends there', () => {
    for (const text of ['a,b', 'a]', 'a}', 'a{b', 'http://x/y?z=1', 'a:,b']) {
      expect(formatScalar(text, { inFlow: true })).toBe(`"${text}"`);
    }
    expect(formatScalar('sha256:0123abcd', { inFlow: true })).toBe('sha256:0123abcd');
  });
});

describe('quotes that were there stay', () => {
  test.each([
    ['single', 'x', "'x'"],
    ['single', "it's", "'it''s'"],
    ['single', 'a\nb', '"a\\nb"'],
    ['single', 'a\u200Bb', '"a\\u200Bb"'],
    ['double', 'x', '"x"'],
  ] as const)('%s: %j', (style, text, written) => {
    expect(formatScalar(text, { inFlow: false }, style)).toBe(written);
  });
});

describe('numbers, booleans and null are the same to all readers', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [42, '42'],
    [-1.5, '-1.5'],
    [1e-7, '1.0e-7'],
    [1.5e-9, '1.5e-9'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [true, 'true'],
    [null, 'null'],
  ])('%s', (value, written) => {
    expect(formatYaml(value)).toBe(`${written}\n`);
    expect(parse(written)).toBe(value === 0 ? 0 : value);
    expect(parse(written, { version: '1.1' })).toBe(value === 0 ? 0 : value);
  });

  test.each([Number.NaN, Infinity, -Infinity, 2 ** 53, 1e21])('%s is refused', (value) => {
    expect(() => formatYaml(value)).toThrow(/cannot be written/);
  });
});

test('half a surrogate pair is refused, in values and in keys', () => {
  expect(() => formatYaml('a\uD800')).toThrow(/surrogate/);
  expect(() => formatYaml({ '\uDC00': 1 })).toThrow(/surrogate/);
});

test('a key of more than 1024 characters, which readers need not accept, is refused', () => {
  expect(() => formatKey('k'.repeat(1025), false)).toThrow(/too long/);
});

/** Strings made of what makes strings look like something else. */
const tricky = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abefnoxyEOX._-+:TZ'.split('')), maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom(...'ab1 :#-?,[]{}"\'\\|>&*!%@`~=<\t\n\r\u0085\u2028\u00A0'.split('')),
    maxLength: 8,
  }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(...Object.keys(HELM_READS), ...OTHERS_READ, ...PLAIN),
);

const everywhere = (text: string): { text: string; value: unknown } => ({
  text: [
    `block: ${formatScalar(text, { inFlow: false })}`,
    `single: ${formatScalar(text, { inFlow: false }, 'single')}`,
    `flow: {in: ${formatScalar(text, { inFlow: true })}, list: [${formatScalar(text, { inFlow: true })}]}`,
    `keys:\n  ${formatKey(text, false)}: 1`,
    `flowKeys: {${formatKey(text, true)}: 1}`,
    '',
  ].join('\n'),
  value: {
    block: text,
    single: text,
    flow: { in: text, list: [text] },
    keys: Object.fromEntries([[text, 1]]),
    flowKeys: Object.fromEntries([[text, 1]]),
  },
});

test('any string reads back as itself, by YAML 1.2 and 1.1, as a value and as a key', () => {
  fc.assert(
    fc.property(tricky, (string) => {
      const { text, value } = everywhere(string);
      expect(parse(text)).toEqual(value);
      expect(parse(text, { version: '1.1' })).toEqual(value);
    }),
    { numRuns: 300 },
  );
});

const python = spawnSync('python3', ['-c', 'import yaml; print(yaml.__version__)'], { encoding: 'utf8' });
const hasPyYaml = python.status === 0;
if (!hasPyYaml)
  console.info('skipped: the check with PyYAML as a second YAML 1.1 reader; python3 has no module yaml here');

test.skipIf(!hasPyYaml)('and by PyYAML, a YAML 1.1 reader that we did not write for', () => {
  const strings = [...fc.sample(tricky, 300), ...Object.keys(HELM_READS), ...OTHERS_READ, ...PLAIN];
  const script = [
    'import json, sys, yaml',
    'texts = json.load(sys.stdin)',
    'print(json.dumps([yaml.safe_load(text) for text in texts], default=repr))',
  ].join('\n');
  const input = JSON.stringify(strings.map((string) => everywhere(string).text));
  const run = spawnSync('python3', ['-c', script], { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual(strings.map((string) => everywhere(string).value));
});
