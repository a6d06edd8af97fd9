import { execa } from 'execa';
import { parseTrailers } from '../../src/repository/commit-message.ts';
import { imageOf, releaseFile } from './gitops-files.ts';
import type { Report } from './writer.ts';

/** What the history of the repository says about a run. Zeros are good. */
export interface Verdict {
  readonly commits: number;
  /** A writer said that it wrote, and there is no commit with its key, or its app ends at something older. */
  readonly lost: number;
  /** Commits too many with one key, or for one app and one commit of the source. */
  readonly duplicates: number;
  /** Commits that put an older commit of the source over a newer one. */
  readonly olderOverNewer: number;
  /** Writers that gave up. */
  readonly gaveUp: number;
}

interface Deployed {
  readonly app: string;
  readonly nth: number;
  readonly key: string;
}

/** The deploys on main, oldest first, by git itself. */
async function deploys(gitDir: string, commits: readonly string[]): Promise<readonly Deployed[]> {
  const { stdout } = await execa('git', [
    '--git-dir',
    gitDir,
    'log',
    '--reverse',
    '--first-parent',
    '-z',
    '--format=%B',
    'main',
  ]);
  return stdout.split('\0').flatMap((message) => {
    const trailers = new Map(parseTrailers(message).map(({ name, value }) => [name, value]));
    const app = trailers.get('Kajitori-App');
    const source = trailers.get('Kajitori-Source')?.split('@')[1] ?? '';
    return app === undefined
      ? []
      : [{ app, nth: commits.indexOf(source), key: trailers.get('Kajitori-Key') ?? '' }];
  });
}

const surplus = (names: readonly string[]): number => names.length - new Set(names).size;

/** Judges a run by git's history and the files at main, not by what our code answered. */
export async function judge(
  gitDir: string,
  commits: readonly string[],
  reports: readonly Report[],
): Promise<Verdict> {
  const history = await deploys(gitDir, commits);
  const keys = new Set(history.map(({ key }) => key));
  const newest = new Map<string, number>();
  for (const { writer, said } of reports) {
    if (said !== 'gave-up') {
      newest.set(writer.app, Math.max(newest.get(writer.app) ?? 0, writer.nth));
    }
  }
  let behind = 0;
  for (const [app, nth] of newest) {
    const { stdout } = await execa('git', ['--git-dir', gitDir, 'show', `main:${releaseFile(app)}`]);
    if (!stdout.includes(imageOf(app, nth).digest)) {
      behind++;
    }
  }
  const last = new Map<string, number>();
  let olderOverNewer = 0;
  for (const { app, nth } of history) {
    olderOverNewer += nth < (last.get(app) ?? 0) ? 1 : 0;
    last.set(app, nth);
  }
  return {
    commits: history.length,
    lost: behind + reports.filter(({ said, writer }) => said === 'wrote' && !keys.has(writer.key)).length,
    duplicates:
      surplus(history.map(({ key }) => key)) + surplus(history.map(({ app, nth }) => `${app}@${nth}`)),
    olderOverNewer,
    gaveUp: reports.filter(({ said }) => said === 'gave-up').length,
  };
}
