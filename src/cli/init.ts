import { Command } from 'commander';
import { chartFolder } from '../render/chart-store.ts';
import { runRender } from '../render/run-render.ts';
import { couldNot } from '../report/failure.ts';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { type AdoptOutputs, runAdopt } from '../scaffold/adopt.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { type InitInputs, type InitOutputs, runInit } from '../scaffold/init.ts';
import { terminalQuestions } from '../scaffold/terminal-questions.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

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
  readonly adopt?: boolean;
  readonly release?: string;
  readonly image?: string;
  readonly exclude?: readonly string[];
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
    .option(
      '--adopt',
      'in a GitOps repository that exists: keep its layout, change nothing that runs, and prove that by rendering',
    )
    .option(
      '--release <pattern>',
      'with --adopt: the values files that hold images, like apps/{app}/values-{environment}.yaml (default: found out)',
    )
    .option('--image <path>', 'with --adopt: the path of the image in them (default: found out)')
    .option(
      '--exclude <name>',
      'with --adopt: an application, or ApplicationSet/<name>, that cannot be rendered; may be repeated',
      repeated,
    )
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
  In a GitOps repository that exists, what would be written, and the proof that nothing changes:
    kajitori init --adopt --dry-run
  In the repository of the app web, the workflow that deploys it:
    kajitori init --app web --gitops acme/gitops`,
    )
    .action((options: InitOptions) =>
      runCommand(options, () => (options.adopt === true ? adopt(options) : init(options))),
    );
}

async function adopt(options: InitOptions) {
  if (options.app !== undefined || options.gitops !== undefined) {
    throw couldNot('--adopt is for the GitOps repository, --app for the repository of an app.', {
      todo: 'Give one of them.',
      reason: 'bad-input',
    });
  }
  const silent = options.json === true;
  const repository = await openWorkingCopy('.');
  const url = options.url ?? (await gitRemoteUrl('.'));
  const outputs = await runAdopt(
    {
      ...inputsOf(options),
      release: options.release,
      image: options.image,
      exclude: options.exclude ?? [],
    },
    {
      repository,
      suite: await openSuite(),
      remoteUrl: () => gitRemoteUrl('.'),
      render: (tree, root) =>
        runRender(
          { app: undefined, environment: undefined, cluster: undefined },
          {
            tree,
            root,
            charts: chartFolder(process.env),
            urls: url === undefined ? [] : [url],
            onProgress: silent ? () => undefined : progress,
          },
        ),
      ...interaction(options),
    },
  );
  return { text: `\n${adoptText(outputs)}`, json: outputs, exitCode: outputs.exitCode };
}

/** The ends that init and its `--adopt` have in common. */
const ENDS = {
  'nothing-to-do': 'Nothing to do: everything is there.',
  'dry-run': 'Dry run: nothing was written.',
  declined: 'Nothing was written.',
} as const;

function adoptText({ reason, written, apps }: AdoptOutputs): string {
  const [first] = apps;
  switch (reason) {
    case 'written':
      return [
        `Wrote ${written.length} ${written.length === 1 ? 'file' : 'files'}. Nothing is committed yet, and nothing that runs changes.`,
        ...(first === undefined
          ? []
          : [
              '  → Say who may deploy an app, one short file each. For example, for runs of the repository',
              `    acme/${first.app}, owned by the team shop: .kajitori/${first.app}/app.yaml with this line`,
              `      app: { team: shop, sources: [acme/${first.app}] }`,
            ]),
        '  → Commit and push; docs/setup.md goes on with the GitHub App. `kajitori doctor` checks the set-up.',
      ].join('\n');
    case 'no-pattern':
      return 'Nothing was written. Is there such a file after all? Name it: --release and --image.';
    case 'changes':
      return [
        'Nothing was written: the new files would change what runs (see above).',
        '  → Most often a source or a generator takes in every file of the repository. Limit it to its own folder.',
      ].join('\n');
    case 'not-proven':
      return [
        'Nothing was written: not everything could be compared (see above).',
        '  → Mend what is named there, or leave it out: --exclude NAME.',
      ].join('\n');
    default:
      return ENDS[reason];
  }
}

/** Asks and shows where a person is there. */
function interaction({ yes, json }: InitOptions) {
  const silent = json === true;
  return {
    questions: yes === true || silent || !process.stdin.isTTY ? undefined : terminalQuestions,
    show: (text: string) => {
      if (!silent) {
        process.stdout.write(`${text}\n`);
      }
    },
  };
}

async function init(options: InitOptions) {
  if (options.release !== undefined || options.image !== undefined || options.exclude !== undefined) {
    throw couldNot('--release, --image and --exclude belong to --adopt.', {
      todo: 'Give --adopt too, or leave them out.',
      reason: 'bad-input',
    });
  }
  const outputs = await runInit(inputsOf(options), {
    repository: await openWorkingCopy('.'),
    suite: await openSuite(),
    remoteUrl: () => gitRemoteUrl('.'),
    ...interaction(options),
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
    case 'blocked':
      return 'Nothing was written: other texts stand where generated files should be (see above).';
    default:
      return ENDS[reason];
  }
}
