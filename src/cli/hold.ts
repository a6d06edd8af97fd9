import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { systemTiming } from '../github/timing.ts';
import { holdRequest, listHolds, runHold } from '../release/hold.ts';
import { holdJson, holdsText, holdText } from '../release/hold-report.ts';
import { gitopsTarget } from './gitops-target.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface HoldOptions extends CommonOptions {
  readonly environment?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly end?: boolean;
  readonly list?: boolean;
  readonly repository?: string;
  readonly branch?: string;
  readonly pullRequest?: boolean;
  readonly dryRun?: boolean;
}

/** `kajitori hold`. */
export function holdCommand(): Command {
  return new Command('hold')
    .description('Stop deploys of apps to an environment with a reason, end such a stop, or list them.')
    .argument('[apps...]', 'the apps (folders under apps/)')
    .option('--environment <name>', 'the environment, as kajitori.yaml names it')
    .option('--reason <text>', 'why; shown to everybody whose deploy is refused')
    .option('--until <end>', 'when it ends by itself, like 4h or 2026-12-01T09:00+09:00 (default: never)')
    .option('--end', 'end it now')
    .option('--list', 'show all holds of the repository')
    .option('--repository <owner/name>', 'work on GitHub, without a clone; else on the files in this folder')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--pull-request', 'write a pull request (default: as kajitori.yaml says)')
    .option('--no-pull-request', 'write a commit')
    .option('--dry-run', 'show what would change and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  kajitori hold web --environment production --until 4h --reason "sale until noon"
  kajitori hold web --environment production --end
  kajitori hold --list --repository acme/gitops`,
    )
    .action((apps: string[], options: HoldOptions) => runCommand(options, () => hold(apps, options)));
}

async function hold(apps: readonly string[], options: HoldOptions) {
  const now = new Date(systemTiming.now());
  if (options.list === true) {
    const holds = await listHolds(await gitopsTarget(options), now);
    return { text: holdsText(holds, now), json: { holds } };
  }
  const request = holdRequest(
    {
      apps: apps.join(','),
      environment: options.environment,
      reason: options.reason,
      until: options.until,
      end: options.end ?? false,
      by: userInfo().username,
      run: undefined,
      pullRequest: options.pullRequest,
    },
    now,
  );
  const outputs = await runHold(
    { request, dryRun: options.dryRun ?? false },
    {
      on: await gitopsTarget(options),
      deployer: { kind: 'own-right' },
      timing: systemTiming,
      key: randomUUID(),
      onRetry: (reason, attempt, pauseMs) =>
        progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
    },
  );
  return { text: holdText(outputs), json: holdJson(outputs) };
}
