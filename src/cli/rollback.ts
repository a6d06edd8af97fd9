import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { systemTiming } from '../github/timing.ts';
import { runRollback } from '../release/rollback.ts';
import { rollbackJson, rollbackText } from '../release/rollback-report.ts';
import { rollbackRequest } from '../release/rollback-request.ts';
import { environmentAccess } from './environment.ts';
import { gitopsTarget } from './gitops-target.ts';
import { imageCheck } from './image-check.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';
import { verdictReader } from './verdict-reader.ts';

interface RollbackOptions extends CommonOptions {
  readonly environment: string;
  readonly to?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly repository?: string;
  readonly branch?: string;
  readonly pullRequest?: boolean;
  readonly dryRun?: boolean;
  readonly checkImage?: boolean;
  readonly registryRole?: readonly string[];
}

/** `kajitori rollback`. */
export function rollbackCommand(): Command {
  return new Command('rollback')
    .description(
      'Take apps back to an earlier release in every cluster of an environment, and hold them there.',
    )
    .argument('<apps...>', 'the apps (folders under apps/); several go back in one commit')
    .requiredOption('--environment <name>', 'the environment, as kajitori.yaml names it')
    .option(
      '--to <release>',
      'last-healthy, previous, the number of a build, or a commit of the GitOps repository',
      'last-healthy',
    )
    .option('--reason <text>', 'why; in the hold, in the commit, and shown to whoever deploys next')
    .option(
      '--until <end>',
      'when the hold ends by itself, like 4h or 2026-12-01T09:00+09:00 (default: never)',
    )
    .option('--repository <owner/name>', 'work on GitHub, without a clone; else on the files in this folder')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--pull-request', 'write a pull request (default: as kajitori.yaml says)')
    .option('--no-pull-request', 'write a commit')
    .option('--check-image', 'look first whether the image is still where the clusters pull it from')
    .option(
      '--registry-role <[account/region] arn>',
      'with --check-image: the role that reads registries; may be repeated (default: the credentials of this machine)',
      repeated,
    )
    .option('--dry-run', 'show what would change and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
No migration is rendered for an older image, and the hold refuses deploys until \`kajitori hold --end\`.

Examples:
  See what would change (GITHUB_TOKEN reads the verdicts):
    kajitori rollback web --environment production --dry-run
  Back to the last release that was healthy in every cluster, on GitHub:
    kajitori rollback web --environment production --repository acme/gitops --reason "orders fail since 12:03"
  Back to build 4127:
    kajitori rollback web --environment production --to 4127 --reason "…"`,
    )
    .action((apps: string[], options: RollbackOptions) => runCommand(options, () => rollback(apps, options)));
}

async function rollback(apps: readonly string[], options: RollbackOptions) {
  const now = new Date(systemTiming.now());
  const inputs = rollbackRequest(
    {
      apps: apps.join(','),
      environment: options.environment,
      to: options.to,
      reason: options.reason,
      until: options.until,
      by: userInfo().username,
      run: undefined,
      pullRequest: options.pullRequest,
      dryRun: options.dryRun ?? false,
    },
    now,
  );
  const outputs = await runRollback(inputs, {
    on: await gitopsTarget(options),
    deployer: { kind: 'own-right' },
    verdictsOf: await verdictReader(options.repository),
    checkImages: options.checkImage === true ? await imageCheck(options) : undefined,
    timing: systemTiming,
    key: randomUUID(),
    onRetry: (reason, attempt, pauseMs) =>
      progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
  });
  return {
    text: rollbackText(outputs, now, environmentAccess().serverUrl),
    json: rollbackJson(outputs),
  };
}
