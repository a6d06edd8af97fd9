import { createHash } from 'node:crypto';
import { type GitHubClient, GitHubError } from '../../src/github/client.ts';
import { type Merging, type Method, type ProposedCommit, PullRequests } from './pull-requests.ts';
import type { Runner, Turns } from './turns.ts';

export interface Commit {
  readonly oid: string;
  /** What it says; of a merge commit what the merged commit says. */
  readonly message: string;
  /** Of a merge commit: its own words. */
  readonly mergeWords?: string | undefined;
  /** Whole seconds, as git keeps them. */
  readonly at: Date;
  readonly files: ReadonlyMap<string, string>;
  /** Of a pull request that was merged: what was proposed. */
  readonly proposed?: ProposedCommit | undefined;
}

export interface Status {
  readonly commit: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly at: number;
}

/**
 * What goes wrong with one request: lost on its way there (`before`) or on its way back (`after`), and sent again where
 * that is allowed; not answered for minutes (`down`); or the run is killed before or after it took effect.
 */
export interface Trouble {
  /** Counted from 1; or the first that commits. */
  readonly request: number | 'commit';
  readonly kind: 'before' | 'after' | 'down' | 'killed-before' | 'killed-after';
}

/**
 * The branch of a GitOps repository, its pull requests and commit statuses, in memory: the requests that deploys send, and a
 * compare-and-swap. That GitHub answers so is tested elsewhere (src/standin/github, test/graphql-documents.test.ts).
 */
export class Branch {
  readonly commits: Commit[];
  readonly statuses: Status[] = [];
  readonly pulls: PullRequests;
  readonly #trees = new Map<string, Tree>();
  #now: () => number;

  constructor(
    files: ReadonlyMap<string, string>,
    { merging, method }: { readonly merging: Merging; readonly method: Method },
    now: () => number,
  ) {
    this.#now = now;
    this.pulls = new PullRequests(this, merging, method);
    this.commits = [{ oid: oidOf('first'), message: 'first', at: this.#seconds(), files }];
  }

  get head(): Commit {
    return this.commits.at(-1) as Commit;
  }

  indexOf(oid: string): number {
    return this.commits.findIndex((commit) => commit.oid === oid);
  }

  /** The newest status of each name on a commit. */
  latest(oid: string): readonly Status[] {
    const own = this.statuses.filter(({ commit }) => commit === oid);
    return [...new Map(own.map((status) => [status.context, status])).values()];
  }

  write(
    message: string,
    additions: ReadonlyMap<string, string>,
    proposed?: ProposedCommit,
    mergeWords?: string,
  ): Commit {
    const files = new Map([...this.head.files, ...additions]);
    const oid = oidOf(`${this.head.oid}${message}`);
    const commit = { oid, message, mergeWords, at: this.#seconds(), files, proposed };
    this.commits.push(commit);
    return commit;
  }

  graphql(document: string, variables: Variables): unknown {
    const name = /^(?:query|mutation) (\w+)/.exec(document)?.[1];
    switch (name) {
      case 'Snapshot': {
        const target = {
          ...this.#filesOf(this.head, variables),
          tree: { oid: 't' },
          history: { nodes: this.#history(this.#reachable()) },
        };
        return { repository: { id: 'R', isArchived: false, branch: { name: 'main', target } } };
      }
      case 'Files': {
        const commit = this.#find(variables['commit']);
        return { repository: { object: commit === undefined ? null : this.#filesOf(commit, variables) } };
      }
      case 'CommitFacts': {
        const commit = this.#find(variables['commit']);
        return { repository: { object: commit === undefined ? null : this.#history([commit])[0] } };
      }
      case 'RecentCommits':
        return {
          repository: { branch: { target: { history: { nodes: this.#history(this.#reachable()) } } } },
        };
      case 'Revisions': {
        const seen = this.commits.slice(0, this.indexOf(String(variables['commit'])) + 1);
        const path = String(variables['path']);
        const changing = seen.filter(
          (commit, index) => commit.files.get(path) !== seen[index - 1]?.files.get(path),
        );
        const listed = changing.flatMap((commit) =>
          isMerge(commit) ? this.#listed(commit, path) : [commit],
        );
        const nodes = this.#history(listed).map((node) => ({
          ...node,
          author: { name: 'kajitori', user: null },
          ...this.#filesOf(this.#find(node.oid) as Commit, variables),
          associatedPullRequests: { nodes: this.#mergesOf(node.oid, variables) },
        }));
        return {
          repository: { object: { history: { pageInfo: { hasNextPage: false, endCursor: null }, nodes } } },
        };
      }
      case 'Statuses':
        return { repository: this.#statusesOf(variables) };
      case 'Commit':
        return this.#commit(variables['input'] as CommitInput);
      case 'Proposal':
        return { repository: this.pulls.proposal(String(variables['head'])) };
      case 'Move': {
        const { refUpdates } = variables['input'] as MoveInput;
        for (const { name: ref, beforeOid, afterOid } of refUpdates) {
          this.pulls.move(ref.replace('refs/heads/', ''), beforeOid, afterOid);
        }
        return { updateRefs: { clientMutationId: null } };
      }
      case 'CreatePullRequest':
        return this.pulls.create(variables['input'] as Parameters<PullRequests['create']>[0]);
      case 'UpdatePullRequest':
        return this.pulls.update(variables['input'] as Parameters<PullRequests['update']>[0]);
      case 'ClosePullRequest':
        return this.pulls.close((variables['input'] as { readonly pullRequestId: string }).pullRequestId);
      case 'AutoMerge':
        return this.pulls.enableAutoMerge(
          variables['input'] as Parameters<PullRequests['enableAutoMerge']>[0],
        );
      case 'DisableAutoMerge':
        return this.pulls.disableAutoMerge(
          (variables['input'] as { readonly pullRequestId: string }).pullRequestId,
        );
      default:
        throw new Error(`an operation that this model does not know: ${document.slice(0, 40)}`);
    }
  }

  rest(route: string, parameters: Variables): unknown {
    switch (route) {
      case 'POST /repos/{owner}/{repo}/statuses/{sha}':
        this.statuses.push({
          commit: String(parameters['sha']),
          context: String(parameters['context']),
          state: String(parameters['state']),
          description: String(parameters['description']),
          at: this.#seconds().getTime(),
        });
        return {};
      case 'GET /repos/{owner}/{repo}/compare/{basehead}': {
        const [base = '', head = ''] = String(parameters['basehead']).split('...');
        return { status: this.indexOf(base) <= this.indexOf(head) ? 'ahead' : 'behind' };
      }
      case 'POST /repos/{owner}/{repo}/git/trees': {
        const sha = oidOf(JSON.stringify([parameters['tree'], this.#trees.size]));
        this.#trees.set(sha, parameters['tree'] as Tree);
        return { sha };
      }
      case 'POST /repos/{owner}/{repo}/git/commits':
        return { sha: this.#propose(parameters) };
      case 'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge':
        return this.pulls.mergeAt(
          Number(parameters['pull_number']),
          String(parameters['sha']),
          `${String(parameters['commit_title'])}\n\n${String(parameters['commit_message'])}`,
        );
      default:
        throw new Error(`a route that this model does not know: ${route}`);
    }
  }

  #find(oid: unknown): Commit | undefined {
    return [...this.commits, ...this.pulls.pushed].find((commit) => commit.oid === oid);
  }

  /** A commit on top of one of the branch, to which nothing points yet. */
  #propose(parameters: Variables): string {
    const [parent] = parameters['parents'] as readonly string[];
    const base = this.commits[this.indexOf(parent ?? '')] as Commit;
    const message = String(parameters['message']);
    const changes = this.#trees.get(String(parameters['tree'])) ?? [];
    const files = new Map([...base.files, ...changes.map(({ path, content }) => [path, content] as const)]);
    const oid = oidOf(`${base.oid}${message}${this.pulls.pushed.length}`);
    this.pulls.pushed.push({ oid, message, at: this.#seconds(), files, base });
    return oid;
  }

  /** The branch with what was merged into it, each by its date. */
  #reachable(): readonly Commit[] {
    const merged = this.commits.flatMap((commit) => (isMerge(commit) ? [commit.proposed] : []));
    return [...this.commits, ...merged].sort((a, b) => a.at.getTime() - b.at.getTime());
  }

  /** As `git log -- path` lists a merge commit: what it took as it was is told by the merged commit alone. */
  #listed(commit: Commit & { readonly proposed: ProposedCommit }, path: string): readonly Commit[] {
    const isTaken = commit.files.get(path) === commit.proposed.files.get(path);
    return isTaken ? [commit.proposed] : [commit.proposed, commit];
  }

  #mergesOf(oid: string, variables: Variables): readonly unknown[] {
    return this.commits
      .filter((commit) => isMerge(commit) && [commit.oid, commit.proposed.oid].includes(oid))
      .map((commit) => ({
        mergeCommit: { ...this.#history([commit])[0], ...this.#filesOf(commit, variables) },
      }));
  }

  /** Newest first. */
  #history(commits: readonly Commit[]) {
    return commits.toReversed().map((commit) => {
      const parents = this.#parentsOf(commit).map((parent) => {
        const nodes = this.#parentsOf(parent).map(wordsOf);
        return { ...wordsOf(parent), parents: { totalCount: nodes.length, nodes: nodes.slice(0, 1) } };
      });
      return {
        ...wordsOf(commit),
        url: `https://github.example/${commit.oid}`,
        committedDate: commit.at.toISOString(),
        parents: { totalCount: parents.length, nodes: parents },
      };
    });
  }

  #parentsOf(commit: Commit): readonly Commit[] {
    const before = this.pulls.pushed.find(({ oid }) => oid === commit.oid)?.base;
    const first = before ?? this.commits[this.indexOf(commit.oid) - 1];
    return [...(first === undefined ? [] : [first]), ...(isMerge(commit) ? [commit.proposed] : [])];
  }

  #filesOf(commit: Commit, variables: Variables): Record<string, unknown> {
    const entries = Object.entries(variables).flatMap(([name, path]) => {
      const nth = /^path(\d+)$/.exec(name)?.[1];
      const text = commit.files.get(String(path));
      if (nth === undefined) return [];
      const byteSize = Buffer.byteLength(text ?? '');
      const oid = oidOf(`blob ${byteSize}\0${text ?? ''}`);
      const object = { oid, text, isBinary: false, isTruncated: false, byteSize };
      return [[`file${nth}`, text === undefined ? null : { mode: 0o100644, type: 'blob', object }]];
    });
    return { oid: commit.oid, ...Object.fromEntries(entries) };
  }

  #statusesOf(variables: Variables): Record<string, unknown> {
    const entries = Object.entries(variables).flatMap(([name, oid]) =>
      /^commit\d+$/.test(name)
        ? [
            [
              name,
              {
                status: {
                  contexts: this.latest(String(oid)).map((status) => ({
                    ...status,
                    state: status.state.toUpperCase(),
                    targetUrl: null,
                    createdAt: new Date(status.at).toISOString(),
                  })),
                },
              },
            ],
          ]
        : [],
    );
    return Object.fromEntries(entries);
  }

  #commit({ expectedHeadOid, message, fileChanges }: CommitInput): unknown {
    if (expectedHeadOid !== this.head.oid) {
      const fault = { kind: 'stale', message: 'Expected branch to point to …', status: 200 } as const;
      throw new GitHubError(fault, 'Commit', { cause: undefined, write: true });
    }
    const { oid } = this.write(
      `${message.headline}\n\n${message.body}`,
      new Map(
        fileChanges.additions.map(({ path, contents }) => [path, Buffer.from(contents, 'base64').toString()]),
      ),
    );
    return { createCommitOnBranch: { commit: { oid, url: `https://github.example/${oid}` } } };
  }

  #seconds(): Date {
    return new Date(Math.floor(this.#now() / 1000) * 1000);
  }
}

const isMerge = (commit: Commit): commit is Commit & { readonly proposed: ProposedCommit } =>
  commit.mergeWords !== undefined;

const wordsOf = ({ oid, message, mergeWords }: Commit) => ({ oid, message: mergeWords ?? message });

type Variables = Readonly<Record<string, unknown>>;

type Tree = readonly { readonly path: string; readonly content: string }[];

interface MoveInput {
  readonly refUpdates: readonly {
    readonly name: string;
    readonly beforeOid: string;
    readonly afterOid: string;
  }[];
}

interface CommitInput {
  readonly expectedHeadOid: string;
  readonly message: { readonly headline: string; readonly body: string };
  readonly fileChanges: {
    readonly additions: readonly { readonly path: string; readonly contents: string }[];
  };
}

const oidOf = (text: string): string => createHash('sha1').update(text).digest('hex');

/** A run: its requests wait for their turn, and what troubles it meets. */
export interface Run {
  readonly runner: Runner;
  readonly troubles: readonly Trouble[];
  readonly onKilled: () => void;
  /** Told of the head that a request saw. */
  readonly onHead: (head: Commit) => void;
}

/** GitHub as a run sees it. */
export function clientOf(branch: Branch, turns: Turns, run: Run): GitHubClient {
  const { runner } = run;
  let commits = 0;
  const send = async <Data>(serve: () => unknown, write: boolean): Promise<Data> => {
    const request = ++runner.requests;
    const isFirstCommit = write && ++commits === 1;
    const trouble = run.troubles.find(
      (each) => each.request === request || (isFirstCommit && each.request === 'commit'),
    )?.kind;
    await turns.turn(runner);
    if (trouble === 'killed-before') return kill(run);
    const attempts = trouble === 'before' || trouble === 'after' ? (write ? 1 : 2) : 1;
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === attempts;
      const isStruck =
        trouble === 'down' || ((trouble === 'before' || trouble === 'after') && (write || !isLast));
      if (isStruck && trouble !== 'after') {
        if (isLast) throw unavailable(write);
      } else {
        const answer = serve();
        run.onHead(branch.head);
        await turns.turn(runner);
        if (trouble === 'killed-after') return kill(run);
        if (!isStruck) return answer as Data;
        if (isLast) throw unavailable(write);
      }
      await turns.sleep(runner, 1_000);
    }
  };
  return {
    graphql: (document, variables) =>
      send(() => branch.graphql(document, variables), document.startsWith('mutation')),
    rest: async <Data>(route: string, parameters: Variables = {}) => ({
      status: 200,
      data: await send<Data>(() => branch.rest(route, parameters), route.startsWith('PUT')),
      headers: {},
    }),
  };
}

function kill({ runner, onKilled }: Run): Promise<never> {
  runner.dead = true;
  onKilled();
  return new Promise(() => {});
}

const unavailable = (write: boolean) =>
  new GitHubError({ kind: 'unavailable', message: 'no answer', status: undefined }, 'request', {
    cause: undefined,
    write,
  });
