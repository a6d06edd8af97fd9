import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { writeVerdict } from '../src/release/verdict.ts';
import { openSuite } from '../src/repository/suite.ts';
import { callers } from '../src/scaffold/callers.ts';
import { startArgoCd } from '../src/standin/argocd/server.ts';
import { foundCompany, image, type Job } from './act/company.ts';
import { deployment } from './act/deployment.ts';
import { releaseSuite } from './act/suite.ts';
import { virtualTiming } from './virtual-timing.ts';

let suite: string;
beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'kajitori-suite-'));
  await releaseSuite(suite);
});
afterAll(() => rm(suite, { recursive: true, force: true }));

const RELEASE = /^(.*):(.*)@(.*)$/;

/** A release file of web. */
function releaseOf(tag: string, byte: string, source: string, build: number): string {
  const [, repository, , digest] = RELEASE.exec(image('web', tag, byte)) ?? [];
  return `image: { repository: ${repository}, tag: ${tag}, digest: "${digest}" }\nrelease: { source: acme/web@${source}, build: ${build}, at: 2026-11-20T0${build}:00:00Z }\n`;
}

test('the forms of a GitOps repository: what nobody waited for is finished, back to the release before, the hold ends, and the next release is promoted', async () => {
  await using company = await foundCompany(suite, undefined, {
    gitops: { teams: { shop: { members: ['ann'], permission: 'write' } } },
    permissions: { statuses: 'write', members: 'read' },
  });
  const { gitops, github, app } = company;
  const web = github.repository('acme/web');
  const sources: string[] = [];
  for (const build of [1, 2, 3]) {
    sources[build] = await web.commit({ 'main.ts': `${build}\n` }, { message: `Build ${build}` });
  }
  const deployed = (environment: string, build: number, at = new Date()) =>
    gitops.commit(
      {
        [`apps/web/release.${environment}.yaml`]: releaseOf(
          `v${build}`,
          String(build),
          sources[build] ?? '',
          build,
        ),
      },
      {
        message: `Deploy web\n\nKajitori-App: web\nKajitori-Environment: ${environment}\nKajitori-Action: bump`,
        at,
      },
    );
  const anHourAgo = new Date(Date.now() - 60 * 60_000);
  await deployed('production', 1, anHourAgo);
  const second = await deployed('production', 2, anHourAgo);
  await using argocd = await startArgoCd({
    clusters: ['stg-1', 'prod-1', 'prod-2'],
    repository: gitops,
    render: deployment,
  });

  const config = parseKajitoriYaml((await gitops.read('kajitori.yaml')) ?? '');
  const written = await callers(config, await openSuite());
  const fillIn = (workflow: string, form: Readonly<Record<string, string>>) => {
    const text = written.find(({ path }) => path.endsWith(`/${workflow}`))?.text ?? '';
    return company.run({
      repository: 'acme/gitops',
      form,
      actor: 'ann',
      jobs: (parse(text) as { jobs: Record<string, Job> }).jobs,
      settings: { KAJITORI_ARGOCD: 'api', KAJITORI_ARGOCD_SERVER: argocd.url },
      secrets: {
        KAJITORI_ARGOCD_TOKEN: argocd.token,
        // The App sees nothing of the apps' repositories.
        KAJITORI_SOURCE_TOKEN: github.actionsToken('acme/web', { contents: 'read' }),
      },
    });
  };
  const states = (commit: string | undefined) =>
    ['prod-1', 'prod-2'].map(
      (cluster) =>
        gitops.statuses(commit ?? '').findLast(({ context }) => context === `kajitori/web/${cluster}`)?.state,
    );
  const production = async () => parse((await gitops.read('apps/web/release.production.yaml')) ?? '');

  // Nobody waited for it: what the schedule finishes, asked for by hand.
  const finished = await fillIn('wait.yml', {});
  expect(finished.annotations).toEqual([]);
  expect(finished.needed.wait).toMatchObject({ result: 'success' });
  expect(finished.summary).toContain('web is healthy in production');
  expect(states(second)).toEqual(['success', 'success']);
  expect(finished.leaked).toEqual([]);

  const back = await fillIn('rollback.yml', {
    app: 'web',
    environment: 'production',
    to: 'previous',
    reason: 'orders fail',
    until: '',
    'dry-run': 'false',
  });
  expect(back.annotations).toEqual([]);
  expect(back.needed.rollback).toMatchObject({ result: 'success', outputs: { changed: 'true' } });
  // act hands on no outputs of a workflow that a called one calls: the verdict is read where it was said.
  expect(back.summary).toContain('### web is healthy in production: prod-1 and prod-2');
  expect(await production()).toMatchObject({
    image: { tag: 'v1' },
    hold: { reason: 'orders fail', by: 'ann' },
  });
  expect(states(back.needed.rollback?.outputs.commit), 'the verdict is on the commit').toEqual([
    'success',
    'success',
  ]);
  expect(back.leaked).toEqual([]);

  const ended = await fillIn('hold.yml', {
    app: 'web',
    environment: 'production',
    reason: '',
    until: '',
    end: 'true',
    list: 'false',
  });
  expect(ended.annotations).toEqual([]);
  expect(ended.needed.hold).toMatchObject({ result: 'success', outputs: { changed: 'true' } });
  expect((await production()).hold).toBeUndefined();

  const staged = await deployed('staging', 3);
  await writeVerdict(
    createGitHubClient({ apiUrl: github.apiUrl, token: app.token('acme'), timing: virtualTiming() }),
    { owner: 'acme', name: 'gitops' },
    staged,
    { app: 'web', cluster: 'stg-1', state: 'success', description: 'healthy', url: undefined },
  );
  const promoted = await fillIn('promote.yml', {
    app: 'web',
    to: 'production',
    override: '',
    reason: '',
    'dry-run': 'false',
  });
  expect(promoted.annotations).toEqual([]);
  expect(promoted.needed.promote).toMatchObject({
    result: 'success',
    outputs: { promoted: 'web production' },
  });
  expect(promoted.summary).toContain('### web is healthy in production: prod-1 and prod-2');
  expect(await production()).toMatchObject({ image: { tag: 'v3' } });
  expect(states(promoted.needed.promote?.outputs.commit)).toEqual(['success', 'success']);
  expect(promoted.leaked).toEqual([]);
});

test('the job of the form Hold is called what it does: lists all, or holds an app', async () => {
  await using company = await foundCompany(suite, undefined, {});
  const form = (
    await callers(parseKajitoriYaml((await company.gitops.read('kajitori.yaml')) ?? ''), await openSuite())
  ).find(({ path }) => path.endsWith('/hold.yml'));
  const fillIn = (inputs: Readonly<Record<string, string>>) =>
    company.run({
      repository: 'acme/gitops',
      form: { reason: '', until: '', end: 'false', ...inputs },
      actor: 'ann',
      jobs: (parse(form?.text ?? '') as { jobs: Record<string, Job> }).jobs,
    });
  const listed = await fillIn({ app: '', environment: 'production', list: 'true' });
  expect(listed.jobs.hold?.result).toBe('success');
  expect(listed.calledJobs).toEqual(['all holds']);
  const one = await fillIn({ app: 'web', environment: 'production', list: 'false' });
  expect(one.calledJobs).toEqual(['web in production']);
  const none = await fillIn({ app: '', environment: 'production', list: 'false' });
  expect(none.jobs.hold?.result).toBe('failure');
  expect(none.calledJobs).toEqual(['no app in production']);
});
