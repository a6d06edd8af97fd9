import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openSuite } from '../src/repository/suite.ts';
import { openWorkingCopy } from '../src/repository/working-copy.ts';
import { runInit } from '../src/scaffold/init.ts';
import { type Company, foundCompany, HOSTILE, type Job } from './act/company.ts';
import { releaseSuite } from './act/suite.ts';

/** The GitOps repository as `kajitori init` makes it from nothing. */
let files: Record<string, string>;
let folder: string;
let suite: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kajitori-forms-'));
  suite = join(folder, 'suite');
  await releaseSuite(suite);
  const gitops = join(folder, 'gitops');
  await runInit(
    {
      environments: ['staging=stg-1', 'production=prod-1,prod-2'],
      clusters: [
        'stg-1=1.34,ap-northeast-1,111111111111',
        'prod-1=1.33,ap-northeast-1,222222222222',
        'prod-2=1.34,ap-northeast-1,222222222222',
      ],
      registries: ['333333333333.dkr.ecr.ap-northeast-1.amazonaws.com'],
      teams: '@acme/*',
      url: 'https://github.com/acme/gitops.git',
      dryRun: false,
    },
    {
      repository: await openWorkingCopy(gitops),
      suite: await openSuite(),
      remoteUrl: async () => undefined,
      questions: undefined,
      show: () => {},
    },
  );
  const paths = globSync('**/*', { cwd: gitops, exclude: (name) => name === '.git' })
    .concat(globSync('.github/**/*', { cwd: gitops }))
    .filter((path) => /\.[a-z]+$|CODEOWNERS$/.test(path));
  files = Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(gitops, path), 'utf8')] as const)),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const found = (more: Readonly<Record<string, string>> = {}): Promise<Company> =>
  foundCompany(suite, undefined, {
    gitops: {
      files: { ...files, ...more },
      private: true,
      teams: { shop: { members: ['ann'], permission: 'write' } },
    },
    permissions: { members: 'read' },
  });

/** The jobs of a caller that `init` wrote, as they stand there. */
const jobsOf = (workflow: string): Record<string, Job> =>
  (parse(files[`.github/workflows/${workflow}`] ?? '') as { jobs: Record<string, Job> }).jobs;

/** The issue that GitHub makes of the form `New app`. */
const issueOf = (answers: Readonly<Record<string, string>>): string =>
  Object.entries(answers)
    .map(([label, answer]) => `### ${label}\n\n${answer === '' ? '_No response_' : answer}`)
    .join('\n\n');

const APP = { name: 'shop-web', team: 'shop', source: 'acme/web', kind: 'mixed', spec: '' };

describe('the form of a new app', () => {
  test('makes one pull request, from a repository that `init` just made', async () => {
    await using company = await found();
    const form = { ...APP, spec: 'web port=3000; worker mailer run=bin/mailer' };
    const run = await company.run({
      repository: 'acme/gitops',
      form,
      actor: 'ann',
      jobs: jobsOf('new-app.yml'),
    });
    expect(run.annotations).toEqual([]);
    expect(run.jobs['new-app']).toMatchObject({
      result: 'success',
      outputs: { reason: 'proposed', 'pull-request': expect.stringMatching(/\/acme\/gitops\/pull\/1$/) },
    });
    const read = (file: string) => company.gitops.read(file, 'kajitori/new-app/shop-web');
    expect(parse((await read('apps/shop-web/values.yaml')) ?? '')).toEqual({
      web: { port: 3000, scale: 2 },
      workers: { mailer: { run: 'bin/mailer', scale: 1 } },
    });
    expect(await read('.github/CODEOWNERS')).toContain('/apps/shop-web/ @acme/shop');
    expect(company.gitops.pullRequests()[0]?.body).toContain('ann belongs to it.');
    expect(run.leaked).toEqual([]);
  });

  test('as an issue does the same, and answers it', async () => {
    await using company = await found();
    // The stand-in has only those issues that are pull requests.
    await company.gitops.commit({ 'README.md': 'x\n' }, { branch: 'other', message: 'Other' });
    await openPullRequest(company, 'other');
    const body = issueOf({
      Name: 'shop-web',
      Team: 'shop',
      'Source repository': 'acme/web',
      Kind: 'web',
      Components: '',
    });
    const run = await company.run({
      repository: 'acme/gitops',
      issue: { number: 1, body, labels: ['new-app'] },
      actor: 'ann',
      jobs: jobsOf('new-app.yml'),
    });
    expect(run.annotations).toEqual([]);
    expect(run.jobs['new-app']?.result).toBe('success');
    const [issue, pull] = company.gitops.pullRequests();
    expect(pull?.title).toBe('Add the app shop-web');
    expect(issue?.comments.map((comment) => comment.body)).toEqual([
      expect.stringContaining('Proposed the app shop-web as pull request #2'),
    ]);
    expect(run.leaked).toEqual([]);
  });

  test('is refused to a person of another team; the issue says so', async () => {
    await using company = await found();
    await company.gitops.commit({ 'README.md': 'x\n' }, { branch: 'other', message: 'Other' });
    await openPullRequest(company, 'other');
    const body = issueOf({
      Name: 'w',
      Team: 'shop',
      'Source repository': 'acme/web',
      Kind: 'web',
      Components: '',
    });
    const run = await company.run({
      repository: 'acme/gitops',
      issue: { number: 1, body, labels: ['new-app'] },
      actor: 'mallory',
      jobs: jobsOf('new-app.yml'),
    });
    expect(run.jobs['new-app']).toMatchObject({ result: 'failure', outputs: { reason: 'not-a-member' } });
    const [issue, ...more] = company.gitops.pullRequests();
    expect(more).toEqual([]);
    expect(issue?.comments[0]?.body).toContain('mallory does not belong to the team acme/shop');
  });
});

describe('the form of a cron job', () => {
  test('adds three lines and says when it runs', async () => {
    await using company = await found({
      'apps/web/app.yaml': 'app: { team: shop, sources: [acme/web] }\n',
      'apps/web/values.yaml': 'web:\n  port: 8080 # ours\n',
    });
    const form = {
      app: 'web',
      name: 'report',
      schedule: '0 3 * * *',
      run: 'bin/report daily',
      'time-zone': '',
    };
    const run = await company.run({ repository: 'acme/gitops', form, jobs: jobsOf('add-cronjob.yml') });
    expect(run.annotations).toEqual([]);
    expect(await company.gitops.read('apps/web/values.yaml', 'kajitori/cron/web/report')).toBe(
      'web:\n  port: 8080 # ours\ncron:\n  report:\n    schedule: 0 3 * * *\n    run: bin/report daily\n',
    );
    expect(run.printed).toContain('At 03:00 (Etc/UTC). Next: ');
  });
});

describe('hostile text in every field', () => {
  const texts = [
    `${HOSTILE}`,
    '${{ secrets.KAJITORI_PRIVATE_KEY }}',
    '../../kajitori.yaml',
    `x\n::set-output name=reason::proposed\n##[error]owned`,
    '🦊',
    'a'.repeat(64),
  ];

  test.each(['name', 'team', 'source', 'kind', 'spec'] as const)(
    'of a new app is refused or inert: %s',
    async (field) => {
      await using company = await found();
      const jobs = jobsOf('new-app.yml')['new-app'] as Job;
      const run = await company.run({
        repository: 'acme/gitops',
        actor: 'ann',
        form: Object.fromEntries(texts.map((text, index) => [`text${index}`, text])),
        jobs: Object.fromEntries(
          texts.map((_, index) => [
            `case${index}`,
            { ...jobs, with: { ...(jobs.with as object), ...APP, [field]: `\${{ inputs.text${index} }}` } },
          ]),
        ),
      });
      // A team of 63 letters can be; there is none.
      for (const index of texts.keys()) {
        expect(run.jobs[`case${index}`]?.result, texts[index]).toBe('failure');
        expect(run.jobs[`case${index}`]?.outputs.reason, texts[index]).toMatch(/^(?:bad-|invalid-file)/);
      }
      expect(run.executed).toBe(false);
      expect(run.leaked).toEqual([]);
      expect(company.gitops.pullRequests()).toEqual([]);
    },
  );

  test('of an issue is refused, whatever its body makes of the form', async () => {
    await using company = await found();
    const good = { Name: 'w', Team: 'shop', 'Source repository': 'acme/web', Kind: 'web', Components: '' };
    const bodies = [
      `${issueOf(good)}\n\n### Name\n\nother`,
      issueOf({ ...good, Name: `w\n\n::error::owned ${HOSTILE}` }),
      issueOf({ ...good, Evil: 'x' }),
      HOSTILE,
      '${{ github.token }}',
    ];
    const caller = jobsOf('new-app.yml')['new-app'] as Job;
    const run = await company.run({
      repository: 'acme/gitops',
      actor: 'ann',
      form: Object.fromEntries(bodies.map((body, index) => [`body${index}`, body])),
      jobs: Object.fromEntries(
        bodies.map((_, index) => [
          `case${index}`,
          { ...caller, with: { ...(caller.with as object), form: `\${{ inputs.body${index} }}` } },
        ]),
      ),
    });
    for (const index of bodies.keys()) {
      expect(run.jobs[`case${index}`], bodies[index]).toMatchObject({ outputs: { reason: 'bad-form' } });
    }
    expect(run.executed).toBe(false);
    expect(run.leaked).toEqual([]);
    expect(company.gitops.pullRequests()).toEqual([]);
  });
});

/** So that there is an issue with number 1. */
async function openPullRequest({ github, app }: Company, branch: string): Promise<void> {
  const response = await fetch(`${github.apiUrl}/repos/acme/gitops/pulls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.token('acme', { repositories: ['gitops'] })}` },
    body: JSON.stringify({ title: 'Other', head: branch, base: 'main' }),
  });
  expect(response.status).toBe(201);
}
