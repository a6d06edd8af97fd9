import type { ApplicationStatus } from './application-status.ts';
import type { ResourceTree } from './resource-tree.ts';

/** One look at an application. */
export interface Reading {
  readonly status: ApplicationStatus;
  /** When the answer came, by our clock (milliseconds since the epoch). */
  readonly at: number;
  /** The live objects, where they were asked for: only they show pods (trap 6). */
  readonly tree?: ResourceTree | undefined;
}

/** What must be true of an application for the deploy of a commit to be done there. */
export interface Expectation {
  /** The commit on the GitOps repository. */
  readonly commit: string;
  /** Whether a revision is the commit or comes after it; undefined when that is not known (yet). */
  readonly isDescendant: (revision: string) => boolean | undefined;
  /** `repository[:tag][@digest]` as the release file has it: what must run where that repository runs. */
  readonly images: readonly string[];
  /** How the application was before the commit, `baselineOf` an earlier reading; undefined where nobody looked. */
  readonly before?: Baseline | undefined;
}

/** What was wrong before the commit and is not the commit's fault. */
export interface Baseline {
  /** `resourceKey`s of what was Degraded. */
  readonly degraded: readonly string[];
  /** Messages of the comparison errors there were. */
  readonly comparisonErrors: readonly string[];
}

/** Why a deploy is not done, as a word for machines. */
export type CauseKind =
  | 'hook-failed'
  | 'sync-failed'
  | 'admission-denied'
  | 'namespace-missing'
  | 'cluster-unreachable'
  | 'git-unreachable'
  | 'manifests'
  | 'image-missing'
  | 'crash'
  | 'degraded'
  | 'terminated'
  | 'deleted';

export interface Cause {
  readonly kind: CauseKind;
  /** One line, from Argo CD's own words, safe to print. */
  readonly words: string;
  /** The object it is about. */
  readonly resource?: { readonly kind: string; readonly name: string } | undefined;
}

/**
 * - `waiting`: on its way.
 * - `done`: it runs that commit (or a later one), and is healthy.
 * - `failed`: it will not get there without another commit.
 * - `unknown`: Argo CD itself cannot tell (git down, a comparison error from before): nobody may call it done or failed.
 */
export interface Judgement {
  readonly state: 'waiting' | 'done' | 'failed' | 'unknown';
  /** What is going on, in a few words for people: `syncing`, `waiting for pods`. */
  readonly phase: string;
  /** Of `failed` and `unknown`; of `waiting` when something looks wrong already. */
  readonly cause?: Cause | undefined;
  readonly todo?: string | undefined;
  /** What the next judgement needs to know of this one. */
  readonly memory: Memory;
}

/** What was seen first when (milliseconds since the epoch, our clock), as long as it lasts. */
export type Memory = Readonly<Record<string, number>>;
