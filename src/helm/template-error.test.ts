import { expect, it } from 'vitest';
import { explainHelmError } from './template-error.ts';

const explain = (stderr: string) =>
  explainHelmError(stderr, { chart: 'charts/demo', schema: undefined, show: (file) => file });

// The tests of rendering run with Helm 3. These are the words of Helm 4.3 for the same mistakes.
it.each([
  [
    `Error: demo/templates/a.yaml:2:3
  executing "demo/templates/a.yaml" at <include "q" .>:
    error calling include:
demo/templates/_q.tpl:3:11
  executing "q" at <.Values.x.y.z>:
    nil pointer evaluating interface {}.y

Use --debug flag to render out invalid YAML
`,
    {
      message: 'The template fails: <.Values.x.y.z>: nil pointer evaluating interface {}.y',
      at: { file: 'charts/demo/templates/_q.tpl', line: 3, column: 12 },
    },
  ],
  [
    'Error: failed to parse apps/web/values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context\n',
    {
      message: 'helm cannot read these values: mapping values are not allowed in this context',
      at: { file: 'apps/web/values.yaml', line: 2 },
    },
  ],
])('the words of Helm 4 are understood too', (stderr, expected) => {
  expect(explain(stderr)).toMatchObject(expected);
});

it('the schema messages of Helm before 3.18 stay as they are', () => {
  const stderr = `Error: values don't meet the specifications of the schema(s) in the following chart(s):
demo:
- (root): Additional property wbe is not allowed
- web.port: Invalid type. Expected: integer, given: string
`;
  expect(explain(stderr)).toMatchObject({
    reason: 'values-refused',
    message: expect.stringMatching(
      /\(root\): Additional property wbe is not allowed[\s\S]*web\.port: Invalid type/,
    ),
  });
});

it('what is not recognised is passed on, cut in the middle to a length that people read', () => {
  expect(explain(`WARNING: old\nError: something new ${'x'.repeat(10_000)} the end`).message).toMatch(
    /^helm could not render it: something new x{1000,2000} \[…\] x{1000,2000} the end$/,
  );
  expect(explain('').message).toBe('helm could not render it: it said nothing');
});
