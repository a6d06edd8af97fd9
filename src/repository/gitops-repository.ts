import type { GitHubClient } from '../github/client.ts';
import type { BranchTarget } from './snapshot.ts';
import type { WorkingCopy } from './working-copy.ts';

/** A GitOps repository: on GitHub, or in a folder of this machine (which is edited, not committed). */
export type GitopsRepository =
  | { readonly kind: 'github'; readonly client: GitHubClient; readonly target: BranchTarget }
  | { readonly kind: 'working-copy'; readonly copy: WorkingCopy };
