import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { generateExamples } from '../scaffold/examples.ts';
import { checkTrust } from './check-trust.ts';

const config = parseKajitoriYaml((await generateExamples()).get('kajitori.yaml') ?? '');
const suite = parseRepositoryName('kajitori/kajitori');
const guide = readFileSync(new URL('../../docs/setup.md', import.meta.url), 'utf8');
const blocks = [...guide.matchAll(/```json\n([\s\S]*?)\n```/g)].map((match) => match[1] ?? '');
const GUIDE = blocks.find((block) => block.includes('job_workflow_ref')) ?? '';

const WORKFLOWS = ['release', 'new-app', 'add-cronjob', 'rollback', 'hold', 'promote', 'wait'].map(
  (name) => `kajitori/kajitori/.github/workflows/${name}.yml@refs/tags/v1`,
);
const RELEASE = JSON.stringify(WORKFLOWS[0]);
const all = GUIDE.replace(RELEASE, JSON.stringify(WORKFLOWS));

const statuses = (text: string) => checkTrust(text, suite, config).map(({ status }) => status);

test('the policy of docs/setup.md with all workflows is right, also as aws prints it', () => {
  expect(GUIDE).toContain(RELEASE);
  expect(statuses(all)).toEqual(['ok']);
  expect(statuses(JSON.stringify({ Role: { AssumeRolePolicyDocument: JSON.parse(all) } }))).toEqual(['ok']);
});

test('workflows that cannot sign are named', () => {
  const [check] = checkTrust(GUIDE, suite, config);
  expect(check?.status).toBe('warn');
  expect(check?.what).toContain('rollback.yml@refs/tags/v1');
  expect(check?.what).not.toContain('/release.yml@');
});

test.each([
  ['any version of the workflow', all.replace('rollback.yml@refs/tags/v1', 'rollback.yml@*')],
  ['any workflow', all.replace(':job_workflow_ref"', ':environment"')],
  ['any repository', all.replaceAll('"repo:acme/*"', '"*"')],
  ['any organization', all.replace('"acme/*"', '"*/*"')],
  ['no condition on the repository', all.replace(':repository"', ':actor"')],
  ['all but some', all.replace('StringLike', 'StringNotLike')],
])('a role that trusts too much is a failure: %s', (_, text) => {
  expect(text).not.toBe(all);
  expect(statuses(text)).toContain('fail');
});

test('what cannot be read is not checked', () => {
  expect(statuses('{}')).toEqual(['not-checked']);
  expect(statuses('<html>')).toEqual(['not-checked']);
});
