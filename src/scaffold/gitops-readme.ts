import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { suiteFile } from '../repository/suite.ts';
import type { Tree } from '../repository/tree.ts';
import { fillTemplate } from './template.ts';

/** The first README of a GitOps repository. From then on it is the user's own. */
export async function gitOpsReadme(suite: Tree, config: KajitoriConfig): Promise<string> {
  const rows = environmentsOf(config).map(
    ({ name, clusters, promoteFrom }) =>
      `| ${name} | ${clusters.map((cluster) => cluster.name).join(', ')} | ${promoteFrom ?? ''} |`,
  );
  return fillTemplate(await suiteFile(suite, 'templates/gitops/README.md'), {
    ENVIRONMENTS: ['| environment | clusters | promoted from |', '| --- | --- | --- |', ...rows].join('\n'),
  });
}
