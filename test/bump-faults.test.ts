import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Timing } from '../src/github/timing.ts';
import type { BumpOutputs } from '../src/release/bump.ts';
import { Failure } from '../src/report/failure.ts';
import type {
  Fault,
  InjectedFault,
  RepositoryOptions,
  RequestRecord,
  StandinRepository,
} from '../src/standin/github/server.ts';
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
} from './bump-world.ts';

const world = await bumpWorld(3);
afterAll(() => world[Symbol.asyncDispose]());
afterEach(() => {
  world.github.clearFaults();
  vi.restoreAllMocks();
});

const RELEASE_FILE = 'apps/web/release.production.yaml';
const PROPOSAL_BRANCH = 'kajitori/bump/production/web';

/** One way a bump reaches GitHub, and what it leaves there when it is done. */
interface Road {
  readonly name: string;
  readonly options: Partial<BumpOptions>;
  readonly repository: RepositoryOptions;
  readonly ending: 'commit' | 'proposed' | 'merged';
}

const ROADS: readonly Road[] = [
  { name: 'a commit', options: {}, repository: {}, ending: 'commit' },
  {
    name: 'a pull request that is merged when its check is green',
    options: { pullRequest: true, labels: ['deploy'], autoMerge: true },
    repository: {
      allowAutoMerge: true,
      rulesets: [GUARDED],
    },
    ending: 'proposed',
  },
  {
    name: 'a pull request that is merged at once',
    options: { pullRequest: true, autoMerge: true },
    repository: { allowAutoMerge: true },
    ending: 'merged',
  },
];

const newRepository = (road: Road): Promise<StandinRepository> =>
  world.gitops(
    {
      'kajitori.yaml': KAJITORI_YAML,
      'apps/web/app.yaml': APP_YAML,
      [RELEASE_FILE]: releaseYaml('web', 0, world.commits[0] ?? ''),
    },
    road.repository,
  );

type Outcome = BumpOutputs | Failure;

/** What a process would end with: its outputs, or the failure that sets the exit code. Defects are thrown. */
const run = (
  road: Road,
  repository: StandinRepository,
  key: string,
  timing = world.timing,
): Promise<Outcome> =>
  bump(world, repository, { app: 'web', nth: 1, key, ...road.options, timing }).catch((error: unknown) => {
    if (error instanceof Failure) {
      return error;
    }
    throw error;
  });

/** What the history of main and the pull requests say; nothing of it comes from the bump's own answers. */
async function look(repository: StandinRepository) {
  const commits = await repository.commits();
  const pulls = repository.pullRequests();
  return {
    head: commits[0]?.oid,
    commits: commits.length,
    deploys: commits.filter(({ message }) => trailer(message, 'Kajitori-App').length > 0),
    deployed: (await repository.read(RELEASE_FILE))?.includes(digest(1)) ?? false,
    pulls,
    proposedCommits: pulls.length === 0 ? 0 : (await repository.commits(PROPOSAL_BRANCH)).length,
  };
}

/** As before: main is where it was. A half-made proposal may be there; a later run finishes it. */
async function expectBefore(repository: StandinRepository): Promise<void> {
  expect(await look(repository)).toMatchObject({ commits: 1, deploys: [], deployed: false });
}

/** As after: the whole change, once. */
async function expectAfter(road: Road, repository: StandinRepository): Promise<void> {
  const { commits, deploys, deployed, pulls, proposedCommits, head } = await look(repository);
  if (road.ending === 'proposed') {
    expect({ commits, deployed, proposedCommits }).toEqual({
      commits: 1,
      deployed: false,
      proposedCommits: 2,
    });
    expect(pulls).toHaveLength(1);
    expect(pulls[0]).toMatchObject({ state: 'open', labels: ['deploy'], autoMerge: { method: 'squash' } });
    const [proposed] = await repository.commits(PROPOSAL_BRANCH);
    expect(proposed?.parents).toEqual([head]);
    expect(await repository.read(RELEASE_FILE, PROPOSAL_BRANCH)).toContain(digest(1));
    return;
  }
  expect({ commits, deploys: deploys.length, deployed }).toEqual({ commits: 2, deploys: 1, deployed: true });
  expect(pulls).toHaveLength(road.ending === 'merged' ? 1 : 0);
  if (road.ending === 'merged') {
    expect(pulls[0]).toMatchObject({ state: 'closed', merged: { oid: head } });
  }
}

/** Success is said, and it is the truth. */
async function expectDone(
  road: Road,
  repository: StandinRepository,
  outcome: Outcome,
  key: string,
): Promise<void> {
  expect(outcome).toMatchObject({ changed: true, reason: 'bumped' });
  await expectAfter(road, repository);
  const where = road.ending === 'proposed' ? PROPOSAL_BRANCH : undefined;
  const [commit] = await repository.commits(where);
  expect(trailer(commit?.message ?? '', 'Kajitori-Key')).toEqual([key]);
  const merging = { commit: 'no', proposed: 'when-ready', merged: 'merged' }[road.ending];
  expect(outcome).toMatchObject({ merging });
  if (road.ending === 'proposed') {
    expect(outcome).toMatchObject({ commit: undefined, pullRequest: { number: 1 } });
  } else {
    expect(outcome).toMatchObject({ commit: { oid: commit?.oid } });
  }
}

/** What a bump asks for, and which time of the same question it is. */
interface Step {
  readonly operation: string;
  readonly nth: number;
  readonly name: string;
}

/** The requests of a bump that nothing disturbs. */
async function stepsOf(road: Road): Promise<readonly Step[]> {
  const repository = await newRepository(road);
  const from = world.github.log.length;
  await expectDone(road, repository, await run(road, repository, 'calm'), 'calm');
  const times = new Map<string, number>();
  return world.github.log.slice(from).map(({ operation }) => {
    const nth = (times.get(operation) ?? 0) + 1;
    times.set(operation, nth);
    return { operation, nth, name: nth === 1 ? operation : `${operation} (${nth})` };
  });
}

/** Strikes a step of the bump that runs next; with `andAfter` also all that comes after it. */
function strike(step: Step, fault: Omit<Fault, 'match'>, andAfter = false): InjectedFault {
  let seen = 0;
  return world.github.inject({
    ...fault,
    match: ({ operation }) => {
      if (operation === step.operation) {
        seen++;
      }
      return seen >= step.nth && (andAfter || operation === step.operation);
    },
  });
}

/** Lets the test decide when the time for an answer is over, instead of waiting for it. */
function timeLimits(): { expire(): void } {
  let running: AbortController[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const controller = new AbortController();
    running.push(controller);
    return controller.signal;
  });
  return {
    expire: () => {
      const expired = running;
      running = [];
      for (const controller of expired) {
        controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
      }
    },
  };
}

const unanswered = (): readonly RequestRecord[] =>
  world.github.log.filter(({ ended }) => ended === undefined);

/** The stand-in has finished with all that it was ever asked. */
const settled = (): Promise<void> =>
  vi.waitFor(() => expect(unanswered()).toEqual([]), { interval: 2, timeout: 20_000 });

/** A process that dies where it would wait before it tries again: it sends nothing more. */
async function untilDeath(live: (timing: Timing) => Promise<unknown>): Promise<void> {
  const death = Promise.withResolvers<void>();
  const timing: Timing = {
    ...world.timing,
    sleep: () => {
      death.resolve();
      return new Promise(() => {});
    },
  };
  await Promise.race([death.promise, live(timing)]);
}

const PASSING: Readonly<Record<string, Omit<Fault, 'match'>>> = {
  'is answered 503 three times': { kind: 'status', status: 503, times: 3 },
  'is lost on the way': { kind: 'reset-before' },
  'takes effect, and the connection is reset': { kind: 'reset-after' },
  'takes effect, and is answered 502': { kind: 'lost-response' },
  'takes effect, and the answer breaks off': { kind: 'truncated' },
  'meets the secondary limit (403)': { kind: 'secondary-limit', status: 403, retryAfterSeconds: 30 },
  'meets the secondary limit (429)': { kind: 'secondary-limit', status: 429, retryAfterSeconds: 30 },
  'meets the primary limit, lifted soon': { kind: 'primary-limit', resetAfterSeconds: 30 },
};

const LASTING: Readonly<Record<string, Omit<Fault, 'match'>>> = {
  'GitHub is down': { kind: 'status', status: 503 },
  'takes effect, then GitHub is down': { kind: 'lost-response', status: 503 },
  'the primary limit lasts an hour': { kind: 'primary-limit', resetAfterSeconds: 3_600 },
};

/** The requests that change something on GitHub; others are reads, or make objects that nobody points to. */
const isWrite = ({ operation }: Step): boolean =>
  ['Commit', 'Move', 'CreatePullRequest', 'AutoMerge'].includes(operation) || operation.startsWith('PUT ');

// A step that an earlier road has too is tested there.
const tested = new Set<string>();
for (const road of ROADS) {
  const steps = (await stepsOf(road)).filter(({ name }) =>
    road.ending === 'merged' ? !tested.has(name) || name === 'AutoMerge' : !tested.has(name),
  );
  for (const { name } of steps) {
    tested.add(name);
  }

  describe(`${road.name}: whatever happens to a request, the repository is as before or as after, and we say which`, () => {
    describe.each(steps)('$name', (step) => {
      test.each(Object.entries(PASSING))('%s: done, once', async (_what, fault) => {
        const repository = await newRepository(road);
        const injected = strike(step, fault);
        const outcome = await run(road, repository, 'ours');
        expect(injected.struck).toBe(fault.times ?? 1);
        await expectDone(road, repository, outcome, 'ours');
      });

      test('is not answered in time, and takes effect when we are done: done, once', async () => {
        const repository = await newRepository(road);
        const injected = strike(step, { kind: 'slow' });
        const limits = timeLimits();
        void injected.reached.then(() => limits.expire());
        const outcome = await run(road, repository, 'ours');
        expect(injected.struck).toBe(1);
        injected.release();
        await settled();
        await expectDone(road, repository, outcome, 'ours');
      });

      test('takes effect, but is not answered in time: done, once', async () => {
        const repository = await newRepository(road);
        const injected = strike(step, { kind: 'slow-after' });
        const limits = timeLimits();
        void injected.reached.then(() => limits.expire());
        const outcome = await run(road, repository, 'ours');
        expect(injected.struck).toBe(1);
        await expectDone(road, repository, outcome, 'ours');
      });

      test.each(Object.entries(LASTING))(
        '%s, from then on: exit code 2, and the next run ends it',
        async (_what, fault) => {
          const repository = await newRepository(road);
          strike(step, { ...fault, times: Number.POSITIVE_INFINITY }, true);
          const outcome = await run(road, repository, 'ours');
          expect(outcome).toBeInstanceOf(Failure);
          expect(outcome).toMatchObject({ exitCode: 2 });
          const { deployed } = await look(repository);
          if (deployed || (outcome as Failure).reason === 'unknown-outcome') {
            // Only after a write was sent can it be unknown, and then it must be said.
            expect(isWrite(step)).toBe(true);
            expect(outcome).toMatchObject({ reason: 'unknown-outcome' });
          }
          if (!deployed) {
            await expectBefore(repository);
          }
          world.github.clearFaults();
          expect(await run(road, repository, 'next')).not.toBeInstanceOf(Failure);
          await expectAfter(road, repository);
        },
      );

      if (isWrite(step)) {
        test('is not answered in time, and takes effect after we looked, before we send it again: done, once', async () => {
          const repository = await newRepository(road);
          const first = strike(step, { kind: 'slow' });
          // The first fault takes the first one: this one sees only what comes after it.
          const second = strike(step, { kind: 'slow' });
          const limits = timeLimits();
          const outcome = run(road, repository, 'ours');
          await first.reached;
          limits.expire();
          await second.reached;
          first.release();
          await vi.waitFor(() => expect(unanswered()).toHaveLength(1), { interval: 2, timeout: 20_000 });
          second.release();
          await expectDone(road, repository, await outcome, 'ours');
        });
      }

      test.each(['reset-before', 'reset-after'] as const)(
        'the process dies (%s): the next one ends it, once',
        async (kind) => {
          const repository = await newRepository(road);
          strike(step, { kind });
          await untilDeath((timing) => run(road, repository, 'dead', timing));
          await settled();
          expect(await run(road, repository, 'next')).not.toBeInstanceOf(Failure);
          await expectAfter(road, repository);
        },
      );
    });
  });
}

describe('the action as a process, killed while its commit is on the way', () => {
  const [road] = ROADS;
  if (road === undefined) {
    throw new Error('there is no road');
  }

  const start = (repository: StandinRepository) =>
    execa(process.execPath, [fileURLToPath(new URL('../actions/bump-values/main.ts', import.meta.url))], {
      extendEnv: false,
      reject: false,
      env: {
        GITHUB_API_URL: world.github.apiUrl,
        GITHUB_REPOSITORY: 'acme/web',
        GITHUB_SHA: world.commits[1],
        INPUT_REPOSITORY: repository.fullName,
        INPUT_TOKEN: world.app.token('acme'),
        INPUT_APP: 'web',
        INPUT_ENVIRONMENT: 'production',
        INPUT_IMAGE: `${REGISTRY}/web:build-1@${digest(1)}`,
        'INPUT_SOURCE-TOKEN': world.github.actionsToken('acme/web', { contents: 'read' }),
        GITHUB_STEP_SUMMARY: '/dev/null',
        GITHUB_OUTPUT: '/dev/null',
      },
    });

  test.each([
    ['before it took effect: it takes effect after the death', 'slow'],
    ['after it took effect', 'slow-after'],
  ] as const)('%s; the next process ends with 0, and the change is there once', async (_when, kind) => {
    const repository = await newRepository(road);
    const held = world.github.inject({ kind, match: ({ operation }) => operation === 'Commit' });
    const process = start(repository);
    await Promise.race([
      held.reached,
      process.then(({ stdout, stderr }) =>
        Promise.reject(new Error(`it ended by itself: ${stdout}${stderr}`)),
      ),
    ]);
    process.kill('SIGKILL');
    expect(await process).toMatchObject({ signal: 'SIGKILL' });
    held.release();
    await settled();
    expect(await start(repository)).toMatchObject({ exitCode: 0 });
    await expectAfter(road, repository);
  });

  test('GitHub refuses the commit for good: exit code 2, nothing is written', async () => {
    const repository = await newRepository(road);
    world.github.inject({ kind: 'status', status: 401, match: ({ operation }) => operation === 'Commit' });
    expect(await start(repository)).toMatchObject({ exitCode: 2 });
    await expectBefore(repository);
  });
});
