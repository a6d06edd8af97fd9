import { execa } from 'execa';
import { couldNot } from '../report/failure.ts';

/** Somebody of the story who works with git. */
export interface Person {
  readonly login: string;
  readonly name: string;
  readonly email: string;
  /** For the GitHub of the demo. */
  readonly token: string;
  /** Milliseconds since the epoch: when what they do happens, in the time of the story. */
  readonly now: () => number;
}

/**
 * Runs the real git as a person of the story, in a folder.
 *
 * Nothing of this machine's own configuration counts: signing, hooks or rewritten URLs would change the story, and a
 * proxy would take it off the machine.
 *
 * @returns what it prints, without the last line end
 * @throws Failure (exit 2) with git's own words
 */
export async function git(folder: string, args: readonly string[], person: Person): Promise<string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  const date = new Date(person.now()).toISOString();
  const basic = Buffer.from(`${person.login}:${person.token}`).toString('base64');
  const result = await execa('git', ['-C', folder, ...args], {
    reject: false,
    extendEnv: false,
    env: {
      ...Object.fromEntries(kept),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      // In the environment and not among the arguments, where other users of this machine could read it.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
      GIT_AUTHOR_NAME: person.name,
      GIT_AUTHOR_EMAIL: person.email,
      GIT_COMMITTER_NAME: person.name,
      GIT_COMMITTER_EMAIL: person.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
      no_proxy: '127.0.0.1',
      NO_PROXY: '127.0.0.1',
      LC_ALL: 'C',
    },
  });
  if (result.exitCode !== 0) {
    const said = String(result.stderr).trim() || (result.shortMessage ?? '');
    throw couldNot(`git ${args[0] ?? ''} failed: ${said}`, {
      todo: 'Git 2.31 or newer must be on PATH.',
      reason: 'git-failed',
    });
  }
  return String(result.stdout);
}

/** Commits everything in a clone and pushes it. Returns the commit. */
export async function commitAndPush(clone: string, message: string, person: Person): Promise<string> {
  await git(clone, ['add', '--all'], person);
  await git(clone, ['commit', '--quiet', `--message=${message}`], person);
  await git(clone, ['push', '--quiet', 'origin', 'HEAD'], person);
  return git(clone, ['rev-parse', 'HEAD'], person);
}
