import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { KAJITORI_YAML } from '../../test/gitops-fixture.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { openSuite } from '../repository/suite.ts';
import { parseYaml } from '../yaml/parse.ts';
import { callers } from './callers.ts';

const promote = async (yaml: string) => {
  const files = await callers(parseKajitoriYaml(yaml), await openSuite());
  const file = files.find(({ path }) => path.endsWith('/promote.yml'));
  return file === undefined ? undefined : parseYaml(file.text, { file: file.path });
};

test('promotion: to the environments that have promoteFrom; by a schedule only where it is automatic', async () => {
  const byHand = await promote(KAJITORI_YAML);
  expect(byHand?.get(['on', 'workflow_dispatch', 'inputs', 'to', 'options'])).toEqual(['production']);
  expect(byHand?.get(['on', 'schedule'])).toBeUndefined();
  const automatic = await promote(
    KAJITORI_YAML.replace('promoteFrom: staging', 'promoteFrom: staging\n    promote: { automatic: true }'),
  );
  expect(automatic?.get(['on', 'schedule'])).toHaveLength(1);
  expect(await promote(KAJITORI_YAML.replace('    promoteFrom: staging\n', ''))).toBeUndefined();
});

const wait = async (yaml: string) => {
  const files = await callers(parseKajitoriYaml(yaml), await openSuite());
  const text = files.find(({ path }) => path.endsWith('/wait.yml'))?.text ?? '';
  return { text, yaml: parseYaml(text, { file: 'wait.yml' }) };
};

test('waiting: for what people push, for deploys by pull request, and by a schedule for what a run left', async () => {
  const { yaml } = await wait(KAJITORI_YAML);
  expect(yaml.get(['on', 'push', 'paths'])).toContain('!apps/*/release.*.yaml');
  expect(yaml.get(['on', 'pull_request', 'paths'])).toEqual(['apps/*/release.*.yaml']);
  expect(yaml.get(['on', 'schedule'])).toHaveLength(1);
  const deploys: unknown = JSON.parse(String(yaml.get(['jobs', 'wait', 'with', 'deploys'])));
  expect(deploys).toContainEqual({ environment: 'production' });
});

test('waiting: another layout says where releases are, and nothing is pushed to', async () => {
  const other = `${KAJITORI_YAML}apps: { release: "envs/{cluster}/{app}.yaml" }\n`;
  const { yaml } = await wait(other);
  expect(yaml.get(['on', 'push'])).toBeUndefined();
  expect(yaml.get(['on', 'pull_request', 'paths'])).toEqual(['envs/*/*.yaml']);
});

test('waiting: by notifications where kajitori.yaml says so, else as the variable says', async () => {
  expect((await wait(KAJITORI_YAML)).text).toContain("vars.KAJITORI_ARGOCD || '' }}");
  const told = await wait(`${KAJITORI_YAML}argocd: { notifications: true }\n`);
  expect(told.text).toContain("vars.KAJITORI_ARGOCD || 'notifications' }}");
});

test.each(['rollback', 'promote', 'wait', 'hold'])(
  'the form %s hands on all that our workflow can do, but what is the same everywhere',
  async (name) => {
    const files = await callers(parseKajitoriYaml(KAJITORI_YAML), await openSuite());
    const caller = parse(files.find(({ path }) => path.endsWith(`/${name}.yml`))?.text ?? '');
    const ours = parse(
      await readFile(new URL(`../../.github/workflows/${name}.yml`, import.meta.url), 'utf8'),
    );
    const given = Object.keys(caller.jobs[name].with);
    const inputs = Object.keys(ours.on.workflow_call.inputs);
    expect(given.filter((input) => !inputs.includes(input))).toEqual([]);
    // An app's own deadline is in its app.yaml.
    const left = ['deadline-minutes', 'rollback'];
    expect(inputs.filter((input) => !given.includes(input) && !left.includes(input))).toEqual([]);
  },
);

test('registries are looked into where the variables say so: is the image there, and which one is live', async () => {
  const files = await callers(parseKajitoriYaml(KAJITORI_YAML), await openSuite());
  const withOf = (name: string): Record<string, string> =>
    parse(files.find(({ path }) => path.endsWith(`/${name}.yml`))?.text ?? '').jobs[name].with;
  const isOn = (variable: string) => `\${{ vars.${variable} == 'true' }}`;
  const role = '${{ vars.KAJITORI_REGISTRY_ROLE }}';
  expect(withOf('rollback')).toMatchObject({
    'check-image': isOn('KAJITORI_CHECK_IMAGE'),
    'mark-live': isOn('KAJITORI_MARK_LIVE'),
    'registry-role': role,
  });
  expect(withOf('promote')).toMatchObject({
    'check-image': isOn('KAJITORI_CHECK_IMAGE'),
    'scan-threshold': '${{ vars.KAJITORI_SCAN_THRESHOLD }}',
    'copy-image': isOn('KAJITORI_COPY_IMAGE'),
    'registry-role': role,
  });
  expect(withOf('wait')).toMatchObject({ 'mark-live': isOn('KAJITORI_MARK_LIVE'), 'registry-role': role });
});

test("the workflow of an app's repository says the same of Argo CD and registries as the forms", async () => {
  const read = async (file: string) =>
    parse(await readFile(new URL(`../../${file}`, import.meta.url), 'utf8'));
  const app = (await read('templates/app-repository/deploy.yml')).jobs.deploy.with;
  const form = (await read('templates/gitops/.github/workflows/rollback.yml')).jobs.rollback.with;
  const { inputs } = (await read('.github/workflows/release.yml')).on.workflow_call;
  expect(Object.keys(app).filter((name) => !(name in inputs))).toEqual([]);
  const same = Object.entries(form).filter(([name]) =>
    /^(?:argocd|application|.*runs-on|check-|mark-|registry-)/.test(name),
  );
  expect(same.length).toBeGreaterThan(8);
  // There kajitori.yaml decides between the ways; an app's repository does not know it.
  for (const [name, value] of same) if (name !== 'argocd') expect([name, app[name]]).toEqual([name, value]);
});
