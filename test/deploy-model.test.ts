import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { type GitHubClient, GitHubError } from '../src/github/client.ts';
import type { Timing } from '../src/github/timing.ts';
import { pastReleases } from '../src/history/past-releases.ts';
import type { Revisions } from '../src/history/revisions.ts';
import { computeBump } from '../src/release/compute-bump.ts';
import { computeHold } from '../src/release/compute-hold.ts';
import { computePromotion } from '../src/release/compute-promotion.ts';
import { computeRollback, undoing } from '../src/release/compute-rollback.ts';
import { formatImage } from '../src/release/image-reference.ts';
import { type ReleaseRecord, readRelease } from '../src/release/release-record.ts';
import { isInForce, parseReleaseState } from '../src/release/release-state.ts';
import type { Source } from '../src/release/source.ts';
import type { SourceHistory } from '../src/release/source-history.ts';
import { Failure } from '../src/report/failure.ts';
import { type Applied, applyChange } from '../src/repository/apply.ts';
import type { ComputeChange } from '../src/repository/change.ts';
import { parseTrailers } from '../src/repository/commit-message.ts';
import type { Tree } from '../src/repository/tree.ts';
import { trailer } from './bump-world.ts';

/**
 * Bumps, promotions, rollbacks, holds and their ends, at the same time, with lost races, lost requests and lost answers:
 * the real changes, brought by the real `applyChange` to a repository in memory. fast-check decides who is served when.
 * Afterwards every commit of the history is looked at (design: "Promises that tests hold").
 *
 * Each cluster has a file of its own here (`apps.release`), so that one-sided commits could be written at all.
 */
const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1] }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["registry.example.com"]
apps: { release: "deploy/{cluster}/{app}.yaml" }
`;
const config = parseKajitoriYaml(KAJITORI_YAML);
const APPS = ['web', 'billing'] as const;
const CLUSTERS = { staging: ['stg-1'], production: ['prod-1', 'prod-2'] } as const;
type Environment = keyof typeof CLUSTERS;

const START = Date.UTC(2026, 10, 21, 9);
const firstFiles = new Map<string, string>([
  ['kajitori.yaml', KAJITORI_YAML],
  ...APPS.flatMap((app): [string, string][] => [
    [`apps/${app}/app.yaml`, 'app: { team: shop, sources: [acme/web] }\n'],
    ...Object.values(CLUSTERS)
      .flat()
      .map((cluster): [string, string] => [
        `deploy/${cluster}/${app}.yaml`,
        `# ${cluster}\nimage: { repository: registry.example.com/${app}, tag: "0" } # written by machines\n`,
      ]),
  ]),
]);

interface Commit {
  readonly oid: string;
  readonly message: string;
  readonly at: Date;
  readonly files: ReadonlyMap<string, string>;
}

type Fault = 'none' | 'before' | 'after';

/** A branch in memory, with the few GraphQL operations that reading and writing use, and a compare-and-swap. */
class Branch {
  readonly commits: Commit[] = [
    { oid: this.oidOf('first'), message: 'first', at: new Date(START), files: firstFiles },
  ];

  oidOf(text: string): string {
    return createHash('sha1').update(text).digest('hex');
  }

  get head(): Commit {
    return this.commits.at(-1) as Commit;
  }

  treeAt(commit: Commit): Tree {
    return {
      name: commit.oid,
      commit: commit.oid,
      read: async (file) => commit.files.get(file),
      list: async () => [],
    };
  }

  answer(document: string, variables: Readonly<Record<string, unknown>>): unknown {
    if (document.startsWith('query Snapshot')) {
      const history = this.commits.toReversed().map(({ oid, message }) => ({ oid, message, url: oid }));
      const target = {
        ...this.filesOf(this.head, variables),
        tree: { oid: 't' },
        history: { nodes: history },
      };
      return { repository: { id: 'R', isArchived: false, branch: { name: 'main', target } } };
    }
    if (document.startsWith('query Files')) {
      const commit = this.commits.find(({ oid }) => oid === variables['commit']);
      return { repository: { object: commit === undefined ? null : this.filesOf(commit, variables) } };
    }
    if (document.startsWith('mutation Commit')) {
      return this.write(variables['input'] as WriteInput);
    }
    throw new Error(`an operation that this model does not know: ${document.slice(0, 40)}`);
  }

  private filesOf(commit: Commit, variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const entries = Object.entries(variables).flatMap(([name, path]) => {
      const nth = /^path(\d+)$/.exec(name)?.[1];
      const text = commit.files.get(String(path));
      if (nth === undefined) return [];
      const size = Buffer.byteLength(text ?? '');
      const oid = createHash('sha1')
        .update(`blob ${size}\0`)
        .update(text ?? '')
        .digest('hex');
      const object = { oid, text, isBinary: false, isTruncated: false, byteSize: size };
      return [[`file${nth}`, text === undefined ? null : { mode: 0o100644, type: 'blob', object }]];
    });
    return { oid: commit.oid, ...Object.fromEntries(entries) };
  }

  private write(input: WriteInput): unknown {
    if (input.expectedHeadOid !== this.head.oid) {
      const fault = { kind: 'stale', message: 'Expected branch to point to …', status: 200 } as const;
      throw new GitHubError(fault, 'Commit', { cause: undefined, write: true });
    }
    const files = new Map(this.head.files);
    for (const { path, contents } of input.fileChanges.additions) {
      files.set(path, Buffer.from(contents, 'base64').toString());
    }
    const message = `${input.message.headline}\n\n${input.message.body}`;
    const at = new Date(START + this.commits.length * 60_000);
    const commit = { oid: this.oidOf(`${this.head.oid}${message}`), message, at, files };
    this.commits.push(commit);
    return { createCommitOnBranch: { commit: { oid: commit.oid, url: commit.oid } } };
  }
}

interface WriteInput {
  readonly expectedHeadOid: string;
  readonly message: { readonly headline: string; readonly body: string };
  readonly fileChanges: {
    readonly additions: readonly { readonly path: string; readonly contents: string }[];
  };
}

/** A client whose requests wait until fast-check serves them; some of its writes fail before or after their effect. */
function clientOf(branch: Branch, scheduler: fc.Scheduler, faults: readonly Fault[]): GitHubClient {
  let written = 0;
  return {
    rest: () => Promise.reject(new Error('no REST here')),
    graphql: async <Data>(document: string, variables: Readonly<Record<string, unknown>>) => {
      await scheduler.schedule(Promise.resolve());
      const isWrite = document.startsWith('mutation');
      const fault = isWrite ? (faults[written++] ?? 'none') : 'none';
      const lost = () =>
        new GitHubError({ kind: 'unavailable', message: 'lost', status: undefined }, 'Commit', {
          cause: undefined,
          write: true,
        });
      if (fault === 'before') throw lost();
      const answer = branch.answer(document, variables);
      await scheduler.schedule(Promise.resolve());
      if (fault === 'after') throw lost();
      return answer as Data;
    },
  };
}

const timing = (scheduler: fc.Scheduler): Timing => {
  let now = START;
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      now += milliseconds;
      await scheduler.schedule(Promise.resolve());
    },
    random: () => 0.5,
  };
};

/** The source repository is one line of commits: the number is in the object ID. */
const sourceOf = (nth: number): Source => ({
  repository: 'acme/web',
  commit: nth.toString(16).padStart(40, '0'),
});
const numberOf = (source: Source): number => Number.parseInt(source.commit, 16);
const historyOf = (own: Source): SourceHistory => ({
  compareTo: async (recorded) => {
    const [mine, theirs] = [numberOf(own), numberOf(recorded)];
    return mine === theirs ? 'same' : mine > theirs ? 'newer' : 'older';
  },
});

type Operation =
  | {
      readonly kind: 'bump';
      readonly apps: readonly string[];
      readonly environment: Environment;
      readonly nth: number;
    }
  | { readonly kind: 'promote'; readonly apps: readonly string[] }
  /** Undoes an earlier deploy, as a failed wait does; which one is counted from the newest. */
  | { readonly kind: 'undo'; readonly back: number }
  /** A person goes back to what ran before, counted from the newest commit. */
  | {
      readonly kind: 'rollback';
      readonly app: string;
      readonly environment: Environment;
      readonly back: number;
    }
  | { readonly kind: 'hold' | 'end'; readonly app: string; readonly environment: Environment };

const environment = fc.constantFrom<Environment>('staging', 'production');
const app = fc.constantFrom(...APPS);
const apps = fc.constantFrom<readonly string[]>(['web'], ['billing'], ['web', 'billing']);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('bump' as const),
      apps,
      environment,
      nth: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('promote' as const), apps }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('undo' as const), back: fc.nat({ max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('rollback' as const),
      app,
      environment,
      back: fc.nat({ max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), app, environment }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), app, environment }) },
);
const step = fc.record({
  operation,
  faults: fc.array(fc.constantFrom<Fault>('none', 'none', 'before', 'after'), { maxLength: 3 }),
});

const own = { kind: 'own-right' } as const;
const nobody = { overrides: new Set<never>(), reason: undefined };

/** The change that an operation wants, as its use case makes it; undefined when there is nothing to operate on. */
async function changeOf(branch: Branch, wanted: Operation): Promise<ComputeChange<unknown> | undefined> {
  const now = new Date(START + branch.commits.length * 60_000);
  const release = (name: string, where: Environment, commit = branch.head) =>
    readRelease((file) => branch.treeAt(commit).read(file), config, name, where);
  switch (wanted.kind) {
    case 'bump': {
      const build = { source: sourceOf(wanted.nth), build: wanted.nth, workflow: 'deploy.yml' };
      const images = wanted.apps.map((name) => ({
        app: name,
        name: '',
        repository: `registry.example.com/${name}`,
        tag: String(wanted.nth),
        digest: undefined,
      }));
      const request = { ...wanted, images, build, overriding: nobody, run: undefined, via: undefined };
      return (tree) => computeBump(tree, request, { now, history: historyOf(build.source) });
    }
    case 'promote': {
      const judged = new Map<string, ReleaseRecord>();
      for (const name of wanted.apps) {
        const record = await release(name, 'staging');
        if (record !== undefined) judged.set(name, record);
      }
      const request = {
        apps: wanted.apps,
        to: 'production',
        judged,
        overriding: nobody,
        withoutGates: false,
        by: 'alice',
        run: undefined,
        via: undefined,
      };
      return (tree) => computePromotion(tree, request, { now, deployer: own, historyOf });
    }
    case 'undo': {
      const deploys = branch.commits.filter(({ message }) =>
        ['bump', 'promote'].includes(trailer(message, 'Kajitori-Action')[0] ?? ''),
      );
      const deploy = deploys.at(-1 - wanted.back);
      const before = branch.commits[branch.commits.indexOf(deploy as Commit) - 1];
      if (deploy === undefined || before === undefined) return undefined;
      const where = trailer(deploy.message, 'Kajitori-Environment')[0] ?? '';
      const names = trailer(deploy.message, 'Kajitori-App');
      const back = await undoing(branch.treeAt(before), branch.treeAt(deploy), names, where);
      return (tree) =>
        computeRollback(
          tree,
          {
            apps: back,
            environment: where,
            reason: `undo ${deploy.oid}`,
            by: 'kajitori',
            holdUntil: undefined,
            run: undefined,
            via: undefined,
          },
          { now, deployer: own },
        );
    }
    case 'rollback': {
      const seen = await release(wanted.app, wanted.environment);
      const to = await release(
        wanted.app,
        wanted.environment,
        branch.commits.at(-1 - wanted.back) ?? branch.head,
      );
      const request = {
        apps: [{ app: wanted.app, to, seen }],
        environment: wanted.environment,
        reason: `by hand ${seen?.images.get('')?.at?.toISOString() ?? 'first'}`,
        by: 'alice',
        holdUntil: undefined,
        run: undefined,
        via: undefined,
      };
      return (tree) => computeRollback(tree, request, { now, deployer: own });
    }
    default: {
      const hold = wanted.kind === 'hold' ? { reason: 'sale', until: undefined } : undefined;
      const request = {
        apps: [wanted.app],
        environment: wanted.environment,
        hold,
        by: 'bob',
        reason: undefined,
        run: undefined,
        via: undefined,
      };
      return (tree) => computeHold(tree, request, { now, deployer: own });
    }
  }
}

interface Ended {
  readonly key: string;
  readonly applied: Applied<unknown> | undefined;
  readonly failure: Failure | undefined;
}

async function carryOut(
  branch: Branch,
  scheduler: fc.Scheduler,
  key: string,
  { operation: wanted, faults }: { readonly operation: Operation; readonly faults: readonly Fault[] },
): Promise<Ended> {
  const change = await changeOf(branch, wanted);
  if (change === undefined) return { key, applied: undefined, failure: undefined };
  const target = { repository: { owner: 'acme', name: 'gitops' } };
  try {
    const applied = await applyChange(clientOf(branch, scheduler, faults), target, change, {
      files: ['kajitori.yaml'],
      key,
      timing: timing(scheduler),
      proposal: { branch: 'b', labels: [], autoMerge: false },
    });
    return { key, applied, failure: undefined };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { key, applied: undefined, failure: error };
  }
}

/** What one app runs in an environment at a commit, each cluster's file read by itself. */
async function stateAt(branch: Branch, commit: Commit, name: string, where: Environment) {
  const read = async (file: string) => commit.files.get(file);
  const file = `.kajitori/${name}.${where}.yaml`;
  return {
    texts: CLUSTERS[where].map((cluster) => commit.files.get(`deploy/${cluster}/${name}.yaml`) ?? ''),
    record: await readRelease(read, config, name, where),
    state: parseReleaseState(commit.files.get(file) ?? '', file),
    branch,
  };
}

/** Every promise, at every commit. */
async function checkHistory(branch: Branch, ended: readonly Ended[]): Promise<void> {
  for (const [index, commit] of branch.commits.entries()) {
    const before = branch.commits[index - 1];
    for (const name of APPS) {
      for (const where of ['staging', 'production'] as const) {
        const now = await stateAt(branch, commit, name, where);
        const images = now.texts.map((text) => /image: .*/.exec(text)?.[0]);
        expect(new Set(images).size, 'every cluster of an environment gets the same, in each commit').toBe(1);
        if (before !== undefined) {
          await checkStep(branch, before, commit, name, where);
        }
      }
    }
  }
  for (const { key, applied, failure } of ended) {
    const times = branch.commits.filter(({ message }) =>
      trailer(message, 'Kajitori-Key').includes(key),
    ).length;
    if (failure?.reason !== 'unknown-outcome') {
      expect(times, 'written exactly once when it says so, else never').toBe(
        applied?.changed === true ? 1 : 0,
      );
    }
  }
}

async function checkStep(branch: Branch, before: Commit, commit: Commit, name: string, where: Environment) {
  const was = await stateAt(branch, before, name, where);
  const is = await stateAt(branch, commit, name, where);
  const [old, young] = [was.record?.images.get(''), is.record?.images.get('')];
  const changed = JSON.stringify([old, was.state.rollback]) !== JSON.stringify([young, is.state.rollback]);
  const action = trailer(commit.message, 'Kajitori-Action')[0];
  if (!changed) return;
  const trailers = parseTrailers(commit.message);
  expect(trailer(commit.message, 'Kajitori-Environment'), 'only what the commit names changes').toContain(
    where,
  );
  expect(trailer(commit.message, 'Kajitori-App')).toContain(name);
  if (action === 'rollback') {
    expect(is.state.rollback, 'no migration is rendered').toBe(true);
    expect(isInForce(is.state.hold, commit.at), 'a rollback leaves a hold').toBe(true);
    const reason = trailers.find((each) => each.name === 'Kajitori-Reason')?.value ?? '';
    if (reason.startsWith('undo ')) {
      const deploy = branch.commits.find(({ oid }) => oid === reason.slice('undo '.length));
      const wrote = deploy === undefined ? undefined : await stateAt(branch, deploy, name, where);
      expect(old, 'only our own deploy is undone, nothing newer').toEqual(wrote?.record?.images.get(''));
    } else {
      const seen = reason.replace('by hand ', '');
      expect(old?.at?.toISOString() ?? 'first', 'a person undoes only what they saw').toBe(seen);
    }
    return;
  }
  expect(['bump', 'promote']).toContain(action);
  expect(isInForce(was.state.hold, commit.at), 'a hold is respected').toBe(false);
  expect(is.state.rollback, 'a deploy ends the mark of a rollback').toBe(false);
  if (old?.build !== undefined && young?.build !== undefined) {
    expect(numberOf(young.build.source), 'no older over newer').toBeGreaterThanOrEqual(
      numberOf(old.build.source),
    );
  }
  if (action === 'promote' && young !== undefined) {
    const staging = await stateAt(branch, before, name, 'staging');
    const there = staging.record?.images.get('');
    expect(there === undefined ? '' : formatImage(there.image), 'what was judged is what is promoted').toBe(
      formatImage(young.image),
    );
  }
}

/** History finds every commit that changed what runs, with what it was. */
async function checkPastReleases(branch: Branch): Promise<void> {
  const revisions: Revisions = {
    changing: async (path) => ({
      more: false,
      revisions: branch.commits
        .flatMap((commit, index) =>
          commit.files.get(path) === branch.commits[index - 1]?.files.get(path)
            ? []
            : [
                {
                  commit: commit.oid,
                  url: undefined,
                  at: commit.at,
                  author: 'kajitori',
                  message: commit.message,
                  read: async (file: string) => commit.files.get(file),
                },
              ],
        )
        .reverse(),
    }),
  };
  for (const name of APPS) {
    for (const where of ['staging', 'production'] as const) {
      const past = await pastReleases(revisions, config, name, where, { limit: 1000 });
      const written = branch.commits.filter(({ message }) => {
        const [action] = trailer(message, 'Kajitori-Action');
        return (
          ['bump', 'promote', 'rollback'].includes(action ?? '') &&
          trailer(message, 'Kajitori-Environment')[0] === where &&
          trailer(message, 'Kajitori-App').includes(name)
        );
      });
      expect(past.releases.map(({ commit, action }) => [commit, action])).toEqual(
        written
          .toReversed()
          // Back to the time before Kajitori: the state file says that nothing is recorded.
          .map(({ oid, message }) => [oid, trailer(message, 'Kajitori-Action')[0]]),
      );
    }
  }
}

test('whoever deploys, rolls back, holds and promotes at the same time: every promise holds in every commit', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
      async (scheduler, rounds) => {
        const branch = new Branch();
        const ended: Ended[] = [];
        for (const [round, steps] of rounds.entries()) {
          const all = Promise.all(
            steps.map((each, nth) => carryOut(branch, scheduler, `${round}/${nth}`, each)),
          );
          ended.push(...(await scheduler.waitFor(all)));
        }
        await checkHistory(branch, ended);
        await checkPastReleases(branch);
        for (const { message } of branch.commits) {
          const action = trailer(message, 'Kajitori-Action')[0] ?? 'first';
          seen.set(action, (seen.get(action) ?? 0) + 1);
        }
        for (const { failure } of ended) {
          if (failure !== undefined)
            seen.set(failure.reason ?? '', (seen.get(failure.reason ?? '') ?? 0) + 1);
        }
      },
    ),
    { numRuns: 60 },
  );
  // A model that never does a thing promises nothing about it.
  for (const happened of ['bump', 'promote', 'rollback', 'hold', 'hold-end']) {
    expect(seen.get(happened) ?? 0, happened).toBeGreaterThan(0);
  }
});
