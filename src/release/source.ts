import { parseRepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';

/** Where an image was built from: a repository and a commit. */
export interface Source {
  /** `owner/name`. */
  readonly repository: string;
  /** The full object ID: 40 hex digits (64 in a SHA-256 repository). */
  readonly commit: string;
}

const COMMIT = /^(?:[a-f\d]{40}|[a-f\d]{64})$/;

/** Reads `owner/name@commit`. */
export function parseSource(text: string): Source {
  const at = text.lastIndexOf('@');
  const commit = text.slice(at + 1);
  if (at === -1 || !COMMIT.test(commit)) {
    throw couldNot(`${JSON.stringify(text)} does not name a source commit.`, {
      todo: 'Write it as owner/name@commit with the whole commit ID (git rev-parse HEAD).',
      reason: 'bad-source',
    });
  }
  const repository = text.slice(0, at);
  parseRepositoryName(repository);
  return { repository, commit };
}

export const formatSource = (source: Source): string => `${source.repository}@${source.commit}`;

export const sameSource = (a: Source, b: Source): boolean =>
  sameRepositoryName(a.repository, b.repository) && a.commit === b.commit;
