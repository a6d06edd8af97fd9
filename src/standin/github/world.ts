import { type Accounts, type Actor, sameName } from './accounts.ts';
import { notFound } from './answers.ts';
import type { PullRequest, Repository, Team } from './repository.ts';

/** Everything one stand-in knows: what REST, GraphQL and git all answer from. */
export interface World {
  readonly accounts: Accounts;
  readonly repositories: Map<string, Repository>;
  readonly clock: () => Date;
  readonly url: () => string;
}

export function findRepository(world: World, owner: string, name: string): Repository | undefined {
  return world.repositories.get(`${owner}/${name}`.toLowerCase());
}

/** The repository, as far as the actor may know of it; 404 otherwise. */
export function visibleRepository(world: World, actor: Actor, owner: string, name: string): Repository {
  const repository = findRepository(world, owner, name);
  if (repository?.visibleTo(actor) !== true) throw notFound();
  return repository;
}

export function pullById(
  world: World,
  id: number,
): { repository: Repository; pull: PullRequest } | undefined {
  for (const repository of world.repositories.values()) {
    const pull = repository.pulls.find((other) => other.id === id);
    if (pull !== undefined) return { repository, pull };
  }
  return undefined;
}

/** The team of an organization, gathered from the repositories it has access to. */
export function findTeam(world: World, organization: string, slug: string): Team | undefined {
  for (const repository of world.repositories.values()) {
    if (!sameName(repository.owner, organization)) continue;
    const team = repository.teams.find((other) => other.slug === slug);
    if (team !== undefined) return team;
  }
  return undefined;
}
