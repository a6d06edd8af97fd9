import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createGitHubClient, type GitHubClient, GitHubError } from '../src/github/client.ts';
import type { BumpOutputs } from '../src/release/bump.ts';
import { Failure } from '../src/report/failure.ts';
import type { RepositoryOptions, StandinRepository } from '../src/standin/github/server.ts';
import {
  APP_YAML,
  type BumpOptions,
  bump,
  bumpWorld,
  digest,
  GUARDED,
  KAJITORI_YAML,
  REGISTRY,
  releaseYaml,
  trailer,
  virtualTiming,
} from './bump-world.ts';
import { gitSettings } from './git-settings.ts';

const COMMITS = 6;
const world = await bumpWorld(COMMITS);
afterAll(() => world[Symbol.asyncDispose]());
afterEach(() => world.github.clearFaults());

const RUNS = { numRuns: 12 };

/** The gap in which one proposal could replace another is narrow: more runs find it. */
const RUNS_OF_PROPOSALS = { numRuns: Number(process.env['RUNS_OF_PROPOSALS'] ?? 10) };

const releaseFile = (app: string): string => `apps/${app}/release.production.yaml`;

const appFiles = (app: string): Record<string, string> => ({
  [`apps/${app}/app.yaml`]: APP_YAML,
  [releaseFile(app)]: releaseYaml(app, 0, world.commits[0] ?? ''),
});

const newRepository = (
  apps: readonly string[],
  options: Pick<RepositoryOptions, 'allowAutoMerge' | 'deleteBranchOnMerge' | 'rulesets'> = {},
): Promise<StandinRepository> =>
  world.gitops(
    Object.fromEntries([
      ['kajitori.yaml', KAJITORI_YAML],
      ...apps.flatMap((app) => Object.entries(appFiles(app))),
    ]),
    { collaborators: { hanako: 'write' }, ...options },
  );

const hanako = world.github.createUser('hanako');

/** A person's commit on top of what they see; when somebody else came first they look again, as people do. */
async function edit(
  repository: StandinRepository,
  changes: (read: (path: string) => Promise<string>) => Promise<Readonly<Record<string, string | null>>>,
): Promise<void> {
  const client = createGitHubClient({
    apiUrl: world.github.apiUrl,
    token: hanako.token,
    timing: virtualTiming(),
  });
  for (;;) {
    const head = await repository.head();
    const files = Object.entries(await changes(async (path) => (await repository.read(path, head)) ?? ''));
    try {
      await client.graphql(
        'mutation Person($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { clientMutationId } }',
        {
          input: {
            branch: { repositoryNameWithOwner: repository.fullName, branchName: 'main' },
            expectedHeadOid: head,
            message: { headline: 'By hand' },
            fileChanges: {
              additions: files.flatMap(([path, text]) =>
                text === null ? [] : [{ path, contents: Buffer.from(text).toString('base64') }],
              ),
              deletions: files.flatMap(([path, text]) => (text === null ? [{ path }] : [])),
            },
          },
        },
        { write: true },
      );
      return;
    } catch (error) {
      if (!(error instanceof GitHubError && error.fault.kind === 'stale')) {
        throw error;
      }
    }
  }
}

/** Every request, before it leaves and when its answer is there, waits until fast-check lets it go on: any order. */
const inAnyOrder =
  (scheduler: fc.Scheduler) =>
  (client: GitHubClient): GitHubClient => {
    const turn = <Value>(value: Value): Promise<Value> => scheduler.schedule(Promise.resolve(value));
    return {
      rest: async (...request) => {
        await turn(undefined);
        return turn(await client.rest<never>(...request));
      },
      graphql: async (...request) => {
        await turn(undefined);
        return turn(
          await client.graphql<never>(...request).catch(async (error: unknown) => {
            await turn(undefined);
            throw error;
          }),
        );
      },
    };
  };

type Outcome = BumpOutputs | Failure;

/** Writers as processes of their own, each with its own clock, in the order that the scheduler makes up. */
function race(
  scheduler: fc.Scheduler,
  repository: StandinRepository,
  writers: readonly Pick<BumpOptions, 'app' | 'nth' | 'pullRequest' | 'autoMerge'>[],
): Promise<Outcome[]> {
  return Promise.all(
    writers.map((writer, index) =>
      bump(
        world,
        repository,
        { ...writer, key: `writer-${index}`, timing: virtualTiming() },
        inAnyOrder(scheduler),
      ).catch((error: unknown) => {
        if (error instanceof Failure) {
          return error;
        }
        throw error;
      }),
    ),
  );
}

/** The deploys of an app in the order of the history: which commit of the source each brought. */
async function deploysOf(repository: StandinRepository, app: string): Promise<number[]> {
  const commits = (await repository.commits()).toReversed();
  return commits.flatMap(({ message }) => {
    const apps = trailer(message, 'Kajitori-App');
    const sources = trailer(message, 'Kajitori-Source');
    return apps.flatMap((name, index) =>
      name === app ? [world.commits.indexOf((sources[index] ?? '').split('@')[1] ?? '')] : [],
    );
  });
}

async function keys(repository: StandinRepository): Promise<string[]> {
  return (await repository.commits()).flatMap(({ message }) => trailer(message, 'Kajitori-Key')).sort();
}

/** The keys of those who say that they wrote. */
const claimed = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap((outcome, index) =>
    !(outcome instanceof Failure) && outcome.changed ? [`writer-${index}`] : [],
  );

describe('N writers, nothing lost, nothing written twice, no older over newer', () => {
  test('writers of different apps: each image is there, by one commit each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, count) => {
        const apps = Array.from({ length: count }, (_, index) => `app-${index}`);
        const repository = await newRepository(apps);
        const outcomes = await scheduler.waitFor(
          race(
            scheduler,
            repository,
            apps.map((app, index) => ({ app, nth: 1 + (index % (COMMITS - 1)) })),
          ),
        );
        expect(outcomes.map((outcome) => (outcome as BumpOutputs).reason)).toEqual(apps.map(() => 'bumped'));
        expect(await keys(repository)).toEqual(claimed(outcomes).sort());
        for (const [index, app] of apps.entries()) {
          expect(await repository.read(releaseFile(app))).toContain(digest(1 + (index % (COMMITS - 1))));
          expect(await deploysOf(repository, app)).toHaveLength(1);
        }
      }),
      RUNS,
    );
  });

  test('writers of one app with older and newer commits: it only ever moves forward, and ends at the newest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer({ min: 1, max: COMMITS - 1 }), { minLength: 2, maxLength: 5 }),
        async (scheduler, brought) => {
          const repository = await newRepository(['web']);
          const outcomes = await scheduler.waitFor(
            race(
              scheduler,
              repository,
              brought.map((nth) => ({ app: 'web', nth })),
            ),
          );
          const deploys = await deploysOf(repository, 'web');
          expect(deploys).toEqual([...new Set(deploys)].sort((a, b) => a - b));
          expect(deploys.at(-1)).toBe(Math.max(...brought));
          expect(await repository.read(releaseFile('web'))).toContain(digest(Math.max(...brought)));
          expect(await keys(repository)).toEqual(claimed(outcomes).sort());
          for (const [index, outcome] of outcomes.entries()) {
            const { reason } = outcome as BumpOutputs;
            expect(['bumped', 'older', 'already-there']).toContain(reason);
            expect(deploys.includes(brought[index] ?? 0)).toBe(reason !== 'older');
          }
        },
      ),
      RUNS,
    );
  });
});

describe('N writers propose to one branch', () => {
  const BRANCH = 'kajitori/bump/production/web';
  const brought = fc.array(fc.integer({ min: 1, max: COMMITS - 1 }), { minLength: 2, maxLength: 3 });
  const proposing = (nth: number) => ({ app: 'web', nth, pullRequest: true });

  test('one pull request, and in the end it holds the newest of all that were proposed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), brought, fc.boolean(), async (scheduler, all, isReplacing) => {
        const repository = await newRepository(['web']);
        if (isReplacing) await bump(world, repository, { ...proposing(1), key: 'before' });
        const outcomes = await scheduler.waitFor(race(scheduler, repository, all.map(proposing)));
        const newest = Math.max(...all);
        expect(await repository.read(releaseFile('web'), BRANCH)).toContain(digest(newest));
        const [head] = await repository.commits(BRANCH);
        const [pull, ...others] = repository.pullRequests();
        expect(others).toEqual([]);
        expect(`${pull?.title}\n\n${pull?.body}`, 'it tells what it holds').toBe(head?.message.trim());
        for (const [index, outcome] of outcomes.entries()) {
          const { reason, changed } = outcome as BumpOutputs;
          const isNewest = all[index] === newest;
          expect(isNewest ? ['bumped', 'already-there'] : ['bumped', 'already-there', 'older']).toContain(
            reason,
          );
          expect(changed).toBe(reason === 'bumped');
        }
      }),
      RUNS_OF_PROPOSALS,
    );
  });
});

describe('people and GitHub merge what is proposed meanwhile', () => {
  const brought = fc.array(fc.integer({ min: 2, max: COMMITS - 1 }), { minLength: 1, maxLength: 2 });

  /** A person merges what is open when they look, or closes it. */
  async function end(repository: StandinRepository, how: 'merge' | 'close'): Promise<void> {
    const client = createGitHubClient({
      apiUrl: world.github.apiUrl,
      token: hanako.token,
      timing: virtualTiming(),
    });
    const pull = repository.pullRequests().find(({ state }) => state === 'open');
    if (pull === undefined) return;
    const [owner = '', repo = ''] = repository.fullName.split('/');
    const parameters = { owner, repo, pull_number: pull.number };
    await (how === 'merge'
      ? client.rest('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
          ...parameters,
          merge_method: 'squash',
        })
      : client.rest('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', { ...parameters, state: 'closed' }));
  }

  test('the newest is deployed, or is in a pull request that somebody can merge', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        brought,
        fc.constantFrom('merge' as const, 'close' as const),
        fc.boolean(),
        async (scheduler, all, how, deleteBranchOnMerge) => {
          const repository = await newRepository(['web'], { deleteBranchOnMerge });
          await bump(world, repository, { app: 'web', nth: 1, key: 'before', pullRequest: true });
          const person = async (): Promise<number | undefined> => {
            for (let turn = 0; turn < 8; turn++) await scheduler.schedule(Promise.resolve());
            await end(repository, how);
            return repository.pullRequests().find(({ state }) => state !== 'open')?.number;
          };
          const writers = all.map((nth) => ({ app: 'web', nth, pullRequest: true }));
          const [outcomes, ended] = await scheduler.waitFor(
            Promise.all([race(scheduler, repository, writers), person()]),
          );
          const deployed = (await repository.read(releaseFile('web'))) ?? '';
          const open = repository.pullRequests().filter(({ state }) => state === 'open');
          expect(open.length).toBeLessThanOrEqual(1);
          const proposed =
            open[0] === undefined ? '' : await repository.read(releaseFile('web'), open[0].head);
          const newest = digest(Math.max(...all));
          // What a person closed, they wanted gone: it is not proposed again by whoever proposed it before.
          const told = outcomes.flatMap((each) => (each as BumpOutputs).pullRequest?.number ?? []);
          const isClosed = how === 'close' && told.every((number) => number === ended);
          if (!isClosed) expect([deployed, proposed].join('\n')).toContain(newest);
          expect(outcomes.filter((each) => each instanceof Failure)).toEqual([]);
        },
      ),
      RUNS_OF_PROPOSALS,
    );
  });

  test('merged by those who propose: each says what is true, and it only ever moves forward', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), brought, async (scheduler, all) => {
        const repository = await newRepository(['web'], { allowAutoMerge: true });
        const outcomes = await scheduler.waitFor(
          race(
            scheduler,
            repository,
            [1, ...all].map((nth) => ({ app: 'web', nth, pullRequest: true, autoMerge: true })),
          ),
        );
        const deploys = await deploysOf(repository, 'web');
        expect(deploys).toEqual([...new Set(deploys)].sort((a, b) => a - b));
        expect(deploys.at(-1)).toBe(Math.max(...all));
        for (const { message, oid } of (await repository.commits()).slice(0, -1)) {
          const [source = ''] = trailer(message, 'Kajitori-Source');
          expect(await repository.read(releaseFile('web'), oid), 'a commit tells what it holds').toContain(
            source,
          );
        }
        expect(outcomes.filter((each) => each instanceof Failure)).toEqual([]);
        expect(await keys(repository)).toEqual(claimed(outcomes).sort());
      }),
      RUNS_OF_PROPOSALS,
    );
  });
});

describe('GitHub merges by itself what waits for a check, as what it is', () => {
  const BRANCH = 'kajitori/bump/production/web';
  const guarded = () =>
    newRepository(['web'], {
      allowAutoMerge: true,
      rulesets: [GUARDED],
    });
  const proposing = (nth: number) => ({
    app: 'web',
    nth,
    key: `build-${nth}`,
    pullRequest: true,
    autoMerge: true,
    timing: virtualTiming(),
  });

  /** The check is green: GitHub merges at once where auto-merge is on. */
  const pass = async (repository: StandinRepository): Promise<void> =>
    repository.setStatus(await repository.head(BRANCH), 'guard', 'success');

  async function expectMerged(repository: StandinRepository, nth: number): Promise<void> {
    const [commit] = await repository.commits();
    expect(trailer(commit?.message ?? '', 'Kajitori-Key')).toEqual([`build-${nth}`]);
    expect(await repository.read(releaseFile('web'))).toContain(digest(nth));
  }

  test('a newer build in the place of an older one is merged with its own words', async () => {
    const repository = await guarded();
    await bump(world, repository, proposing(1));
    expect(await bump(world, repository, proposing(3))).toMatchObject({ merging: 'when-ready' });
    await pass(repository);
    await expectMerged(repository, 3);
  });

  test('a run that dies when it has moved the branch: not merged as the build before; the next run ends it', async () => {
    const repository = await guarded();
    await bump(world, repository, proposing(1));
    const death = Promise.withResolvers<void>();
    const dying = (client: GitHubClient): GitHubClient => ({
      ...client,
      graphql: (document, ...rest) => {
        if (!document.startsWith('mutation UpdatePullRequest')) return client.graphql(document, ...rest);
        death.resolve();
        return new Promise(() => {});
      },
    });
    await Promise.race([death.promise, bump(world, repository, proposing(3), dying)]);
    expect(await repository.read(releaseFile('web'), BRANCH)).toContain(digest(3));
    await pass(repository);
    expect(await keys(repository), 'nothing is merged').toEqual([]);
    await bump(world, repository, { ...proposing(4), key: 'build-4' });
    await pass(repository);
    await expectMerged(repository, 4);
  });

  test('auto-merge that an older run turned on after we looked is turned off, and on again with our words', async () => {
    const repository = await guarded();
    const turnOn = world.github.inject({ kind: 'slow', match: ({ operation }) => operation === 'AutoMerge' });
    const older = bump(world, repository, proposing(1));
    await turnOn.reached;
    const move = world.github.inject({ kind: 'slow', match: ({ operation }) => operation === 'Move' });
    const newer = bump(world, repository, proposing(3));
    await move.reached;
    turnOn.release();
    expect(await older).toMatchObject({ merging: 'when-ready' });
    move.release();
    expect(await newer).toMatchObject({ merging: 'when-ready' });
    await pass(repository);
    await expectMerged(repository, 3);
  });

  test.each(['reset-before', 'reset-after', 'lost-response'] as const)(
    'turning it off fails (%s): done all the same',
    async (kind) => {
      const repository = await guarded();
      await bump(world, repository, proposing(1));
      const fault = world.github.inject({ kind, match: ({ operation }) => operation === 'DisableAutoMerge' });
      expect(await bump(world, repository, proposing(3))).toMatchObject({ merging: 'when-ready' });
      expect(fault.struck).toBe(1);
      await pass(repository);
      await expectMerged(repository, 3);
    },
  );

  test('GitHub merges the older build before auto-merge is off: the newer one is proposed on top of it', async () => {
    const repository = await guarded();
    await bump(world, repository, proposing(1));
    const turnOff = world.github.inject({
      kind: 'slow',
      match: ({ operation }) => operation === 'DisableAutoMerge',
    });
    const newer = bump(world, repository, proposing(3));
    await turnOff.reached;
    await pass(repository);
    await expectMerged(repository, 1);
    turnOff.release();
    expect(await newer).toMatchObject({ changed: true, merging: 'when-ready', pullRequest: { number: 2 } });
    await pass(repository);
    await expectMerged(repository, 3);
  });

  test('who finds their own proposal waiting asks for nothing more', async () => {
    const repository = await guarded();
    await bump(world, repository, proposing(1));
    const from = world.github.log.length;
    expect(await bump(world, repository, proposing(1))).toMatchObject({ merging: 'when-ready' });
    const asked = world.github.log.slice(from).map(({ operation }) => operation);
    expect(asked).toContain('Proposal');
    expect(asked.filter((each) => /Merge|Move|PullRequest/.test(each))).toEqual([]);
  });
});

describe('people write to the same repository', () => {
  test('what a person pushes, and the comments that a person writes into the same file, stay', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const repository = await newRepository(['web', 'api']);
        const person = async (): Promise<void> => {
          for (let nth = 0; nth < 3; nth++) {
            await scheduler.schedule(Promise.resolve());
            await edit(repository, async (read) => ({
              'apps/web/values.yaml': `replicas: ${nth}\n`,
              [releaseFile('web')]: `# note ${nth}\n${await read(releaseFile('web'))}`,
            }));
          }
        };
        const [outcomes] = await scheduler.waitFor(
          Promise.all([
            race(scheduler, repository, [
              { app: 'web', nth: 1 },
              { app: 'api', nth: 2 },
            ]),
            person(),
          ]),
        );
        expect(outcomes.map((outcome) => (outcome as BumpOutputs).reason)).toEqual(['bumped', 'bumped']);
        expect(await repository.read('apps/web/values.yaml')).toBe('replicas: 2\n');
        const text = (await repository.read(releaseFile('web'))) ?? '';
        expect(text).toMatch(/^# note 2\n# note 1\n# note 0\n# web: who is paged is in the wiki\n/);
        expect(text).toContain(`tag: build-1 # the build\n  digest: ${digest(1)}\n`);
        expect(await repository.read(releaseFile('api'))).toContain(digest(2));
      }),
      RUNS,
    );
  });

  test('a `git push` between our read and our write is kept, and so is the bump', async () => {
    const repository = await newRepository(['web']);
    const folder = await mkdtemp(join(tmpdir(), 'kajitori-person-'));
    const url = `${world.github.url}/${repository.fullName}.git`;
    const git = execa({
      cwd: folder,
      env: gitSettings(
        { login: 'hanako', token: hanako.token },
        { 'user.name': 'Hanako', 'user.email': 'hanako@example.com' },
      ),
    });
    try {
      await git`git clone --quiet ${url} .`;
      const file = join(folder, releaseFile('web'));
      await writeFile(file, `# Hanako was here\n${await readFile(file, 'utf8')}`);
      await git`git commit --quiet --all --message ${'A note'}`;
      const held = world.github.inject({ kind: 'slow', match: ({ operation }) => operation === 'Commit' });
      const bumped = bump(world, repository, { app: 'web', nth: 1, key: 'ours' });
      await held.reached;
      await git`git push --quiet origin HEAD:main`;
      held.release();
      expect(await bumped).toMatchObject({ reason: 'bumped', attempts: 2 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const text = await repository.read(releaseFile('web'));
    expect(text).toMatch(/^# Hanako was here\n/);
    expect(text).toContain(digest(1));
    expect((await repository.commits()).map(({ author }) => author.name)).toEqual([
      'kajitori[bot]',
      'Hanako',
      'A Developer',
    ]);
  });

  test.each([
    { what: 'deletes', to: undefined },
    { what: 'renames', to: 'shop' },
  ])(
    'a person $what the app meanwhile: the bump fails clearly, or came before; nothing comes back',
    async ({ to }) => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), async (scheduler) => {
          const repository = await newRepository(['web', 'api']);
          const person = async (): Promise<void> => {
            await scheduler.schedule(Promise.resolve());
            await edit(repository, async (read) => ({
              'apps/web/app.yaml': null,
              [releaseFile('web')]: null,
              ...(to === undefined
                ? {}
                : { [`apps/${to}/app.yaml`]: APP_YAML, [releaseFile(to)]: await read(releaseFile('web')) }),
            }));
          };
          const [[outcome]] = await scheduler.waitFor(
            Promise.all([race(scheduler, repository, [{ app: 'web', nth: 1 }]), person()]),
          );
          const files = await repository.files();
          expect(files.filter((file) => file.startsWith('apps/web/'))).toEqual([]);
          const deploys = await deploysOf(repository, 'web');
          if (outcome instanceof Failure) {
            expect(outcome).toMatchObject({ exitCode: 2, reason: 'unknown-app' });
            expect(deploys).toEqual([]);
          } else {
            expect(outcome).toMatchObject({ reason: 'bumped' });
            expect(deploys).toEqual([1]);
          }
          if (to !== undefined) {
            const renamed = await repository.read(releaseFile(to));
            expect(renamed).toContain(digest(outcome instanceof Failure ? 0 : 1));
          }
        }),
        RUNS,
      );
    },
  );
});

describe('clusters of an environment move together', () => {
  const values = (cluster: string, app: string): string => `deploy/${cluster}/${app}.yaml`;

  test('with a values file for each cluster, in every commit both hold the same image', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer({ min: 1, max: COMMITS - 1 }), { minLength: 2, maxLength: 4 }),
        async (scheduler, brought) => {
          const image = (nth: number): string => `${REGISTRY}/web:build-${nth}@${digest(nth)}`;
          const repository = await world.gitops({
            'kajitori.yaml': `${KAJITORI_YAML}apps: { definition: "deploy/{app}/app.yaml", release: "deploy/{cluster}/{app}.yaml", image: web.image }\n`,
            'deploy/web/app.yaml': APP_YAML,
            [values('prod-1', 'web')]: `web: { image: "${image(0)}", replicas: 2 } # the old cluster\n`,
            [values('prod-2', 'web')]: `web:\n  image: ${image(0)}\n  replicas: 3\n`,
          });
          await scheduler.waitFor(
            race(
              scheduler,
              repository,
              brought.map((nth) => ({ app: 'web', nth })),
            ),
          );
          const newest = image(Math.max(...brought));
          for (const { oid } of await repository.commits()) {
            const texts = await Promise.all(
              ['prod-1', 'prod-2'].map((cluster) => repository.read(values(cluster, 'web'), oid)),
            );
            const images = texts.map((text) => /333333333333[^"\s]+/.exec(text ?? '')?.[0]);
            expect(images[0]).toBeDefined();
            expect(images[1]).toBe(images[0]);
          }
          expect(await repository.read(values('prod-1', 'web'))).toBe(
            `web: { image: "${newest}", replicas: 2 } # the old cluster\n`,
          );
          expect(await repository.read(values('prod-2', 'web'))).toBe(
            `web:\n  image: ${newest}\n  replicas: 3\n`,
          );
        },
      ),
      RUNS,
    );
  });
});
