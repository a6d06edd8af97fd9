/**
 * Whether two URLs name one repository: case, `.git`, `ssh://git@host/x`, `git@host:x`, `https://host/x`, users and
 * standard ports make no difference.
 *
 * Argo CD itself (util/git `NormalizeGitURL`) keeps ssh and https apart, since their credentials differ; for us they
 * are the same files.
 */
export const isSameRepository = (one: string, other: string): boolean =>
  repositoryOf(one) !== '' && repositoryOf(one) === repositoryOf(other);

function repositoryOf(url: string): string {
  const text = url.trim().toLowerCase();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(text);
  const rest = text.slice(scheme?.[0].length ?? 0).replace(/^[^/@]*@/, '');
  // `git@host:owner/name`: the colon stands for the slash.
  const path =
    scheme === null
      ? rest.replace(/^([^/:]+):\/?/, '$1/')
      : rest.replace(/^([^/:]+):(?:22|80|443)(?=\/)/, '$1');
  return path.replace(/\/+$/, '').replace(/\.git$/, '');
}

/** The GitOps repository that is read, as manifests name it. */
export interface ThisRepository {
  /** Any of these URLs is it. */
  readonly urls: readonly string[];
  /** The branch that is read; undefined when it is not known, then `main` and `master` are it too. */
  readonly branch: string | undefined;
}

/**
 * Whether a source or a git generator reads what we read: this repository, at this branch. Another branch, a tag or a
 * commit is other content.
 */
export const isHere = (
  { urls, branch }: ThisRepository,
  repoURL: string,
  revision: string | undefined,
): boolean => urls.some((url) => isSameRepository(url, repoURL)) && isBranch(branch, revision ?? '');

function isBranch(branch: string | undefined, revision: string): boolean {
  const name = revision.replace(/^refs\/heads\//, '');
  const names = branch === undefined ? ['main', 'master'] : [branch];
  return ['', 'HEAD', ...names].includes(name);
}
