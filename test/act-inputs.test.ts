import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  /** Of a job. */
  readonly steps?: readonly Step[];
  readonly uses: string;
  readonly with: Readonly<Record<string, string>>;
}

interface ReusableWorkflow {
  readonly on: { readonly workflow_call: { readonly inputs: Readonly<Record<string, unknown>> } };
}

const read = async (file: string) => parse(await readFile(new URL(`../${file}`, import.meta.url), 'utf8'));

const bumpValues = await read('actions/bump-values/action.yml');
const buildImage = await read('actions/build-image/action.yml');
const buildWorkflow = await read('.github/workflows/build-image.yml');
const deploy = await read('actions/deploy/action.yml');
const release = await read('.github/workflows/release.yml');

const waitForSync = await read('actions/wait-for-sync/action.yml');

const stepOf = (steps: readonly (Step & { readonly id?: string })[], id: string): Step =>
  steps.find((step) => step.id === id) as Step;
const [deployBuild, deployBump, deployWait] = ['build', 'bump', 'wait'].map((id) =>
  stepOf(deploy.runs.steps, id),
) as [Step, Step, Step];

// GitHub only warns about an input that an action does not have: a misspelt name would silently do nothing.
describe.each<[string, Record<string, unknown>, Step, Step, Record<string, unknown>, Step]>([
  ['deploy', deploy.inputs, deployBump, deployBuild, buildImage.inputs, deployWait],
  [
    'release.yml',
    release.on.workflow_call.inputs,
    release.jobs.bump.steps[0],
    release.jobs.build,
    buildWorkflow.on.workflow_call.inputs,
    release.jobs.wait.steps[0],
  ],
])('%s', (_, inputs, bump, build, buildInputs, wait) => {
  test('calls bump-values, build-image and wait-for-sync of its own commit', () => {
    expect(bump.uses).toBe('$/actions/bump-values');
    expect(wait.uses).toBe('$/actions/wait-for-sync');
    expect(build.uses).toMatch(/^\$\/(?:actions\/build-image|\.github\/workflows\/build-image\.yml)$/);
  });

  test('hands on only inputs that they have', () => {
    expect(Object.keys(bumpValues.inputs)).toEqual(expect.arrayContaining(Object.keys(bump.with)));
    expect(Object.keys(buildInputs)).toEqual(expect.arrayContaining(Object.keys(build.with)));
    expect(Object.keys(waitForSync.inputs)).toEqual(expect.arrayContaining(Object.keys(wait.with)));
  });

  test('hands on every input that it takes', () => {
    const handedOn = [bump, build, wait].flatMap((each) => Object.values(each.with)).join('\n');
    // The machines are what actions need not know.
    const names = Object.keys(inputs).filter((name) => !name.endsWith('runs-on'));
    expect(names.filter((name) => !new RegExp(`inputs\\.${name}\\b(?!-)`).test(handedOn))).toEqual([]);
  });
});

const waitWorkflow = await read('.github/workflows/wait.yml');

test('wait.yml hands on only inputs that wait-for-sync has, and every one that it takes', () => {
  const [step] = waitWorkflow.jobs.wait.steps as [Step];
  expect(step.uses).toBe('$/actions/wait-for-sync');
  expect(Object.keys(waitForSync.inputs)).toEqual(expect.arrayContaining(Object.keys(step.with)));
  expect(unused(waitWorkflow, [step.with, waitWorkflow.jobs.wait.strategy.matrix])).toEqual([]);
});

test.each(['rollback', 'promote'])('%s.yml hands on what its action and wait.yml have', async (name) => {
  const workflow = await read(`.github/workflows/${name}.yml`);
  const action = await read(`actions/${name}/action.yml`);
  const step = stepOf(workflow.jobs[name].steps, name);
  const { wait } = workflow.jobs;
  expect([step.uses, wait.uses]).toEqual([`$/actions/${name}`, '$/.github/workflows/wait.yml']);
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(step.with)));
  const { inputs, secrets } = waitWorkflow.on.workflow_call;
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(wait.with)));
  expect(Object.keys(wait.secrets)).toEqual(Object.keys(secrets));
  // A GitHub environment is GitHub's own affair.
  expect(unused(workflow, [step.with, wait.with, workflow.jobs[name].environment])).toEqual([]);
});

// Whatever waits may put a release back, and then another image is live.
test.each(['release', 'rollback', 'promote', 'deploy'])(
  '%s: what waits marks what is live after it',
  async (name) => {
    const steps =
      name === 'deploy'
        ? [deployWait]
        : Object.values((await read(`.github/workflows/${name}.yml`)).jobs)
            .flatMap((job) => [job as Step, ...((job as Step).steps ?? [])])
            .filter(({ uses }) => /wait/.test(uses ?? ''));
    expect(steps.map((step) => [step.with['mark-live'], step.with['registry-role']])).toEqual([
      ['${{ inputs.mark-live }}', '${{ inputs.registry-role }}'],
    ]);
  },
);

/** Inputs of a reusable workflow that go nowhere. */
function unused(workflow: ReusableWorkflow, given: readonly unknown[]): readonly string[] {
  const text = JSON.stringify(given);
  return Object.keys(workflow.on.workflow_call.inputs).filter(
    (name) => !name.endsWith('runs-on') && !new RegExp(`inputs\\.${name}\\b(?!-)`).test(text),
  );
}

/** An input of build-image, as those name it who build first and then do more. */
const buildName = (name: string): string => (name.startsWith('build-') ? name : `build-${name}`);

// What cannot be said there forces a team to write the jobs themselves.
test('all that can be built by the action can be built by build-image.yml, by deploy and by release.yml', () => {
  // How build-image.yml divides its work among jobs; and secrets, which a workflow takes otherwise.
  const own = ['step', 'platform', 'digests', 'secrets'];
  const names = Object.keys(buildImage.inputs).filter((name) => !own.includes(name));
  const workflow = Object.keys(buildWorkflow.on.workflow_call.inputs);
  expect(names.filter((name) => !workflow.includes(name))).toEqual([]);
  expect(names.filter((name) => !(buildName(name) in deploy.inputs))).toEqual([]);
  expect(
    [...names, 'runners'].filter((name) => !(buildName(name) in release.on.workflow_call.inputs)),
  ).toEqual([]);
});

test('release.yml builds with the defaults of build-image.yml, and that one with those of the action', () => {
  type Inputs = Readonly<Record<string, { readonly default?: string | boolean }>>;
  const called = release.on.workflow_call.inputs as Inputs;
  for (const [name, { default: value }] of Object.entries(buildWorkflow.on.workflow_call.inputs as Inputs)) {
    if (name === 'runs-on') continue;
    expect([name, called[buildName(name)]?.default ?? '']).toEqual([name, value ?? '']);
    if (name !== 'runners')
      expect([name, String(value ?? '')]).toEqual([name, buildImage.inputs[name].default ?? '']);
  }
});

test('each job of build-image.yml says the same about the content: the key of what look finds is that of join', () => {
  const content = Object.keys(buildImage.inputs).filter(
    (name) =>
      !/^(?:step|platform|digests|secrets|force|create-repository|environments|pull-accounts|assets-.*)$/.test(
        name,
      ),
  );
  for (const [job, { steps }] of Object.entries<Step>(buildWorkflow.jobs)) {
    const given = Object.keys(steps?.at(-1)?.with ?? {});
    expect([job, content.filter((name) => !given.includes(name))]).toEqual([job, []]);
  }
});

test.each(Object.entries<Step>(buildWorkflow.jobs).map(([job, { steps }]) => [job, steps?.at(-1)] as const))(
  'build-image.yml hands on only inputs that the action has: %s',
  (_, step) => {
    expect(step?.uses).toBe('$/actions/build-image');
    expect(Object.keys(buildImage.inputs)).toEqual(expect.arrayContaining(Object.keys(step?.with ?? {})));
  },
);

test('deploy has the defaults of bump-values, of build-image, and of wait-for-sync', () => {
  type Inputs = Readonly<Record<string, { readonly default?: string }>>;
  const own = Object.entries(deploy.inputs as Inputs);
  const given = (inputs: Inputs) => (name: string) => inputs[name.replace(/^build-/, '')]?.default;
  for (const [name, { default: value }] of own) {
    // Without argocd, deploy does not wait; who calls wait-for-sync does.
    if (name === 'argocd') continue;
    const owner = name in bumpValues.inputs ? bumpValues : waitForSync;
    const of = given(name.startsWith('build-') ? buildImage.inputs : owner.inputs);
    expect([name, value]).toEqual([name, of(name)]);
  }
});
