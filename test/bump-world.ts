import { openGitHub } from '../src/github/access.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { parseRepositoryName } from '../src/github/repository-name.ts';
import type { Timing } from '../src/github/timing.ts';
import { type BumpDeps, type BumpOutputs, runBump } from '../src/release/bump.ts';
import { type BumpTexts, bumpRequest } from '../src/release/bump-request.ts';
import { gitHubSourceHistory, NO_HISTORY } from '../src/release/source-history.ts';
import { parseTrailers } from '../src/repository/commit-message.ts';
import {
  type GitHubStandin,
  type RepositoryOptions,
  type StandinApp,
  type StandinRepository,
  startGitHub,
} from '../src/standin/github/server.ts';

export const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

/** A rule that nothing reaches the branch without a green check. */
export const GUARDED = {
  name: 'main',
  rules: [
    {
      type: 'required_status_checks',
      parameters: { required_status_checks: [{ context: 'guard' }] },
    },
  ],
} as const;

/** A digest that is easily told from others. */
export const digest = (nth: number): string => `sha256:${nth.toString(16).padStart(64, '0')}`;

/** A clock that runs only when somebody sleeps: waiting costs no time, and the end of patience is reached at once. */
export function virtualTiming(): Timing {
  let now = Date.parse('2026-11-21T09:00:00Z');
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      now += milliseconds;
    },
    random: () => 0.5,
  };
}

export const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments:
  production: { clusters: [prod-1, prod-2] }
clusters:
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
teams: { pattern: "@acme/*" }
`;

export const APP_YAML = 'app:\n  team: shop\n  sources: [acme/web]\n';

/** A release file as Kajitori wrote it, with a comment of a person in it. */
export const releaseYaml = (
  app: string,
  nth: number,
  commit: string,
): string => `# ${app}: who is paged is in the wiki
image:
  repository: ${REGISTRY}/${app}
  tag: build-${nth} # the build
  digest: ${digest(nth)}
release:
  source: acme/web@${commit}
  build: ${nth}
  workflow: deploy.yml
  at: 2026-11-20T09:00:00Z
`;

/** GitHub with an App, a source repository with a line of commits, and GitOps repositories as many as asked for. */
export interface BumpWorld extends AsyncDisposable {
  readonly github: GitHubStandin;
  readonly app: StandinApp;
  readonly timing: Timing;
  /** Commits of acme/web, oldest first. */
  readonly commits: readonly string[];
  /** A new GitOps repository of its own, with these files. */
  gitops(files: Readonly<Record<string, string>>, options?: RepositoryOptions): Promise<StandinRepository>;
}

export async function bumpWorld(numberOfCommits: number): Promise<BumpWorld> {
  const timing = virtualTiming();
  const github = await startGitHub({ clock: () => new Date(timing.now()) });
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write' },
  });
  app.install('acme');
  const web = await github.createRepository('acme/web', { files: { 'main.ts': '0\n' } });
  const commits: string[] = [];
  for (let nth = 0; nth < numberOfCommits; nth++) {
    commits.push(await web.commit({ 'main.ts': `${nth}\n` }, { message: `Commit ${nth}` }));
  }
  let repositories = 0;
  return {
    github,
    app,
    timing,
    commits,
    gitops: (files, options = {}) =>
      github.createRepository(`acme/gitops-${++repositories}`, { files, ...options }),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}

export interface BumpOptions {
  readonly app: string;
  /** Which commit of acme/web, and with it which image. */
  readonly nth: number;
  readonly key: string;
  readonly pullRequest?: boolean;
  readonly labels?: readonly string[];
  readonly autoMerge?: boolean;
  readonly timing?: Timing;
}

export const bumpTexts = (
  world: Pick<BumpWorld, 'commits'>,
  { app, nth, pullRequest }: Pick<BumpOptions, 'app' | 'nth' | 'pullRequest'>,
): BumpTexts => ({
  app,
  environment: 'production',
  image: `${REGISTRY}/${app}:build-${nth}@${digest(nth)}`,
  tag: undefined,
  digest: undefined,
  files: undefined,
  set: undefined,
  source: `acme/web@${world.commits[nth]}`,
  build: String(nth),
  workflow: 'deploy.yml',
  force: false,
  override: undefined,
  reason: undefined,
  run: undefined,
  pullRequest,
});

/** One bump as actions/bump-values does it: App token, then the bump, the source read by a token of its own. */
export async function bump(
  world: BumpWorld,
  repository: StandinRepository,
  options: BumpOptions,
  wrap: (client: GitHubClientOf) => GitHubClientOf = (client) => client,
): Promise<BumpOutputs> {
  const timing = options.timing ?? world.timing;
  const name = parseRepositoryName(repository.fullName);
  const request = bumpRequest(bumpTexts(world, options));
  const { apiUrl } = world.github;
  const client = await openGitHub(
    { appId: world.app.clientId, privateKey: world.app.privateKey },
    { apiUrl, repository: name, permissions: { contents: 'write', pull_requests: 'write' }, timing },
  );
  const sourceReader = createGitHubClient({
    apiUrl,
    token: world.github.actionsToken('acme/web', { contents: 'read' }),
    timing,
  });
  const deps: BumpDeps = {
    on: { kind: 'github', client: wrap(client), target: { repository: name } },
    history:
      request.kind === 'apps' ? gitHubSourceHistory(wrap(sourceReader), request.build.source) : NO_HISTORY,
    timing,
    key: options.key,
  };
  return runBump(
    { request, dryRun: false, labels: options.labels ?? [], autoMerge: options.autoMerge ?? false },
    deps,
  );
}

type GitHubClientOf = ReturnType<typeof createGitHubClient>;

/** The values of a trailer in a commit's text. */
export const trailer = (message: string, name: string): string[] =>
  parseTrailers(message).flatMap((each) => (each.name === name ? [each.value] : []));
