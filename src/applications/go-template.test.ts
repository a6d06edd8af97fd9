import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlainMap } from '../yaml/data.ts';
import { TemplateMistake } from './fast-template.ts';
import { helmTemplates, type TemplateEvaluator } from './go-template.ts';
import { fieldTemplate, fillFields } from './go-template-fields.ts';
import { goText } from './go-value.ts';

const helm: TemplateEvaluator = helmTemplates();

const fill = async (template: string, params: unknown, isStrict = true): Promise<string> => {
  const [filled] = await helm([{ template, params: params as PlainMap }], isStrict);
  return filled ?? '';
};

const fillFast = (template: string, params: unknown, isStrict = true): string | undefined => {
  const parsed = fieldTemplate(template);
  return parsed && fillFields(parsed, params as PlainMap, isStrict, template);
};

describe('templates that only name parameters need no helm:', () => {
  const params = {
    a: 'x',
    n: 3,
    b: true,
    none: null,
    path: { segments: ['apps', 'web'], basename: 'web' },
    list: [1],
    map: {},
  };
  test.each([
    ['{{.a}}', 'x'],
    ['{{ $.a }}-{{.n}}-{{ .b }}', 'x-3-true'],
    ['{{.path.basename}}{{ index .path.segments 1 }}', 'webweb'],
    ['{{ index .path "basename" }}', 'web'],
    ['a {{- .a -}} b', 'axb'],
    ['{{/* said */}}{{ .none }}', '<no value>'],
    ['}} is text', '}} is text'],
  ])('%s', (template, filled) => {
    expect(fillFast(template, params)).toBe(filled);
  });

  test.each([
    '{{ .a | upper }}',
    '{{ if .a }}{{ end }}',
    '{{ . }}',
    '{{ .list }}',
    '{{ .map }}',
    '{{ index .list 0 | add 1 }}',
  ])('%s is left to helm', (template) => {
    expect(fillFast(template, params)).toBeUndefined();
  });

  test.each([
    ['{{.c}}', 'there is no parameter .c'],
    ['{{.path.c}}', 'there is no parameter .path.c'],
    ['{{.a.b}}', '.a.b cannot be read: what stands before it is no map'],
    ['{{ index .path.segments 7 }}', '.path.segments has no item 7: it has 2'],
    ['{{ .a', 'this is no Go template: a {{ is not closed by }}'],
    ['{{ .a & }}', 'this is no Go template: unexpected "&"'],
  ])('%s is a mistake', (template, message) => {
    expect(() => fillFast(template, params)).toThrow(new TemplateMistake(template, message));
  });
});

test('what is filled quickly is what Go makes of it', async () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const scalar = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const params = fc.dictionary(key, fc.oneof(scalar, fc.dictionary(key, scalar)));
  const action = fc.tuple(
    fc.array(key, { minLength: 1, maxLength: 2 }),
    fc.boolean(),
    fc.boolean(),
    fc.stringMatching(/^[ a-z\n]*$/),
  );
  const template = fc
    .array(action, { minLength: 1, maxLength: 3 })
    .map((actions) =>
      actions
        .map(
          ([keys, before, after, text]) =>
            `${text}{{${before ? '- ' : ''}.${keys.join('.')}${after ? ' -' : ''}}}`,
        )
        .join(''),
    );
  const cases = fc
    .sample(fc.tuple(template, params, fc.boolean()), { numRuns: 300, seed: 7 })
    .map(([text, values, isStrict]) => {
      try {
        return { text, values: values as PlainMap, isStrict, filled: fillFast(text, values, isStrict) };
      } catch {
        return { text, values: values as PlainMap, isStrict, filled: undefined };
      }
    });
  for (const isStrict of [true, false]) {
    const filled = cases.filter((each) => each.filled !== undefined && each.isStrict === isStrict);
    expect(filled.length).toBeGreaterThan(10);
    const judged = await helm(
      filled.map(({ text, values }) => ({ template: text, params: values })),
      isStrict,
    );
    expect(filled.map((each) => each.filled)).toEqual(judged);
  }
});

test('numbers, lists and maps are printed as Go prints them', async () => {
  const values = [
    0,
    1,
    999999,
    1_000_000,
    1234567,
    123456.7,
    1e20,
    1e21,
    0.0001,
    0.00001,
    -2.5e-9,
    1e300,
    [1, 'a', null, { b: [2] }],
    { z: 1, a: { y: true } },
  ];
  const printed = await helm(
    values.map((value) => ({ template: '{{ .v }}', params: { v: value } })),
    false,
  );
  expect(values.map(goText)).toEqual([...printed]);
});

describe('everything else is evaluated by helm as Argo CD does:', () => {
  const params = {
    name: 'My_App.One & Two',
    list: ['b', 'a'],
    maps: [{ id: 1 }],
    json: '[1, {"a": 2}]',
    no: null,
  };
  test.each([
    ['{{ normalize .name }} {{ .name | normalize | upper }}', 'my-app.one---two MY-APP.ONE---TWO'],
    [
      '{{ slugify .name }} {{ .name | slugify 9 true }} {{ slugify 9 false .name }}',
      'my-app-one-two my-app my-app-on',
    ],
    ['{{ .list | sortAlpha | join "," }}', 'a,b'],
    ['{{ range $i, $m := .maps }}{{ $i }}={{ $m.id }}{{ end }}', '0=1'],
    ['{{ (index .maps 0).id }}', '1'],
    ['{{ (index (.json | fromJson) 1).a }}', '2'],
    ['{{ define "a" }}<{{ .name }}>{{ end }}{{ template "a" . }}', '<My_App.One & Two>'],
    ['{{ $x := . }}{{ $x.name | len }}', '16'],
    ['{{ .no }}', '<no value>'],
    ['{{ .name }}\'"\n---\n{{ len .list }}', 'My_App.One & Two\'"\n---\n2'],
    ['{{ if hasKey . "nothing" }}{{ .nothing }}{{ else }}-{{ end }}', '-'],
  ])('%s', async (template, filled) => {
    expect(await fill(template, params)).toBe(filled);
  });

  test('templates of one name do not meet', async () => {
    const jobs = ['1', '2'].map((text) => ({
      template: `{{ define "a" }}${text}{{ end }}{{ template "a" }}`,
      params: {},
    }));
    expect(await helm(jobs, true)).toEqual(['1', '2']);
  });

  test.each([
    ['{{ .nothing | upper }}', 'there is no parameter .nothing'],
    ['{{ range .maps }}{{ .nothing }}{{ end }}', 'there is no parameter .nothing'],
    ['{{ default "x" .nothing }}', 'there is no parameter .nothing'],
    ['{{ include "kajitori.normalize" .name }}', 'Argo CD has no function "include"'],
    ['{{ env "HOME" }}', 'Argo CD has no function "env"'],
    ['{{ nothing .name }}', 'function "nothing" not defined'],
    ['{{ if }}', 'missing value for if'],
    ['{{ fail "said so" }}', 'said so'],
  ])('%s is a mistake', async (template, message) => {
    await expect(fill(template, params)).rejects.toThrow(message);
    await expect(fill(template, params)).rejects.toBeInstanceOf(TemplateMistake);
  });

  test('a parameter that is missing is <no value> without missingkey=error', async () => {
    expect(await fill('{{ .nothing }} {{ default "x" .nothing }}', params, false)).toBe('<no value> x');
  });
});
