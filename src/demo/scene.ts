import type { Timing } from '../github/timing.ts';
import type { Tree } from '../repository/tree.ts';
import type { Company } from './company.ts';
import type { Narrator } from './narrator.ts';
import type { LocalRegistry } from './registry.ts';

/** What every chapter works with. */
export interface Scene {
  /** Everything the demo writes is below it. */
  readonly folder: string;
  readonly narrator: Narrator;
  readonly company: Company;
  readonly registry: LocalRegistry;
  /** The files of the package kajitori. */
  readonly suite: Tree;
  readonly timing: Timing;
  readonly signal: AbortSignal;
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
