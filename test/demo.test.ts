import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runDemo } from '../src/demo/demo.ts';
import type { Stage } from '../src/demo/narrator.ts';
import { STANDIN_ARGOCD } from '../src/demo/standin-argocd.ts';
import { systemTiming } from '../src/github/timing.ts';
import { couldNot } from '../src/report/failure.ts';
import { openSuite } from '../src/repository/suite.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** What the demo has shown, and `--json` prints, as far as it is looked at here. */
interface Facts {
  readonly folder: string;
  readonly imagesBy: string;
  readonly argocd: string;
  readonly deploys: readonly {
    way: string;
    environment: string;
    clusters: string[];
    commit: string;
    image: string;
    waited: { verdict: string; statuses: { cluster: string; state: string; description: string }[] };
  }[];
  readonly undone: {
    failed: string;
    commit: string;
    image: string;
    hold: { reason: string; by: string };
    statuses: { cluster: string; state: string }[];
  };
  readonly runs: readonly {
    environment: string;
    cluster: string;
    sync: string;
    health: string;
    digests: string[];
  }[];
  readonly pullRequest: { applications: { affected: number }; exitCode?: number };
  readonly history: {
    all: { deploys: number; rollbacks: number; failureRate: number };
    apps: { releases: { commit: string; action: string; verdict: string }[] }[];
  };
  readonly refusals: readonly {
    attempt: string;
    exitCode: number;
    reason: string;
    headBefore: string;
    headAfter: string;
  }[];
  readonly race: {
    bumps: number;
    commits: number;
    lost: number;
    twice: number;
    attempts: number;
    before: string;
    after: string;
  };
  readonly chapters: readonly { title: string; holds: string[] }[];
}

/** Where a log would be: no terminal. */
const logOf = (write: (line: string) => void): Stage => ({
  write: (text) => {
    for (const line of text.split('\n')) write(line);
  },
  width: 96,
  colours: false,
  now: () => performance.now(),
});

/** The demo is run once; the tests look at what it left by other ways than its own. */
describe('kajitori demo --keep', () => {
  let scratch: Awaited<ReturnType<typeof mkdtempDisposable>>;
  let facts: Facts;
  /** Line by line. */
  const told: string[] = [];
  /** A bare repository of the stand-in, and the clone of it that the demo left. */
  let gitops: string;
  let clone: string;

  beforeAll(async () => {
    scratch = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-demo-test-'));
    const outputs = await runDemo(
      { keep: true },
      {
        stage: logOf((line) => told.push(line)),
        temporary: scratch.path,
        suite: await openSuite(),
        timing: systemTiming,
        argocd: STANDIN_ARGOCD,
        signal: new AbortController().signal,
      },
    );
    // As `--json` prints it.
    facts = JSON.parse(JSON.stringify(outputs)) as Facts;
    gitops = path.join(facts.folder, 'github/acme/gitops.git');
    clone = path.join(facts.folder, 'gitops');
  }, 300_000);

  afterAll(async () => {
    await scratch[Symbol.asyncDispose]();
  });

  const git = async (...args: string[]): Promise<string> =>
    (await execa('git', ['-C', gitops, ...args])).stdout;

  const filesOf = async (commit: string): Promise<string[]> =>
    (await git('diff-tree', '--no-commit-id', '--name-only', '-r', commit)).split('\n');

  const trailersOf = async (commit: string): Promise<string> =>
    git('log', '-1', '--format=%(trailers:only)', commit);

  test('leaves one folder and nothing else, and its repositories are whole', async () => {
    expect((await readdir(scratch.path)).map((name) => path.join(scratch.path, name))).toEqual([
      facts.folder,
    ]);
    await git('fsck', '--strict');
    const head = await git('rev-parse', 'main');
    expect((await execa('git', ['-C', clone, 'status', '--short'])).stdout).toBe('');
    expect((await execa('git', ['-C', clone, 'ls-remote', 'origin', 'refs/heads/main'])).stdout).toContain(
      head,
    );
  });

  test('each deploy is one commit with one file, for all clusters of its environment', async () => {
    expect(facts.deploys.map(({ way, environment, clusters }) => [way, environment, clusters])).toEqual([
      ['bump', 'staging', ['stg-1']],
      ['bump', 'production', ['prod-1', 'prod-2']],
      ['bump', 'staging', ['stg-1']],
      ['promote', 'production', ['prod-1', 'prod-2']],
      ['bump', 'staging', ['stg-1']],
      ['promote', 'production', ['prod-1', 'prod-2']],
      ['bump', 'staging', ['stg-1']],
      ['bump', 'production', ['prod-1', 'prod-2']],
    ]);
    for (const { environment, commit, image } of facts.deploys) {
      expect(await filesOf(commit)).toEqual([`apps/web/release.${environment}.yaml`]);
      const trailers = await trailersOf(commit);
      expect(trailers).toContain('Kajitori-App: web');
      expect(trailers).toContain(`Kajitori-Environment: ${environment}`);
      const release = parse(await git('show', `${commit}:apps/web/release.${environment}.yaml`)) as {
        image: { repository: string; tag: string; digest: string };
      };
      const { repository, tag, digest } = release.image;
      expect(`${repository}:${tag}@${digest}`).toBe(image);
    }
    const images = facts.deploys.map(({ image }) => image);
    expect(new Set(images).size, 'one image for both environments, another one for each merge').toBe(4);
  });

  test('every deploy is waited for until each cluster is healthy; in one of them a cluster fails', () => {
    expect(facts.deploys.map(({ waited }) => waited.verdict).join(' ')).toBe(
      'healthy healthy healthy healthy healthy failed healthy healthy',
    );
    for (const { clusters, waited } of facts.deploys) {
      expect(waited.statuses.map(({ cluster }) => cluster).toSorted()).toEqual(clusters.toSorted());
      const states = waited.statuses.map(({ state }) => state);
      expect(states.every((state) => state === 'success')).toBe(waited.verdict === 'healthy');
    }
    const failed = facts.deploys[5]?.waited.statuses.find(({ cluster }) => cluster === 'prod-2');
    expect(failed?.state).toBe('failure');
    expect(failed?.description).toMatch(/^The image \S+ cannot be pulled: there is no such image/);
  });

  test('after the failure one commit puts both clusters back, and holds the app', async () => {
    const { failed, commit, image, hold, statuses } = facts.undone;
    const [, before, , , , bad, , after] = facts.deploys;
    expect(failed).toBe(bad?.commit);
    expect(await git('rev-parse', `${commit}^`)).toBe(failed);
    expect(await filesOf(commit)).toEqual(['apps/web/release.production.yaml']);
    expect(await trailersOf(commit)).toContain('Kajitori-Action: rollback');
    expect(image).toBe(facts.deploys[3]?.image);
    expect(image).not.toBe(before?.image);
    const file = (at: string) => git('show', `${at}:apps/web/release.production.yaml`);
    const back = parse(await file(commit)) as { image: { digest: string }; hold: { reason: string } };
    expect(image).toContain(back.image.digest);
    expect(back.hold.reason).toBe(hold.reason);
    expect(hold.reason).toContain('deploy failed in prod-2');
    expect(statuses.map(({ state }) => state)).toEqual(['success', 'success']);
    // The hold was ended before the last deploy, by a commit of its own.
    const between = (await git('rev-list', '--reverse', `${commit}..${after?.commit}`)).split('\n');
    const production = [];
    for (const each of between) {
      if ((await filesOf(each)).includes('apps/web/release.production.yaml')) production.push(each);
    }
    expect(production).toHaveLength(2);
    expect(production[1]).toBe(after?.commit);
    expect(await file(production[0] ?? '')).not.toContain('hold:');
  });

  test('both production clusters run the digest of the last deploy: rendered again by helm', async () => {
    const expected = facts.deploys.at(-1)?.image.split('@')[1];
    for (const { cluster, kubernetes } of [
      { cluster: 'prod-1', kubernetes: '1.33' },
      { cluster: 'prod-2', kubernetes: '1.34' },
    ]) {
      const { stdout } = await execa('helm', [
        'template',
        'web',
        path.join(clone, 'charts/app'),
        `--kube-version=${kubernetes}`,
        '--set',
        `facts.app=web,facts.environment=production,facts.cluster=${cluster}`,
        '--set-string',
        'facts.region=ap-northeast-1,facts.account=222222222222',
        ...[
          'defaults/platform.yaml',
          `defaults/${cluster}.yaml`,
          'apps/web/values.yaml',
          'apps/web/release.production.yaml',
          'apps/web/app.yaml',
        ].flatMap((file) => ['--values', path.join(clone, file)]),
      ]);
      const images = [...stdout.matchAll(/^\s*(?:- )?image: "?([^\s"]+)/gm)].map(([, image]) => image);
      expect(images.length).toBeGreaterThan(0);
      expect(new Set(images.map((image) => image?.split('@')[1]))).toEqual(new Set([expected]));
      expect(facts.runs).toContainEqual({
        environment: 'production',
        cluster,
        sync: 'Synced',
        health: 'Healthy',
        digests: [expected],
      });
    }
    expect(facts.runs).toHaveLength(3);
  });

  test('the older build, the foreign repository and the app on hold changed nothing', async () => {
    expect(facts.refusals.map(({ attempt, exitCode, reason }) => [attempt, exitCode, reason])).toEqual([
      ['older build', 0, 'older'],
      ['foreign repository', 1, 'foreign-source'],
      ['on hold', 1, 'hold'],
    ]);
    const deploysBefore = [3, 3, 6].map((nth) => facts.deploys[nth]?.commit);
    expect(facts.refusals.map(({ headBefore }) => headBefore)).toEqual(deploysBefore);
    expect(facts.refusals.map(({ headAfter }) => headAfter)).toEqual(deploysBefore);
    expect(await git('log', '--format=%B', 'main')).not.toContain('acme/ads');
  });

  test('the race: 20 deploys are 20 commits in a row, each of one app, and nothing is lost', async () => {
    const { race } = facts;
    expect(race).toMatchObject({ bumps: 20, commits: 20, lost: 0, twice: 0 });
    expect(race.attempts, 'nobody lost a race, so it was none').toBeGreaterThan(20);
    expect(await git('rev-parse', 'main')).toBe(race.after);
    const commits = (await git('rev-list', '--reverse', `${race.before}..${race.after}`)).split('\n');
    expect(commits).toHaveLength(20);
    // No merges: each stands on the one before it.
    const parents = await Promise.all(commits.map((commit) => git('rev-parse', `${commit}^@`)));
    expect(parents).toEqual([race.before, ...commits.slice(0, -1)]);
    const digest = facts.deploys.at(-1)?.image.split('@')[1];
    const apps = new Set<string>();
    for (const commit of commits) {
      const files = await filesOf(commit);
      const app = /^apps\/([a-z-]+)\/release\.production\.yaml$/.exec(files[0] ?? '')?.[1] ?? '';
      expect(files).toHaveLength(1);
      expect(await trailersOf(commit)).toContain(`Kajitori-App: ${app}\n`);
      expect(await git('show', `main:apps/${app}/release.production.yaml`)).toContain(`digest: ${digest}`);
      apps.add(app);
    }
    expect(apps.size).toBe(20);
    expect(await git('show', 'main:apps/web/release.production.yaml')).toContain(`digest: ${digest}`);
  });

  test('a pull request of more memory reaches all clusters, and is not merged', async () => {
    expect(facts.pullRequest.applications.affected).toBe(3);
    expect(await git('log', '--format=%s', 'main', '--', 'apps/web/values.yaml')).toBe('Add the app web');
  });

  test('the history knows every deploy to production, the failed one and the way back', () => {
    const production = facts.deploys.filter(({ environment }) => environment === 'production');
    expect(facts.history.all).toMatchObject({ deploys: 4, rollbacks: 1, failureRate: 0.25 });
    const [web] = facts.history.apps;
    const commits = production.map(({ commit }) => commit);
    commits.splice(3, 0, facts.undone.commit);
    expect(web?.releases.map(({ commit }) => commit)).toEqual(commits.toReversed());
  });

  test('what a log is told is readable: no escape sequence, and only lines of diffs are longer than the page', () => {
    expect(told.join('\n')).not.toContain('\u001b');
    expect(told.filter((line) => line.length > 96 && !/^ {5}[+-]/.test(line))).toEqual([]);
    expect(told).toContainEqual(expect.stringMatching(/^ {5}web-prod-2: .*The image \S+ cannot be pulled/));
    expect(told).toContainEqual(expect.stringMatching(/^All of it held: \d+ statements checked/));
  });

  test('says what is real, and that each chapter checked what it says', () => {
    expect(facts.imagesBy).toBe('crane');
    expect(facts.argocd).toBe('stand-in');
    expect(facts.chapters).toHaveLength(11);
    for (const { title, holds } of facts.chapters) {
      expect(holds.length, title).toBeGreaterThan(0);
    }
  });
});

test('a demo that is stopped ends with the reason, and removes its folder', async () => {
  await using scratch = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-demo-test-'));
  const stopped = new AbortController();
  const told: string[] = [];
  const demo = runDemo(
    { keep: false },
    {
      stage: logOf((line) => {
        told.push(line);
        if (line.startsWith('2. ')) {
          stopped.abort(couldNot('Stopped.', { reason: 'stopped' }));
        }
      }),
      temporary: scratch.path,
      suite: await openSuite(),
      timing: systemTiming,
      argocd: STANDIN_ARGOCD,
      signal: stopped.signal,
    },
  );
  await expect(demo).rejects.toMatchObject({ reason: 'stopped' });
  expect(told.filter((line) => /^\d\. /.test(line))).toHaveLength(2);
  expect(await readdir(scratch.path)).toEqual([]);
});

test('the real Argo CD is not in the package: the demo says where it is, and does not tell the story with less', async () => {
  const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, 'demo', '--argocd'], {
    reject: false,
  });
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(stderr).toContain('npm run demo -- --argocd');
});
