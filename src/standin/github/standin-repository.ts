import type { FileMode, Oid, Signature } from './git-objects.ts';
import type {
  CheckRun,
  CommitStatus,
  Deployment,
  PullRequest,
  Repository,
  WorkflowEvent,
} from './repository.ts';

/** A commit as tests look at it. */
export interface CommitView {
  readonly oid: Oid;
  readonly message: string;
  readonly author: Signature;
  readonly committer: Signature;
  readonly parents: readonly Oid[];
  /** Signed by GitHub's key, and the signature is right. */
  readonly signed: boolean;
}

/** A repository from the inside: what a test or the demo does and sees without asking the API. */
export class StandinRepository {
  readonly #repository: Repository;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get fullName(): string {
    return this.#repository.fullName;
  }

  /** The bare repository, for real git. */
  get gitDir(): string {
    return this.#repository.store.folder;
  }

  /** The commit at the head of a branch (the default branch without one). Throws where there is none. */
  async head(branch?: string): Promise<Oid> {
    const oid = await this.#repository.head(branch);
    if (oid === undefined) throw new Error(`${this.fullName} has no branch ${branch ?? 'with a commit'}`);
    return oid;
  }

  async branches(): Promise<string[]> {
    const refs = await this.#repository.store.refs('refs/heads');
    return refs.map(({ ref }) => ref.slice('refs/heads/'.length));
  }

  /** The text of a file at a branch, tag or commit (the default branch without one). */
  read(path: string, rev: string = this.#repository.defaultBranch): Promise<string | undefined> {
    return this.#repository.readFile(path, rev);
  }

  /** The mode of a file, as git writes it: `100644`. */
  async mode(path: string, rev: string = this.#repository.defaultBranch): Promise<FileMode | undefined> {
    const commit = await this.#repository.commitish(rev);
    return commit === undefined ? undefined : (await this.#repository.store.entry(commit.tree, path))?.mode;
  }

  /** All files at a branch, tag or commit. */
  async files(rev: string = this.#repository.defaultBranch): Promise<string[]> {
    const commit = await this.#repository.commitish(rev);
    const paths: string[] = [];
    if (commit !== undefined)
      for await (const { path } of this.#repository.store.files(commit.tree)) paths.push(path);
    return paths;
  }

  /** The commits of a branch, newest first. */
  async commits(branch?: string): Promise<CommitView[]> {
    const commits: CommitView[] = [];
    for await (const commit of this.#repository.store.history(await this.head(branch))) {
      const { oid, message, author, committer, parents } = commit;
      commits.push({ oid, message, author, committer, parents, signed: this.#repository.isVerified(commit) });
    }
    return commits;
  }

  /**
   * Commits as somebody who pushes, whatever the rules say: null removes a file; a branch that does not exist begins at
   * the default branch.
   */
  async commit(
    files: Readonly<Record<string, string | null>>,
    options?: {
      message?: string;
      branch?: string;
      author?: { name: string; email: string };
      mode?: FileMode;
      /** When. Default: now. */
      at?: Date;
    },
  ): Promise<Oid> {
    const oid = await this.#repository.commit(files, options);
    await this.#repository.afterChange();
    return oid;
  }

  pullRequests(): readonly Readonly<PullRequest>[] {
    return this.#repository.pulls;
  }

  /** A person's review of a pull request, on its present head. */
  async review(
    number: number,
    login: string,
    state: 'APPROVED' | 'CHANGES_REQUESTED' = 'APPROVED',
  ): Promise<void> {
    const pull = this.#repository.pulls.find((other) => other.number === number);
    if (pull === undefined) throw new Error(`${this.fullName} has no pull request ${number}`);
    await this.#repository.review(pull, this.#repository.around.accounts.user(login), state);
    await this.#repository.afterChange();
  }

  /** Sets a commit status, as some CI would. Auto-merge notices. */
  async setStatus(
    oid: Oid,
    context: string,
    state: CommitStatus['state'],
    description?: string,
  ): Promise<void> {
    this.#repository.addStatus(oid, {
      context,
      state,
      description: description ?? null,
      targetUrl: null,
      creator: 'ci',
    });
    await this.#repository.afterChange();
  }

  statuses(oid: Oid): readonly CommitStatus[] {
    return this.#repository.statuses.get(oid) ?? [];
  }

  /** Newest first. */
  deployments(): readonly Readonly<Deployment>[] {
    return this.#repository.deployments;
  }

  checkRuns(oid: Oid): readonly Readonly<CheckRun>[] {
    return this.#repository.checkRuns.filter(({ headSha }) => headSha === oid);
  }

  /** Pushes and pull requests so far, and whether GitHub would start workflows for them. */
  events(): readonly WorkflowEvent[] {
    return this.#repository.events;
  }

  archive(): void {
    this.#repository.archived = true;
  }
}
