import { Command } from 'commander';
import { diffComment } from '../diff/comment.ts';
import { diffJson } from '../diff/json.ts';
import { writePage } from '../diff/page-file.ts';
import { openRenderer } from '../diff/render-side.ts';
import { runDiff } from '../diff/run-diff.ts';
import { diffText } from '../diff/terminal.ts';
import { systemTiming } from '../github/timing.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface DiffOptions extends CommonOptions {
  readonly base: string;
  readonly app?: string;
  readonly cluster?: string;
  readonly html?: string;
  readonly markdown?: boolean;
}

/** `kajitori diff`. */
export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'What this folder changes in each cluster, risk first. Needs no cluster, and changes nothing.',
    )
    .option('--base <revision>', 'compare with where this branch left this revision', 'origin/HEAD')
    .option('--app <name>', 'only this app, or this application of Argo CD')
    .option('--cluster <name>', 'only this cluster')
    .option('--html <file>', 'also write a page that stands alone')
    .option('--markdown', 'print what the comment on a pull request says')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Run it at the top of a clone of the GitOps repository; what is not committed yet counts too. Values of Secrets are never shown.
Exit code 0: done, also where something changes; 2: something could not be rendered, so what changes is not known.

Examples:
  What this branch changes:
    kajitori diff --base origin/main
  What I am just changing, for one app:
    kajitori diff --base HEAD --app web
  To look at in a browser:
    kajitori diff --base origin/main --html diff.html`,
    )
    .action((options: DiffOptions) => runCommand(options, () => diff(options)));
}

async function diff(options: DiffOptions) {
  const url = await gitRemoteUrl('.');
  const renderer = openRenderer(process.env, systemTiming.now);
  const { report, exitCode } = await runDiff(
    { root: process.cwd(), base: options.base, app: options.app, cluster: options.cluster },
    { render: renderer.render, urls: url === undefined ? [] : [url], onProgress: progress },
  );
  await renderer.close();
  if (options.html !== undefined) await writePage(options.html, report);
  return {
    text: options.markdown === true ? diffComment(report).join('\n\n') : diffText(report),
    json: diffJson(report),
    exitCode,
  };
}
