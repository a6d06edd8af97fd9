import { explainFault, type GitHubClient, GitHubError } from '../github/client.ts';
import { type DeploymentState, recordDeployment } from '../github/deployments.ts';
import { shortDescription } from '../github/description.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { writeStickyComments } from '../github/sticky-comment.ts';
import { Failure } from '../report/failure.ts';
import { code, link, plain } from '../report/markdown.ts';
import type { CommitReference } from '../repository/commit.ts';
import { oneLine } from '../repository/commit-message.ts';
import type { Source } from './source.ts';
import type { VerdictState } from './verdict.ts';

/** One deploy of an app, as it is told to people where they look. */
export interface AnnouncedDeploy {
  readonly app: string;
  readonly environment: string;
  /** Whether users use that environment. */
  readonly production: boolean;
  /** The app's commit. */
  readonly source: Source;
  /** The commit of the GitOps repository. */
  readonly commit: CommitReference;
  /** The page of the run. */
  readonly run: string | undefined;
  /** Where the app is seen, like `https://shop.example.com`. */
  readonly url: string | undefined;
}

/** What became of it so far. */
export interface AnnouncedVerdict {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly state: VerdictState;
    /** One sentence. */
    readonly words: string;
  }[];
  /** One commit put the environment back. */
  readonly rolledBack: boolean;
  readonly at: Date;
}

export interface AnnounceDeps {
  /**
   * For the app's repository, with `deployments`, `statuses` and `pull-requests` to write; undefined where this run has no
   * right there, and then only the webhook is called.
   */
  readonly client: GitHubClient | undefined;
  /** Posts a text to a Slack-compatible webhook (`slackWebhook`); undefined: there is none. */
  readonly webhook: ((text: string) => Promise<void>) | undefined;
}

/**
 * Tells a deploy in GitHub's own places: a deployment for each cluster, a commit status on the app's commit, a comment on
 * the pull request that was merged; and in a chat. May be called as often as there is something new: what is said
 * already is not said again, but for the chat, which hears only of the end.
 *
 * Never throws for what GitHub or the chat answer: a deploy does not fail because nobody heard of it.
 *
 * @returns what could not be told, a sentence each
 */
export async function announce(
  deploy: AnnouncedDeploy,
  verdict: AnnouncedVerdict,
  deps: AnnounceDeps,
): Promise<readonly string[]> {
  const { client, webhook } = deps;
  const ended = endOf(verdict) !== 'pending';
  const tasks: readonly (() => Promise<void>)[] = [
    ...(client === undefined
      ? []
      : [
          ...verdict.clusters.map((each) => () => tellDeployment(client, deploy, each)),
          () => tellCommit(client, deploy, verdict),
          ...(ended ? [() => tellPullRequests(client, deploy, verdict)] : []),
        ]),
    ...(webhook !== undefined && ended ? [() => webhook(chatText(deploy, verdict))] : []),
  ];
  const problems: string[] = [];
  // One after the other: GitHub counts writes that come at once.
  for (const task of tasks) {
    try {
      await task();
    } catch (error) {
      if (!(error instanceof Failure) && !(error instanceof GitHubError)) {
        throw error;
      }
      problems.push(explainFault(error, `tell of the deploy in ${deploy.source.repository}`).message);
    }
  }
  return [...new Set(problems)];
}

/** The state of the whole: what one cluster is, the deploy is. */
function endOf({ clusters }: AnnouncedVerdict): VerdictState {
  const states = clusters.map(({ state }) => state);
  const worst = (['failure', 'pending', 'error'] as const).find((state) => states.includes(state));
  return worst ?? 'success';
}

const STATES: Readonly<Record<VerdictState, DeploymentState>> = {
  pending: 'in_progress',
  success: 'success',
  failure: 'failure',
  error: 'error',
};

const tellDeployment = (
  client: GitHubClient,
  { app, environment, production, source, commit, run, url }: AnnouncedDeploy,
  { cluster, state, words }: AnnouncedVerdict['clusters'][number],
): Promise<void> =>
  recordDeployment(client, parseRepositoryName(source.repository), {
    commit: source.commit,
    environment: `${app}/${environment}/${cluster}`,
    production,
    key: commit.oid,
    state: STATES[state],
    description: oneLine(words),
    logUrl: run,
    environmentUrl: url,
  });

const clock = (at: Date): string => `${at.toISOString().slice(11, 16)} UTC`;

function clustersWords({ clusters }: AnnouncedVerdict): string {
  const names = clusters.map(({ cluster }) => cluster);
  return names.length === 2 ? `both clusters (${names.join(', ')})` : names.join(', ');
}

/** One sentence, like "in production since 12:03 UTC, both clusters (prod-1, prod-2)". */
function sentence({ environment }: AnnouncedDeploy, verdict: AnnouncedVerdict): string {
  const failed = verdict.clusters.filter(({ state }) => state === 'failure');
  switch (endOf(verdict)) {
    case 'pending':
      return `on its way to ${environment}: ${clustersWords(verdict)}`;
    case 'success':
      return `in ${environment} since ${clock(verdict.at)}, ${clustersWords(verdict)}`;
    case 'failure':
      return `failed in ${environment} at ${clock(verdict.at)}: ${failed.map(({ cluster, words }) => `${cluster}: ${oneLine(words)}`).join('; ')}${verdict.rolledBack ? '. All clusters run the earlier release again' : ''}`;
    case 'error':
      return `deployed to ${environment}, ${unjudged(verdict)}`;
  }
}

/** Why nobody knows: Argo CD did not answer, or a newer deploy came. */
const unjudged = ({ clusters }: AnnouncedVerdict): string =>
  oneLine(clusters.find(({ state }) => state === 'error')?.words ?? '');

async function tellCommit(
  client: GitHubClient,
  deploy: AnnouncedDeploy,
  verdict: AnnouncedVerdict,
): Promise<void> {
  const { owner, name } = parseRepositoryName(deploy.source.repository);
  const context = `kajitori/${deploy.app}/${deploy.environment}`;
  const state = endOf(verdict);
  const description = shortDescription(sentence(deploy, verdict));
  const { data } = await client.rest<{
    readonly statuses: readonly {
      readonly context: string;
      readonly state: string;
      readonly description: string | null;
    }[];
  }>('GET /repos/{owner}/{repo}/commits/{ref}/status', {
    owner,
    repo: name,
    ref: deploy.source.commit,
    per_page: 100,
  });
  const before = data.statuses.find((status) => status.context === context);
  if (before?.state === state && before.description === description) {
    return;
  }
  // The newest status of a name counts, so a second one that says the same changes nothing.
  await client.rest('POST /repos/{owner}/{repo}/statuses/{sha}', {
    owner,
    repo: name,
    sha: deploy.source.commit,
    state,
    context,
    description,
    ...(deploy.run === undefined ? {} : { target_url: deploy.run }),
  });
}

async function tellPullRequests(
  client: GitHubClient,
  deploy: AnnouncedDeploy,
  verdict: AnnouncedVerdict,
): Promise<void> {
  const repository = parseRepositoryName(deploy.source.repository);
  const { data } = await client.rest<
    readonly { readonly number: number; readonly merged_at: string | null }[]
  >('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', {
    owner: repository.owner,
    repo: repository.name,
    commit_sha: deploy.source.commit,
    per_page: 100,
  });
  const { app, environment, commit, run } = deploy;
  const page = [
    `${SIGNS[endOf(verdict)]} ${code(app)} is ${plain(sentence(deploy, verdict))}.`,
    [
      link(`GitOps commit ${code(commit.oid.slice(0, 8))}`, commit.url),
      ...(run === undefined ? [] : [link('run', run)]),
      ...(deploy.url === undefined ? [] : [link('open', deploy.url)]),
    ].join(' · '),
  ].join('\n\n');
  for (const { number } of data.filter(({ merged_at }) => merged_at !== null)) {
    await writeStickyComments(client, {
      repository,
      pullRequest: number,
      name: `kajitori:deploy:${app}:${environment}`,
      pages: [page],
      whenEmpty: '',
    });
  }
}

const SIGNS: Readonly<Record<VerdictState, string>> = {
  pending: '🚢',
  success: '✅',
  failure: '❌',
  error: '❔',
};

/** Slack's own escapes (docs: "Formatting text", "Escaping text"): without them <!channel> would notify everybody. */
const chatSafe = (text: string): string =>
  oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function chatText(deploy: AnnouncedDeploy, verdict: AnnouncedVerdict): string {
  const short = deploy.source.commit.slice(0, 8);
  const run =
    deploy.run === undefined || !/^https?:\/\/[^\s<>|]+$/.test(deploy.run) ? '' : ` (<${deploy.run}|run>)`;
  return `${SIGNS[endOf(verdict)]} ${chatSafe(deploy.app)} ${short} ${chatSafe(sentence(deploy, verdict))}${run}`;
}
