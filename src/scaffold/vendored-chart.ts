import { filesBelow, suiteFile } from '../repository/suite.ts';
import type { Tree } from '../repository/tree.ts';

const CHART = 'charts/app';

/** What Helm reads of a chart; our own tests of it stay here. */
const PARTS =
  /^charts\/app\/(?:Chart\.yaml|values\.yaml|values\.schema\.json|README\.md|\.helmignore|templates\/(?!tests\/).+|files\/.+)$/;

/** The standard chart as `init` copies it into a GitOps repository: path → text. */
export async function vendoredChart(suite: Tree): Promise<ReadonlyMap<string, string>> {
  const files = (await filesBelow(suite, CHART)).filter((file) => PARTS.test(file));
  return new Map(await Promise.all(files.map(async (file) => [file, await suiteFile(suite, file)] as const)));
}
