import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { systemTiming } from '../github/timing.ts';
import { changeDiff } from '../scaffold/change-report.ts';
import { cronJobRequest } from '../scaffold/compute-cron-job.ts';
import { newAppJson, newAppText } from '../scaffold/new-app-report.ts';
import { newAppRequest } from '../scaffold/new-app-request.ts';
import { cronJobJson, cronJobText, runAddCronJob } from '../scaffold/run-add-cron-job.ts';
import { runNewApp } from '../scaffold/run-new-app.ts';
import { gitHubTeams, UNSEEN_TEAMS } from '../scaffold/team-directory.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';
import { type GitopsOptions, gitopsTarget } from './gitops-target.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

/** `kajitori new app` and `kajitori new cronjob`. */
export function newCommand(): Command {
  const command = new Command('new')
    .description('Add an app or a cron job to the GitOps repository.')
    .addHelpText(
      'after',
      `
Examples:
  What each needs:
    kajitori new app --help
    kajitori new cronjob --help`,
    );
  for (const each of [appCommand(), cronJobCommand()]) {
    command.addCommand(each);
  }
  return command;
}

const onGitHub = (command: Command): Command =>
  command
    .option(
      '--repository <owner/name>',
      'propose it on GitHub, as a pull request; else write into this folder',
    )
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--dry-run', 'show the change as a diff and write nothing')
    .option('--json', 'print the result as JSON');

interface AppOptions extends CommonOptions, GitopsOptions {
  readonly team?: string;
  readonly source?: string;
  readonly kind?: string;
  readonly spec?: string;
}

function appCommand(): Command {
  const command = new Command('app')
    .description('Add an app: everything that it needs, as one pull request.')
    .argument('<name>', 'lower-case letters, digits and hyphens; also its namespace')
    .option('--team <name>', 'the short name of the GitHub team that owns it')
    .option('--source <owner/name>', 'the repository whose runs deploy it; several with commas')
    .option('--kind <kind>', 'web, worker, job or mixed (default: web)')
    .option('--spec <text>', 'its components in one line');
  return onGitHub(command)
    .addHelpText(
      'after',
      `
Examples:
  In a clone of the GitOps repository:
    kajitori new app web --team shop --source acme/web
  On GitHub, with several components:
    kajitori new app shop --team shop --source acme/shop --kind mixed --repository acme/gitops \\
      --spec 'web port=8080 scale=2-10; worker mailer run=bin/mailer queue=mail; cron daily "0 3 * * *" run=bin/report; secrets DATABASE_URL'`,
    )
    .action((name: string, options: AppOptions) => runCommand(options, () => newApp(name, options)));
}

async function newApp(name: string, options: AppOptions) {
  const { team, source, kind, spec } = options;
  const request = newAppRequest({ name, team, source, kind, spec }, new Date(systemTiming.now()));
  const access = environmentAccess();
  // On a laptop the token is a person's: whose, and whether it sees all teams, is not known.
  const reader = async () => commandClient(access);
  const outputs = await runNewApp(
    {
      request,
      asking: { person: undefined, run: undefined },
      dryRun: options.dryRun ?? false,
      labels: [],
      patienceMs: 0,
    },
    {
      on: await gitopsTarget(options),
      teams: options.repository === undefined ? UNSEEN_TEAMS : gitHubTeams(reader, false),
      checks: reader,
      timing: systemTiming,
      key: randomUUID(),
      onRetry,
    },
  );
  const text = newAppText(outputs);
  return {
    text: outputs.reason === 'would-write' ? `${changeDiff(outputs)}\n${text}` : text,
    json: newAppJson(outputs),
  };
}

interface CronJobOptions extends CommonOptions, GitopsOptions {
  readonly app?: string;
  readonly schedule?: string;
  readonly run?: string;
  readonly timeZone?: string;
}

function cronJobCommand(): Command {
  const command = new Command('cronjob')
    .description('Add a cron job to an app: three lines of its values, as a pull request.')
    .argument('<name>', 'lower-case letters, digits and hyphens; at most 21 characters')
    .option('--app <name>', 'the app whose image it runs')
    .option('--schedule <cron>', 'five fields: minute, hour, day of the month, month, day of the week')
    .option('--run <command>', 'the command, as after `docker run IMAGE`; no shell reads it')
    .option('--time-zone <name>', 'like Asia/Tokyo (default: as the platform team says)');
  return onGitHub(command)
    .addHelpText(
      'after',
      `
Examples:
  Every day at 03:00, in a clone of the GitOps repository:
    kajitori new cronjob daily-report --app web --schedule '0 3 * * *' --run 'bin/report daily'
  Look first what a schedule means:
    kajitori new cronjob tidy --app web --schedule '*/10 9-17 * * mon-fri' --run bin/tidy --dry-run`,
    )
    .action((name: string, options: CronJobOptions) => runCommand(options, () => cronJob(name, options)));
}

async function cronJob(name: string, options: CronJobOptions) {
  const { app, schedule, run, timeZone } = options;
  const request = cronJobRequest({ app, name, schedule, run, timeZone }, new Date(systemTiming.now()));
  const outputs = await runAddCronJob(
    {
      request,
      asking: { person: undefined, run: undefined },
      dryRun: options.dryRun ?? false,
      labels: [],
    },
    { on: await gitopsTarget(options), timing: systemTiming, key: randomUUID(), onRetry },
  );
  const text = cronJobText(outputs);
  return {
    text: outputs.reason === 'would-write' ? `${changeDiff(outputs)}\n${text}` : text,
    json: cronJobJson(outputs),
  };
}

const onRetry = (reason: string, attempt: number, pauseMs: number): void =>
  progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`);
