import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { environmentsOf, parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { validateObject } from '../src/kubernetes/validate.ts';
import { runBump } from '../src/release/bump.ts';
import { bumpRequest } from '../src/release/bump-request.ts';
import { NO_HISTORY } from '../src/release/source-history.ts';
import { renderApp } from '../src/render/app.ts';
import { openSuite } from '../src/repository/suite.ts';
import type { FileEdits } from '../src/repository/tree.ts';
import { openWorkingCopy } from '../src/repository/working-copy.ts';
import { editedTree, emptyTree } from '../src/scaffold/edited-tree.ts';
import { runInit } from '../src/scaffold/init.ts';
import { newAppRequest } from '../src/scaffold/new-app-request.ts';
import { runRegenerate } from '../src/scaffold/regenerate.ts';
import { runNewApp } from '../src/scaffold/run-new-app.ts';
import { UNSEEN_TEAMS } from '../src/scaffold/team-directory.ts';
import { startGitHub } from '../src/standin/github/server.ts';
import { virtualTiming } from './virtual-timing.ts';

const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';
/** As in bench/scaffold.ts: what 20 lines of values say. */
const SPEC =
  'web host=shop scale=2-10; worker queue=shop scale=1-20; cron daily "0 3 * * *" run="rake daily"; cron weekly "0 4 * * 1" run="rake weekly"; cron tidy "*/10 * * * *" run="rake tidy"; secrets DATABASE_URL API_KEY';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kajitori-road-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function emptyCompany(): Promise<Record<string, string>> {
  let written: FileEdits = new Map();
  await runInit(
    {
      environments: ['staging=stg-1', 'production=prod-1,prod-2'],
      clusters: [
        'stg-1=1.34,ap-northeast-1,111111111111',
        'prod-1=1.33,ap-northeast-1,222222222222',
        'prod-2=1.34,ap-northeast-1,222222222222',
      ],
      registries: [REGISTRY],
      teams: '@acme/*',
      url: 'https://github.com/acme/gitops.git',
      dryRun: false,
    },
    {
      repository: {
        ...editedTree(emptyTree('acme/gitops'), new Map()),
        write: async (edits) => {
          written = edits;
        },
      },
      suite: await openSuite(),
      remoteUrl: async () => undefined,
      questions: undefined,
      show: () => {},
    },
  );
  return {
    ...Object.fromEntries([...written].map(([file, text]) => [file, text ?? ''])),
    // The one thing that the chart cannot know: where `host: shop` is.
    'defaults/platform.yaml': 'platform: { ingress: { domain: example.com } }\n',
  };
}

test.each([
  ['web', undefined],
  ['worker', undefined],
  ['job', undefined],
  ['mixed', undefined],
  ['mixed', SPEC],
])(
  'from an empty GitOps repository: form (%s, %s), pull request, merge, first deploys; every cluster renders valid objects',
  async (kind, spec) => {
    await using github = await startGitHub();
    const gitops = await github.createRepository('acme/gitops', { files: await emptyCompany() });
    const app = github.createApp({
      slug: 'kajitori',
      permissions: { contents: 'write', pull_requests: 'write' },
    });
    app.install('acme', ['gitops']);
    const timing = virtualTiming();
    const client = createGitHubClient({ apiUrl: github.apiUrl, token: app.token('acme'), timing });
    const on = { kind: 'github', client, target: { repository: { owner: 'acme', name: 'gitops' } } } as const;

    const proposed = await runNewApp(
      {
        request: newAppRequest(
          { name: 'shop', team: 'shop', source: 'acme/shop', kind, spec },
          new Date(timing.now()),
        ),
        asking: { person: undefined, run: undefined },
        dryRun: false,
        labels: [],
        patienceMs: 0,
      },
      { on, teams: UNSEEN_TEAMS, checks: async () => client, timing, key: 'new-app' },
    );
    const lines = (proposed.edits.get('apps/shop/values.yaml') ?? '').split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThanOrEqual(20);
    await client.rest(
      'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
      { owner: 'acme', repo: 'gitops', pull_number: proposed.pullRequest?.number },
      { write: true },
    );

    for (const environment of ['staging', 'production']) {
      const request = bumpRequest({
        app: 'shop',
        environment,
        image: `${REGISTRY}/shop:1f3c9e2b@sha256:${'a'.repeat(64)}`,
        source: `acme/shop@${'1f3c9e2b'.repeat(5)}`,
        build: '1',
        workflow: 'deploy.yml',
        tag: undefined,
        digest: undefined,
        files: undefined,
        set: undefined,
        force: false,
        override: undefined,
        reason: undefined,
        run: undefined,
        pullRequest: undefined,
      });
      const bumped = await runBump(
        { request, dryRun: false, labels: [], autoMerge: false },
        { on, history: NO_HISTORY, timing, key: `bump-${environment}` },
      );
      expect(bumped.reason).toBe('bumped');
    }

    const clone = await mkdtemp(join(folder, 'clone-'));
    await execa('git', ['clone', '-q', gitops.gitDir, clone]);
    const config = parseKajitoriYaml((await gitops.read('kajitori.yaml')) ?? '');
    const schedules = new Map<string, number>();
    for (const { name: environment, clusters } of environmentsOf(config)) {
      for (const { name: cluster, kubernetes } of clusters) {
        const objects = await renderApp({ root: clone, config, app: 'shop', environment, cluster });
        expect(objects.length).toBeGreaterThan(2);
        for (const object of objects) {
          expect(await validateObject(object, { kubernetes }), `${object.kind} in ${cluster}`).toEqual([]);
        }
        for (const { kind: made, metadata } of objects) {
          if (made === 'CronJob') {
            const job = `${environment}/${metadata.name}`;
            schedules.set(job, (schedules.get(job) ?? 0) + 1);
          }
        }
      }
    }
    // In every environment a cron job is on in exactly one cluster.
    const wanted = Object.keys(
      (parse(proposed.edits.get('apps/shop/values.yaml') ?? '') as { cron?: object }).cron ?? {},
    );
    expect([...schedules.values()]).toEqual(Array(wanted.length * 2).fill(1));
    // And nothing generated is out of date.
    const check = await runRegenerate(
      { check: true },
      { repository: await openWorkingCopy(clone), suite: await openSuite(), version: '1.0.0' },
    );
    expect(check.drift).toEqual([]);
  },
);
