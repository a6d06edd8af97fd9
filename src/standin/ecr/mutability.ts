/** What a repository says of overwriting tags, as DescribeRepositories answers it. */
export interface TagMutability {
  readonly imageTagMutability: string;
  readonly imageTagMutabilityExclusionFilters?: readonly { readonly filter: string }[];
}

/**
 * Whether a tag that exists may be put on another image.
 *
 * Filters are matched as ECR's user guide says ("Preventing image tags from being overwritten"): `*` stands for any
 * characters, everything else for itself, and the whole tag is matched.
 */
export function mayOverwrite(tag: string, repository: TagMutability): boolean {
  const excluded = (repository.imageTagMutabilityExclusionFilters ?? []).some(({ filter }) =>
    new RegExp(`^${filter.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(tag),
  );
  return repository.imageTagMutability.startsWith('IMMUTABLE') ? excluded : !excluded;
}
