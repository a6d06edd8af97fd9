import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checks } from './checks.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kajitori-checks-test-'));
  mkdirSync(join(root, '.github'));
  cpSync('.github/zizmor.yml', join(root, '.github/zizmor.yml'));
});
afterEach(() => rmSync(root, { recursive: true }));

const unsafe = `on: issues
permissions: {}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ github.event.issue.title }}"
`;

test.each([
  '.github/workflows/a.yml',
  'templates/app-repository/a.yml',
  'examples/gitops/.github/workflows/a.yml',
])('zizmor reads %s', async (file) => {
  const zizmor = checks.find((check) => check.name === 'zizmor');
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), unsafe.replace('${{ github.event.issue.title }}', 'fine'));
  expect(await zizmor?.run(root)).toBeUndefined();
  writeFileSync(join(root, file), unsafe);
  expect(await zizmor?.run(root)).toContain('template-injection');
});
