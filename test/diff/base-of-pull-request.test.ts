import { expect, test } from 'vitest';
import { application, configMap, repositoryOf } from './changed-repository.ts';

const files = {
  'argo/shop.yaml': application('shop', 'shop'),
  'argo/web.yaml': application('web', 'web'),
  'shop/config.yaml': configMap('shop', 'a'),
  'web/config.yaml': configMap('web', 'a'),
};

/** A pull request that changes shop. Since its event somebody else changed web on main; GitHub merged it into that. */
async function pullRequest() {
  const repository = await repositoryOf(files);
  const { git, write } = repository;
  const base = await git('rev-parse', 'HEAD');
  await git('checkout', '-qb', 'work');
  await write({ 'shop/config.yaml': configMap('shop', 'b') });
  await git('commit', '-qam', 'Ours');
  const head = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await write({ 'web/config.yaml': configMap('web', 'b') });
  await git('commit', '-qam', 'Theirs');
  return { ...repository, base, head };
}

const apps = ({ report }: Awaited<ReturnType<Awaited<ReturnType<typeof pullRequest>>['diff']>>) =>
  report.blocks.flatMap(({ places }) => places.map(({ app }) => app));

test('what others merged since the event of a pull request is none of its changes', async () => {
  await using at = await pullRequest();
  const { base, head } = at;
  await at.git('merge', '-q', '--no-ff', '-m', 'GitHub merges', 'work');
  expect(apps(await at.diff({}, { base, pullRequest: { base, head } }))).toEqual(['shop']);
  // Where somebody names a base, it is that.
  expect(apps(await at.diff({}, { base: `${base}~0`, pullRequest: { base, head } }))).toEqual([
    'shop',
    'web',
  ]);
});

test('a checkout of the pull request’s own commit is compared with where it left the base', async () => {
  await using at = await pullRequest();
  const { base, head } = at;
  await at.git('checkout', '-q', 'work');
  expect(apps(await at.diff({}, { base, pullRequest: { base, head } }))).toEqual(['shop']);
});
