import type { Timing } from '../github/timing.ts';
import type { ApplicationStatus } from './application-status.ts';
import type { ResourceTree } from './resource-tree.ts';

/**
 * What an answer, or its absence, means.
 *
 * - `unavailable`: no answer in time, 5xx, 429, a broken connection: worth another try, and the client has tried.
 * - `denied`: the token is no good (401), or does not allow this.
 * - `missing-or-denied`: 403 for one application: Argo CD does not say which (trap 9), so as not to tell names.
 * - `missing`: 404: no such route (an old Argo CD, or not an Argo CD at all) or object.
 * - `conflict`: 400 code 9 or 3: another operation runs, or there is none to end.
 * - `invalid`: the request is refused, or the answer is not what it should be.
 */
export type ArgoCdFaultKind =
  | 'unavailable'
  | 'denied'
  | 'missing-or-denied'
  | 'missing'
  | 'conflict'
  | 'invalid';

/** Argo CD as the domains above see it. Every method rejects with `ArgoCdError`; nothing it throws holds the token. */
export interface ArgoCdClient {
  /** The server's address, for messages. */
  readonly server: string;
  /** How many requests were sent, tries counted. */
  readonly requests: number;
  /**
   * Applications that the token may see, in one request. Those it may not see are left out without a word.
   *
   * @param selector of labels: `kajitori.dev/environment=production,kajitori.dev/app in (api,web)`
   */
  list(query?: ApplicationQuery): Promise<readonly ApplicationStatus[]>;
  get(name: string): Promise<ApplicationStatus>;
  /** Asks Argo CD to look at git now; `hard` also forgets rendered manifests. The answer is from before. */
  refresh(name: string, kind?: 'normal' | 'hard'): Promise<ApplicationStatus>;
  resourceTree(name: string): Promise<ResourceTree>;
  /** Of the application, or of one of its objects. Oldest first. */
  events(name: string, of?: EventSubject): Promise<readonly ClusterEvent[]>;
  /** The last lines of a pod. */
  logs(name: string, pod: PodQuery): Promise<readonly string[]>;
  /** What is compared: target and live state as text (JSON), where Argo CD gives them. */
  managedResources(name: string): Promise<readonly ManagedResource[]>;
  /** What Argo CD renders now, each manifest as JSON text. */
  manifests(name: string, revision?: string): Promise<readonly string[]>;
  /** Ends the operation that runs. @returns false when none did */
  terminateOperation(name: string): Promise<boolean>;
  clusters(): Promise<readonly ClusterStatus[]>;
  version(): Promise<string>;
  whoAmI(): Promise<{ readonly loggedIn: boolean; readonly username: string | undefined }>;
}

export interface ApplicationQuery {
  readonly selector?: string;
  readonly projects?: readonly string[];
}

export interface EventSubject {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/** A Kubernetes event. */
export interface ClusterEvent {
  readonly type: string | undefined;
  readonly reason: string | undefined;
  readonly message: string;
  /** `Pod/web-1`. */
  readonly object: string;
  readonly count: number;
  readonly lastSeen: number | undefined;
}

export interface PodQuery {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  /** Default 20. */
  readonly lines?: number;
  /** Of the container before the last restart. */
  readonly previous?: boolean;
}

export interface ManagedResource {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly targetState: string | undefined;
  readonly liveState: string | undefined;
}

/** A cluster that Argo CD deploys to. */
export interface ClusterStatus {
  readonly name: string;
  readonly server: string;
  /** `Successful`, `Failed`, `Unknown`. Stays Successful for long after the cluster died (trap 8). */
  readonly connection: string | undefined;
  readonly connectionMessage: string | undefined;
  readonly kubernetes: string | undefined;
  /** When Argo CD's copy of the cluster's objects was filled. */
  readonly cacheSyncedAt: number | undefined;
}

export interface ArgoCdOptions {
  /** `https://argocd.example.com`, with a path where Argo CD has one (`--rootpath`). */
  readonly server: string;
  /** Called for every request, so that a token that ends may be replaced; see sign-in.ts. */
  readonly token: () => Promise<string> | string;
  /** Certificates (PEM) of a private authority, trusted besides the public ones. */
  readonly ca?: string | undefined;
  readonly timing: Timing;
  /** For tests. */
  readonly fetch?: typeof fetch;
  /** Give up when no answer came in this time. Default 20 s. */
  readonly requestTimeoutMs?: number;
  /** How long a read may be repeated before it fails. Default 30 s. */
  readonly patienceMs?: number;
}
