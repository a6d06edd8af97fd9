import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import type { Tree } from '../repository/tree.ts';
import type { GeneratedFile } from './generated-files.ts';
import { suiteFile } from './suite-files.ts';
import { fillTemplate } from './template.ts';

interface Caller {
  readonly path: string;
  readonly about: string;
  /** Adds to apps of the standard chart, so it has no place in another layout. */
  readonly standardOnly: boolean;
}

const CALLERS: readonly Caller[] = [
  { path: '.github/workflows/new-app.yml', about: 'the form of a new app', standardOnly: false },
  { path: '.github/ISSUE_TEMPLATE/new-app.yml', about: 'the same as an issue', standardOnly: false },
  { path: '.github/workflows/add-cronjob.yml', about: 'the form of a cron job', standardOnly: true },
];

/** The forms of a GitOps repository: workflows that only call ours, at the version that kajitori.yaml names. */
export async function callers(config: KajitoriConfig, suite: Tree): Promise<readonly GeneratedFile[]> {
  const ours = CALLERS.filter(({ standardOnly }) => !standardOnly || layoutOf(config).kind === 'standard');
  return Promise.all(
    ours.map(async ({ path, about }) => {
      const template = await suiteFile(suite, `templates/gitops/${path}`);
      const values = template.includes('__VERSION__') ? { VERSION: config.version } : {};
      return { path, about, text: fillTemplate(template, values) };
    }),
  );
}
