import { type GitHubClient, GitHubError } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';

/**
 * Which commits of the GitOps repository come after which. Every answer is for good, so it is asked once.
 *
 * `isDescendant` answers at once, from what is known; what is not known yet is asked meanwhile.
 */
export class CommitOrder {
  readonly #client: GitHubClient;
  readonly #repository: RepositoryName;
  readonly #known = new Map<string, boolean>();
  readonly #asked = new Map<string, Promise<void>>();

  constructor(client: GitHubClient, repository: RepositoryName) {
    this.#client = client;
    this.#repository = repository;
  }

  /** Whether `revision` is the commit or comes after it; undefined as long as that is not known. */
  isDescendant(commit: string, revision: string): boolean | undefined {
    if (commit === revision) {
      return true;
    }
    if (!COMMIT.test(revision)) {
      // A chart's version, or the name of a branch after a comparison error.
      return undefined;
    }
    const pair = `${commit}...${revision}`;
    const known = this.#known.get(pair);
    if (known === undefined && !this.#asked.has(pair)) {
      this.#asked.set(pair, this.#ask(pair));
    }
    return known;
  }

  /** Waits for the questions that are under way; undefined when there are none. */
  settled(): Promise<unknown> | undefined {
    return this.#asked.size === 0 ? undefined : Promise.all(this.#asked.values());
  }

  async #ask(pair: string): Promise<void> {
    try {
      const answer = await this.#client.rest<{ status: string }>(
        'GET /repos/{owner}/{repo}/compare/{basehead}',
        { owner: this.#repository.owner, repo: this.#repository.name, basehead: pair, per_page: 1 },
      );
      // The status is that of the head (the revision) against the base (our commit).
      this.#known.set(pair, answer.data.status === 'ahead' || answer.data.status === 'identical');
    } catch (error) {
      if (!(error instanceof GitHubError)) {
        throw error;
      }
      // Not known is no answer: it is asked again when it is needed again.
    } finally {
      this.#asked.delete(pair);
    }
  }
}

const COMMIT = /^(?:[a-f\d]{40}|[a-f\d]{64})$/;
