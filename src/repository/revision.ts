import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

/** What a pull request changes: the commit that it starts from, and the paths that differ from it. */
export interface ChangedPaths {
  /** The best common ancestor of the given revision and HEAD (40 hex digits). */
  readonly base: string;
  readonly head: string;
  /** Relative to the repository's root; the old and the new path of a file that moved. Also what nobody committed yet. */
  readonly paths: readonly string[];
  /** Whether the working copy has changes that are in no commit. */
  readonly dirty: boolean;
}

/**
 * What the working copy has changed since it left `revision`.
 *
 * @param root the folder of a git working copy, which is its top
 * @throws Failure (exit 2): `no-repository`, `unknown-revision`, `no-merge-base`
 */
export async function changedSince(root: string, revision: string): Promise<ChangedPaths> {
  const head = await commitOf(root, 'HEAD');
  const given = await commitOf(root, revision);
  const base = await tryGit(root, ['merge-base', given, head]);
  if (base === undefined) {
    throw couldNot(`${revision} and HEAD have no common commit here.`, {
      todo: 'Fetch the history too: in a workflow, actions/checkout with fetch-depth: 0.',
      reason: 'no-merge-base',
    });
  }
  const changed = await names(root, ['diff', '--name-only', '--no-renames', '-z', base, '--']);
  const untracked = await names(root, ['ls-files', '--others', '--exclude-standard', '-z']);
  const local = await names(root, ['diff', '--name-only', '--no-renames', '-z', 'HEAD', '--']);
  return {
    base,
    head,
    paths: [...new Set([...changed, ...untracked])].sort(),
    dirty: local.length + untracked.length > 0,
  };
}

/**
 * Writes the files of a commit into a new folder, as `git checkout` would, beside the working copy and without touching it, its
 * index or its branches. Submodules are left out; links stay links, and git itself does not write through them.
 *
 * `git archive` would leave out what `.gitattributes` says (export-ignore).
 *
 * @param folder must not exist
 */
export async function writeRevision(root: string, commit: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const index = `${folder}.index`;
  try {
    await git(root, ['read-tree', commit], { GIT_INDEX_FILE: index });
    await git(root, ['checkout-index', '--all', '--force', '--quiet', `--prefix=${folder}${path.sep}`], {
      GIT_INDEX_FILE: index,
    });
  } finally {
    await rm(index, { force: true });
  }
}

/** The commit of a name that a person gave. It never becomes an option of git. */
async function commitOf(root: string, revision: string): Promise<string> {
  if (revision !== '' && !revision.startsWith('-')) {
    const commit = await tryGit(root, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${revision}^{commit}`,
    ]);
    if (commit !== undefined) return commit;
  }
  const inside = await tryGit(root, ['rev-parse', '--show-toplevel']);
  if (inside === undefined) {
    throw couldNot(`${root} is no git repository.`, {
      todo: 'Run it in a clone of the GitOps repository.',
      reason: 'no-repository',
    });
  }
  throw couldNot(`There is no commit ${JSON.stringify(revision)} here.`, {
    todo: 'Fetch it first (git fetch origin); in a workflow, actions/checkout with fetch-depth: 0.',
    reason: 'unknown-revision',
  });
}

async function names(root: string, args: readonly string[]): Promise<readonly string[]> {
  const text = await git(root, args);
  return text.split('\0').filter((name) => name !== '');
}

/** Variables by which an outer git (a hook) would send ours elsewhere. */
const NO_OUTER_GIT = {
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_PREFIX: undefined,
};

async function git(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const result = await execa('git', ['-C', root, '-c', 'core.quotePath=false', ...args], {
    reject: false,
    stripFinalNewline: false,
    env: { ...NO_OUTER_GIT, ...env },
  });
  if (result.exitCode !== 0) {
    throw couldNot(
      `git ${args[0] ?? ''} failed: ${String(result.stderr).trim() || (result.shortMessage ?? '')}`,
      {
        todo: 'Run git status there; when git speaks of dubious ownership, add the folder to safe.directory.',
        reason: 'git-failed',
      },
    );
  }
  return result.stdout;
}

async function tryGit(root: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execa('git', ['-C', root, ...args], { reject: false, env: NO_OUTER_GIT });
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}
