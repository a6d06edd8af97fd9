import { execa } from 'execa';

/**
 * The URL of `origin` of a working copy, without user and password; undefined when there is none.
 *
 * Credentials in remote URLs are common on build machines, and this one ends up in a file.
 */
export async function gitRemoteUrl(folder: string): Promise<string | undefined> {
  const result = await execa('git', ['-C', folder, 'config', '--get', 'remote.origin.url'], {
    reject: false,
  });
  const url = typeof result.stdout === 'string' ? result.stdout.trim() : '';
  return result.exitCode !== 0 || url === '' ? undefined : url.replace(/^(https?:\/\/)[^/@]*@/, '$1');
}
