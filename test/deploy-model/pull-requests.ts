import { diffArrays } from 'diff';
import { GitHubError } from '../../src/github/client.ts';
import type { Branch, Commit } from './github.ts';

/** The one commit of a pull request, on a branch of its own. */
export interface ProposedCommit extends Commit {
  /** The head of the main branch that it was computed from. */
  readonly base: Commit;
}

export interface PullRequest {
  readonly number: number;
  /** Of the proposed commit. */
  readonly branch: string;
  state: 'open' | 'merged' | 'closed';
  /** Title, blank line, body. */
  text: string;
  /** Every commit that it held while it was open, oldest first. */
  readonly heads: ProposedCommit[];
  /** The words of the commit, where GitHub merges it when it may. */
  autoMerge: string | undefined;
  /** The head of the main branch when GitHub last found out whether it can be merged. */
  checkedAt: Commit | undefined;
}

/**
 * How a repository merges: `at-once` where nothing is required, `when-ready` where a person approves and GitHub merges
 * then, `by-hand` where auto-merge is not allowed.
 */
export type Merging = 'at-once' | 'when-ready' | 'by-hand';

/** A proposal that took the place of another one, which had not ended. */
export interface Replaced {
  readonly ref: string;
  readonly before: ProposedCommit;
  readonly after: ProposedCommit;
}

/** How people merge: GitHub offers what was chosen last. */
export type Method = 'squash' | 'merge';

/** The pull requests of a repository; as GitHub answers about them. */
export class PullRequests {
  readonly all: PullRequest[] = [];
  /** Every commit that was ever proposed. */
  readonly pushed: ProposedCommit[] = [];
  readonly replaced: Replaced[] = [];
  readonly #heads = new Map<string, ProposedCommit>();
  readonly #branch: Branch;
  readonly merging: Merging;
  readonly method: Method;

  constructor(branch: Branch, merging: Merging, method: Method) {
    this.#branch = branch;
    this.merging = merging;
    this.method = method;
  }

  get open(): readonly PullRequest[] {
    return this.all.filter(({ state }) => state === 'open');
  }

  headOf({ heads }: PullRequest): ProposedCommit {
    return heads.at(-1) as ProposedCommit;
  }

  canBeMerged(pull: PullRequest): boolean {
    return this.#merged(pull) !== undefined;
  }

  /**
   * Brings it to the main branch; undefined when it conflicts. Where GitHub merges when it may, it also deletes the branch. A person
   * merges by the repository's custom, runs squash.
   *
   * @param message of the commit: of who merges, else of who asked for auto-merge, else what is proposed
   */
  merge(pull: PullRequest, message?: string): Commit | undefined {
    const files = this.#merged(pull);
    if (files === undefined) return undefined;
    pull.state = 'merged';
    const head = this.headOf(pull);
    if (this.merging === 'when-ready') this.#heads.delete(pull.branch);
    const words = message ?? pull.autoMerge;
    const isMerge = words === undefined && this.method === 'merge';
    const mergeWords = isMerge ? `Merge pull request #${pull.number} from acme/${pull.branch}` : undefined;
    return this.#branch.write(words ?? head.message, files, head, mergeWords);
  }

  /** What is proposed on a branch, and the open pull request of it. */
  proposal(ref: string) {
    const head = this.#heads.get(ref);
    const pull = this.open.find(({ branch }) => branch === ref);
    return {
      mergeCommitAllowed: true,
      squashMergeAllowed: true,
      ref: head === undefined ? null : { target: { ...head, parents: { nodes: [{ oid: head.base.oid }] } } },
      pullRequests: {
        nodes:
          pull === undefined
            ? []
            : [{ ...this.#answer(pull), mergeable: this.#known(pull), isCrossRepository: false }],
      },
      ended: this.#endedOf(ref),
    };
  }

  /** `updateRefs`: a compare-and-swap. */
  move(ref: string, before: string, after: string): void {
    const now = this.#heads.get(ref);
    const next = this.pushed.find(({ oid }) => oid === after);
    if ((now?.oid ?? '0'.repeat(40)) !== before || next === undefined) {
      throw refusal('stale', 'Expected branch to point to …');
    }
    if (now !== undefined && !this.#ended(ref).some((each) => this.headOf(each) === now)) {
      this.replaced.push({ ref, before: now, after: next });
    }
    this.#heads.set(ref, next);
    this.open.find(({ branch }) => branch === ref)?.heads.push(next);
  }

  create({ headRefName: ref, title, body }: PullRequestInput) {
    if (this.open.some(({ branch }) => branch === ref)) {
      throw refusal('stale', `A pull request already exists for acme:${ref}.`);
    }
    const head = this.#heads.get(ref);
    if (head === undefined) throw refusal('invalid', 'Head ref must be a branch');
    const pull: PullRequest = {
      number: this.all.length + 1,
      branch: ref,
      state: 'open',
      text: `${title}\n\n${body}`,
      heads: [head],
      autoMerge: undefined,
      checkedAt: undefined,
    };
    this.all.push(pull);
    return { createPullRequest: { pullRequest: this.#answer(pull) } };
  }

  update({ pullRequestId, title, body }: PullRequestInput) {
    const pull = this.#find(pullRequestId);
    pull.text = `${title}\n\n${body}`;
    return { updatePullRequest: { pullRequest: this.#answer(pull) } };
  }

  close(id: string) {
    this.#find(id).state = 'closed';
    return { closePullRequest: { clientMutationId: null } };
  }

  enableAutoMerge({ pullRequestId, expectedHeadOid, commitHeadline, commitBody }: AutoMergeInput) {
    const pull = this.#find(pullRequestId);
    if (pull.state !== 'open') throw refusal('invalid', 'Pull request is closed');
    if (this.headOf(pull).oid !== expectedHeadOid) {
      throw refusal('stale', 'Head branch was modified. Review and try the merge again.');
    }
    if (this.merging === 'by-hand') {
      throw refusal('invalid', 'Pull request Auto merge is not allowed for this repository');
    }
    if (pull.autoMerge !== undefined) {
      throw refusal('invalid', 'Pull request Auto merge is already enabled');
    }
    // What conflicts waits for somebody to mend it.
    if (this.merging === 'at-once' && this.canBeMerged(pull)) {
      throw refusal('invalid', 'Pull request Pull request is in clean status');
    }
    pull.autoMerge = `${commitHeadline}\n\n${commitBody}`;
    return { enablePullRequestAutoMerge: { clientMutationId: null } };
  }

  disableAutoMerge(id: string) {
    const pull = this.#find(id);
    if (pull.state !== 'open' || pull.autoMerge === undefined) {
      throw refusal('invalid', "Can't disable auto-merge for this pull request.");
    }
    pull.autoMerge = undefined;
    return { disablePullRequestAutoMerge: { clientMutationId: null } };
  }

  /** `PUT …/merge`. */
  mergeAt(number: number, sha: string, message: string) {
    const pull = this.#find(String(number));
    if (pull.state !== 'open') throw refusal('invalid', 'Pull Request is not mergeable');
    if (this.headOf(pull).oid !== sha) {
      throw refusal('stale', 'Head branch was modified. Review and try the merge again.');
    }
    const commit = this.merge(pull, message);
    if (commit === undefined) throw refusal('invalid', 'Pull Request is not mergeable');
    return { sha: commit.oid };
  }

  #endedOf(ref: string) {
    const nodes = this.#ended(ref).map((each) => ({
      headRefOid: this.headOf(each).oid,
      isCrossRepository: false,
    }));
    return { nodes };
  }

  #ended(ref: string): readonly PullRequest[] {
    return this.all.filter(({ branch, state }) => branch === ref && state !== 'open');
  }

  #answer({ number, state, branch, autoMerge }: PullRequest) {
    const head = this.#heads.get(branch);
    return {
      id: String(number),
      number,
      url: `https://github.example/acme/gitops/pull/${number}`,
      title: this.#find(String(number)).text.split('\n')[0],
      body: this.#find(String(number)).text.split('\n').slice(2).join('\n'),
      state: state.toUpperCase(),
      autoMergeRequest:
        autoMerge === undefined ? null : { commitBody: autoMerge.split('\n').slice(2).join('\n') },
      headRef:
        head === undefined
          ? null
          : { target: { oid: head.oid }, associatedPullRequests: this.#endedOf(branch) },
    };
  }

  #find(id: string): PullRequest {
    return this.all.find(({ number }) => String(number) === id) as PullRequest;
  }

  /** GitHub finds it out when it is asked, and says `UNKNOWN` meanwhile. */
  #known(pull: PullRequest): string {
    const isKnown = pull.checkedAt === this.#branch.head;
    pull.checkedAt = this.#branch.head;
    if (!isKnown) return 'UNKNOWN';
    return this.canBeMerged(pull) ? 'MERGEABLE' : 'CONFLICTING';
  }

  #merged(pull: PullRequest): ReadonlyMap<string, string> | undefined {
    const { base, files } = this.headOf(pull);
    const merged = new Map<string, string>();
    for (const [file, theirs] of files) {
      const was = base.files.get(file);
      if (theirs === was) continue;
      const text = mergeText(was ?? '', this.#branch.head.files.get(file) ?? '', theirs);
      if (text === undefined) return undefined;
      merged.set(file, text);
    }
    return merged;
  }
}

interface PullRequestInput {
  readonly pullRequestId: string;
  readonly headRefName: string;
  readonly title: string;
  readonly body: string;
}

interface AutoMergeInput {
  readonly pullRequestId: string;
  readonly expectedHeadOid: string;
  readonly commitHeadline: string;
  readonly commitBody: string;
}

const refusal = (kind: 'stale' | 'invalid', message: string) =>
  new GitHubError({ kind, message, status: 422 }, 'pull request', { cause: undefined, write: true });

interface Hunk {
  /** Lines of the base. */
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

/**
 * Three ways, as git does it: changes of both sides stand when no line lies in both, nor do they touch; undefined when
 * they do, and are not the same.
 */
export function mergeText(base: string, ours: string, theirs: string): string | undefined {
  if (ours === theirs || theirs === base) return ours;
  const [one, other] = [hunksOf(base, ours), hunksOf(base, theirs)];
  const isSame = (a: Hunk, b: Hunk) => JSON.stringify(a) === JSON.stringify(b);
  const clashes = one.some((a) => other.some((b) => a.from <= b.to && b.from <= a.to && !isSame(a, b)));
  if (clashes) return undefined;
  const lines = base.split('\n');
  const hunks = [...one, ...other.filter((b) => !one.some((a) => isSame(a, b)))];
  for (const { from, to, lines: put } of hunks.toSorted((a, b) => b.from - a.from)) {
    lines.splice(from, to - from, ...put);
  }
  return lines.join('\n');
}

function hunksOf(base: string, changed: string): readonly Hunk[] {
  const hunks: Hunk[] = [];
  let at = 0;
  let open: Hunk | undefined;
  for (const { added, removed, value } of diffArrays(base.split('\n'), changed.split('\n'))) {
    if (!added && !removed) {
      open = undefined;
      at += value.length;
      continue;
    }
    const before: Hunk = open ?? { from: at, to: at, lines: [] };
    if (removed) at += value.length;
    if (open !== undefined) hunks.pop();
    open = { from: before.from, to: at, lines: added ? [...before.lines, ...value] : before.lines };
    hunks.push(open);
  }
  return hunks;
}
