import type { StoryClock } from './story-clock.ts';

/** Argo CD and the clusters below it, as the story needs them: the stand-in, or a real one on real API servers. */
export interface ArgoCdForDemo extends AsyncDisposable {
  /** Of its API server. */
  readonly url: string;
  /** May read applications and end their operations. */
  readonly token: string;
  /** Gives it the one Application that a person applies by hand, as YAML: it finds all others. */
  readonly adopt: (rootApplication: string) => Promise<void>;
  /** Tells it of a push, as GitHub's webhook does. */
  readonly pushed: () => Promise<void>;
  /** From now on this cluster cannot pull images with this tag: there is no such image. */
  readonly withdrawImage: (tag: string, cluster: string) => Promise<void>;
}

/** What Argo CD is given to start with. */
export interface ArgoCdSetting {
  readonly clusters: readonly [string, ...string[]];
  /** The GitOps repository: for who reads it here, and for who reads it by URL, as a user with a token. */
  readonly repository: {
    readonly gitDir: string;
    readonly url: string;
    readonly login: string;
    readonly token: string;
  };
  /** The time of the story. */
  readonly timing: StoryClock;
}

/** Which Argo CD the story is told with. */
export interface ArgoCdKind {
  readonly name: 'stand-in' | 'real';
  /** What it is, for the opening: completes "Argo CD, …". */
  readonly about: string;
  /** How many times as fast time may pass while somebody waits for it; 1 for what is real. */
  readonly speed: number;
  readonly start: (setting: ArgoCdSetting) => Promise<ArgoCdForDemo>;
}
