import fc from 'fast-check';
import { deploysIn } from '../../src/deploy/deploy-history.ts';
import { runFinish } from '../../src/deploy/finish.ts';
import { runWait, type WaitDeps, type WaitOutputs } from '../../src/deploy/wait.ts';
import type { GitHubClient } from '../../src/github/client.ts';
import { runBump } from '../../src/release/bump.ts';
import { runHold } from '../../src/release/hold.ts';
import { runPromote } from '../../src/release/promote.ts';
import { runRollback } from '../../src/release/rollback.ts';
import type { Source } from '../../src/release/source.ts';
import type { SourceHistory } from '../../src/release/source-history.ts';
import { readVerdicts, verdictContext } from '../../src/release/verdict.ts';
import { Failure } from '../../src/report/failure.ts';
import { Clusters, type Fate, type Outage, type Place } from './clusters.ts';
import {
  ancestry,
  type Beginning,
  CLUSTERS,
  type Company,
  companyOf,
  desiredAt,
  digestOf,
  type EnvironmentName,
  type Nth,
  nthOf,
  nthOfSource,
  PLACES,
  REGISTRY,
  sourceOf,
  tagOf,
} from './company.ts';
import { Branch, type Commit, clientOf, type Trouble } from './github.ts';
import type { Merging, Method } from './pull-requests.ts';
import { HIGHEST_CHOICE, type Runner, Turns } from './turns.ts';

export const MINUTE = 60_000;
export const START = Date.UTC(2026, 10, 21, 9);

/** What people and runs do. */
export type Act =
  | {
      readonly kind: 'deploy';
      readonly apps: readonly string[];
      readonly environment: EnvironmentName;
      readonly nth: Nth;
      /** Hold and order are set aside, with a reason. */
      readonly overriding: boolean;
      /** False: its wait never begins. */
      readonly waits: boolean;
    }
  | { readonly kind: 'promote'; readonly apps: readonly string[] }
  | {
      readonly kind: 'rollback';
      readonly app: string;
      readonly environment: EnvironmentName;
      readonly to: 'last-healthy' | 'previous';
    }
  | {
      readonly kind: 'hold';
      readonly app: string;
      readonly environment: EnvironmentName;
      readonly minutes: number | undefined;
    }
  | { readonly kind: 'end'; readonly app: string; readonly environment: EnvironmentName }
  /** The schedule that finishes what others left. */
  | { readonly kind: 'finish' }
  /** A person's commit that deploys nothing. */
  | { readonly kind: 'edit' }
  /** A person merges one of the open pull requests, counted from the newest; then the workflow of the push waits, when it does. */
  | { readonly kind: 'merge'; readonly nth: number; readonly waits: boolean }
  | { readonly kind: 'close'; readonly nth: number };

export interface Scene {
  /** Minutes after the scene before; 0: at the same time. */
  readonly after: number;
  readonly act: Act;
  readonly troubles: readonly Trouble[];
}

export interface Story {
  readonly beginning: Beginning;
  /** The environments that take deploys by pull request. */
  readonly via: readonly EnvironmentName[];
  readonly merging: Merging;
  readonly method: Method;
  readonly scenes: readonly Scene[];
  readonly fates: readonly Fate[];
  readonly outages: readonly { readonly place: number; readonly from: number; readonly minutes: number }[];
  readonly choices: readonly number[];
}

const environment = fc.constantFrom<EnvironmentName>('production', 'staging');
const app = fc.constantFrom('web', 'web', 'billing');
const apps = fc.constantFrom<readonly string[]>(['web'], ['web'], ['billing'], ['web', 'billing']);

const deploy = fc.record({
  kind: fc.constant('deploy' as const),
  apps,
  environment,
  nth: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 1, arbitrary: fc.integer({ min: 11, max: 13 }) },
  ),
  overriding: fc.constantFrom(false, false, false, false, true),
  waits: fc.constantFrom(true, true, true, true, false),
});
const promote = fc.record({ kind: fc.constant('promote' as const), apps });
const rollback = fc.record({
  kind: fc.constant('rollback' as const),
  app,
  environment,
  to: fc.constantFrom('last-healthy' as const, 'previous' as const),
});
const merge = fc.record({
  kind: fc.constant('merge' as const),
  nth: fc.nat({ max: 5 }),
  waits: fc.constantFrom(true, true, false),
});

const ACTS: readonly fc.WeightedArbitrary<Act>[] = [
  { weight: 9, arbitrary: deploy },
  { weight: 4, arbitrary: promote },
  { weight: 3, arbitrary: rollback },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      app,
      environment,
      minutes: fc.constantFrom(undefined, 3, 15),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), app, environment }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit' as const) }) },
];

const MERGES: readonly fc.WeightedArbitrary<Act>[] = [
  { weight: 8, arbitrary: merge },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), nth: fc.nat({ max: 5 }) }) },
];

const trouble: fc.Arbitrary<Trouble> = fc.record({
  request: fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 30 }) },
    { weight: 1, arbitrary: fc.constant('commit' as const) },
  ),
  kind: fc.constantFrom('before', 'after', 'down', 'killed-before', 'killed-after'),
});

const troubles = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(trouble, { minLength: 1, maxLength: 2 }) },
);

/** Two at once on the same app and environment: one of them deploys what the other has not seen. */
const clash = fc
  .tuple(deploy, fc.oneof(promote, rollback, rollback), app, environment, fc.boolean())
  .map(([one, other, name, where, isFirst]): readonly Act[] => {
    const acts: readonly Act[] =
      other.kind === 'promote'
        ? [
            { ...one, apps: [name], environment: 'staging' },
            { ...other, apps: [name] },
          ]
        : [
            { ...one, apps: [name], environment: where },
            { ...other, app: name, environment: where },
          ];
    return isFirst ? acts : acts.toReversed();
  });

const MERGE_NEWEST: Act = { kind: 'merge', nth: 0, waits: true };
const calm = (after: number, each: Act): Scene => ({ after, act: each, troubles: [] });

/** Deployed, merged, and again with the next build. */
const series = fc
  .record({ deploy, closer: fc.nat({ max: 9 }) })
  .map(({ deploy: one, closer }) => [
    calm(1, { ...one, overriding: true }),
    calm(1, MERGE_NEWEST),
    calm(14 - closer, { ...one, nth: one.nth + 1, overriding: true }),
    calm(1, MERGE_NEWEST),
  ]);

/** Asked for again before the first pull request is merged: promotions, when the environment before runs another build. */
const again = fc.tuple(fc.oneof(promote, rollback), deploy, fc.nat({ max: 9 })).map(([each, one, after]) => {
  if (each.kind === 'rollback') return [calm(after, each), calm(5, each)];
  const staged = { ...one, apps: each.apps, environment: 'staging' as const, overriding: true, waits: true };
  return [calm(after, staged), calm(5, each), calm(1, { ...staged, nth: one.nth + 1 }), calm(5, each)];
});

const scenesOf = (
  acts: readonly fc.WeightedArbitrary<Act>[],
  courses: fc.WeightedArbitrary<readonly Scene[]>[],
): fc.Arbitrary<readonly Scene[]> => {
  const after = fc.constantFrom(0, 0, 1, 2, 5, 13);
  const one = fc.record({ after, act: fc.oneof(...acts), troubles }).map((scene) => [scene]);
  const two = fc
    .record({ after, acts: clash })
    .map(({ after: minutes, acts: both }) =>
      both.map((act, nth) => ({ after: nth === 0 ? minutes : 0, act, troubles: [] })),
    );
  return fc
    .array(fc.oneof({ weight: 18, arbitrary: one }, { weight: 2, arbitrary: two }, ...courses), {
      minLength: 1,
      maxLength: 12,
      size: 'max',
    })
    .map((scenes) => scenes.flat());
};

const storyOf = (via: fc.Arbitrary<readonly EnvironmentName[]>, scenes: fc.Arbitrary<readonly Scene[]>) =>
  fc.record({
    beginning: fc.constantFrom<Beginning>('new', 'running', 'running', 'patterns'),
    via,
    merging: fc.constantFrom<Merging>('by-hand', 'when-ready', 'at-once'),
    method: fc.constantFrom<Method>('squash', 'merge'),
    scenes,
    fates: fc.array(
      fc.constantFrom<Fate>(
        'healthy',
        'healthy',
        'healthy',
        'healthy',
        'healthy',
        'healthy',
        'slow',
        'degraded',
        'hook-failed',
        'hanging',
      ),
      { minLength: 14, maxLength: 14 },
    ),
    outages: fc.array(
      fc.record({
        place: fc.nat({ max: 2 }),
        from: fc.nat({ max: 40 }),
        minutes: fc.constantFrom(2, 20),
      }),
      { maxLength: 2 },
    ),
    choices: fc.array(fc.nat({ max: HIGHEST_CHOICE }), { maxLength: 400, size: 'max' }),
  });

export const story: fc.Arbitrary<Story> = fc.noBias(
  fc.oneof(
    storyOf(fc.constant([]), scenesOf(ACTS, [])),
    storyOf(
      fc.constantFrom<readonly EnvironmentName[]>(['production'], ['production', 'staging']),
      scenesOf(
        [...ACTS, ...MERGES],
        [
          { weight: 1, arbitrary: series },
          { weight: 1, arbitrary: again },
        ],
      ),
    ),
  ),
);

/** What a run said in the end. */
interface Ended {
  readonly changed: boolean;
  /** The number of the pull request that it sent people to. */
  readonly pullRequest: number | undefined;
}

/** One scene, when it was played. */
export interface Played {
  readonly key: string;
  readonly act: Act;
  readonly runner: Runner;
  /** The head when its first request was answered. */
  firstHead: Commit | undefined;
  /** Undefined: it was killed. */
  ended: Ended | { readonly failure: Failure } | undefined;
}

/** A story that was played, with everything that is left. */
export interface Told {
  readonly company: Company;
  readonly branch: Branch;
  readonly clusters: Clusters;
  readonly played: readonly Played[];
  readonly now: number;
  readonly client: GitHubClient;
  /** The key of each undoing that was told to be proposed, and was not. */
  readonly toldInVain: readonly string[];
  /** How many deploys each final run of the schedule found unfinished. */
  readonly leftOver: readonly number[];
  /** The pull requests that were open when every run had ended. */
  readonly standing: readonly { readonly tells: string; readonly holds: string }[];
  /** The first commit holds releases, which were healthy. */
  readonly isRunning: boolean;
}

const LIMITS = { deadlineMs: 8 * MINUTE, unseenMs: 12 * MINUTE };
const target = { repository: { owner: 'acme', name: 'gitops' } };
const own = { kind: 'own-right' } as const;

export async function play(told: Story): Promise<Told> {
  const { beginning, via, scenes, fates, outages, choices } = told;
  const company = companyOf(beginning, via);
  const turns = new Turns(START, choices, (now) => clusters.advance(now));
  const branch = new Branch(company.files, told, () => turns.now);
  const clusters = new Clusters({
    places: PLACES,
    branch,
    outages: outages.map(({ place, from, minutes }): Outage => {
      const begin = START + from * MINUTE;
      return {
        cluster: Object.values(CLUSTERS).flat()[place] ?? '',
        from: begin,
        to: begin + minutes * MINUTE,
      };
    }),
    fateOf: (place, tag) => fateOf(fates, place, tag),
    desiredAt: (commit, place) => desiredAt(company, commit, place),
  });
  if (beginning === 'running') {
    for (const { app: name, cluster } of PLACES) {
      branch.statuses.push({
        commit: branch.head.oid,
        context: verdictContext(name, cluster),
        state: 'success',
        description: 'runs this commit and is healthy',
        at: START,
      });
    }
  }
  const played: Played[] = [];
  const toldInVain: string[] = [];
  const runs: Promise<void>[] = [];
  const start = (key: string, what: Act, troubles: readonly Trouble[]): Promise<unknown> => {
    const runner: Runner = { name: key, requests: 0, dead: false };
    const record: Played = { key, act: what, runner, firstHead: undefined, ended: undefined };
    played.push(record);
    const killed = Promise.withResolvers<undefined>();
    const client = clientOf(branch, turns, {
      runner,
      troubles,
      onKilled: () => killed.resolve(undefined),
      onHead: (head) => {
        record.firstHead ??= head;
      },
    });
    const work = carryOut(what, { branch, turns, clusters, client, key, runner, toldInVain }).then(
      (result) => {
        record.ended = { changed: result.changed, pullRequest: result.pullRequest?.number };
        return result.found;
      },
      (error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        record.ended = { failure: error };
        return undefined;
      },
    );
    return Promise.race([work, killed.promise]);
  };
  const director: Runner = { name: 'director', requests: 0, dead: false };
  const scenesPlayed = async () => {
    for (const [index, { after, act: what, troubles }] of scenes.entries()) {
      if (after > 0) await turns.sleep(director, after * MINUTE);
      runs.push(start(`scene-${index}`, what, troubles).then(() => {}));
    }
    await Promise.all(runs);
  };
  await turns.play(scenesPlayed());
  turns.settle();
  clusters.outages = [];
  const leftOver: number[] = [];
  const standing = branch.pulls.open.map((pull) => ({
    tells: pull.text,
    holds: branch.pulls.headOf(pull).message,
  }));
  // What is proposed in the end is merged as late as can be, and what is undone by that, before it is finished.
  // Two proposals that stand, each of which fails and is undone, take five rounds.
  const rounds = via.length === 0 ? 2 : 6;
  for (let round = 1; round <= rounds; round++) {
    for (const pull of branch.pulls.open) branch.pulls.merge(pull);
    // Long enough that a run which said nothing meanwhile is dead.
    await turns.play(turns.sleep(director, 13 * MINUTE));
    leftOver.push(Number(await turns.play(start(`final-${round}`, { kind: 'finish' }, []))));
  }
  return {
    company,
    branch,
    clusters,
    played,
    now: turns.now,
    client: {
      graphql: async <Data>(document: string, variables: Readonly<Record<string, unknown>>) =>
        branch.graphql(document, variables) as Data,
      rest: () => Promise.reject(new Error('whoever reads afterwards asks no more')),
    },
    toldInVain,
    leftOver,
    standing,
    isRunning: beginning === 'running',
  };
}

function fateOf(fates: readonly Fate[], { app: name, cluster }: Place, tag: string): Fate {
  const nth = nthOf(tag);
  if (nth === 0) return 'healthy';
  const place = PLACES.findIndex((each) => each.app === name && each.cluster === cluster);
  return fates[(nth * 5 + place) % fates.length] ?? 'healthy';
}

interface Stage {
  readonly branch: Branch;
  readonly turns: Turns;
  readonly clusters: Clusters;
  readonly client: GitHubClient;
  readonly key: string;
  readonly runner: Runner;
  readonly toldInVain: string[];
}

const historyOf = (source: Source): SourceHistory => ({
  compareTo: async (recorded) => ancestry(nthOfSource(source), nthOfSource(recorded)),
});

const nobody = { overrides: new Set<never>(), reason: undefined };
const urgent = { overrides: new Set(['hold', 'diverged'] as const), reason: 'it cannot wait' };

/** As the action or the form does it: first the change, then the wait. */
async function carryOut(
  what: Act,
  stage: Stage,
): Promise<{
  readonly changed: boolean;
  readonly pullRequest?: { readonly number: number } | undefined;
  readonly found?: number;
}> {
  const { branch, turns, clusters, client, key, runner } = stage;
  const timing = turns.timing(runner);
  const deps = { on: { kind: 'github', client, target }, timing, key, deployer: own } as const;
  const waitDeps: WaitDeps = {
    client,
    target,
    timing,
    deployer: own,
    lookout: async () => clusters.lookout(runner, turns),
    applicationName: (name, cluster) => `${name}-${cluster}`,
    report: { application: () => {}, step: () => {} },
  };
  const policy = { limits: LIMITS, rollback: 'auto', run: undefined } as const;
  const tell = ({ remedy, environment: where, commit }: WaitOutputs) => {
    const undo = `undo/${where}/${commit.oid}`;
    const isThere = branch.pulls.all.some(({ heads }) => heads.some(({ message }) => message.includes(undo)));
    if (remedy?.kind === 'proposed' && !isThere) stage.toldInVain.push(undo);
  };
  const wait = async (names: readonly string[], where: string, commit: string | undefined) =>
    tell(await runWait({ apps: names, environment: where, commit, ...policy }, waitDeps));
  const verdictsOf = (commits: readonly string[]) => readVerdicts(client, target.repository, commits);
  const audit = { run: undefined, via: undefined, dryRun: false } as const;
  switch (what.kind) {
    case 'deploy': {
      const build = { source: sourceOf(what.nth), build: what.nth, workflow: 'deploy.yml' };
      const images = what.apps.map((name) => ({
        app: name,
        name: '',
        repository: `${REGISTRY}/${name}`,
        tag: tagOf(what.nth),
        digest: digestOf(what.nth),
      }));
      const overriding = what.overriding ? urgent : nobody;
      const bumped = await runBump(
        {
          request: { ...what, kind: 'apps', images, build, overriding, run: undefined, via: undefined },
          dryRun: false,
          labels: [],
          autoMerge: branch.pulls.merging !== 'by-hand',
        },
        { ...deps, history: historyOf(build.source) },
      );
      // A pull request is waited for when it is merged.
      if (what.waits && bumped.reason !== 'older' && bumped.pullRequest === undefined) {
        await wait(bumped.commit === undefined ? what.apps : [], what.environment, bumped.commit?.oid);
      }
      return bumped;
    }
    case 'promote': {
      const promoted = await runPromote(
        { apps: what.apps, to: 'production', overriding: nobody, withoutGates: false, by: 'alice', ...audit },
        {
          ...deps,
          verdictsOf,
          historyOf,
          checksOf: async () => new Map(),
          checkImages: undefined,
          copyImage: undefined,
        },
      );
      if (promoted.commit !== undefined) await wait([], 'production', promoted.commit.oid);
      return promoted;
    }
    case 'rollback': {
      const rolledBack = await runRollback(
        {
          apps: [what.app],
          environment: what.environment,
          to: { kind: what.to },
          reason: 'by hand',
          by: 'alice',
          holdUntil: undefined,
          ...audit,
        },
        { ...deps, verdictsOf, checkImages: undefined },
      );
      if (rolledBack.commit !== undefined) await wait([], what.environment, rolledBack.commit.oid);
      return rolledBack;
    }
    case 'hold':
    case 'end': {
      const until =
        what.kind === 'hold' && what.minutes !== undefined
          ? new Date(timing.now() + what.minutes * MINUTE)
          : undefined;
      const hold = what.kind === 'hold' ? { reason: 'sale', until } : undefined;
      const request = { apps: [what.app], environment: what.environment, hold, by: 'bob', reason: undefined };
      return runHold({ request: { ...request, run: undefined, via: undefined }, dryRun: false }, deps);
    }
    case 'finish': {
      const finished = await runFinish({ apps: [], environment: undefined, ...policy }, waitDeps);
      for (const each of finished) if ('outputs' in each) tell(each.outputs);
      return { changed: false, found: finished.length };
    }
    case 'merge': {
      await turns.turn(runner);
      const { open } = branch.pulls;
      const pull = open.at(-1 - (what.nth % open.length));
      const merged = pull === undefined ? undefined : branch.pulls.merge(pull);
      const [deployed] = deploysIn(merged?.message ?? '');
      if (merged !== undefined && deployed !== undefined && what.waits) {
        await wait([], deployed.environment, merged.oid);
      }
      return { changed: false };
    }
    case 'close': {
      await turns.turn(runner);
      const { open } = branch.pulls;
      const pull = open.at(-1 - (what.nth % open.length));
      if (pull !== undefined) pull.state = 'closed';
      return { changed: false };
    }
    case 'edit': {
      await turns.turn(runner);
      branch.write(`Words ${key}`, new Map([['README.md', key]]));
      return { changed: false };
    }
  }
}
