import { type ArgoCdClient, openArgoCd } from '../src/argocd/client.ts';
import { type Judgement, judge } from '../src/argocd/judge.ts';
import { interestOf, watchApplications } from '../src/argocd/watch.ts';
import { systemTiming } from '../src/github/timing.ts';
import { couldNot } from '../src/report/failure.ts';
import { plainRenderer } from '../src/standin/argocd/git-source.ts';
import { type ArgoCdStandin, startArgoCd } from '../src/standin/argocd/server.ts';
import { type StandinRepository, startGitHub } from '../src/standin/github/server.ts';
import type { Figures } from './main.ts';

const CLUSTERS = ['prod-1', 'prod-2'];
const MANY = 50;
const ROUNDS = 5;
const PEER_INTERVAL_MS = 3_000;

/**
 * `npm run bench -- wait`: how soon a finished deploy is known, and how often Argo CD is asked meanwhile: for one app in one
 * cluster, and for 50 apps in two, which is 100 applications. Beside us, at the same time on the same deploys, one poll of each
 * application every 3 s, as scripts around `argocd app get` do it.
 *
 * Argo CD is the stand-in (the real API's answers, waves of 2 s, pods ready after 1 s), with the machine's clock.
 */
export async function run(args: readonly string[]): Promise<Figures> {
  if (args.length > 0) {
    throw couldNot('bench wait takes no options', { todo: 'npm run bench -- wait' });
  }
  await using github = await startGitHub();
  const apps = Array.from({ length: MANY }, (_, index) => `app-${index}`);
  const repository = await github.createRepository('acme/gitops', { files: gitopsFiles(apps) });
  await using argocd = await startArgoCd({ clusters: CLUSTERS, repository, render: plainRenderer });
  await healthy(argocd, namesOf(apps), await repository.head());

  const one = await measure(argocd, repository, apps.slice(0, 1), ['app-0-prod-1']);
  const many = await measure(argocd, repository, apps, namesOf(apps));

  const line = (label: string, figures: Measured, key: 'ours' | 'peer') =>
    `${label.padEnd(34)}${seconds(figures[key].worstMs).padStart(8)} s${seconds(figures[key].meanMs).padStart(10)} s${figures[key].callsPerSecond.toFixed(2).padStart(16)}`;
  console.log(`${ROUNDS} deploys each, at the same time (Node ${process.versions.node})\n`);
  console.log(`${''.padEnd(34)}  known after     mean   calls a second`);
  console.log(line('1 application, we', one, 'ours'));
  console.log(line('1 application, one poll every 3 s', one, 'peer'));
  console.log(line('100 applications, we', many, 'ours'));
  console.log(line('100 applications, one poll each', many, 'peer'));
  console.log('\nTargets: known in less than 2 s, at most 1 call a second.\n');
  return {
    detectionSeconds: rounded(many.ours.worstMs / 1000),
    callsPerSecond: rounded(many.ours.callsPerSecond),
    detectionSeconds1: rounded(one.ours.worstMs / 1000),
    callsPerSecond1: rounded(one.ours.callsPerSecond),
    peerDetectionSeconds: rounded(many.peer.worstMs / 1000),
    peerCallsPerSecond: rounded(many.peer.callsPerSecond),
    peerDetectionSeconds1: rounded(one.peer.worstMs / 1000),
    peerCallsPerSecond1: rounded(one.peer.callsPerSecond),
  };
}

interface Watcher {
  /** After the last application was healthy, the worst and the mean of the rounds. */
  readonly worstMs: number;
  readonly meanMs: number;
  readonly callsPerSecond: number;
}

interface Measured {
  readonly ours: Watcher;
  readonly peer: Watcher;
}

type Wait = (client: ArgoCdClient, names: readonly string[], commit: string) => Promise<void>;

async function measure(
  argocd: ArgoCdStandin,
  repository: StandinRepository,
  apps: readonly string[],
  names: readonly string[],
): Promise<Measured> {
  const watchers = { ours: watcher(argocd, wait), peer: watcher(argocd, pollEach) };
  for (let round = 0; round < ROUNDS; round++) {
    const commit = await repository.commit(releases(apps, `${apps.length}-${round}`));
    await Promise.all([
      healthy(argocd, names, commit).then((at) => {
        watchers.ours.healthyAt = at;
        watchers.peer.healthyAt = at;
      }),
      watchers.ours.round(names, commit),
      watchers.peer.round(names, commit),
    ]);
    watchers.ours.end();
    watchers.peer.end();
  }
  return { ours: watchers.ours.result(), peer: watchers.peer.result() };
}

function watcher({ url, token }: ArgoCdStandin, how: Wait) {
  const client = openArgoCd({ server: url, token: () => token, timing: systemTiming });
  const delays: number[] = [];
  let waited = 0;
  let doneAt = 0;
  return {
    healthyAt: 0,
    async round(names: readonly string[], commit: string) {
      const started = performance.now();
      await how(client, names, commit);
      doneAt = performance.now();
      waited += doneAt - started;
    },
    end() {
      delays.push(doneAt - this.healthyAt);
    },
    result: (): Watcher => ({
      worstMs: Math.max(...delays),
      meanMs: delays.reduce((sum, each) => sum + each, 0) / delays.length,
      callsPerSecond: client.requests / (waited / 1000),
    }),
  };
}

/** As the wait use case does. */
const wait: Wait = async (client, names, commit) => {
  const judgements = new Map<string, Judgement>();
  await watchApplications({
    client,
    timing: systemTiming,
    applications: names,
    selector: `kajitori.dev/app in (${[...new Set(names.map((name) => name.replace(/-prod-\d$/, '')))].join(',')})`,
    onReading: (name, reading) => {
      const expectation = { commit, isDescendant: () => false, images: [] };
      const judgement = judge(reading, expectation, judgements.get(name));
      judgements.set(name, judgement);
      return interestOf(judgement);
    },
  });
};

/** What is usual: each application by itself, until it says Synced and Healthy at that revision. */
const pollEach: Wait = async (client, names, commit) => {
  await Promise.all(
    names.map(async (name) => {
      for (;;) {
        const { sync, health } = await client.get(name);
        const isThere = sync.revisions.every((revision) => revision === commit);
        if (isThere && sync.status === 'Synced' && health.status === 'Healthy') return;
        await systemTiming.sleep(PEER_INTERVAL_MS);
      }
    }),
  );
};

/** When the last of them was healthy at the commit, looked at from inside. */
async function healthy(argocd: ArgoCdStandin, names: readonly string[], commit: string): Promise<number> {
  for (;;) {
    const isDone = names.every((name) => {
      const seen = argocd.look(name);
      return seen?.revision === commit && seen.sync === 'Synced' && seen.health === 'Healthy';
    });
    if (isDone) return performance.now();
    await systemTiming.sleep(20);
  }
}

const namesOf = (apps: readonly string[]): string[] =>
  apps.flatMap((app) => CLUSTERS.map((cluster) => `${app}-${cluster}`));

const releases = (apps: readonly string[], tag: string): Record<string, string> =>
  Object.fromEntries(
    apps.map((app) => [
      `apps/${app}/release.production.yaml`,
      `image: { repository: registry.example/${app}, tag: "${tag}" }\n`,
    ]),
  );

const gitopsFiles = (apps: readonly string[]): Record<string, string> => ({
  'kajitori.yaml': `apiVersion: kajitori.dev/v1
environments:
  production: { clusters: [${CLUSTERS.join(', ')}] }
clusters:
  prod-1: { kubernetes: "1.36", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.36", region: ap-northeast-1, account: "222222222222" }
registries: ["333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"]
`,
  ...releases(apps, 'v0'),
});

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2);
const rounded = (value: number): number => Number(value.toFixed(3));
