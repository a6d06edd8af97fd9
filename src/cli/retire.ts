import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { parseAppName } from '../config/app-name.ts';
import { systemTiming } from '../github/timing.ts';
import { changeDiff } from '../scaffold/change-report.ts';
import { retireJson, retireText, runRetire } from '../scaffold/retire-app.ts';
import { type GitopsOptions, gitopsTarget } from './gitops-target.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

/** `kajitori retire app`. */
export function retireCommand(): Command {
  return new Command('retire')
    .description('Take an app away, in safe steps.')
    .addHelpText(
      'after',
      `
Examples:
  Look first, in a clone of the GitOps repository:
    kajitori retire app --help`,
    )
    .addCommand(
      new Command('app')
        .description('Take an app away in two steps, a pull request each: stop it, then remove its files.')
        .argument('<name>', 'the app (folder under apps/)')
        .option('--repository <owner/name>', 'propose it on GitHub; else write into this folder')
        .option('--branch <name>', 'its branch (default: the default branch)')
        .option('--dry-run', 'show the change as a diff and write nothing')
        .option('--json', 'print the result as JSON')
        .addHelpText(
          'after',
          `
The first step can be undone by reverting its commit. What it is that Argo CD never deletes by itself (namespaces with
their volumes), the second step names.

Examples:
  kajitori retire app web --repository acme/gitops`,
        )
        .action((name: string, options: CommonOptions & GitopsOptions) =>
          runCommand(options, () => retire(name, options)),
        ),
    );
}

async function retire(name: string, options: GitopsOptions) {
  const done = await runRetire(
    { app: parseAppName(name), dryRun: options.dryRun ?? false },
    {
      on: await gitopsTarget(options),
      timing: systemTiming,
      key: randomUUID(),
      onRetry: (reason, attempt, pauseMs) =>
        progress(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
    },
  );
  const text = retireText(done);
  return {
    text: done.reason === 'would-write' ? `${changeDiff(done)}\n${text}` : text,
    json: retireJson(done),
  };
}
