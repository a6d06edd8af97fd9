/** What a release does to a git repository. Nothing here touches a branch, the index or the working copy. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { couldNot } from '../../src/report/failure.ts';
import { type Manifest, manifestText, publishedManifest } from './manifest.ts';
import type { ReleasePlan } from './plan.ts';

async function git(
  repository: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const result = await execa('git', args, { cwd: repository, env, reject: false });
  if (result.failed) throw couldNot(`git ${args[0]} failed: ${result.stderr || result.shortMessage}`);
  return result.stdout;
}

/** The tags of a remote, with what they point at. Ours are lightweight, so that is a commit. */
export async function remoteTags(repository: string, remote: string): Promise<Map<string, string>> {
  const lines = (await git(repository, ['ls-remote', '--tags', '--refs', remote]))
    .split('\n')
    .filter(Boolean);
  return new Map(
    lines.map((line) => [line.slice(line.indexOf('refs/tags/') + 10), line.slice(0, line.indexOf('\t'))]),
  );
}

const manifestAt = async (repository: string, commit: string): Promise<Manifest> =>
  JSON.parse(await git(repository, ['show', `${commit}:package.json`])) as Manifest;

/** Who makes release commits: the account that the workflow's token belongs to. */
const bot = { name: 'github-actions[bot]', email: '41898282+github-actions[bot]@users.noreply.github.com' };

/**
 * A commit on top of `source`, on no branch, that adds dist/ and the version. Its dates are those of `source`: the same
 * sources and version give the same commit id, so that a second run can tell that the first was here.
 */
export async function releaseCommit(
  repository: string,
  release: { readonly version: string; readonly source: string; readonly dist: string },
): Promise<string> {
  const stage = await mkdtemp(join(tmpdir(), 'kajitori-release-'));
  try {
    await cp(release.dist, join(stage, 'tree/dist'), { recursive: true });
    const manifest = { ...(await manifestAt(repository, release.source)), version: release.version };
    await writeFile(join(stage, 'tree/package.json'), manifestText(manifest));
    const env = { GIT_INDEX_FILE: join(stage, 'index'), GIT_WORK_TREE: join(stage, 'tree') };
    await git(repository, ['read-tree', release.source], env);
    // --force: dist/ is ignored everywhere else. The settings: bytes and modes as they are, whatever the machine prefers.
    const exact = ['-c', 'core.autocrlf=false', '-c', 'core.fileMode=true'];
    const gitFolder = await git(repository, ['rev-parse', '--absolute-git-dir']);
    await git(
      join(stage, 'tree'),
      [...exact, `--git-dir=${gitFolder}`, 'add', '--force', 'dist', 'package.json'],
      env,
    );
    const tree = await git(repository, ['write-tree'], env);
    const date = await git(repository, ['show', '-s', '--format=%cI', release.source]);
    return await git(
      repository,
      ['commit-tree', tree, '-p', release.source, '-m', `Release ${release.version}`],
      {
        GIT_AUTHOR_NAME: bot.name,
        GIT_AUTHOR_EMAIL: bot.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: bot.name,
        GIT_COMMITTER_EMAIL: bot.email,
        GIT_COMMITTER_DATE: date,
      },
    );
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/**
 * Pushes the tag of a version. `there already`: an earlier run did. Failure: the version was released from other sources;
 * a tag that people pinned must never change.
 */
export async function pushTag(
  repository: string,
  remote: string,
  tag: string,
  commit: string,
): Promise<'pushed' | 'there already'> {
  const there = (await remoteTags(repository, remote)).get(tag);
  if (there === commit) return 'there already';
  if (there !== undefined) {
    throw couldNot(`${tag} is released already, from other sources (${there})`, {
      todo: 'release a higher version',
    });
  }
  await git(repository, ['push', '--quiet', remote, `${commit}:refs/tags/${tag}`]);
  return 'pushed';
}

/**
 * Moves the major tag to a version's commit, where the plan says so. Against the tags as they are now: a release that ran
 * at the same time may have been newer, and the lease makes the push fail if one gets between.
 */
export async function moveMajorTag(
  repository: string,
  remote: string,
  plan: ReleasePlan,
): Promise<'moved' | 'there already' | 'stays'> {
  if (!plan.movesMajor) return 'stays';
  const tags = await remoteTags(repository, remote);
  const commit = tags.get(plan.tag);
  if (commit === undefined) throw couldNot(`there is no tag ${plan.tag} yet`, { todo: 'push it first' });
  const before = tags.get(plan.majorTag);
  if (before === commit) return 'there already';
  const ref = `refs/tags/${plan.majorTag}`;
  // An empty expectation means: it must not exist.
  await git(repository, [
    'push',
    '--quiet',
    `--force-with-lease=${ref}:${before ?? ''}`,
    remote,
    `+${commit}:${ref}`,
  ]);
  return 'moved';
}

/** Writes the npm package of a release commit into a new folder: what package.json's `files` names, and nothing to install. */
export async function writePackage(repository: string, commit: string, folder: string): Promise<void> {
  const manifest = await manifestAt(repository, commit);
  const tracked = (await git(repository, ['ls-tree', '--name-only', '-r', commit])).split('\n');
  const wanted = [...manifest.files, 'README.md', 'LICENSE'].filter((path) =>
    tracked.some((file) => file === path || file.startsWith(`${path}/`)),
  );
  await mkdir(folder, { recursive: true });
  const archive = join(folder, '.archive.tar');
  await git(repository, ['archive', '--format=tar', '-o', archive, commit, '--', ...wanted]);
  await execa('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
  await writeFile(join(folder, 'package.json'), manifestText(publishedManifest(manifest, manifest.version)));
}
