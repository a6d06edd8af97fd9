import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { GitHubClient } from '../github/client.ts';
import type { Timing } from '../github/timing.ts';
import type { BranchTarget } from '../repository/snapshot.ts';
import { CommitOrder } from './commit-order.ts';
import type { Lookout } from './lookout.ts';
import { NotifiedLookout } from './notified-lookout.ts';
import { type ArgoCdAccess, openArgoCdLookout } from './open-argocd.ts';

/** Where one looks: at Argo CD itself, or at what its notifications wrote to GitHub. */
export type LookoutAccess = ({ readonly kind: 'api' } & ArgoCdAccess) | { readonly kind: 'notifications' };

/** How a lookout is opened when it is clear which environment is waited for. */
export function lookoutOpener(
  access: LookoutAccess,
  on: { readonly client: GitHubClient; readonly target: BranchTarget; readonly timing: Timing },
): (config: KajitoriConfig, environment: string) => Promise<Lookout> {
  const order = new CommitOrder(on.client, on.target.repository);
  return async (config, environment) =>
    access.kind === 'api'
      ? openArgoCdLookout(access, config, environment, order, on.timing)
      : new NotifiedLookout(on);
}
