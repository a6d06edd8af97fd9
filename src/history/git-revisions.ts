import { execa } from 'execa';
import { isPulled } from '../release/merged-proposal.ts';
import { couldNot } from '../report/failure.ts';
import { repositoryPath } from '../repository/path.ts';
import { gitFiles } from './git-files.ts';
import { asMerged, type Revision, type Revisions, upTo } from './revisions.ts';

/** Signs that no commit message holds: git refuses NUL in them. */
const FIELD = '%x00';
const FORMAT = ['%H', '%cI', '%an', '%B', ''].join(FIELD);
const FIELDS = 4;

/** The history of the working copy in a folder, as far as it is there. */
export function gitRevisions(folder: string): Revisions {
  const unreadable = (stderr: string) =>
    couldNot(`git could not read the history here: ${stderr.trim().split('\n')[0] ?? ''}`, {
      todo: 'Run it in a clone of the GitOps repository, or name it with --repository owner/name.',
      reason: 'no-history',
    });
  const git = async (...parameters: readonly string[]) => {
    const result = await execa('git', ['-C', folder, ...parameters], {
      reject: false,
      stripFinalNewline: false,
      // A path is a path, whatever signs are in it.
      env: { GIT_LITERAL_PATHSPECS: '1' },
      maxBuffer: 64 * 1024 * 1024,
    });
    if (result.exitCode !== 0) throw unreadable(result.stderr);
    return result.stdout;
  };
  const read = gitFiles(async (input) => {
    const result = await execa('git', ['-C', folder, 'cat-file', '--batch'], {
      input,
      reject: false,
      encoding: 'buffer',
      stripFinalNewline: false,
      maxBuffer: 256 * 1024 * 1024,
    });
    if (result.exitCode !== 0) throw unreadable(Buffer.from(result.stderr).toString());
    return result.stdout;
  });
  /** Read once: the commits of the branch itself, newest first, with their first lines. */
  let trunk: Promise<ReadonlyMap<string, string>> | undefined;
  const trunkOf = async () => {
    const lines = (await git('log', '--first-parent', '--format=%H %s')).trimEnd().split('\n');
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
  };
  /** The merge commit that brought a commit to the branch; undefined where it was made on the branch. */
  const mergeOf = async (
    commit: string,
  ): Promise<{ readonly commit: string; readonly at: Date } | undefined> => {
    trunk ??= trunkOf();
    const subjects = await trunk;
    if (subjects.has(commit)) return undefined;
    const after = (await git('rev-list', '--topo-order', '--ancestry-path', `${commit}..HEAD`)).split('\n');
    const merge = after.findLast((each) => subjects.has(each));
    if (merge === undefined || isPulled(subjects.get(merge) ?? '')) return undefined;
    return { commit: merge, at: new Date((await git('show', '--no-patch', '--format=%cI', merge)).trim()) };
  };
  return {
    changing: async (path, _files, { limit, since }) => {
      // One more than asked for tells whether there is more. Paths are relative to the folder, which need not be the root of the clone.
      const log = await git(
        'log',
        `--format=${FORMAT}`,
        `--max-count=${limit + 1}`,
        '--',
        repositoryPath(path),
      );
      const fields = log.split('\0');
      const revisions: (Revision & { readonly isMerged: boolean })[] = [];
      for (let index = 0; index + FIELDS <= fields.length; index += FIELDS) {
        const [commit = '', at = '', author = '', message = ''] = fields.slice(index, index + FIELDS);
        const merge = await mergeOf(commit.trim());
        const brought = merge ?? { commit: commit.trim(), at: new Date(at) };
        revisions.push({
          ...brought,
          isMerged: merge !== undefined,
          url: undefined,
          author,
          message: message.trimEnd(),
          read: async (file) => read(brought.commit, repositoryPath(file)),
        });
      }
      const shallow = (await git('rev-parse', '--is-shallow-repository')).trim() === 'true';
      const more = shallow || revisions.length > limit;
      return upTo({ revisions: asMerged(revisions.slice(0, limit)), more }, since);
    },
  };
}
