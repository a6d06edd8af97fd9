import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { systemTiming } from '../github/timing.ts';
import { renderApp } from '../render/app.ts';
import { couldNot } from '../report/failure.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { kubectlCluster } from '../run-once/cluster.ts';
import { checkCommand } from '../run-once/command.ts';
import { LONGEST_MINUTES, outcomeWords, runOnce } from '../run-once/run-once.ts';
import { readConfig } from '../scaffold/read-config.ts';
import { type CommonOptions, runCommand } from './run-command.ts';

interface RunOptions extends CommonOptions {
  readonly app: string;
  readonly environment: string;
  readonly component?: string;
  readonly cluster?: string;
  readonly kubeconfig?: string;
  readonly timeoutMinutes: string;
  readonly dryRun?: boolean;
}

/** `kajitori run`. */
export function runOnceCommand(): Command {
  return new Command('run')
    .description('Run a command once in a pod like those of an app, and show its output.')
    .argument('<command...>', 'after --: the command and its arguments; no shell reads them')
    .requiredOption('--app <name>', 'the app (folder under apps/)')
    .requiredOption('--environment <name>', 'the environment, as kajitori.yaml names it')
    .option('--component <name>', 'like which pods: web, a worker or a cron job (default: web)')
    .option('--cluster <name>', 'one of the environment’s clusters (default: the active one)')
    .option('--kubeconfig <file>', 'for kubectl; its current context must be that cluster')
    .option('--timeout-minutes <number>', 'after this time it is ended', '30')
    .option('--dry-run', 'show the Job and create nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
It works on the GitOps repository in this folder, and on the cluster with your own rights in it. Who has none uses the form
in the GitOps repository (Actions → Run a command), where the owning team approves.

Examples:
  kajitori run --app web --environment production --dry-run -- bin/console users:fix 42
  kajitori run --app web --environment staging --component mailer -- bin/console queue:retry`,
    )
    .action((command: string[], options: RunOptions) => runCommand(options, () => run(command, options)));
}

async function run(words: readonly string[], options: RunOptions) {
  const { app, environment, component, cluster, kubeconfig, dryRun = false } = options;
  const minutes = Number(options.timeoutMinutes);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > LONGEST_MINUTES) {
    throw couldNot(`--timeout-minutes ${JSON.stringify(options.timeoutMinutes)} cannot be.`, {
      todo: `Give a number from 1 to ${LONGEST_MINUTES}.`,
      reason: 'bad-input',
    });
  }
  const config = await readConfig(await openWorkingCopy('.'));
  const outputs = await runOnce(
    {
      app,
      environment,
      cluster,
      component,
      command: checkCommand(words),
      id: randomBytes(3).toString('hex'),
      person: userInfo().username,
      run: undefined,
      deadlineSeconds: minutes * 60,
      dryRun,
    },
    {
      config,
      render: (name) => renderApp({ root: '.', config, app, environment, cluster: name }),
      cluster: async () => kubectlCluster(kubeconfig),
      line: (text) => (options.json === true ? process.stderr : process.stdout).write(`${text}\n`),
      timing: systemTiming,
    },
  );
  const said = outcomeWords(outputs);
  const { outcome, job } = outputs;
  return {
    text: dryRun ? `${JSON.stringify(job, undefined, 2)}\n${said}` : said,
    json: {
      job: job.metadata.name,
      cluster: outputs.cluster,
      ...outcome,
      ...(dryRun ? { manifest: job } : {}),
    },
    exitCode: outcome === undefined || outcome.exitCode === 0 ? 0 : 1,
  };
}
