import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { readChecks } from '../github/checks.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import { type PromoteDeps, promoteDue, runPromote } from '../release/promote.ts';
import { dueText, promoteJson, promoteText } from '../release/promote-report.ts';
import { promoteRequest } from '../release/promote-request.ts';
import { demandImageCheck } from '../release/scan-threshold.ts';
import { gitHubSourceHistory } from '../release/source-history.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';
import { gitopsTarget } from './gitops-target.ts';
import { imageCheck, imageCopy } from './image-check.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';
import { verdictReader } from './verdict-reader.ts';

interface PromoteOptions extends CommonOptions {
  readonly to?: string;
  readonly due?: boolean;
  readonly force?: boolean;
  readonly override?: string;
  readonly reason?: string;
  readonly repository?: string;
  readonly branch?: string;
  readonly pullRequest?: boolean;
  readonly dryRun?: boolean;
  readonly copyImage?: boolean;
  readonly checkImage?: boolean;
  readonly scanThreshold?: string;
  readonly registryRole?: readonly string[];
}

/** `kajitori promote`. */
export function promoteCommand(): Command {
  return new Command('promote')
    .description('Take what runs in one environment over into the next, when it has passed its gates.')
    .argument('[apps...]', 'the apps (folders under apps/); all of them in one commit, or none')
    .option('--to <environment>', 'the environment that takes over; kajitori.yaml says from where')
    .option('--due', 'instead: everything that has passed, where kajitori.yaml says promote.automatic')
    .option('--force', 'promote a commit that is neither newer nor older than what runs; needs --reason')
    .option(
      '--override <hold|freeze|gates>',
      'set aside a hold, a freeze window or the gates; needs --reason',
    )
    .option('--reason <text>', 'why; recorded in the commit')
    .option('--repository <owner/name>', 'work on GitHub, without a clone; else on the files in this folder')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--pull-request', 'write a pull request (default: as kajitori.yaml says)')
    .option('--no-pull-request', 'write a commit')
    .option('--copy-image', 'bring the image to the registry of the environment, where it has its own')
    .option('--check-image', 'look first whether the image is where the clusters pull it from')
    .option('--scan-threshold <severity>', 'with --check-image: refuse findings this bad, like critical')
    .option(
      '--registry-role <[account/region] arn>',
      'with --check-image and --copy-image: the role for registries; may be repeated (default: the credentials of this machine)',
      repeated,
    )
    .option('--dry-run', 'show the gates and the change, and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Gates are in kajitori.yaml: environments.<name>.promote: { soak: 30m, checks: [e2e], automatic: true }. That the release
is healthy in every cluster of the environment before is always one.

Examples:
  kajitori promote web --to production --dry-run
  kajitori promote web billing --to production --repository acme/gitops
  kajitori promote --due --repository acme/gitops`,
    )
    .action((apps: string[], options: PromoteOptions) => runCommand(options, () => promote(apps, options)));
}

async function promote(apps: readonly string[], options: PromoteOptions) {
  demandImageCheck(options.scanThreshold, options.checkImage === true);
  const texts = {
    apps: apps.join(','),
    to: options.to,
    force: options.force ?? false,
    override: options.override,
    reason: options.reason,
    by: userInfo().username,
    run: undefined,
    pullRequest: options.pullRequest,
    dryRun: options.dryRun ?? false,
  };
  const inputs = options.due === true ? undefined : promoteRequest(texts);
  const reader = commandClient(environmentAccess());
  const deps: PromoteDeps = {
    on: await gitopsTarget(options),
    deployer: { kind: 'own-right' },
    verdictsOf: await verdictReader(options.repository),
    historyOf: (source) => gitHubSourceHistory(reader, source),
    checksOf: (source, names) =>
      readChecks(reader, parseRepositoryName(source.repository), source.commit, names),
    checkImages: options.checkImage === true ? await imageCheck(options) : undefined,
    copyImage: options.copyImage === true ? await imageCopy(options) : undefined,
    timing: systemTiming,
    key: randomUUID(),
    onRetry: (reason, attempt, pauseMs) =>
      progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
  };
  if (inputs === undefined) {
    const outcomes = await promoteDue(texts, deps);
    const exitCode = outcomes.some(({ state }) => state === 'unknown') ? 2 : 0;
    return { text: dueText(outcomes), json: { outcomes }, exitCode };
  }
  const outputs = await runPromote(inputs, deps);
  return { text: promoteText(outputs), json: promoteJson(outputs) };
}
