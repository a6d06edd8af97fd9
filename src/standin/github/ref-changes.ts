import type { Actor } from './accounts.ts';
import { unprocessable } from './answers.ts';
import { isOid, noOid, type Oid } from './git-objects.ts';
import { isRefName } from './git-store.ts';
import type { Repository } from './repository.ts';

/** One change of an existing ref (or a deletion, `after` = noOid) by the API. */
export interface RefUpdate {
  readonly ref: string;
  readonly after: Oid;
  readonly before?: Oid;
  readonly force: boolean;
}

/** POST /repos/{owner}/{repo}/git/refs. 422 when it exists or the object is not here. */
export async function createRef(repository: Repository, actor: Actor, ref: string, oid: Oid): Promise<void> {
  repository.demand(actor, 'contents', 'write');
  if (!isRefName(ref)) throw unprocessable('Reference name must start with refs/ and have a valid name.');
  await repository.store.exclusively(async () => {
    const object = isOid(oid) ? await repository.store.object(oid) : undefined;
    if (object === undefined) throw unprocessable('Object does not exist');
    if (ref.startsWith('refs/heads/') && object.type !== 'commit') {
      throw unprocessable('Reference cannot be created: the object is not a commit.');
    }
    if ((await repository.store.refTarget(ref)) !== undefined)
      throw unprocessable('Reference already exists');
    await demandWorkflows(repository, actor, oid);
    await repository.demandRules(actor, ref, noOid, oid);
    await repository.moveRefs(actor, [{ ref, before: noOid, after: oid }]);
  });
  await repository.afterChange();
}

/** Moves or deletes refs, all or none. 422 for what is not a fast-forward unless forced. */
export async function updateRefs(
  repository: Repository,
  actor: Actor,
  updates: readonly RefUpdate[],
): Promise<void> {
  repository.demand(actor, 'contents', 'write');
  const { store } = repository;
  await store.exclusively(async () => {
    const changes = [];
    for (const { ref, after, before: wanted, force } of updates) {
      const before = (await store.refTarget(ref))?.oid ?? noOid;
      if (before === noOid && (wanted === undefined || after === noOid))
        throw unprocessable('Reference does not exist');
      if (after === noOid && ref === `refs/heads/${repository.defaultBranch}`) {
        throw unprocessable('Cannot delete the default branch');
      }
      if (after !== noOid) {
        const object = isOid(after) ? await store.object(after) : undefined;
        if (object === undefined) throw unprocessable('Object does not exist');
        await demandWorkflows(repository, actor, after);
      }
      const facts = before === noOid ? undefined : await repository.changeFacts(before, after);
      await repository.demandRules(actor, ref, before, after, facts);
      if (facts?.fastForward === false && !force) throw unprocessable('Update is not a fast forward');
      changes.push({ ref, before: wanted ?? before, after });
    }
    await repository.moveRefs(actor, changes);
  });
  await repository.afterChange();
}

/** Refuses commits whose workflow files differ from the default branch's, where the App may not write workflows. */
async function demandWorkflows(repository: Repository, actor: Actor, after: Oid): Promise<void> {
  if (actor.kind !== 'installation-token' && actor.kind !== 'actions-token') return;
  if (actor.permissions.workflows === 'write') return;
  const { store } = repository;
  const head = await repository.head();
  const [next, base] = await Promise.all([
    store.commit(after),
    head === undefined ? undefined : store.commit(head),
  ]);
  if (next === undefined || base === undefined) return;
  const folder = '.github/workflows';
  const [ours, theirs] = await Promise.all([store.entry(next.tree, folder), store.entry(base.tree, folder)]);
  if (ours === undefined || ours.oid === theirs?.oid) return;
  // An older commit of the default branch brings nothing new.
  if (await store.contains(base.oid, after)) return;
  const known = new Map(((await store.tree(theirs?.oid ?? '')) ?? []).map(({ name, oid }) => [name, oid]));
  const changed = ((await store.tree(ours.oid)) ?? []).filter(({ name, oid }) => known.get(name) !== oid);
  repository.demandWorkflowPermission(
    actor,
    changed.map(({ name }) => `${folder}/${name}`),
  );
}
