import { parseAppName } from '../config/app-name.ts';
import { chartSource } from '../config/chart-source.ts';
import {
  environmentsOf,
  KAJITORI_FILE,
  type KajitoriConfig,
  parseKajitoriYaml,
} from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { environmentName } from '../config/names.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { couldNot } from '../report/failure.ts';
import { suiteFile } from '../repository/suite.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import { callers } from './callers.ts';
import { CODE_OWNERS_FILES, codeOwnersRegion, replaceCodeOwnersRegion } from './code-owners.ts';
import { type AnswersGiven, collectAnswers } from './collect-answers.ts';
import {
  clusterDefaults,
  clusterDefaultsFile,
  PLATFORM_DEFAULTS_FILE,
  platformDefaults,
} from './defaults.ts';
import { type Detection, detect, formatDetected, withRemote } from './detect.ts';
import { generatedFiles } from './generated-files.ts';
import { gitOpsReadme } from './gitops-readme.ts';
import { editsOf, formatPlan, type InitPlan, isBlocked, type ProposedFile, planFiles } from './init-plan.ts';
import { kajitoriYamlText } from './kajitori-yaml-text.ts';
import { hasTeamRoles } from './platform-setting.ts';
import type { Questions } from './questions.ts';
import { readApps } from './read-apps.ts';
import { fillTemplate } from './template.ts';
import { vendoredChart } from './vendored-chart.ts';

/** What was given by flags. What is missing is detected, then asked. */
export interface InitInputs extends AnswersGiven {
  /** Set for an app's repository instead of the GitOps repository: only the caller workflow is written there. */
  readonly appRepository?: AppRepositoryInputs | undefined;
  readonly dryRun: boolean;
}

export interface AppRepositoryInputs {
  readonly app: string;
  /** `acme/gitops` */
  readonly gitops: string;
}

export interface InitDependencies {
  /** The working copy that is set up, and how it is written. */
  readonly repository: Tree & { write(edits: FileEdits): Promise<void> };
  /** The files of the package kajitori (`openSuite`). */
  readonly suite: Tree;
  /** The URL of the git remote `origin`, undefined when there is none. */
  readonly remoteUrl: () => Promise<string | undefined>;
  /** Undefined where nobody can be asked: no terminal, or `--yes`. */
  readonly questions: Questions | undefined;
  /** Shows the plan, and what was detected; nothing for `--json`. */
  readonly show: (text: string) => void;
}

export interface InitOutputs {
  readonly plan: readonly { readonly path: string; readonly state: InitPlan['files'][number]['state'] }[];
  readonly detected: readonly Detection[];
  /** What was written; empty for a dry run. */
  readonly written: readonly string[];
  readonly changed: boolean;
  readonly reason: 'written' | 'nothing-to-do' | 'dry-run' | 'declined' | 'blocked';
  /** 1 when nothing could be done because other texts stand where generated files should; else 0. */
  readonly exitCode: 0 | 1;
}

/**
 * `kajitori init`: sets up a GitOps repository, or adds what is missing to one that exists. Everything is made in
 * memory, shown, then written at once. No file that exists is overwritten; in CODEOWNERS only our region changes.
 *
 * @throws Failure (exit 2) when an answer is missing and nobody can be asked, or cannot be
 */
export async function runInit(inputs: InitInputs, deps: InitDependencies): Promise<InitOutputs> {
  const { proposed, detected } =
    inputs.appRepository === undefined
      ? await gitOpsFiles(inputs, deps)
      : {
          proposed: [await callerWorkflow(inputs, inputs.appRepository, deps.suite)],
          detected: [],
        };
  const plan = await planFiles(deps.repository, proposed);
  deps.show(formatPlan(plan, deps.repository.name));
  const edits = editsOf(plan);
  const about = { plan: plan.files.map(({ path, state }) => ({ path, state })), detected };
  const nothing = { ...about, written: [], changed: false } as const;
  if (edits.size === 0) {
    return isBlocked(plan)
      ? { ...nothing, reason: 'blocked', exitCode: 1 }
      : { ...nothing, reason: 'nothing-to-do', exitCode: 0 };
  }
  if (inputs.dryRun) {
    return { ...nothing, reason: 'dry-run', exitCode: 0 };
  }
  if (deps.questions !== undefined && !(await deps.questions.confirm('Write these files?'))) {
    return { ...nothing, reason: 'declined', exitCode: 0 };
  }
  await deps.repository.write(edits);
  return { ...about, written: [...edits.keys()], changed: true, reason: 'written', exitCode: 0 };
}

interface Proposal {
  readonly proposed: readonly ProposedFile[];
  readonly detected: readonly Detection[];
}

async function gitOpsFiles(inputs: InitInputs, deps: InitDependencies): Promise<Proposal> {
  const existing = await deps.repository.read(KAJITORI_FILE);
  if (existing !== undefined) {
    refuseAnswers(inputs);
    const config = parseKajitoriYaml(existing);
    return { proposed: await filesFor(config, existing, deps), detected: [] };
  }
  const found = await detect(deps.repository);
  const detected = found.url === undefined ? withRemote(found, await deps.remoteUrl()) : found;
  deps.show(formatDetected(detected));
  const text = kajitoriYamlText(await collectAnswers(inputs, detected, deps.questions));
  return { proposed: await filesFor(parseKajitoriYaml(text), text, deps), detected: detected.detections };
}

/** Flags beside an existing kajitori.yaml would be silently without effect. */
function refuseAnswers(inputs: InitInputs): void {
  const given = Object.entries({
    '--environment': inputs.environments.length > 0,
    '--cluster': inputs.clusters.length > 0,
    '--registry': inputs.registries.length > 0,
    '--teams': inputs.teams !== undefined,
    '--platform-team': inputs.platformTeam !== undefined,
    '--url': inputs.url !== undefined,
    '--branch': inputs.branch !== undefined,
  }).flatMap(([flag, isGiven]) => (isGiven ? [flag] : []));
  if (given.length > 0) {
    throw couldNot(`${KAJITORI_FILE} is there already, so ${given.join(', ')} would change nothing.`, {
      at: { file: KAJITORI_FILE },
      todo: `Edit ${KAJITORI_FILE}, and run init without these.`,
      reason: 'already-configured',
    });
  }
}

/** All files of a GitOps repository with this configuration. */
async function filesFor(
  config: KajitoriConfig,
  text: string,
  { repository, suite }: InitDependencies,
): Promise<ProposedFile[]> {
  const environments = environmentsOf(config);
  const apps = await readApps(repository, config);
  const codeOwners =
    config.teams === undefined ? [] : [await codeOwnersFile(repository, codeOwnersRegion(config, apps))];
  const configuration: ProposedFile = {
    path: KAJITORI_FILE,
    text,
    about: 'environments, clusters, registries',
    kind: 'first',
  };
  if (layoutOf(config).kind === 'patterns') {
    // Another layout has its own Applications and charts; ours beside them would deploy everything twice.
    return [configuration, ...codeOwners];
  }
  const vendored = environments.some(({ name }) => chartSource(config, name).kind === 'vendored');
  const chart = vendored ? await vendoredChart(suite) : new Map<string, string>();
  return [
    configuration,
    ...[
      ...generatedFiles(config, apps, await hasTeamRoles(repository, config)),
      ...(await callers(config, suite)),
    ].map((file): ProposedFile => ({ ...file, kind: 'generated' })),
    {
      path: PLATFORM_DEFAULTS_FILE,
      text: platformDefaults(config),
      about: 'values for every app',
      kind: 'first',
    },
    ...environments
      .flatMap(({ clusters }) => clusters)
      .map(
        (cluster): ProposedFile => ({
          path: clusterDefaultsFile(cluster.name),
          text: clusterDefaults(config, cluster),
          about: `values for every app in ${cluster.name}`,
          kind: 'first',
        }),
      ),
    ...[...chart].map(
      ([path, content]): ProposedFile => ({
        path,
        text: content,
        about: path === 'charts/app/Chart.yaml' ? 'the standard chart' : '',
        kind: 'generated',
        whole: 'charts/app',
      }),
    ),
    {
      path: 'README.md',
      text: await gitOpsReadme(suite, config),
      about: 'what is where, for people',
      kind: 'first',
    },
    ...codeOwners,
  ];
}

async function codeOwnersFile(repository: Tree, region: string): Promise<ProposedFile> {
  for (const path of CODE_OWNERS_FILES) {
    const existing = await repository.read(path);
    if (existing !== undefined) {
      const text = replaceCodeOwnersRegion(existing, region, path);
      return { path, text, about: 'who owns what', kind: 'region' };
    }
  }
  return { path: CODE_OWNERS_FILES[0], text: region, about: 'who owns what', kind: 'region' };
}

const RELEASE_WORKFLOW = 'kajitori/kajitori/.github/workflows/release.yml@v1';

async function callerWorkflow(
  inputs: InitInputs,
  { app, gitops }: AppRepositoryInputs,
  suite: Tree,
): Promise<ProposedFile> {
  const names = inputs.environments.map((text) => text.split('=')[0] ?? '');
  const environments = names.length > 0 ? names : ['staging', 'production'];
  for (const name of environments) {
    if (!environmentName.safeParse(name).success) {
      throw couldNot(`${JSON.stringify(name)} cannot be the name of an environment.`, {
        todo: 'Use the names in kajitori.yaml of the GitOps repository.',
        reason: 'bad-answer',
      });
    }
  }
  const { owner, name } = parseRepositoryName(gitops);
  const text = fillTemplate(await suiteFile(suite, 'templates/app-repository/deploy.yml'), {
    APP: parseAppName(app),
    GITOPS: `${owner}/${name}`,
    ENVIRONMENTS: environments.join(', '),
    FIRST_ENVIRONMENT: environments[0] ?? '',
    RELEASE_WORKFLOW,
  });
  return {
    path: '.github/workflows/deploy.yml',
    text,
    about: `calls the release workflow for ${app}`,
    kind: 'first',
  };
}
