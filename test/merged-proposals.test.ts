import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { createGitHubClient } from '../src/github/client.ts';
import { parseRepositoryName } from '../src/github/repository-name.ts';
import { gitRevisions } from '../src/history/git-revisions.ts';
import { gitHubRevisions } from '../src/history/github-revisions.ts';
import { pastReleases } from '../src/history/past-releases.ts';
import { readVerdicts } from '../src/release/verdict.ts';
import { bump, KAJITORI_YAML, virtualTiming } from './bump-world.ts';
import { gitSettings } from './git-settings.ts';
import { brings, MINUTE, smooth, type WaitWorld, waitWorld } from './wait-world.ts';

const PATTERNS = `${KAJITORI_YAML}apps: { definition: "apps/{app}/app.yaml", release: "apps/{app}/release.{environment}.yaml" }\n`;

const failing = (about: Parameters<typeof smooth>[0]) =>
  brings(about.awaited, 2) ? ({ state: 'failed', words: 'crashes' } as const) : smooth(about);

/** How a person brings a proposal to the branch. */
type Way = 'merge' | 'squash' | 'rebase' | 'merge after "Update branch"' | 'merge in a clone';
const WAYS: readonly Way[] = ['merge', 'squash', 'rebase', 'merge after "Update branch"', 'merge in a clone'];

/** Somebody with a clone, and the right to write. */
async function person(at: WaitWorld) {
  const hanako = at.world.github.createUser('hanako');
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-merged-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // As late as it is in this story.
  const date = () => new Date(at.world.timing.now()).toISOString();
  const bound = execa({
    cwd: folder,
    env: gitSettings(
      { login: 'hanako', token: hanako.token },
      { 'user.name': 'Hanako', 'user.email': 'hanako@example.com', 'pull.rebase': 'false' },
    ),
  });
  const git = (words: TemplateStringsArray, ...values: readonly string[]) =>
    bound({ env: { GIT_AUTHOR_DATE: date(), GIT_COMMITTER_DATE: date() } })(words, ...values);
  await git`git clone --quiet ${at.world.github.url}/${at.gitops.fullName}.git .`;
  const client = createGitHubClient({
    apiUrl: at.world.github.apiUrl,
    token: hanako.token,
    timing: virtualTiming(),
  });
  return { folder, git, client };
}

const BRANCH = 'kajitori/bump/production/web';

/** Build 2 is proposed, something else is committed, and a person merges the proposal; the head of the branch then. */
async function merged(at: WaitWorld, way: Way) {
  const { world, gitops } = at;
  const { folder, git, client } = await person(at);
  await bump(world, gitops, { app: 'web', nth: 2, key: 'bump/web/2', pullRequest: true });
  await world.timing.sleep(MINUTE);
  await gitops.commit({ 'README.md': 'words\n' }, { message: 'Words' });
  await world.timing.sleep(MINUTE);
  await git`git fetch --quiet`;
  if (way === 'merge in a clone') {
    await git`git pull --quiet`;
    await git`git merge --quiet --no-ff ${`origin/${BRANCH}`}`;
    await git`git push --quiet origin HEAD:main`;
  } else {
    if (way === 'merge after "Update branch"') {
      await git`git checkout --quiet ${BRANCH}`;
      await git`git merge --quiet -m ${`Merge branch 'main' into ${BRANCH}`} origin/main`;
      await git`git push --quiet origin ${BRANCH}`;
      await git`git checkout --quiet main`;
    }
    const { owner, name: repo } = parseRepositoryName(gitops.fullName);
    await client.rest('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      owner,
      repo,
      pull_number: 1,
      merge_method: way.startsWith('merge') ? 'merge' : way,
    });
  }
  await git`git pull --quiet origin main`;
  return { head: await gitops.head(), folder };
}

const releasesOf = async (at: WaitWorld, folder: string) => {
  const repository = parseRepositoryName(at.gitops.fullName);
  const config = parseKajitoriYaml(KAJITORI_YAML);
  const verdictsOf = (commits: readonly string[]) => readVerdicts(at.client, repository, commits);
  const sources = [gitHubRevisions(at.client, repository, await at.gitops.head()), gitRevisions(folder)];
  const [onGitHub, inClone] = await Promise.all(
    sources.map(async (revisions) => {
      const past = await pastReleases(revisions, config, 'web', 'production', { limit: 20 }, verdictsOf);
      return past.releases.map(({ commit, action, verdict, release }) => ({
        commit,
        action,
        verdict,
        tag: release.images.get('')?.image.tag,
      }));
    }),
  );
  return { onGitHub, inClone };
};

describe.each(WAYS)('a proposal is brought to the branch: %s', (way) => {
  test('the deploy is that commit: waited for once, judged there, and told by history', async () => {
    const at = await waitWorld();
    const { head, folder } = await merged(at, way);
    const waited = await at.wait(smooth, { apps: ['web'] });
    expect(waited).toMatchObject({ verdict: 'healthy', commit: { oid: head } });
    expect(at.verdicts(head)).toEqual(Array(2).fill('success runs this commit and is healthy'));
    await at.world.timing.sleep(20 * MINUTE);
    expect(await at.finish(smooth), 'nobody waits for it a second time').toEqual([]);
    const { onGitHub, inClone } = await releasesOf(at, folder);
    expect(inClone).toHaveLength(2);
    expect(inClone?.[0]).toEqual({ commit: head, action: 'bump', verdict: 'healthy', tag: 'build-2' });
    // GitHub's history is told by pull requests, and this one was not merged as such.
    if (way !== 'merge in a clone') expect(onGitHub).toEqual(inClone);
  });

  test('where nobody waited and it fails, the next run puts back what ran before it, once', async () => {
    const at = await waitWorld(['web'], PATTERNS);
    const { head } = await merged(at, way);
    await at.world.timing.sleep(20 * MINUTE);
    expect(await at.finish(failing)).toMatchObject([
      { deploy: { commit: { oid: head } }, outputs: { verdict: 'failed', remedy: { kind: 'written' } } },
    ]);
    expect(parse(await at.release()).image.tag).toBe('build-1');
    await at.world.timing.sleep(20 * MINUTE);
    expect(await at.finish(failing)).toEqual([]);
  });

  test('the workflow of the push finds what it deployed', async () => {
    const at = await waitWorld(['web'], PATTERNS);
    const { head } = await merged(at, way);
    expect(await at.wait(smooth, { commit: head })).toMatchObject({
      verdict: 'healthy',
      applications: [{ app: 'web' }, { app: 'web' }],
    });
  });
});

test('who updates the branch of a proposal keeps its words, also when it is proposed again', async () => {
  const at = await waitWorld();
  const { git } = await person(at);
  const again = { app: 'web', nth: 2, pullRequest: true } as const;
  await bump(at.world, at.gitops, { ...again, key: 'one' });
  const [before] = at.gitops.pullRequests().map(({ title, body }) => `${title}\n\n${body}`);
  await at.gitops.commit({ 'README.md': 'words\n' }, { message: 'Words' });
  await git`git fetch --quiet`;
  await git`git checkout --quiet ${BRANCH}`;
  await git`git merge --quiet -m ${`Merge branch 'main' into ${BRANCH}`} origin/main`;
  await git`git push --quiet origin ${BRANCH}`;
  expect(await bump(at.world, at.gitops, { ...again, key: 'two' })).toMatchObject({ changed: false });
  const [after] = at.gitops.pullRequests().map(({ title, body }) => `${title}\n\n${body}`);
  expect(after).toBe(before);
});

test('a merge of the branch into itself (git pull) takes no deploy from the commit that made it', async () => {
  const at = await waitWorld();
  const { folder, git } = await person(at);
  await git`git commit --quiet --allow-empty -m ${'Words'}`;
  const deployed = await at.deploy(2);
  await at.wait(smooth, { commit: deployed });
  await at.world.timing.sleep(MINUTE);
  await git`git pull --quiet --no-edit origin main`;
  await git`git push --quiet origin HEAD:main`;
  await at.world.timing.sleep(20 * MINUTE);
  expect(await at.finish(smooth)).toEqual([]);
  const { onGitHub, inClone } = await releasesOf(at, folder);
  expect(onGitHub?.[0]).toEqual({ commit: deployed, action: 'bump', verdict: 'healthy', tag: 'build-2' });
  expect(inClone).toEqual(onGitHub);
});
