import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Tree } from '../repository/tree.ts';
import { callerPaths } from '../scaffold/callers.ts';
import { type Check, ok, warn } from './check.ts';

/** The forms and checks that people use in the GitOps repository, and whether they call a version that exists for them. */
export async function checkCallers(tree: Tree, config: KajitoriConfig): Promise<readonly Check[]> {
  const name = 'workflows';
  const paths = callerPaths(config);
  const texts = await Promise.all(paths.map(async (path) => [path, await tree.read(path)] as const));
  const missing = texts.filter(([, text]) => text === undefined).map(([path]) => path);
  const callsOurs = new RegExp(
    `/\\.github/workflows/[\\w-]+\\.yml@${config.version.replaceAll('.', '\\.')}\\s`,
  );
  const other = texts
    .filter(([path, text]) => path.includes('/workflows/') && text !== undefined && !callsOurs.test(text))
    .map(([path]) => path);
  return [
    ...(missing.length === 0
      ? []
      : [
          warn(
            name,
            `These workflows are missing, so nobody can use their forms: ${missing.join(', ')}.`,
            'Run `kajitori init` (with --adopt in a repository that was adopted), and commit the result.',
          ),
        ]),
    ...(other.length === 0
      ? []
      : [
          warn(
            name,
            `These do not call Kajitori ${config.version}, which kajitori.yaml names: ${other.join(', ')}.`,
            'Run `kajitori regenerate`, and commit the result.',
          ),
        ]),
    ...(missing.length + other.length > 0
      ? []
      : [ok(name, `The ${paths.length} forms and checks are there.`)]),
  ];
}
