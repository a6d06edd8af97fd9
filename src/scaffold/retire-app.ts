import { environmentsOf, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Timing } from '../github/timing.ts';
import type { Change } from '../repository/change.ts';
import type { CommitMessage } from '../repository/commit-message.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { filesBelow } from '../repository/suite.ts';
import type { FileEdits, Tree } from '../repository/tree.ts';
import { parseYaml } from '../yaml/parse.ts';
import { appProjectFile } from './app-project.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { changeJson, changeText } from './change-report.ts';
import { CODE_OWNERS_FILES, codeOwnersRegion, replaceCodeOwnersRegion } from './code-owners.ts';
import { valuesHeader } from './first-values.ts';
import { valuesFile } from './new-app.ts';
import { readApps } from './read-apps.ts';
import { readConfig } from './read-config.ts';
import { demandStandardApp } from './standard-app.ts';

/**
 * - `stop`: the app's values become empty, so that Argo CD takes its workloads away in all clusters. It can be undone by
 *   reverting one commit.
 * - `remove`: its files, its project and its owner go.
 */
export type RetireStep = 'stop' | 'remove';

export interface RetireResult {
  readonly app: string;
  readonly step: RetireStep;
  /** What to do after this step, and what stays: sentences and commands. */
  readonly next: readonly string[];
}

/** Values that say nothing; the comment is for whoever looks why. */
const nothingLeft = (config: KajitoriConfig): string =>
  `${valuesHeader(config)}# Retired: nothing runs any more. \`kajitori retire app\` again removes the files.\n{}\n`;

/**
 * The next step that takes an app away. Which one it is stands in the files: an app whose values are empty is stopped.
 *
 * Two steps, because removing everything at once would leave the workloads running for ever: an Application whose release
 * file is gone is not deleted (`applicationsSync: create-update`), it only cannot be rendered any more.
 *
 * @param app a name that `parseAppName` returned
 * @throws Failure (exit 2, `unknown-app`, `other-layout`)
 */
export async function computeRetire(
  tree: Tree,
  app: string,
  run: string | undefined,
): Promise<Change<RetireResult>> {
  const config = await readConfig(tree);
  await demandStandardApp(tree, config, app);
  const files = await filesBelow(tree, `apps/${app}`);
  const stop = await stopEdits(tree, config, app, files);
  const step: RetireStep = stop.size > 0 ? 'stop' : 'remove';
  const edits = step === 'stop' ? stop : await removeEdits(tree, config, app, files);
  const result: RetireResult = { app, step, next: nextOf(config, app, step) };
  return { edits, message: messageOf(result, run), via: 'pull-request', result };
}

/** Everything of the developers' own: the values of all environments, and the plain manifests. */
async function stopEdits(
  tree: Tree,
  config: KajitoriConfig,
  app: string,
  files: readonly string[],
): Promise<FileEdits> {
  const edits = new Map<string, string | null>();
  const values = valuesFile(app);
  const text = await tree.read(values);
  const { value } = parseYaml(text ?? '', { file: values });
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    edits.set(values, nothingLeft(config));
  }
  const own = new Set(
    environmentsOf(config).flatMap(({ name }) => [
      `apps/${app}/values.${name}.yaml`,
      `apps/${app}/resources.${name}.yaml`,
    ]),
  );
  for (const file of files) {
    if (own.has(file) || file.startsWith(`apps/${app}/extra/`)) {
      edits.set(file, null);
    }
  }
  return edits;
}

async function removeEdits(
  tree: Tree,
  config: KajitoriConfig,
  app: string,
  files: readonly string[],
): Promise<FileEdits> {
  const edits = new Map<string, string | null>(files.map((file) => [file, null]));
  const project = appProjectFile(app);
  if ((await tree.read(project)) !== undefined) {
    edits.set(project, null);
  }
  if (config.teams === undefined) {
    return edits;
  }
  const others = new Map([...(await readApps(tree, config))].filter(([name]) => name !== app));
  for (const file of CODE_OWNERS_FILES) {
    const text = await tree.read(file);
    if (text !== undefined) {
      const after = replaceCodeOwnersRegion(text, codeOwnersRegion(config, others), file);
      return after === text ? edits : edits.set(file, after);
    }
  }
  return edits;
}

function nextOf(config: KajitoriConfig, app: string, step: RetireStep): readonly string[] {
  const clusters = environmentsOf(config).flatMap((environment) => environment.clusters);
  if (step === 'stop') {
    return [
      'When this is merged, Argo CD takes the workloads, the service and the ingress away, in all clusters. To undo it, revert the commit.',
      `Wait until nothing runs: \`kubectl get pods -n ${app}\` in ${clusters.map(({ name }) => name).join(', ')}.`,
      `Then run \`kajitori retire app ${app}\` again for the second step.`,
    ];
  }
  return [
    'When this is merged, nobody can deploy the app any more. What Argo CD never deletes by itself stays, for a person to take away:',
    ...clusters.map(
      ({ name }) =>
        `\`argocd app delete ${app}-${name} --cascade=false\`, and in the cluster ${name} \`kubectl delete namespace ${app}\` (volumes in it go with it)`,
    ),
    `\`kubectl delete appproject ${app} -n argocd\`, where Argo CD runs`,
    'Outside of Kubernetes: databases, queues, the secrets in SSM Parameter Store, the images, the DNS names.',
  ];
}

const HEADLINES: Readonly<Record<RetireStep, (app: string) => string>> = {
  stop: (app) => `Stop the app ${app} for good`,
  remove: (app) => `Remove the app ${app}`,
};

const messageOf = ({ app, step, next }: RetireResult, run: string | undefined): CommitMessage => ({
  headline: HEADLINES[step](app),
  body: next.map((each) => `- ${each}`).join('\n'),
  trailers: [
    { name: 'Kajitori-App', value: app },
    { name: 'Kajitori-Action', value: `retire-${step}` },
    ...(run === undefined ? [] : [{ name: 'Kajitori-Run', value: run }]),
  ],
});

export interface RetireInputs {
  readonly app: string;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
}

export interface RetireDeps {
  readonly on: GitopsRepository;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

/**
 * Proposes the next step that takes an app away as a pull request, or writes it into a working copy.
 *
 * @throws Failure (exit 2) as `computeRetire`, or when GitHub refuses or does not answer
 */
export function runRetire(
  { app, dryRun }: RetireInputs,
  deps: RetireDeps,
): Promise<CarriedOut<RetireResult>> {
  return carryOut((tree) => computeRetire(tree, app, undefined), {
    ...deps,
    dryRun,
    files: [valuesFile(app), appProjectFile(app), ...CODE_OWNERS_FILES],
    branch: `kajitori/retire/${app}`,
    labels: [],
    onRetry: deps.onRetry,
  });
}

const WHAT: Readonly<Record<RetireStep, string>> = { stop: 'the stop', remove: 'the removal' };

/** For a terminal or a log. */
export const retireText = (done: CarriedOut<RetireResult>): string =>
  changeText(done, `${WHAT[done.result.step]} of the app ${done.result.app}`, [
    `  Step ${done.result.step === 'stop' ? 1 : 2} of 2. Next:`,
    ...done.result.next.map((each) => `  - ${each}`),
  ]);

/** For machines (`--json`). */
export const retireJson = (done: CarriedOut<RetireResult>): object => ({
  ...changeJson(done),
  app: done.result.app,
  step: done.result.step,
});
