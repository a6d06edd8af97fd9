import { couldNot } from '../report/failure.ts';

/** `owner/name` of a repository on GitHub. */
export interface RepositoryName {
  readonly owner: string;
  readonly name: string;
}

/** GitHub's rules: logins are letters, digits and single hyphens; names also have `.` and `_`, and are not `.` or `..`. */
const FULL_NAME = /^([a-z\d](?:[a-z\d]|-(?=[a-z\d])|_){0,99})\/(?!\.{1,2}$)([\w.-]{1,100})$/i;

/** Reads `owner/name`. Anything else is a `Failure` (exit 2). */
export function parseRepositoryName(text: string): RepositoryName {
  const match = FULL_NAME.exec(text);
  if (match === null) {
    throw couldNot(`${JSON.stringify(text)} is not the name of a GitHub repository.`, {
      todo: 'Write it as owner/name, for example acme/gitops.',
      reason: 'bad-repository-name',
    });
  }
  return { owner: match[1] ?? '', name: match[2] ?? '' };
}

export const formatRepositoryName = (repository: RepositoryName): string =>
  `${repository.owner}/${repository.name}`;

/** GitHub's names do not distinguish case. */
export const sameRepositoryName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
