import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lintWorkflows, readableByActionlint } from './actionlint.ts';
import { filled } from './template-workflows.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kajitori-lint-test-'));
  write('.github/actionlint.yaml', 'paths: {}\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

const workflow = (steps: string): string => `on: push
permissions: {}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
${steps}
`;

function writeAction(main: string): void {
  write('actions/greet/main.ts', '');
  const inputs = '{ name: { description: who } }';
  const runs = `{ using: node24, main: ${main} }`;
  write('actions/greet/action.yml', `name: Greet\ndescription: Greet\ninputs: ${inputs}\nruns: ${runs}\n`);
}

test('only the path of `uses` is rewritten for actionlint', () => {
  expect(readableByActionlint('- uses: $/actions/x\n  run: echo $/y\n')).toBe(
    '- uses: ./actions/x\n  run: echo $/y\n',
  );
});

test('an action of ours is called with the inputs that it has', async () => {
  writeAction('../../dist/greet.js');
  write('.github/workflows/a.yml', workflow('      - uses: $/actions/greet\n        with: { nam: x }'));
  expect(await lintWorkflows(root)).toContain('input "nam" is not defined');
});

test('an action whose `main` is not what the bundle makes of it is found', async () => {
  write('.github/workflows/a.yml', workflow('      - uses: $/actions/greet\n        with: { name: x }'));
  writeAction('../../dist/greet.js');
  expect(await lintWorkflows(root)).toBeUndefined();
  writeAction('../../dist/greeting.js');
  expect(await lintWorkflows(root)).toContain('"../../dist/greeting.js" does not exist');
});

test('workflows in templates and examples are linted too, each as its own repository', async () => {
  write('.github/workflows/a.yml', workflow('      - run: "true"'));
  write('examples/gitops/.github/workflows/b.yml', workflow('      - run: echo ${{ github.nonsense }}'));
  const said = await lintWorkflows(root);
  expect(said).toContain('in examples/gitops:');
  expect(said).toContain('.github/workflows/b.yml:7');
  write('examples/gitops/.github/workflows/b.yml', workflow('      - run: "true"'));
  expect(await lintWorkflows(root)).toBeUndefined();
});

test('the workflow that `init` writes into an app repository is linted with its placeholders filled', async () => {
  write('.github/workflows/a.yml', workflow('      - run: "true"'));
  const template = 'on: push\npermissions: {}\njobs:\n  a:\n    uses: __RELEASE_WORKFLOW__\n';
  write('templates/app-repository/deploy.yml', `${template}    with: { gitops-repository: __GITOPS__ }\n`);
  expect(await lintWorkflows(root)).toBeUndefined();
  write('templates/app-repository/deploy.yml', `${template}    wiht: {}\n`);
  expect(await lintWorkflows(root)).toContain('in templates/app-repository:\n.github/workflows/deploy.yml:6');
  expect(filled('a: __FIRST_ENVIRONMENT__')).toBe('a: first-environment');
});
