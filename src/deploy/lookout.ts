/** One application that is waited for: an app in one cluster, at one commit of the GitOps repository. */
export interface Awaited {
  readonly app: string;
  readonly cluster: string;
  /** The name of the Argo CD Application. */
  readonly application: string;
  /** The commit that it must have reached, or any commit after it. */
  readonly commit: string;
  /** What must run, as `repository:tag@digest`. */
  readonly images: readonly string[];
  /** The app's own deadline (app.yaml), milliseconds. */
  readonly deadlineMs?: number;
}

/** What is seen of one application. */
export interface Sight {
  /**
   * - `waiting`: on its way. `done`: it runs the commit, and is healthy.
   * - `failed`: it will not get there without another commit.
   * - `unknown`: cannot be told now: Argo CD does not answer, does not know the application, or cannot read git.
   */
  readonly state: 'waiting' | 'done' | 'failed' | 'unknown';
  /** What is going on, one line for people; of `failed` and `unknown` the cause. */
  readonly words: string;
  /** What to do about it, one sentence. */
  readonly todo?: string | undefined;
  /** More for the summary: events, the last lines of a log. */
  readonly details?: readonly string[] | undefined;
  /** Argo CD knows the commit or one after it: from then on the deadline runs. */
  readonly seen: boolean;
  /**
   * An operation of an older commit is under way. Argo CD does not start another one before it ends, however long it
   * hangs (shared/rig-argocd/README.md).
   */
  readonly blocked: boolean;
}

/** What is found out about one that does not get healthy. */
export type Explained = Partial<Pick<Sight, 'words' | 'todo' | 'details'>>;

/** Where it is seen from: Argo CD's API, or what Argo CD's notifications wrote to GitHub. */
export interface Lookout {
  /**
   * How each of them stands now, in the same order. A service that does not answer is `unknown`, never an error.
   *
   * @throws Failure (exit 2) when waiting would not help: the token is refused
   */
  look(awaited: readonly Awaited[]): Promise<readonly Sight[]>;
  /** Ends when something may have changed, at the latest after `atMostMs` milliseconds. */
  pause(atMostMs: number): Promise<void>;
  /** Finds out more about one that is late: why it is not there yet. */
  explain(awaited: Awaited): Promise<Explained>;
  /**
   * Ends the operation that runs, and asks for a sync where an earlier one that failed keeps Argo CD from starting it.
   *
   * @returns false where that cannot be done from here
   */
  endOperation(awaited: Awaited): Promise<boolean>;
  /** Nothing more is looked at. */
  close(): void;
}
