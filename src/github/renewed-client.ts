import type { GitHubClient } from './client.ts';
import type { Timing } from './timing.ts';

/** A GitHub App's token lives for an hour (docs: "Generating an installation access token"); this leaves ten minutes. */
const RENEW_AFTER_MS = 50 * 60_000;

/**
 * A client that signs in again before its token ends, for what waits longer than an hour.
 *
 * @param open signs in
 */
export async function openRenewedClient(
  open: () => Promise<GitHubClient>,
  timing: Pick<Timing, 'now'>,
): Promise<GitHubClient> {
  let current = open();
  let openedAt = timing.now();
  await current;
  const fresh = async (): Promise<GitHubClient> => {
    if (timing.now() - openedAt >= RENEW_AFTER_MS) {
      openedAt = timing.now();
      const before = current;
      // The old token serves as long as it lives, should signing in fail for a moment.
      current = open().catch(() => {
        openedAt -= RENEW_AFTER_MS - 60_000;
        return before;
      });
    }
    return current;
  };
  return {
    rest: async (...asked) => (await fresh()).rest(...asked),
    graphql: async (...asked) => (await fresh()).graphql(...asked),
  };
}
