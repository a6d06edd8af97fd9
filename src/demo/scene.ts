import type { Tree } from '../repository/tree.ts';
import type { ArgoCdForDemo, ArgoCdKind } from './argocd.ts';
import type { Company } from './company.ts';
import type { Narrator } from './narrator.ts';
import type { LocalRegistry } from './registry.ts';
import type { StoryClock } from './story-clock.ts';

/** What every chapter works with. */
export interface Scene {
  /** Everything the demo writes is below it. */
  readonly folder: string;
  readonly narrator: Narrator;
  readonly company: Company;
  readonly registry: LocalRegistry;
  /** The files of the package kajitori. */
  readonly suite: Tree;
  readonly timing: StoryClock;
  readonly argocdKind: ArgoCdKind;
  readonly signal: AbortSignal;
}

/** The same, after Argo CD has begun to read the GitOps repository. */
export interface RunningScene extends Scene {
  readonly argocd: ArgoCdForDemo;
}

/** The clones that the people of the story work in. */
export interface Clones {
  readonly gitops: string;
  readonly web: string;
}

/** An image of `web`, and where it comes from. */
export interface BuiltImage {
  readonly commit: string;
  /** The number of the run that built it. */
  readonly build: number;
  /** `repository:tag@sha256:…` */
  readonly image: string;
  readonly digest: string;
}
