import { onTestFinished } from 'vitest';
import { type Finished, type FinishInputs, runFinish } from '../src/deploy/finish.ts';
import type { Awaited, Lookout, Sight } from '../src/deploy/lookout.ts';
import { runWait, type WaitDeps, type WaitInputs, type WaitOutputs } from '../src/deploy/wait.ts';
import { progressLine } from '../src/deploy/wait-report.ts';
import { createGitHubClient, type GitHubClient } from '../src/github/client.ts';
import { openRenewedClient } from '../src/github/renewed-client.ts';
import { parseRepositoryName } from '../src/github/repository-name.ts';
import type { StandinRepository } from '../src/standin/github/server.ts';
import {
  APP_YAML,
  type BumpWorld,
  bump,
  bumpWorld,
  digest,
  KAJITORI_YAML,
  REGISTRY,
  releaseYaml,
} from './bump-world.ts';

export const MINUTE = 60_000;

/** What a cluster does with a commit, told by the image that the commit brings: seconds until something is seen. */
export type Behaviour = (about: {
  readonly awaited: Awaited;
  /** Milliseconds since this commit was first looked at. */
  readonly age: number;
}) => Partial<Sight>;

/** Every cluster gets healthy after ten seconds. */
export const smooth: Behaviour = ({ age }) =>
  age < 10_000 ? { state: 'waiting', words: 'waiting for pods' } : { state: 'done', words: 'healthy' };

/** A company with two clusters in production, and apps that run build 1. */
export interface WaitWorld {
  readonly world: BumpWorld;
  readonly gitops: StandinRepository;
  readonly client: GitHubClient;
  /** What was told, in order. */
  readonly told: string[];
  /** Applications whose running operation was ended, in order. */
  readonly ended: string[];
  /** Called before every look: where a test lets something happen meanwhile. */
  meanwhile: (() => Promise<void>) | undefined;
  /** Deploys build `nth` of an app; the commit. */
  deploy(nth: number, app?: string): Promise<string>;
  /** The same for several apps in one commit, written as a merged pull request would be. */
  deployTogether(nth: number, apps: readonly string[]): Promise<string>;
  wait(behaviour: Behaviour, inputs?: Partial<WaitInputs>, deps?: Partial<WaitDeps>): Promise<WaitOutputs>;
  /** Finishes what is unfinished. */
  finish(behaviour: Behaviour, inputs?: Partial<FinishInputs>): Promise<readonly Finished[]>;
  /** `success healthy…` of each cluster on a commit. */
  verdicts(commit: string, app?: string): readonly string[];
  /** What the release file says. */
  release(app?: string): Promise<string>;
}

/** Ends with the test that made it. */
export async function waitWorld(
  apps: readonly string[] = ['web'],
  kajitori = KAJITORI_YAML,
): Promise<WaitWorld> {
  const world = await bumpWorld(6);
  onTestFinished(() => world[Symbol.asyncDispose]());
  const gitops = await world.gitops(
    {
      'kajitori.yaml': kajitori,
      ...Object.fromEntries(
        apps.flatMap((app) => [
          [`apps/${app}/app.yaml`, APP_YAML],
          [`apps/${app}/release.production.yaml`, releaseYaml(app, 1, world.commits[1] ?? '')],
        ]),
      ),
    },
    { collaborators: { hanako: 'write' } },
  );
  const target = { repository: parseRepositoryName(gitops.fullName) };
  // An App of its own: that of bumpWorld has no `statuses`, since a bump needs none.
  const app = world.github.createApp({
    slug: 'kajitori-wait',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
  });
  app.install('acme');
  const client = await openRenewedClient(
    async () =>
      createGitHubClient({ apiUrl: world.github.apiUrl, token: app.token('acme'), timing: world.timing }),
    world.timing,
  );
  const depsOf = (behaviour: Behaviour): WaitDeps => ({
    client,
    target,
    timing: world.timing,
    deployer: { kind: 'repository', repository: 'acme/web' },
    lookout: async () => lookoutOf(at, behaviour),
    applicationName: (name, cluster) => `${name}-${cluster}`,
    report: { application: (each) => told.push(progressLine(each)), step: (words) => told.push(words) },
  });
  const told: string[] = [];
  const ended: string[] = [];
  const at: WaitWorld = {
    world,
    gitops,
    client,
    told,
    ended,
    meanwhile: undefined,
    deploy: async (nth, name = 'web') => {
      const { commit } = await bump(world, gitops, { app: name, nth, key: `bump/${name}/${nth}` });
      if (commit === undefined) throw new Error('nothing was bumped');
      return commit.oid;
    },
    deployTogether: (nth, names) =>
      gitops.commit(
        Object.fromEntries(
          names.map((name) => [
            `apps/${name}/release.production.yaml`,
            releaseYaml(name, nth, world.commits[nth] ?? ''),
          ]),
        ),
        {
          message: `Deploy ${names.join(', ')}\n\n${names
            .map((name) => `Kajitori-App: ${name}\nKajitori-Environment: production\nKajitori-Action: bump`)
            .join('\n')}`,
        },
      ),
    wait: (behaviour, inputs = {}, deps = {}) =>
      runWait(
        { apps: [], environment: 'production', commit: undefined, ...POLICY, ...inputs },
        { ...depsOf(behaviour), ...deps },
      ),
    finish: (behaviour, inputs = {}) =>
      runFinish(
        { apps: [], environment: undefined, ...POLICY, ...inputs },
        { ...depsOf(behaviour), deployer: { kind: 'own-right' } },
      ),
    verdicts: (commit, name = 'web') =>
      ['prod-1', 'prod-2'].map((cluster) => {
        const latest = gitops
          .statuses(commit)
          .findLast(({ context }) => context === `kajitori/${name}/${cluster}`);
        return latest === undefined ? 'none' : `${latest.state} ${latest.description}`;
      }),
    release: async (name = 'web') => (await gitops.read(`apps/${name}/release.production.yaml`)) ?? '',
  };
  return at;
}

const POLICY = {
  limits: { deadlineMs: 15 * MINUTE, unseenMs: 20 * MINUTE },
  rollback: 'auto',
  run: 'https://github.com/acme/web/actions/runs/7',
} as const;

function lookoutOf(at: WaitWorld, behaviour: Behaviour): Lookout {
  const { timing } = at.world;
  const since = new Map<string, number>();
  return {
    look: async (awaited) => {
      await at.meanwhile?.();
      return awaited.map((each) => {
        const key = `${each.application}@${each.commit}`;
        const from = since.get(key) ?? timing.now();
        since.set(key, from);
        return {
          state: 'waiting',
          words: 'syncing',
          seen: true,
          blocked: false,
          ...behaviour({ awaited: each, age: timing.now() - from }),
        };
      });
    },
    pause: (atMostMs) => timing.sleep(Math.min(atMostMs, 5_000)),
    explain: async () => ({}),
    endOperation: async ({ application }) => {
      at.ended.push(application);
      return true;
    },
    close: () => {},
  };
}

/** Whether a look is at the commit that brings build `nth`. */
export const brings = (awaited: Awaited, nth: number, app = 'web'): boolean =>
  awaited.images.includes(`${REGISTRY}/${app}:build-${nth}@${digest(nth)}`);

/** A commit status, as Argo CD's notifications write it. */
export async function writeStatus(
  { client, gitops }: WaitWorld,
  commit: string,
  context: string,
  state: 'pending' | 'success' | 'failure' | 'error',
  description: string,
): Promise<void> {
  const { owner, name: repo } = parseRepositoryName(gitops.fullName);
  const status = { owner, repo, sha: commit, context, state, description };
  await client.rest('POST /repos/{owner}/{repo}/statuses/{sha}', status);
}
