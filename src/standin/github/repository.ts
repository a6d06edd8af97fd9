import {
  type Accounts,
  type Actor,
  type App,
  atLeast,
  isBot,
  loginOf,
  reaches,
  sameName,
  type User,
} from './accounts.ts';
import { ApiError, notFound, unprocessable } from './answers.ts';
import type { SigningKey } from './commit-signing.ts';
import { type CommitObject, type FileMode, noOid, type Oid, type Signature } from './git-objects.ts';
import type { GitStore, TreeChanges } from './git-store.ts';
import {
  applying,
  type BranchProtection,
  brokenByDirectChange,
  clean,
  type RuleActor,
  type Ruleset,
  wording,
} from './rules.ts';

export type Level = 'read' | 'write' | 'admin';

export interface Team {
  readonly id: number;
  readonly slug: string;
  readonly organization: string;
  readonly members: readonly string[];
  readonly permission: Level;
}

/** How a repository is set up. What is left out is what GitHub has for a new repository. */
export interface RepositoryOptions {
  /** Path → text. An iterable too, for repositories of 50,000 files. */
  readonly files?: Readonly<Record<string, string>> | Iterable<readonly [string, string | Uint8Array]>;
  readonly defaultBranch?: string;
  readonly private?: boolean;
  readonly archived?: boolean;
  readonly deleteBranchOnMerge?: boolean;
  readonly allowAutoMerge?: boolean;
  readonly allowMergeCommit?: boolean;
  readonly allowSquashMerge?: boolean;
  readonly allowRebaseMerge?: boolean;
  /** Settings → Actions: "Allow GitHub Actions to create and approve pull requests". */
  readonly actionsMayCreatePullRequests?: boolean;
  /** Settings → Actions → Access: who outside may use this private repository's actions and workflows. */
  readonly actionsAccess?: 'none' | 'user' | 'organization' | 'enterprise';
  readonly oidcSubject?: { readonly use_default: boolean; readonly include_claim_keys?: readonly string[] };
  readonly collaborators?: Readonly<Record<string, Level>>;
  readonly teams?: Readonly<
    Record<string, { readonly members: readonly string[]; readonly permission: Level }>
  >;
  readonly rulesets?: readonly Ruleset[];
  /** Classic branch protection, by branch. */
  readonly protection?: Readonly<Record<string, BranchProtection>>;
}

export type StoredRuleset = Ruleset & { readonly id: number };

export interface CommitStatus {
  readonly id: number;
  readonly context: string;
  readonly state: 'error' | 'failure' | 'pending' | 'success';
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly at: Date;
}

export interface CheckRun {
  readonly id: number;
  readonly name: string;
  readonly headSha: Oid;
  readonly app: App | undefined;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  output: {
    title: string | null;
    summary: string | null;
    text: string | null;
    annotations: readonly unknown[];
  };
  detailsUrl: string | null;
  readonly startedAt: Date;
  completedAt: Date | null;
}

/** A deployment of GitHub: a record that something was brought somewhere, with its statuses. */
export interface Deployment {
  readonly id: number;
  readonly sha: Oid;
  readonly ref: string;
  readonly task: string;
  readonly payload: unknown;
  readonly environment: string;
  readonly description: string | null;
  readonly creator: { login: string; id: number; type: 'User' | 'Bot' };
  readonly at: Date;
  readonly transient: boolean;
  readonly production: boolean;
  /** Newest first. */
  readonly statuses: DeploymentStatus[];
}

export interface DeploymentStatus {
  readonly id: number;
  readonly state: 'error' | 'failure' | 'inactive' | 'in_progress' | 'queued' | 'pending' | 'success';
  readonly description: string;
  readonly environmentUrl: string;
  readonly logUrl: string;
  readonly creator: { login: string; id: number; type: 'User' | 'Bot' };
  readonly at: Date;
}

export interface Comment {
  readonly id: number;
  body: string;
  readonly author: { login: string; id: number; type: 'User' | 'Bot' };
  readonly at: Date;
  updated: Date;
}

export interface Review {
  readonly user: string;
  readonly state: 'APPROVED' | 'CHANGES_REQUESTED';
  readonly commit: Oid;
}

export interface PullRequest {
  readonly number: number;
  readonly id: number;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  draft: boolean;
  base: string;
  readonly head: string;
  /** The head while open is the branch's; kept here when the pull request is closed. */
  headOid: Oid;
  readonly author: { login: string; id: number; type: 'User' | 'Bot' };
  readonly createdAt: Date;
  updatedAt: Date;
  labels: string[];
  readonly comments: Comment[];
  readonly reviews: Review[];
  merged: { at: Date; oid: Oid; by: string } | undefined;
  autoMerge:
    | { method: 'merge' | 'squash' | 'rebase'; by: Actor; title?: string; message?: string; at: Date }
    | undefined;
}

/** Something that would start workflows on GitHub, unless a GITHUB_TOKEN did it. */
export interface WorkflowEvent {
  readonly event: 'push' | 'pull_request';
  readonly ref: string;
  readonly oid: Oid;
  readonly actor: string;
  readonly startsWorkflows: boolean;
}

/** What the server shares with its repositories. */
export interface Surroundings {
  readonly accounts: Accounts;
  readonly clock: () => Date;
  readonly signingKey: SigningKey;
  /** The address under which the repository is seen: `http://127.0.0.1:PORT`. */
  readonly url: () => string;
}

/** One repository: its git objects and refs on disk, everything else (pull requests, statuses, rules) in memory. */
export class Repository {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly store: GitStore;
  readonly options: RepositoryOptions;
  readonly defaultBranch: string;
  readonly teams: readonly Team[];
  readonly rulesets: StoredRuleset[];
  readonly protection: Map<string, BranchProtection>;
  readonly pulls: PullRequest[] = [];
  readonly labels = new Map<string, { id: number; name: string; color: string }>();
  readonly statuses = new Map<Oid, CommitStatus[]>();
  readonly checkRuns: CheckRun[] = [];
  /** Newest first. */
  readonly deployments: Deployment[] = [];
  readonly events: WorkflowEvent[] = [];
  archived: boolean;
  readonly around: Surroundings;
  /** Called after refs, statuses or reviews changed: auto-merge listens. */
  afterChange: () => Promise<void> = async () => {};

  constructor(fullName: string, store: GitStore, options: RepositoryOptions, around: Surroundings) {
    const [owner = '', name = ''] = fullName.split('/');
    this.owner = owner;
    this.name = name;
    this.store = store;
    this.options = options;
    this.around = around;
    this.id = around.accounts.nextId();
    this.defaultBranch = options.defaultBranch ?? 'main';
    this.archived = options.archived ?? false;
    this.teams = Object.entries(options.teams ?? {}).map(([slug, team]) => ({
      id: around.accounts.nextId(),
      slug,
      organization: owner,
      ...team,
    }));
    this.rulesets = (options.rulesets ?? []).map((ruleset) => ({ ...ruleset, id: around.accounts.nextId() }));
    this.protection = new Map(Object.entries(options.protection ?? {}));
    for (const name of ['bug', 'documentation', 'enhancement']) this.label(name);
  }

  get fullName(): string {
    return `${this.owner}/${this.name}`;
  }

  get url(): string {
    return `${this.around.url()}/${this.fullName}`;
  }

  get private(): boolean {
    return this.options.private ?? false;
  }

  label(name: string): { id: number; name: string; color: string } {
    const known = this.labels.get(name.toLowerCase());
    if (known !== undefined) return known;
    const label = { id: this.around.accounts.nextId(), name, color: 'ededed' };
    this.labels.set(name.toLowerCase(), label);
    return label;
  }

  // Access ---------------------------------------------------------------------------------------------------------

  /** The role of a person, from collaborators, teams and ownership. */
  roleOf(login: string): Level | undefined {
    if (sameName(login, this.owner)) return 'admin';
    const levels = Object.entries(this.options.collaborators ?? {})
      .filter(([name]) => sameName(name, login))
      .map(([, level]) => level);
    for (const team of this.teamsOf(login)) levels.push(team.permission);
    return (['admin', 'write', 'read'] as const).find((level) => levels.includes(level));
  }

  teamsOf(login: string): Team[] {
    return this.teams.filter(({ members }) => members.some((member) => sameName(member, login)));
  }

  /** What an actor may do with one permission (`contents`, `pull_requests`…); undefined is nothing. */
  levelOf(actor: Actor, permission: string): Level | undefined {
    const open = this.private ? undefined : 'read';
    const readable = ['metadata', 'contents', 'pull_requests', 'issues', 'statuses', 'checks'].includes(
      permission,
    );
    switch (actor.kind) {
      case 'anonymous':
        return readable ? open : undefined;
      case 'app':
        return undefined;
      case 'user': {
        const role = this.roleOf(actor.login);
        if (role === undefined) return readable ? open : undefined;
        if (permission === 'administration') return role === 'admin' ? 'write' : undefined;
        return role;
      }
      default: {
        if (!reaches(actor, this.owner, this.name)) return readable ? open : undefined;
        if (permission === 'metadata') return 'read';
        return actor.permissions[permission] ?? (readable ? open : undefined);
      }
    }
  }

  visibleTo(actor: Actor): boolean {
    return this.levelOf(actor, 'metadata') !== undefined;
  }

  /** Throws as GitHub does: 404 for what must not be seen, 403 for what is seen and not allowed, 403 for an archived one. */
  demand(actor: Actor, permission: string, level: Level): void {
    if (!this.visibleTo(actor)) throw notFound();
    if (!atLeast(this.levelOf(actor, permission), level)) {
      if (actor.kind === 'anonymous') throw new ApiError(401, 'Requires authentication');
      if (permission === 'administration' && actor.kind === 'user') {
        throw new ApiError(403, 'Must have admin rights to Repository.');
      }
      const who = isBot(actor) || actor.kind === 'app' ? 'integration' : 'personal access token';
      throw new ApiError(403, `Resource not accessible by ${who}`);
    }
    if (level !== 'read' && this.archived)
      throw new ApiError(403, 'Repository was archived so is read-only.');
  }

  ruleActor(actor: Actor): RuleActor {
    if (actor.kind === 'user') {
      return {
        name: actor.login,
        appId: undefined,
        role: this.roleOf(actor.login) ?? 'none',
        teams: this.teamsOf(actor.login).map(({ id, slug }) => ({ id, name: `${this.owner}/${slug}` })),
        ownsOrganization: sameName(actor.login, this.owner),
      };
    }
    const app = actor.kind === 'installation-token' ? actor.installation.app : undefined;
    return {
      name: app?.slug ?? loginOf(actor),
      appId: app?.id,
      role: 'write',
      teams: [],
      ownsOrganization: false,
    };
  }

  // Commits and branches -------------------------------------------------------------------------------------------

  head(branch = this.defaultBranch): Promise<Oid | undefined> {
    return this.store.resolve(`refs/heads/${branch}`);
  }

  /** What GitHub accepts where a commit is asked for: a branch, a tag, a full ref, `HEAD`, or an id, also abbreviated. */
  async commitish(name: string): Promise<CommitObject | undefined> {
    const candidates = [
      ...(name === 'HEAD' ? [`refs/heads/${this.defaultBranch}`] : []),
      ...(name.startsWith('refs/') ? [name] : []),
      ...(/^(heads|tags)\//.test(name) ? [`refs/${name}`] : []),
      `refs/heads/${name}`,
      `refs/tags/${name}`,
    ];
    for (const ref of candidates) {
      const oid = await this.store.resolve(ref);
      if (oid !== undefined) return this.store.commit(oid);
    }
    const oid = await this.store.abbreviated(name);
    return oid === undefined ? undefined : this.store.commit(oid);
  }

  isVerified(commit: CommitObject): boolean {
    return commit.signature !== undefined && this.around.signingKey.verify(commit.payload, commit.signature);
  }

  async readFile(path: string, rev: string): Promise<string | undefined> {
    const commit = await this.commitish(rev);
    const entry = commit === undefined ? undefined : await this.store.entry(commit.tree, path);
    if (entry === undefined || entry.mode === '40000' || entry.mode === '160000') return undefined;
    return (await this.store.blob(entry.oid))?.toString('utf8');
  }

  /** Whether a required check is green on a commit, by status or check run. */
  isGreen(oid: Oid, context: string): boolean {
    const state = this.checkState(oid, context);
    return state === 'success';
  }

  addStatus(oid: Oid, status: Omit<CommitStatus, 'id' | 'at'>): CommitStatus {
    const added = { ...status, id: this.around.accounts.nextId(), at: this.around.clock() };
    this.statuses.set(oid, [...(this.statuses.get(oid) ?? []), added]);
    return added;
  }

  isProtected(branch: string): boolean {
    return this.protection.has(branch) || applying(this.rulesets, branch, this.defaultBranch).length > 0;
  }

  /** Reviews a pull request on its present head. Nobody approves their own. */
  async review(pull: PullRequest, actor: Actor, state: Review['state']): Promise<string> {
    const login = loginOf(actor);
    if (state === 'APPROVED' && login === pull.author.login) {
      throw new ApiError(422, 'Unprocessable Entity', {
        errors: ['Review Can not approve your own pull request'],
      });
    }
    if (pull.state === 'open') pull.headOid = (await this.head(pull.head)) ?? pull.headOid;
    pull.reviews.push({ user: login, state, commit: pull.headOid });
    return login;
  }

  checkState(oid: Oid, context: string): 'success' | 'failure' | 'pending' | undefined {
    const status = (this.statuses.get(oid) ?? []).findLast((other) => other.context === context);
    const run = this.checkRuns.findLast((other) => other.headSha === oid && other.name === context);
    const states: ('success' | 'failure' | 'pending')[] = [];
    if (status !== undefined) states.push(status.state === 'error' ? 'failure' : status.state);
    if (run !== undefined) {
      if (run.status !== 'completed') states.push('pending');
      else
        states.push(['success', 'neutral', 'skipped'].includes(run.conclusion ?? '') ? 'success' : 'failure');
    }
    return (['failure', 'pending', 'success'] as const).find((state) => states.includes(state));
  }

  /**
   * Refuses a change of a ref that the branch's rules forbid. `facts` may be given by who knows them (a push in
   * quarantine, a commit just made); otherwise git is asked, and only where a rule wants to know.
   */
  async demandRules(
    actor: Actor,
    ref: string,
    before: Oid,
    after: Oid,
    facts?: { fastForward: boolean; signed: boolean; hasMerges: boolean },
  ): Promise<void> {
    if (!ref.startsWith('refs/heads/')) return;
    const branch = ref.slice('refs/heads/'.length);
    const rulesets = applying(this.rulesets, branch, this.defaultBranch);
    const protection = this.protection.get(branch);
    if (rulesets.length === 0 && protection === undefined) return;
    const known = facts ?? (await this.changeFacts(before, after));
    const kind = after === noOid ? 'delete' : before === noOid ? 'create' : 'update';
    const change = {
      branch,
      kind,
      ...known,
      isGreen: (context: string) => this.isGreen(after, context),
    } as const;
    const violations = brokenByDirectChange(rulesets, protection, change, this.ruleActor(actor));
    if (clean(violations)) return;
    throw unprocessable(
      wording(violations),
      violations.rulesets.length === 0 ? 'BRANCH_PROTECTION_RULE_VIOLATION' : 'UNPROCESSABLE',
    );
  }

  async changeFacts(
    before: Oid,
    after: Oid,
  ): Promise<{ fastForward: boolean; signed: boolean; hasMerges: boolean }> {
    if (after === noOid) return { fastForward: true, signed: true, hasMerges: false };
    const fastForward = before === noOid || (await this.store.contains(after, before));
    let signed = true;
    let hasMerges = false;
    const { ahead } = before === noOid ? { ahead: 1 } : await this.store.compare(before, after);
    let left = ahead;
    for await (const commit of this.store.history(after)) {
      if (left <= 0) break;
      left -= 1;
      signed &&= this.isVerified(commit);
      hasMerges ||= commit.parents.length > 1;
    }
    return { fastForward, signed, hasMerges };
  }

  /** An App without the `workflows` permission may not touch workflow files, however it writes. */
  demandWorkflowPermission(actor: Actor, paths: Iterable<string>): void {
    if (actor.kind !== 'installation-token' && actor.kind !== 'actions-token') return;
    if (actor.permissions.workflows === 'write') return;
    for (const path of paths) {
      if (!path.startsWith('.github/workflows/')) continue;
      throw new ApiError(
        403,
        `refusing to allow a GitHub App to create or update workflow \`${path}\` without \`workflows\` permission`,
      );
    }
  }

  /** Moves refs and tells everybody who listens. */
  async moveRefs(
    actor: Actor,
    changes: readonly { ref: string; before: Oid | undefined; after: Oid }[],
  ): Promise<void> {
    await this.store.moveRefs(changes);
    for (const { ref, after } of changes) if (after !== noOid) this.record('push', ref, after, actor);
  }

  /** Notes what would start workflows. A push to the branch of an open pull request is an event of that one too. */
  record(event: WorkflowEvent['event'], ref: string, oid: Oid, actor: Actor): void {
    const pulls =
      event === 'push'
        ? this.pulls.filter(({ state, head }) => state === 'open' && ref === `refs/heads/${head}`)
        : [];
    for (const pull of pulls) {
      pull.headOid = oid;
      this.record('pull_request', `refs/pull/${pull.number}/merge`, oid, actor);
    }
    this.events.push({
      event,
      ref,
      oid,
      actor: loginOf(actor),
      startsWorkflows: actor.kind !== 'actions-token',
    });
  }

  /**
   * A commit as somebody's push: no rules, no token. Text is written at mode 100644 unless `mode` says otherwise,
   * null deletes; a branch that does not exist begins at the default branch.
   */
  commit(
    files: Readonly<Record<string, string | null>>,
    options: {
      message?: string;
      branch?: string;
      author?: { name: string; email: string };
      mode?: FileMode;
      /** When. Default: now. */
      at?: Date;
    } = {},
  ): Promise<Oid> {
    return this.store.exclusively(async () => {
      const branch = options.branch ?? this.defaultBranch;
      const head = await this.head(branch);
      const parent = head ?? (await this.head());
      const base = parent === undefined ? undefined : await this.store.commit(parent);
      const changes: TreeChanges = new Map(
        await Promise.all(
          Object.entries(files).map(async ([path, text]) => {
            const change =
              text === null
                ? null
                : {
                    mode: options.mode ?? ('100644' as const),
                    oid: await this.store.write('blob', Buffer.from(text)),
                  };
            return [path, change] as const;
          }),
        ),
      );
      const tree = await this.store.editTree(
        base?.tree ?? '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
        changes,
      );
      const date = options.at ?? this.around.clock();
      const author: Signature = {
        ...(options.author ?? { name: 'A Developer', email: 'dev@example.com' }),
        date,
      };
      const message = options.message ?? `Change ${Object.keys(files).join(', ')}`;
      const parents = parent === undefined ? [] : [parent];
      const oid = await this.store.writeCommit({ tree, parents, author, committer: author, message });
      const somebody: User = { kind: 'user', login: author.name, id: 0 };
      await this.moveRefs(somebody, [{ ref: `refs/heads/${branch}`, before: head ?? noOid, after: oid }]);
      return oid;
    });
  }
}
