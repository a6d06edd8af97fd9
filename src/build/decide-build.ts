import { couldNot } from '../report/failure.ts';

/** What one registry has of this build already: digests. */
export interface Seen {
  /** `<account>/<region>`, for people. */
  readonly name: string;
  /** Under the commit's tag. */
  readonly commit: string | undefined;
  /** Under the content key's tag. */
  readonly key: string | undefined;
  /** Under the tags that never move. */
  readonly fixed: ReadonlyMap<string, string>;
}

/**
 * What is to be done.
 *
 * `existed`: the commit was built before. `retag`: another commit with the same content was. In both, registry number
 * `from` has the image; who lacks it gets a copy.
 */
export type Decision =
  | { readonly kind: 'existed' | 'retag'; readonly digest: string; readonly from: number }
  | { readonly kind: 'build' };

/**
 * Decides by what the registries have, in the order of the targets.
 *
 * The commit's tag comes before the key's: it never moves, so what it points to is what this commit is.
 *
 * @throws Failure (exit 2): `targets-differ`, `tag-taken`
 */
export function decideBuild(seen: readonly Seen[], force: boolean): Decision {
  const known = seen.filter(({ commit }) => commit !== undefined);
  const [first] = known;
  const other = known.find(({ commit }) => commit !== first?.commit);
  if (first !== undefined && other !== undefined) {
    throw couldNot(
      `The registries have different images of this commit: ${first.name} ${first.commit}, ${other.name} ${other.commit}.`,
      {
        todo: `Delete this commit's tag in one of them (aws ecr batch-delete-image), and run again: it gets a copy of the other's.`,
        reason: 'targets-differ',
      },
    );
  }
  const decision = decide(seen, force);
  const digest = decision.kind === 'build' ? undefined : decision.digest;
  for (const { name, fixed } of seen) {
    for (const [tag, taken] of fixed) {
      if (taken !== digest) {
        throw couldNot(`The tag ${tag} in ${name} belongs to another image: ${taken}.`, {
          todo: 'Take another version: what was released under a tag does not change.',
          reason: 'tag-taken',
        });
      }
    }
  }
  return decision;
}

function decide(seen: readonly Seen[], force: boolean): Decision {
  for (const [from, { commit }] of seen.entries()) {
    if (commit !== undefined) return { kind: 'existed', digest: commit, from };
  }
  if (!force) {
    for (const [from, { key }] of seen.entries()) {
      if (key !== undefined) return { kind: 'retag', digest: key, from };
    }
  }
  return { kind: 'build' };
}
