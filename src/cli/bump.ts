import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import type { GitHubClient } from '../github/client.ts';
import { systemTiming } from '../github/timing.ts';
import { runBump } from '../release/bump.ts';
import { bumpDiff, bumpJson, bumpText } from '../release/bump-report.ts';
import { bumpRequest } from '../release/bump-request.ts';
import { demandImageCheck } from '../release/scan-threshold.ts';
import { type Source, sameSource } from '../release/source.ts';
import { gitHubSourceHistory, NO_HISTORY, type SourceHistory } from '../release/source-history.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';
import { gitopsTarget } from './gitops-target.ts';
import { imageCheck } from './image-check.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface BumpOptions extends CommonOptions {
  readonly app?: string;
  readonly environment?: string;
  readonly image?: readonly string[];
  readonly tag?: string;
  readonly digest?: string;
  readonly source?: string;
  readonly build?: string;
  readonly files?: readonly string[];
  readonly set?: readonly string[];
  readonly repository?: string;
  readonly branch?: string;
  readonly force?: boolean;
  readonly override?: string;
  readonly reason?: string;
  readonly pullRequest?: boolean;
  readonly label?: readonly string[];
  readonly autoMerge?: boolean;
  readonly dryRun?: boolean;
  readonly checkImage?: boolean;
  readonly scanThreshold?: string;
  readonly registryRole?: readonly string[];
}

/** `kajitori bump`. */
export function bumpCommand(): Command {
  return new Command('bump')
    .description(
      'Deploy an image to every cluster of an environment, in one change of the GitOps repository.',
    )
    .option('--app <name>', 'the app (folder under apps/); several with commas')
    .option('--environment <name>', 'the environment, as kajitori.yaml names it')
    .option('--image <[name=]reference>', 'repository:tag@sha256:… ; may be repeated', repeated)
    .option('--tag <tag>', 'instead of --image: a new tag of the recorded repository')
    .option('--digest <digest>', 'instead of --image: a new digest of the recorded repository')
    .option('--source <owner/name@commit>', 'the commit that the image was built from')
    .option('--build <number>', 'the number of the build, for two builds of one commit')
    .option('--files <file>', 'without kajitori.yaml: a values file to edit; may be repeated', repeated)
    .option(
      '--set <path=text>',
      'without kajitori.yaml: what to set (path:=json for numbers); may be repeated',
      repeated,
    )
    .option('--repository <owner/name>', 'work on GitHub, without a clone; else on the files in this folder')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--force', 'deploy a commit that is neither newer nor older than what runs; needs --reason')
    .option('--override <hold|freeze>', 'set aside a hold or a freeze window; needs --reason')
    .option('--reason <text>', 'why; recorded in the commit')
    .option('--pull-request', 'write a pull request (default: as kajitori.yaml says)')
    .option('--no-pull-request', 'write a commit')
    .option('--label <name>', 'a label for the pull request; may be repeated', repeated)
    .option('--auto-merge', 'merge the pull request when its checks are green')
    .option('--check-image', 'look first whether the image is where the clusters pull it from')
    .option('--scan-threshold <severity>', 'with --check-image: refuse findings this bad, like critical')
    .option(
      '--registry-role <[account/region] arn>',
      'with --check-image: the role that reads registries; may be repeated (default: the credentials of this machine)',
      repeated,
    )
    .option('--dry-run', 'show the change as a diff and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  Show what would change, in a clone of the GitOps repository:
    kajitori bump --app web --environment production --dry-run \\
      --image 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web:1f3c9e2b@sha256:… \\
      --source acme/web@<commit>
  Do it on GitHub, as one signed commit for all clusters (GITHUB_TOKEN is used):
    kajitori bump --repository acme/gitops --app web --environment production --image … --source acme/web@<commit>
  In a repository without kajitori.yaml:
    kajitori bump --files deploy/prod-1.yaml --files deploy/prod-2.yaml --set image.tag=1f3c9e2b`,
    )
    .action((options: BumpOptions) => runCommand(options, () => bump(options)));
}

async function bump(options: BumpOptions) {
  const request = bumpRequest({
    app: options.app,
    environment: options.environment,
    image: options.image?.join('\n'),
    tag: options.tag,
    digest: options.digest,
    files: options.files?.join('\n'),
    set: options.set?.join('\n'),
    source: options.source,
    build: options.build,
    workflow: undefined,
    force: options.force ?? false,
    override: options.override,
    reason: options.reason,
    run: undefined,
    pullRequest: options.pullRequest,
  });
  demandImageCheck(options.scanThreshold, options.checkImage === true);
  const access = environmentAccess();
  const reader = commandClient(access);
  const outputs = await runBump(
    {
      request,
      dryRun: options.dryRun ?? false,
      labels: options.label ?? [],
      autoMerge: options.autoMerge ?? false,
    },
    {
      on: await gitopsTarget(options),
      history: request.kind === 'apps' ? historyFor(options, reader, request.build.source) : NO_HISTORY,
      timing: systemTiming,
      key: randomUUID(),
      ...(options.checkImage === true ? { checkImages: await imageCheck(options) } : {}),
      onRetry: (reason, attempt, pauseMs) =>
        progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
    },
  );
  const text = bumpText(outputs);
  return {
    text: outputs.reason === 'would-bump' ? `${bumpDiff(outputs)}\n${text}` : text,
    json: bumpJson(outputs),
  };
}

/**
 * For a working copy GitHub is asked only when two commits must be compared: an early question saves no time there,
 * and without a network it would hold up the end of the command.
 */
function historyFor(options: BumpOptions, reader: GitHubClient, source: Source): SourceHistory {
  return options.repository === undefined
    ? {
        compareTo: async (recorded) =>
          sameSource(recorded, source) ? 'same' : gitHubSourceHistory(reader, source).compareTo(recorded),
      }
    : gitHubSourceHistory(reader, source);
}
