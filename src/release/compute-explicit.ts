import { KAJITORI_FILE } from '../config/kajitori-yaml.ts';
import { couldNot, refused } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import { repositoryPath } from '../repository/path.ts';
import type { Tree } from '../repository/tree.ts';
import { editYaml, type YamlEdit } from '../yaml/edit.ts';
import { parseYaml } from '../yaml/parse.ts';
import { formatPath } from '../yaml/path.ts';
import type { Assignment } from './bump-request.ts';
import type { BumpResult } from './compute-bump.ts';

/** Values to set in files, for a repository that has no kajitori.yaml. */
export interface ExplicitRequest {
  readonly files: readonly string[];
  readonly assignments: readonly Assignment[];
  readonly source: string | undefined;
  readonly run: string | undefined;
  readonly reason: string | undefined;
  readonly via: 'commit' | 'pull-request' | undefined;
}

export const filesOfExplicit = (request: ExplicitRequest): readonly string[] => [
  KAJITORI_FILE,
  ...request.files.map(repositoryPath),
];

/**
 * Computes the explicit mode: each assignment in each file, all or none. Nothing is known here about apps, so nobody's
 * rights, order, holds or freezes can be checked; that is why a repository with kajitori.yaml refuses it.
 *
 * @throws Failure: exit 1 in a repository with kajitori.yaml, exit 2 for a file or value that is not there
 */
export async function computeExplicit(tree: Tree, request: ExplicitRequest): Promise<Change<BumpResult>> {
  if ((await tree.read(KAJITORI_FILE)) !== undefined) {
    throw refused(`${tree.name} has a ${KAJITORI_FILE}, so files and set are not allowed.`, {
      at: { file: KAJITORI_FILE },
      todo: 'Give app, environment and image: then order, holds and the right to deploy are checked.',
      reason: 'explicit-in-kajitori',
    });
  }
  const originals = new Map<string, string>();
  const edits = new Map<string, string>();
  for (const file of request.files) {
    const source = await tree.read(file);
    if (source === undefined) {
      throw couldNot(`The file does not exist in ${tree.name}.`, {
        at: { file },
        todo: 'Correct the path under files; it is relative to the root of the repository.',
        reason: 'no-release-file',
      });
    }
    const edited = assign(file, source, request.assignments);
    if (edited !== source) {
      originals.set(file, source);
      edits.set(file, edited);
    }
  }
  const set = request.assignments.map(({ path }) => formatPath(path)).join(', ');
  return {
    edits,
    via: request.via ?? 'commit',
    message: {
      headline: `Set ${set} in ${edits.size} file${edits.size === 1 ? '' : 's'}`,
      trailers: [
        ...(request.source === undefined ? [] : [{ name: 'Kajitori-Source', value: request.source }]),
        ...(request.run === undefined ? [] : [{ name: 'Kajitori-Run', value: request.run }]),
        { name: 'Kajitori-Action', value: 'bump' },
        ...(request.reason === undefined ? [] : [{ name: 'Kajitori-Reason', value: request.reason }]),
      ],
    },
    result: { environment: undefined, clusters: [], images: [], overridden: [], originals },
  };
}

function assign(file: string, source: string, assignments: readonly Assignment[]): string {
  const yaml = parseYaml(source, { file });
  const edits = assignments.flatMap(({ path, value }): readonly YamlEdit[] => {
    const before = yaml.get(path);
    if (before === undefined) {
      throw couldNot(`There is no value at ${formatPath(path)}.`, {
        at: yaml.placeOf(path),
        todo: 'Correct the path under set, or add the key to the file first: a misspelt path must not look like success.',
        reason: 'no-value-there',
      });
    }
    return before === value ? [] : [{ op: 'set', path, value }];
  });
  return edits.length === 0 ? source : editYaml(source, edits, { file });
}
