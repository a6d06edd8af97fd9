import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runDemo } from '../src/demo/demo.ts';
import { systemTiming } from '../src/github/timing.ts';
import { couldNot } from '../src/report/failure.ts';
import { openSuite } from '../src/repository/suite.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** What `kajitori demo --json` prints, as far as it is looked at here. */
interface Facts {
  readonly folder: string;
  readonly imagesBy: string;
  readonly deploys: readonly { environment: string; clusters: string[]; commit: string; image: string }[];
  readonly runs: readonly { environment: string; cluster: string; digest: string }[];
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

/** The demo is run once, as a person would; the tests look at what it left by other ways than its own. */
describe('kajitori demo --json --keep', () => {
  let scratch: Awaited<ReturnType<typeof mkdtempDisposable>>;
  let facts: Facts;
  /** A bare repository of the stand-in, and the clone of it that the demo left. */
  let gitops: string;
  let clone: string;

  beforeAll(async () => {
    scratch = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-demo-test-'));
    const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, 'demo', '--json', '--keep'], {
      env: { TMPDIR: scratch.path },
      reject: false,
    });
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: '' });
    facts = JSON.parse(stdout) as Facts;
    gitops = path.join(facts.folder, 'github/acme/gitops.git');
    clone = path.join(facts.folder, 'gitops');
  }, 180_000);

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
    expect(facts.deploys.map(({ environment, clusters }) => [environment, clusters])).toEqual([
      ['staging', ['stg-1']],
      ['production', ['prod-1', 'prod-2']],
      ['staging', ['stg-1']],
      ['production', ['prod-1', 'prod-2']],
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
    const [first, , second] = facts.deploys;
    expect(first?.image).not.toBe(second?.image);
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
      expect(facts.runs).toContainEqual({ environment: 'production', cluster, digest: expected });
    }
    expect(facts.runs).toHaveLength(3);
  });

  test('the older build and the foreign repository changed nothing', async () => {
    expect(facts.refusals.map(({ attempt, exitCode, reason }) => [attempt, exitCode, reason])).toEqual([
      ['older build', 0, 'older'],
      ['foreign repository', 1, 'foreign-source'],
    ]);
    const lastDeploy = facts.deploys.at(-1)?.commit;
    for (const { headBefore, headAfter } of facts.refusals) {
      expect([headBefore, headAfter]).toEqual([lastDeploy, lastDeploy]);
    }
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

  test('says how the image was made, and that each chapter checked what it says', () => {
    expect(facts.imagesBy).toBe('crane');
    expect(facts.chapters).toHaveLength(8);
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
      stage: {
        write: (line) => {
          told.push(line);
          if (line.startsWith('2. ')) {
            stopped.abort(couldNot('Stopped.', { reason: 'stopped' }));
          }
        },
        width: 80,
        colours: false,
        now: () => performance.now(),
      },
      temporary: scratch.path,
      suite: await openSuite(),
      timing: systemTiming,
      signal: stopped.signal,
    },
  );
  await expect(demo).rejects.toMatchObject({ reason: 'stopped' });
  expect(told.filter((line) => /^\d\. /.test(line))).toHaveLength(2);
  expect(await readdir(scratch.path)).toEqual([]);
});
