import { Command } from 'commander';
import { couldNot } from '../report/failure.ts';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { type InitInputs, type InitOutputs, runInit } from '../scaffold/init.ts';
import { terminalQuestions } from '../scaffold/terminal-questions.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, runCommand } from './run-command.ts';

interface InitOptions extends CommonOptions {
  readonly environment?: readonly string[];
  readonly cluster?: readonly string[];
  readonly registry?: readonly string[];
  readonly teams?: string;
  readonly platformTeam?: string;
  readonly url?: string;
  readonly branch?: string;
  readonly app?: string;
  readonly gitops?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `kajitori init`. */
export function initCommand(): Command {
  return new Command('init')
    .description(
      'Set up a GitOps repository in this folder, or add what is missing to one. Overwrites nothing.',
    )
    .option('--environment <name=clusters>', 'an environment with its clusters; in promotion order', repeated)
    .option(
      '--cluster <name=kubernetes,region,account>',
      'version of Kubernetes, region and account of a cluster; may be repeated',
      repeated,
    )
    .option('--registry <host>', 'where images may come from; may be repeated', repeated)
    .option('--teams <pattern>', 'the GitHub teams that own apps, like @acme/*; makes a region of CODEOWNERS')
    .option('--platform-team <team>', 'the GitHub team that owns everything else, like @acme/platform')
    .option('--url <url>', 'by which Argo CD reads this repository (default: the remote origin)')
    .option('--branch <name>', 'which Argo CD reads (default: main)')
    .option('--app <name>', "in an app's repository instead: write the workflow that deploys this app")
    .option('--gitops <owner/name>', 'with --app: the GitOps repository')
    .option('--dry-run', 'show what would be written and write nothing')
    .option('--yes', 'ask nothing')
    .option('--json', 'print the result as JSON, and ask nothing')
    .addHelpText(
      'after',
      `
What is not given is detected from what is here, or asked.

Examples:
  Look first:
    kajitori init --dry-run
  A GitOps repository with two production clusters, without questions:
    kajitori init --yes --environment staging=stg-1 --environment production=prod-1,prod-2 \\
      --cluster stg-1=1.34,ap-northeast-1,111111111111 \\
      --cluster prod-1=1.33,ap-northeast-1,222222222222 \\
      --cluster prod-2=1.34,ap-northeast-1,222222222222 \\
      --registry 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com \\
      --teams '@acme/*' --url https://github.com/acme/gitops.git
  In the repository of the app web, the workflow that deploys it:
    kajitori init --app web --gitops acme/gitops`,
    )
    .action((options: InitOptions) => runCommand(options, () => init(options)));
}

async function init(options: InitOptions) {
  const silent = options.json === true;
  const outputs = await runInit(inputsOf(options), {
    repository: await openWorkingCopy('.'),
    suite: await openSuite(),
    remoteUrl: () => gitRemoteUrl('.'),
    questions: options.yes === true || silent || !process.stdin.isTTY ? undefined : terminalQuestions,
    show: (text) => {
      if (!silent) {
        process.stdout.write(`${text}\n`);
      }
    },
  });
  return {
    text: `\n${initText(outputs, options)}`,
    json: outputs,
    exitCode: outputs.exitCode,
  };
}

function inputsOf(options: InitOptions): InitInputs {
  const { app, gitops } = options;
  if ((app === undefined) !== (gitops === undefined)) {
    throw couldNot('--app and --gitops belong together.', {
      todo: 'Give both in the repository of an app, like --app web --gitops acme/gitops; in a GitOps repository none.',
      reason: 'missing-input',
    });
  }
  return {
    environments: options.environment ?? [],
    clusters: options.cluster ?? [],
    registries: options.registry ?? [],
    teams: options.teams,
    platformTeam: options.platformTeam,
    url: options.url,
    branch: options.branch,
    appRepository: app === undefined || gitops === undefined ? undefined : { app, gitops },
    dryRun: options.dryRun ?? false,
  };
}

function initText({ reason, written }: InitOutputs, { app }: InitOptions): string {
  switch (reason) {
    case 'written':
      return [
        `Wrote ${written.length === 1 ? '1 file' : `${written.length} files`}. Nothing is committed yet.`,
        ...(app === undefined
          ? [
              '  → Look at kajitori.yaml, commit and push; README.md says how Argo CD gets to know it.',
              '  → `kajitori doctor` checks the set-up from end to end.',
            ]
          : ['  → Its first lines say how the workflow that builds the image calls it.']),
      ].join('\n');
    case 'nothing-to-do':
      return 'Nothing to do: everything is there.';
    case 'dry-run':
      return 'Dry run: nothing was written.';
    case 'declined':
      return 'Nothing was written.';
    case 'blocked':
      return 'Nothing was written: other texts stand where generated files should be (see above).';
  }
}
