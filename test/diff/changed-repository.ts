import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { openRenderer } from '../../src/diff/render-side.ts';
import { type DiffInputs, runDiff } from '../../src/diff/run-diff.ts';

/** Files by path; null for one that is not there any more. */
export type Files = Readonly<Record<string, string | null>>;

/** The URL by which the applications of the fixtures name their repository. */
export const HERE = 'https://github.com/acme/deploy';

/** A git repository with these files in its one commit, in which something is then changed. */
export async function repositoryOf(files: Files) {
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-diff-'));
  const root = join(folder, 'deploy');
  const git = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await execa('git', [
      '-C',
      root,
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@example.com',
      ...args,
    ]);
    return stdout;
  };
  const write = async (changes: Files): Promise<void> => {
    for (const [file, text] of Object.entries(changes)) {
      const target = join(root, file);
      await mkdir(dirname(target), { recursive: true });
      if (text === null) await rm(target);
      else await writeFile(target, text);
    }
  };
  await execa('git', ['init', '-q', '-b', 'main', root]);
  await write(files);
  await git('add', '-A');
  await git('commit', '-qm', 'Base');
  return {
    root,
    git,
    write,
    /** What these changes do, compared with the last commit. */
    diff: async (changes: Files = {}, inputs: Partial<DiffInputs> = {}) => {
      await write(changes);
      const renderer = openRenderer({ ...process.env, KAJITORI_CACHE: join(folder, 'cache') }, Date.now);
      return runDiff(
        { root, base: 'HEAD', app: undefined, cluster: undefined, ...inputs },
        { render: renderer.render, urls: [HERE], onProgress: () => {} },
      );
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** An Application of a folder in the repository. */
export const application = (name: string, path: string, more = '', metadata = ''): string => `\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: ${name}, namespace: argocd${metadata}}
spec:
  project: default
  source: {repoURL: ${HERE}, path: ${path}}
  destination: {server: https://kubernetes.default.svc, namespace: ${name}}
${more}`;

export const configMap = (name: string, value: string): string => `\
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
data: {value: ${JSON.stringify(value)}}
`;
