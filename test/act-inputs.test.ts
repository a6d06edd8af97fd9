import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses: string;
  readonly with: Readonly<Record<string, string>>;
}

const read = async (file: string) => parse(await readFile(new URL(`../${file}`, import.meta.url), 'utf8'));

const bumpValues = await read('actions/bump-values/action.yml');
const deploy = await read('actions/deploy/action.yml');
const release = await read('.github/workflows/release.yml');

// GitHub only warns about an input that an action does not have: a misspelt name would silently do nothing.
describe.each<[string, Record<string, unknown>, Step]>([
  ['deploy', deploy.inputs, deploy.runs.steps[0]],
  ['release.yml', release.on.workflow_call.inputs, release.jobs.bump.steps[0]],
])('%s', (_, inputs, step) => {
  test('calls bump-values of its own commit', () => {
    expect(step.uses).toBe('$/actions/bump-values');
  });

  test('hands on only inputs that bump-values has', () => {
    expect(Object.keys(bumpValues.inputs)).toEqual(expect.arrayContaining(Object.keys(step.with)));
  });

  test('hands on every input that it takes', () => {
    const handedOn = Object.values(step.with).join('\n');
    // The machine is the one thing that bump-values need not know.
    const names = Object.keys(inputs).filter((name) => name !== 'runs-on');
    expect(names.filter((name) => !new RegExp(`inputs\\.${name}\\b(?!-)`).test(handedOn))).toEqual([]);
  });
});

test('deploy has the defaults of bump-values', () => {
  const defaults = (inputs: Record<string, { default?: string }>) =>
    Object.fromEntries(Object.keys(deploy.inputs).map((name) => [name, inputs[name]?.default]));
  expect(defaults(deploy.inputs)).toEqual(defaults(bumpValues.inputs));
});
