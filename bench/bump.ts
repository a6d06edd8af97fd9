/**
 * How long a deploy takes from the decision to the commit: by our API road, and by the clone-edit-push of others.
 *
 * 1. One bump in repositories of 1k, 10k and 50k files.
 * 2. 1, 20 and 100 writers at the same moment, each with an app of its own; beside them the best peer's policy (clone,
 *    push, and when somebody was first again after up to 10 s, at most 50 times), by clones and by our own API.
 * 3. Writers of the same apps with older and newer commits.
 *
 * The stand-in for GitHub adds a round trip of 50 ms to every HTTP request and runs in a process of its own. After each run
 * git's history is judged, not our own answers. Options:
 *
 *   --limit          also with GitHub's limit of 80 content-creating requests a minute (about 4 minutes more)
 *   --sizes 1000,…   other repositories for 1 (the figures of the last line are named by the issue: 50k)
 *   --writers 1,20,… other numbers of writers for 2
 *   --peers 20       up to how many of the peer's clones are really run: a hundred keep two cores busy for ten minutes
 *                    and are in each other's way, which says nothing of a hundred runners; for more it is only computed
 */
import { parseArgs } from 'node:util';
import { bumpByApi, deployByApi, peersPauses } from './bump/by-api.ts';
import { cloneEditPush, deployByClone } from './bump/clone-edit-push.ts';
import { appName } from './bump/gitops-files.ts';
import { type AttemptTimes, timeOnOwnMachines } from './bump/own-machines.ts';
import { roundTrips } from './bump/round-trips.ts';
import { type Standin, startStandin } from './bump/standin.ts';
import { judge, type Verdict } from './bump/verdict.ts';
import { type Deploy, type Report, runTogether, type Writer } from './bump/writer.ts';
import type { Figures } from './main.ts';

const LATENCY_MS = 50;
const COMMITS = 8;
/** What the peer's clones are measured on: small, since a larger repository is only worse for clones. */
const RACE_FILES = 1_000;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
const ratio = (a: number, b: number): number => Math.round((a / b) * 10) / 10;

interface Bench {
  readonly standin: Standin;
  readonly commits: readonly string[];
  readonly token: string;
}

function row(name: string, ...columns: readonly string[]): void {
  console.log(`  ${name.padEnd(46)}${columns.map((column) => column.padStart(13)).join('')}`);
}

/** Times one deploy after another, each of another app, and counts the requests of the last. */
async function measureAlone(
  { standin }: Bench,
  runs: number,
  firstApp: number,
  deploy: (writer: Writer) => Promise<unknown>,
): Promise<{ milliseconds: number; requests: number; roundTrips: number }> {
  const times: number[] = [];
  let requests: Awaited<ReturnType<Standin['takeLog']>> = [];
  for (let run = 0; run < runs; run++) {
    await standin.takeLog();
    const start = performance.now();
    await deploy({ app: appName(firstApp + run), nth: 1, key: `alone-${firstApp + run}` });
    times.push(performance.now() - start);
    requests = await standin.takeLog();
  }
  return { milliseconds: median(times), requests: requests.length, roundTrips: roundTrips(requests) };
}

interface Alone {
  readonly files: number;
  readonly roundTrips: number;
  /** Clone time over ours. */
  readonly ratioToShallow: number;
  readonly ratioToSparse: number;
}

async function oneBump(bench: Bench, files: number): Promise<Alone> {
  const { standin, commits, token } = bench;
  const repository = `acme/gitops-${files}`;
  await standin.gitops(repository, files, commits[0] ?? '');
  const api = { standin, repository, commits };
  const clone = { standin, repository, commits, token };
  const runs = files <= 1_000 ? 3 : 1;
  // The first request of a process also loads and compiles code.
  await bumpByApi({ ...api, token }, { app: appName(0), nth: 1, key: 'warm-up' });
  const ours = await measureAlone(bench, 5, 10, (writer) => bumpByApi({ ...api, token }, writer));
  const signedIn = await measureAlone(bench, 3, 20, (writer) =>
    bumpByApi({ ...api, token: undefined }, writer),
  );
  const sparse = await measureAlone(bench, 3, 30, (writer) =>
    cloneEditPush({ ...clone, clone: 'sparse' }, writer),
  );
  const shallow = await measureAlone(bench, runs, 40, (writer) =>
    cloneEditPush({ ...clone, clone: 'shallow' }, writer),
  );
  const show = (name: string, one: typeof ours): void =>
    row(
      name,
      seconds(one.milliseconds),
      String(one.roundTrips),
      String(one.requests),
      `${ratio(one.milliseconds, ours.milliseconds)} ×`,
    );
  console.log(`\n  ${files.toLocaleString('en')} files`);
  show('by the API', ours);
  show('by the API, sign-in as GitHub App included', signedIn);
  show('clone (depth 1, blobless, sparse), edit, push', sparse);
  show('clone (depth 1), edit, push', shallow);
  return {
    files,
    roundTrips: ours.roundTrips,
    ratioToShallow: ratio(shallow.milliseconds, ours.milliseconds),
    ratioToSparse: ratio(sparse.milliseconds, ours.milliseconds),
  };
}

let races = 0;

/** Lets writers race in a new repository, judges git's history and prints a line. */
async function race(
  { standin, commits }: Bench,
  name: string,
  writers: readonly Writer[],
  deployIn: (repository: string) => Deploy,
): Promise<{ last: number; verdict: Verdict; reports: readonly Report[] }> {
  const repository = `acme/race-${++races}`;
  const gitDir = await standin.gitops(repository, RACE_FILES, commits[0] ?? '');
  await standin.takeLog();
  const reports = await runTogether(writers, deployIn(repository));
  const requests = await standin.takeLog();
  const verdict = await judge(gitDir, commits, reports);
  const last = Math.max(...reports.map(({ endedAt }) => endedAt));
  const attempts = Math.max(...reports.map((report) => report.attempts));
  row(
    name,
    seconds(last),
    String(verdict.commits),
    String(requests.length),
    String(attempts),
    `${verdict.lost}/${verdict.duplicates}/${verdict.olderOverNewer}/${verdict.gaveUp}`,
  );
  return { last, verdict, reports };
}

const ownApps = (count: number): readonly Writer[] =>
  Array.from({ length: count }, (_, index) => ({ app: appName(index), nth: 1, key: `writer-${index}` }));

/** Five apps; each commit of the source but the first is brought by several writers, older and newer mixed. */
const sharedApps = (count: number): readonly Writer[] =>
  Array.from({ length: count }, (_, index) => ({
    app: appName(index % 5),
    nth: 1 + ((index * 3) % (COMMITS - 1)),
    key: `writer-${index}`,
  }));

/** One attempt of the peer with the machine to itself: what the computed line is made of. */
async function loneAttempt({ standin, commits, token }: Bench): Promise<AttemptTimes> {
  const repository = `acme/lone-${RACE_FILES}`;
  await standin.gitops(repository, RACE_FILES, commits[0] ?? '');
  const times: AttemptTimes[] = [];
  for (const writer of ownApps(3)) {
    await standin.takeLog();
    const start = Date.now();
    await cloneEditPush({ standin, repository, commits, token, clone: 'shallow' }, writer);
    const pushed = Date.now() - start;
    // Git's protocol 2: capabilities first, then the refs; the clone is of the head answered there.
    const [, refs] = (await standin.takeLog()).filter(({ operation }) => operation === 'git-upload-pack');
    times.push({ headKnown: (refs?.ended ?? start) - start, pushed });
  }
  return {
    headKnown: median(times.map(({ headKnown }) => headKnown)),
    pushed: median(times.map(({ pushed }) => pushed)),
  };
}

async function manyWriters(bench: Bench, numbers: readonly number[], mostPeers: number) {
  const { standin, commits, token } = bench;
  const api = (repository: string) => ({ standin, repository, commits, token });
  const verdicts: Verdict[] = [];
  let speedup = Number.NaN;
  let speedupOfPolicy = Number.NaN;

  const attempt = await loneAttempt(bench);
  // The first request of a process also loads and compiles code.
  await bumpByApi(api(`acme/lone-${RACE_FILES}`), { app: appName(9), nth: 1, key: 'warm-up' });
  for (const count of numbers) {
    console.log(`\n  ${count} ${count === 1 ? 'writer' : 'writers, each with an app of its own'}`);
    const ours = await race(bench, 'Kajitori', ownApps(count), (repository) => deployByApi(api(repository)));
    verdicts.push(ours.verdict);
    if (count === 1) {
      continue;
    }
    const policy = await race(
      bench,
      "our API, the peer's pauses (up to 10 s)",
      ownApps(count),
      (repository) => deployByApi({ ...api(repository), timing: peersPauses(), patienceMs: 500_000 }),
    );
    const computed = median(Array.from({ length: 9 }, () => timeOnOwnMachines(count, attempt, Math.random)));
    row('peer: depth-1 clones, a machine each (computed)', seconds(computed));
    let quicker = computed;
    if (count <= mostPeers) {
      const peer = await race(
        bench,
        'peer: depth-1 clones, all on this machine',
        ownApps(count),
        (repository) => deployByClone({ ...api(repository), clone: 'shallow' }),
      );
      quicker = Math.min(peer.last, computed);
    }
    speedup = ratio(quicker, ours.last);
    speedupOfPolicy = ratio(policy.last, ours.last);
    console.log(
      `  → ${speedup} times sooner than the peer (the quicker figure), ${speedupOfPolicy} times than its pauses alone`,
    );
  }

  const count = Math.max(...numbers);
  console.log(`\n  ${count} writers of 5 apps, older and newer commits mixed`);
  const mixed = await race(bench, 'Kajitori', sharedApps(count), (repository) =>
    deployByApi(api(repository)),
  );
  verdicts.push(mixed.verdict);
  return { verdicts, speedup, speedupOfPolicy };
}

async function limited(bench: Bench): Promise<readonly Verdict[]> {
  const { standin, commits, token } = bench;
  console.log(
    '\n  100 writers with the limit of 80 content-creating requests a minute (it bounds everything)',
  );
  await standin.limit(80);
  const { verdict } = await race(bench, 'Kajitori', ownApps(100), (repository) =>
    deployByApi({ standin, repository, commits, token, patienceMs: 15 * 60_000 }),
  );
  await standin.limit(undefined);
  return [verdict];
}

export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      limit: { type: 'boolean', default: false },
      sizes: { type: 'string', default: '1000,10000,50000' },
      writers: { type: 'string', default: '1,20,100' },
      peers: { type: 'string', default: '20' },
    },
  });
  const numbers = (text: string): readonly number[] =>
    text
      .split(',')
      .filter((part) => part !== '')
      .map(Number);
  await using standin = await startStandin();
  const commits = await standin.source(COMMITS);
  const bench: Bench = { standin, commits, token: await standin.token() };
  await standin.latency(LATENCY_MS);

  console.log(`One bump; ${LATENCY_MS} ms a round trip, median`);
  row('', 'time', 'round trips', 'requests', 'to ours');
  const alone: Alone[] = [];
  for (const files of numbers(values.sizes)) {
    alone.push(await oneBump(bench, files));
  }

  console.log(
    `\nWriters at the same moment; ${LATENCY_MS} ms a round trip, ${RACE_FILES} files, no content limit`,
  );
  row('', 'to the last', 'commits', 'requests', 'most tries', 'l/d/o/g');
  const { verdicts, speedup, speedupOfPolicy } = await manyWriters(
    bench,
    numbers(values.writers),
    Number(values.peers),
  );
  const all = [...verdicts, ...(values.limit ? await limited(bench) : [])];
  console.log('\n  l/d/o/g: lost, duplicates, older over newer, gave up; by git history\n');

  const sum = (of: (verdict: Verdict) => number): number => all.reduce((total, one) => total + of(one), 0);
  const ratios = alone.flatMap(({ files, ratioToSparse, ratioToShallow }) => [
    [`ratioToSparseClone${files / 1000}k`, ratioToSparse],
    [`ratioToShallowClone${files / 1000}k`, ratioToShallow],
  ]);
  return {
    roundTrips: Math.max(...alone.map((one) => one.roundTrips)),
    lost: sum(({ lost }) => lost),
    duplicates: sum(({ duplicates }) => duplicates),
    olderOverNewer: sum(({ olderOverNewer }) => olderOverNewer),
    gaveUp: sum(({ gaveUp }) => gaveUp),
    speedupOverRetryPolicy: speedup,
    speedupOverPausesAlone: speedupOfPolicy,
    ...Object.fromEntries(ratios),
  };
}
