import type { KajitoriConfig } from '../config/kajitori-yaml.ts';

/** What rendering reads and runs, besides the application itself. */
export interface RenderWorld {
  /** The folder of the GitOps repository, absolute. */
  readonly root: string;
  readonly config?: KajitoriConfig;
  /** The commit that the working copy is at (40 hex digits), for `$ARGOCD_APP_REVISION`. */
  readonly revision?: string;
  /** For applications whose cluster kajitori.yaml does not name, like `1.34`; default: the newest that we know. */
  readonly kubernetes?: string;
  /** Where charts from elsewhere are kept, absolute. It may be kept from run to run. */
  readonly charts: string;
  /** The time in ms since 1970, by which charts are kept; default: the clock of this machine. */
  readonly now?: () => number;
  readonly tools?: RenderTools;
  /** Of one process of helm or kustomize; default: 30 s, 64 MiB. */
  readonly limits?: { readonly milliseconds: number; readonly bytes: number };
  readonly signal?: AbortSignal;
}

/** Commands; default: those of these names on PATH. */
export interface RenderTools {
  readonly helm?: string;
  /** Default: `kustomize`, and where there is none `kubectl kustomize`. */
  readonly kustomize?: string;
  readonly kubectl?: string;
}
