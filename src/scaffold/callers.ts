import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { suiteFile } from '../repository/suite.ts';
import type { Tree } from '../repository/tree.ts';
import type { GeneratedFile } from './generated-files.ts';
import { fillTemplate } from './template.ts';

interface Caller {
  readonly path: string;
  readonly about: string;
}

const CALLERS: readonly Caller[] = [
  { path: '.github/workflows/new-app.yml', about: 'the form of a new app' },
  { path: '.github/ISSUE_TEMPLATE/new-app.yml', about: 'the same as an issue' },
  { path: '.github/workflows/add-cronjob.yml', about: 'the form of a cron job' },
  { path: '.github/workflows/run.yml', about: 'the form of a command, run once' },
];

/** What every GitOps repository gets, whatever its layout. */
const FOR_ALL: readonly Caller[] = [
  { path: '.github/workflows/rollback.yml', about: 'the form that goes back to an earlier release' },
  { path: '.github/workflows/hold.yml', about: 'the form that stops deploys' },
  { path: '.github/workflows/wait.yml', about: 'waits for what is merged, and finishes what a run left' },
  { path: '.github/workflows/render-diff.yml', about: 'what a pull request changes in each cluster' },
];

/** Where kajitori.yaml promotes. */
const PROMOTION: Caller = {
  path: '.github/workflows/promote.yml',
  about: 'the form that promotes to the next environment, and its schedule',
};

/** Runs often enough that nobody waits for it, and seldom enough that nobody pays for it. */
const SCHEDULE = `
  schedule:
    - cron: '*/15 * * * *' # what has passed its gates, where promote.automatic is true`;

/**
 * The files that waiting finds apps by (deploy/affected-apps.ts). None in another layout: it is not known there which files
 * an app is made from.
 */
const pushOf = (branch: string): string => `
  # What people change. Not the release files: the run that writes one waits for it.
  push:
    branches: [${JSON.stringify(branch)}]
    paths: ['apps/**', '!apps/*/release.*.yaml', 'charts/app/**', 'defaults/**', 'argocd/**']`;

/** The release files, as a filter of paths. */
const releasesOf = ({ apps }: KajitoriConfig): string =>
  JSON.stringify((apps?.release ?? 'apps/{app}/release.{environment}.yaml').replaceAll(/\{[a-z]+\}/g, '*'));

function callersOf(config: KajitoriConfig): readonly Caller[] {
  const promotes = environmentsOf(config).some(({ promoteFrom }) => promoteFrom !== undefined);
  return [
    ...(layoutOf(config).kind === 'standard' ? CALLERS : []),
    ...FOR_ALL,
    ...(promotes ? [PROMOTION] : []),
  ];
}

/** Where they stand. */
export const callerPaths = (config: KajitoriConfig): readonly string[] =>
  callersOf(config).map(({ path }) => path);

/**
 * The forms and checks of a GitOps repository: workflows that only call ours, at the version that kajitori.yaml names. No
 * forms in another layout: what they add are apps of the standard chart.
 */
export async function callers(config: KajitoriConfig, suite: Tree): Promise<readonly GeneratedFile[]> {
  const environments = environmentsOf(config);
  const branch = config.repository?.branch ?? 'main';
  const promoted = environments.filter(({ promoteFrom }) => promoteFrom !== undefined);
  return Promise.all(
    callersOf(config).map(async ({ path, about }) => {
      const template = await suiteFile(suite, `templates/gitops/${path}`);
      const values = {
        VERSION: config.version,
        ENVIRONMENTS: environments.map(({ name }) => name).join(', '),
        PROMOTED: promoted.map(({ name }) => name).join(', '),
        ARGOCD: config.argocd?.notifications === true ? 'notifications' : '',
        BRANCH: JSON.stringify(branch),
        DEPLOYS: JSON.stringify(environments.map(({ name }) => ({ environment: name }))),
        PUSH: layoutOf(config).kind === 'standard' ? pushOf(branch) : '',
        RELEASES: releasesOf(config),
        SCHEDULE: promoted.some(({ promote }) => promote.automatic) ? SCHEDULE : '',
      };
      const needed = Object.entries(values).filter(([name]) => template.includes(`__${name}__`));
      return { path, about, text: fillTemplate(template, Object.fromEntries(needed)) };
    }),
  );
}
