import { Command } from 'commander';
import { execa } from 'execa';
import { openUserRenderCache } from '../helm/render-cache.ts';
import { chartFolder } from '../render/chart-store.ts';
import { checkRenderedFolder, writeRenderedFolder } from '../render/rendered-folder.ts';
import { renderedFiles, renderedYaml } from '../render/rendered-yaml.ts';
import { clusterName, type RenderOutputs, runRender } from '../render/run-render.ts';
import { type Failure, formatFailure } from '../report/failure.ts';
import { withoutUnseen } from '../repository/unseen.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface RenderOptions extends CommonOptions {
  readonly app?: string;
  readonly environment?: string;
  readonly cluster?: string;
  readonly output?: string;
  readonly cache: boolean;
}

/** `kajitori render`. */
export function renderCommand(): Command {
  return new Command('render')
    .description('What Argo CD would apply for this folder, as YAML. Needs no cluster, and changes nothing.')
    .option('--app <name>', 'only this app, or this application of Argo CD')
    .option('--environment <name>', 'only clusters of this environment of kajitori.yaml')
    .option('--cluster <name>', 'only this cluster')
    .option('--output <folder>', 'write <folder>/<cluster>/<application>.yaml instead of printing')
    .option('--no-cache', 'render all of it again')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Run it at the top of a clone of the repository that Argo CD reads; kajitori.yaml is not needed. Applications and
ApplicationSets are found in its manifests and rendered with helm and kustomize. An application that cannot be rendered whole
is left out, and why is said on standard error.

What was rendered before is kept in $KAJITORI_CACHE, else in ~/.cache/kajitori, and taken from there while nothing that it is
made of changes.

Exit code 0: all is rendered; 2: something is not.

Examples:
  One app in one cluster:
    kajitori render --app web --cluster prod-1
  All of production, into files:
    kajitori render --environment production --output rendered
  How many objects each application has:
    kajitori render --json | jq '.applications[] | [.name, (.objects | length)]'`,
    )
    .action((options: RenderOptions) => runCommand(options, () => render(options)));
}

async function render(options: RenderOptions) {
  if (options.output !== undefined) {
    await checkRenderedFolder(options.output);
  }
  const copy = await openWorkingCopy('.');
  const tree = await withoutUnseen(copy, copy.root);
  const url = await gitRemoteUrl('.');
  const revision = await headCommit();
  const cache = options.cache ? await openUserRenderCache(process.env, Date.now) : undefined;
  const outputs = await runRender(
    { app: options.app, environment: options.environment, cluster: options.cluster },
    {
      tree,
      root: copy.root,
      charts: chartFolder(process.env),
      now: Date.now,
      urls: url === undefined ? [] : [url],
      ...(revision === undefined ? {} : { revision }),
      ...(cache === undefined ? {} : { cache }),
      onProgress: progress,
    },
  );
  for (const line of explanations(outputs)) {
    if (options.json !== true) process.stderr.write(`${line}\n`);
  }
  const files = options.output === undefined ? undefined : renderedFiles(outputs.applications);
  if (options.output !== undefined && files !== undefined) {
    await writeRenderedFolder(options.output, files);
  }
  const whole = outputs.applications.filter(({ notRendered }) => notRendered.length === 0);
  return {
    text:
      files === undefined
        ? whole.map(renderedYaml).join('').trimEnd()
        : `${files.size} applications are in ${options.output}.`,
    json: renderJson(outputs),
    exitCode: outputs.exitCode,
  };
}

async function headCommit(): Promise<string | undefined> {
  const { stdout, exitCode } = await execa('git', ['rev-parse', '--verify', 'HEAD'], { reject: false });
  return exitCode === 0 ? stdout : undefined;
}

/** One of each: a chart that cannot be fetched is missing in many applications. */
function explanations({ notRendered, notLookedInto }: RenderOutputs): string[] {
  const byReason = Map.groupBy(notRendered, ({ failure }) => formatFailure(failure));
  return [
    ...[...byReason].map(
      ([reason, all]) => `Not rendered: ${all.map(({ what }) => what).join(', ')}\n  ${reason}`,
    ),
    ...notLookedInto.map((failure) => `Not looked into: ${formatFailure(failure)}`),
  ];
}

const renderJson = ({ applications, notRendered, notLookedInto }: RenderOutputs) => ({
  applications: applications.map(
    ({ application, objects, notRendered: missing, kubernetes, isGuessedKubernetes }) => ({
      name: application.name,
      namespace: application.namespace,
      cluster: clusterName(application),
      kubernetes,
      isGuessedKubernetes,
      isWhole: missing.length === 0,
      objects,
    }),
  ),
  notRendered: notRendered.map(({ what, failure }) => ({ what, ...failureJson(failure) })),
  notLookedInto: notLookedInto.map(failureJson),
});

const failureJson = ({ message, reason, at, todo }: Failure) => ({ message, reason, at, todo });
