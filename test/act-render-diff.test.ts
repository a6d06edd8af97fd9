import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { generateExamples } from '../src/scaffold/examples.ts';
import { type Company, foundCompany, HOSTILE, type Job } from './act/company.ts';
import { releaseSuite } from './act/suite.ts';

let suite: string;
/** The sample GitOps repository, with the caller that `init` writes. */
let files: Record<string, string>;
beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'kajitori-act-diff-'));
  await releaseSuite(suite);
  files = Object.fromEntries(
    [...(await generateExamples())].flatMap(([file, text]) => (text === null ? [] : [[file, text]])),
  );
});
afterAll(() => rm(suite, { recursive: true, force: true }));

/** A pull request of the sample repository, that each run pushes files to. */
async function pullRequest(token: 'read' | 'write' = 'write') {
  const company: Company = await foundCompany(suite, undefined, { gitops: { files, private: true } });
  const base = await company.gitops.head();
  await company.gitops.commit({ 'NOTES.md': 'x\n' }, { branch: 'work', message: 'Work' });
  await fetch(`${company.github.apiUrl}/repos/acme/gitops/pulls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${company.app.token('acme')}` },
    body: JSON.stringify({ title: 'Work', head: 'work', base: 'main' }),
  });
  const { jobs } = parse(files['.github/workflows/render-diff.yml'] ?? '') as { jobs: Record<string, Job> };
  return {
    company,

    push: (changed: Readonly<Record<string, string>>, rights = token) =>
      company.run({
        repository: 'acme/gitops',
        branch: 'work',
        pullRequest: { number: 1, base, token: rights },
        jobs,
        files: changed,
      }),
    comments: () => company.gitops.pullRequests()[0]?.comments.map(({ body }) => body) ?? [],
    [Symbol.asyncDispose]: () => company[Symbol.asyncDispose](),
  };
}

test('a pull request gets one comment, which follows it: a change, another one, none any more', async () => {
  await using pull = await pullRequest();
  const values = files['apps/web/values.yaml'] ?? '';
  const first = await pull.push({ 'apps/web/values.yaml': values.replace('scale: 2', 'scale: 1') });
  expect(first.annotations).toEqual([]);
  expect(first.jobs['render-diff']).toMatchObject({
    result: 'success',
    outputs: { changed: 'true', affected: '3' },
  });
  expect(first.printed).toContain('artifact kajitori-diff, <!doctype html>');
  expect(first.summary).toContain('Fewer pods');
  expect(pull.comments()).toEqual([expect.stringContaining('same in all 3')]);
  expect(pull.comments()[0]).toContain('artifact `kajitori-diff` of [this run]');

  await pull.push({ 'apps/web/values.yaml': values.replace('scale: 2', 'scale: 4') });
  expect(pull.comments()).toEqual([expect.stringContaining('more pods')]);

  await pull.push({ 'apps/web/values.yaml': values });
  expect(pull.comments()).toEqual([expect.stringContaining('Nothing changes in the clusters')]);
  expect(first.leaked).toEqual([]);
});

test('what cannot be rendered fails the run, and the comment says so first; names of files reach no shell', async () => {
  await using pull = await pullRequest();
  const run = await pull.push({
    'apps/web/values.yaml': 'web: { port: none }\n',
    [`apps/${HOSTILE.replaceAll('/', '')}/values.yaml`]: 'a: 1\n',
  });
  expect(run.jobs['render-diff']).toMatchObject({ result: 'failure', outputs: { reason: 'not-rendered' } });
  expect(run.annotations).toEqual([
    expect.objectContaining({
      level: 'error',
      file: 'charts/app',
      message: expect.stringContaining('web.port'),
    }),
  ]);
  expect(pull.comments()[0]).toMatch(/^<!-- kajitori:render-diff 1 -->\n## Not checked: 3 applications/);
  expect(run.executed).toBe(false);
});

test('a commit that cannot be looked at at all takes the report of the one before it away', async () => {
  await using pull = await pullRequest();
  const values = files['apps/web/values.yaml'] ?? '';
  await pull.push({ 'apps/web/values.yaml': values.replace('scale: 2', 'scale: 1') });
  expect(pull.comments()).toEqual([expect.stringContaining('Fewer pods')]);

  const run = await pull.push({ 'kajitori.yaml': 'version: v1\nclusters: <img src=x>\n' });
  expect(run.jobs['render-diff']?.result).toBe('failure');
  expect(run.annotations).toEqual([expect.objectContaining({ level: 'error', file: 'kajitori.yaml' })]);
  expect(pull.comments()).toEqual([
    expect.stringMatching(
      /^<!-- kajitori:render-diff 1 -->\n## Not checked: commit `[0-9a-f]{12}` could not be looked at\n/,
    ),
  ]);
  expect(pull.comments()[0]).not.toMatch(/Fewer pods|<img/);

  // A token that may not write makes nothing else of the failure.
  const again = await pull.push({ 'NOTES.md': 'y\n' }, 'read');
  expect(again.jobs).toEqual(run.jobs);
  expect(again.annotations).toEqual(run.annotations);
});

test('a token that cannot write, as forks get it, leaves the report in the summary and says so', async () => {
  await using pull = await pullRequest('read');
  const values = files['apps/web/values.yaml'] ?? '';
  const run = await pull.push({ 'apps/web/values.yaml': values.replace('scale: 2', 'scale: 1') });
  expect(run.jobs['render-diff']?.result).toBe('success');
  expect(run.annotations).toEqual([
    expect.objectContaining({ level: 'warning', message: expect.stringContaining('forks') }),
  ]);
  expect(run.summary).toContain('Fewer pods');
  expect(pull.comments()).toEqual([]);
});
