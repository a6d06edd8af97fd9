import { Command } from 'commander';
import { durationOf } from '../config/duration.ts';
import { systemTiming } from '../github/timing.ts';
import { runHistory } from '../history/history.ts';
import { historyJson, historyMarkdown, historyText } from '../history/history-report.ts';
import { readSourceTimes } from '../history/source-times.ts';
import { couldNot } from '../report/failure.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';
import { gitopsTarget } from './gitops-target.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';
import { verdictReader } from './verdict-reader.ts';

interface HistoryOptions extends CommonOptions {
  readonly team?: string;
  readonly environment?: string;
  readonly since: string;
  readonly repository?: string;
  readonly branch?: string;
  readonly markdown?: boolean;
}

const LONGEST_DAYS = 366;

/** `kajitori history`. */
export function historyCommand(): Command {
  return new Command('history')
    .description(
      'How apps were delivered: deploys, lead time, failure rate, time to restore, from git and verdicts.',
    )
    .argument('[app]', 'one app, with each of its releases (default: all)')
    .option('--team <name>', 'the apps of one team')
    .option('--environment <name>', 'the environment (default: the last one in promotion order)')
    .option('--since <time>', 'how far back, like 30d', '30d')
    .option('--repository <owner/name>', 'read GitHub, without a clone; else the history of this folder')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--markdown', 'print Markdown with a picture, for a job summary')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
GITHUB_TOKEN reads the verdicts, and the apps' repositories for the times of their commits, as far as it may.

Examples:
  kajitori history web
  kajitori history --team shop --since 90d --repository acme/gitops
  In a job: kajitori history --repository acme/gitops --markdown >> "$GITHUB_STEP_SUMMARY"`,
    )
    .action((app: string | undefined, options: HistoryOptions) =>
      runCommand(options, () => history(app, options)),
    );
}

async function history(app: string | undefined, options: HistoryOptions) {
  const span = durationOf(options.since);
  if (span === undefined || span > LONGEST_DAYS * 86_400_000) {
    throw couldNot(`--since ${JSON.stringify(options.since)} cannot be.`, {
      todo: `Write a time like 30d, at most ${LONGEST_DAYS}d.`,
      reason: 'bad-input',
    });
  }
  const now = new Date(systemTiming.now());
  const access = environmentAccess();
  const reader = commandClient(access);
  const found = await runHistory(
    {
      app,
      team: options.team,
      environment: options.environment,
      since: new Date(now.getTime() - span),
      now,
    },
    {
      on: await gitopsTarget(options),
      verdictsOf: await verdictReader(options.repository),
      sourceTimesOf: access.token === undefined ? undefined : (sources) => readSourceTimes(reader, sources),
      onProgress: progress,
    },
  );
  return {
    text: options.markdown === true ? historyMarkdown(found) : historyText(found),
    json: historyJson(found),
  };
}
