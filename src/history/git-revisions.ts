import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';
import { repositoryPath } from '../repository/path.ts';
import { type Revision, type Revisions, upTo } from './revisions.ts';

/** Signs that no commit message holds: git refuses NUL in them. */
const FIELD = '%x00';
const FORMAT = ['%H', '%cI', '%an', '%B', ''].join(FIELD);
const FIELDS = 4;

/** The history of the working copy in a folder, as far as it is there. */
export function gitRevisions(folder: string): Revisions {
  const git = async (...parameters: readonly string[]) => {
    const result = await execa('git', ['-C', folder, ...parameters], {
      reject: false,
      stripFinalNewline: false,
      // A path is a path, whatever signs are in it.
      env: { GIT_LITERAL_PATHSPECS: '1' },
      maxBuffer: 64 * 1024 * 1024,
    });
    if (result.exitCode !== 0) {
      throw couldNot(`git could not read the history here: ${result.stderr.trim().split('\n')[0] ?? ''}`, {
        todo: 'Run it in a clone of the GitOps repository, or name it with --repository owner/name.',
        reason: 'no-history',
      });
    }
    return result.stdout;
  };
  const show = async (commit: string, file: string): Promise<string | undefined> => {
    const there = await git('ls-tree', '-z', commit, '--', repositoryPath(file));
    const [, type, oid] = /^\d+ (\w+) ([0-9a-f]+)\t/.exec(there) ?? [];
    return type === 'blob' && oid !== undefined ? git('cat-file', 'blob', oid) : undefined;
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
      const revisions: Revision[] = [];
      for (let index = 0; index + FIELDS <= fields.length; index += FIELDS) {
        const [commit = '', at = '', author = '', message = ''] = fields.slice(index, index + FIELDS);
        revisions.push({
          commit: commit.trim(),
          url: undefined,
          at: new Date(at),
          author,
          message: message.trimEnd(),
          read: (file) => show(commit.trim(), file),
        });
      }
      const shallow = (await git('rev-parse', '--is-shallow-repository')).trim() === 'true';
      const more = shallow || revisions.length > limit;
      return upTo({ revisions: revisions.slice(0, limit), more }, since);
    },
  };
}
