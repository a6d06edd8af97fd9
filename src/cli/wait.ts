import { Command } from 'commander';
import { applicationNames } from '../deploy/application-name.ts';
import { runFinish } from '../deploy/finish.ts';
import { finishJson, finishResult } from '../deploy/finish-report.ts';
import { type LookoutAccess, lookoutOpener } from '../deploy/open-lookout.ts';
import { runWait, type WaitDeps } from '../deploy/wait.ts';
import { waitJson, waitResult } from '../deploy/wait-report.ts';
import { screenReporter } from '../deploy/wait-reporter.ts';
import { finishRequest, waitRequest } from '../deploy/wait-request.ts';
import { openGitHub } from '../github/access.ts';
import { parseRepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import { announcer } from '../release/announcer.ts';
import { tellWhenEnded } from './ended-wait.ts';
import { environmentAccess } from './environment.ts';
import { outageTeller } from './outage.ts';
import { type CommonOptions, runCommand } from './run-command.ts';
import { textOfFile } from './text-file.ts';

interface WaitOptions extends CommonOptions {
  readonly repository: string;
  readonly branch?: string;
  readonly app?: string;
  readonly environment?: string;
  readonly commit?: string;
  readonly deadline: string;
  readonly rollback: string;
  readonly unfinished?: boolean;
  readonly notifications?: boolean;
  readonly argocdServer?: string;
  readonly argocdCa?: string;
  readonly application: string;
  readonly announce?: boolean;
}

/** `kajitori wait`. */
export function waitCommand(): Command {
  return new Command('wait')
    .description(
      'Wait until every cluster of an environment runs a deploy and is healthy; else put all of them back.',
    )
    .requiredOption('--repository <owner/name>', 'the GitOps repository')
    .option('--branch <name>', 'its branch (default: the default branch)')
    .option('--app <name>', 'the app (folder under apps/); several with commas')
    .option('--environment <name>', 'the environment, as kajitori.yaml names it')
    .option('--commit <id>', 'the commit to wait for (default: the newest one that deployed the app)')
    .option('--deadline <minutes>', 'how long a cluster may take', '15')
    .option('--rollback <auto|never>', 'what happens when a cluster fails', 'auto')
    .option('--unfinished', 'find the deploys whose run died, and finish or undo them')
    .option('--notifications', 'read what Argo CD notifications wrote to GitHub, instead of asking Argo CD')
    .option('--argocd-server <url>', 'Argo CD (default: as kajitori.yaml says for each cluster)')
    .option('--argocd-ca <file>', 'certificates (PEM) of a private authority')
    .option('--application <pattern>', 'how applications are named', '{app}-{cluster}')
    .option(
      '--announce',
      'also tell of it in the app repository: deployments, commit status, merged pull request',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
GitHub's token is taken from GITHUB_TOKEN, Argo CD's from ARGOCD_AUTH_TOKEN. With --announce, a Slack-compatible
webhook is called whose URL is in KAJITORI_WEBHOOK.
Exit codes: 0 healthy, or somebody deployed again; 1 failed; 2 could not find out; 130 ended by Ctrl-C, 143 by SIGTERM.

Examples:
  Wait for the last deploy of an app, and leave it as it is when it fails:
    kajitori wait --repository acme/gitops --app web --environment production --rollback never
  Wait for all that a commit deployed:
    kajitori wait --repository acme/gitops --environment production --commit <commit>
  Finish what runs left that died:
    kajitori wait --repository acme/gitops --unfinished`,
    )
    .action((options: WaitOptions) => runCommand(options, () => wait(options)));
}

async function wait(options: WaitOptions) {
  using _ended = tellWhenEnded(options, process.argv.slice(2), {
    // Under the ^C that a terminal shows.
    write: (text) => process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}${text}`),
    end: (exitCode) => process.exit(exitCode),
  });
  const texts = {
    app: options.app,
    environment: options.environment,
    commit: options.commit,
    deadlineMinutes: Number(options.deadline),
    rollback: options.rollback,
    run: undefined,
  };
  if (options.unfinished === true) {
    const request = finishRequest(texts);
    const all = await runFinish(request, await waitDeps(options));
    const { text, exitCode } = finishResult(all);
    return { text, json: finishJson(all), exitCode };
  }
  const request = waitRequest(texts);
  const outputs = await runWait(request, await waitDeps(options));
  const { text, exitCode } = waitResult(outputs);
  return { text, json: waitJson(outputs), exitCode };
}

async function waitDeps(options: WaitOptions): Promise<WaitDeps> {
  const repository = parseRepositoryName(options.repository);
  const target = { repository, branch: options.branch };
  const access = environmentAccess();
  const report = process.stderr.isTTY
    ? screenReporter(process.stderr)
    : { application: () => undefined, step: () => undefined };
  // Above the lines of the applications, which change in their place.
  const onOutage = outageTeller(report.step);
  const client = await openGitHub(access, {
    apiUrl: access.apiUrl,
    repository,
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write' },
    timing: systemTiming,
    onOutage,
  });
  return {
    client,
    target,
    timing: systemTiming,
    deployer: { kind: 'own-right' },
    lookout: lookoutOpener(await lookoutAccess(options), { client, target, timing: systemTiming }),
    applicationName: applicationNames(options.application),
    report,
    ...(options.announce === true
      ? {
          tell: announcer({
            clientOf: (source) =>
              openGitHub(access, {
                apiUrl: access.apiUrl,
                repository: parseRepositoryName(source),
                permissions: { deployments: 'write', pull_requests: 'write', statuses: 'write' },
                timing: systemTiming,
                onOutage,
              }),
            webhook: process.env.KAJITORI_WEBHOOK || undefined,
          }),
        }
      : {}),
  };
}

async function lookoutAccess({ notifications, argocdServer, argocdCa }: WaitOptions): Promise<LookoutAccess> {
  if (notifications === true) {
    return { kind: 'notifications' };
  }
  return {
    kind: 'api',
    server: argocdServer,
    // The name that Argo CD's own command line uses.
    token: process.env.ARGOCD_AUTH_TOKEN || undefined,
    connector: undefined,
    idToken: undefined,
    ca: argocdCa === undefined ? undefined : await textOfFile(argocdCa),
    onToken: () => undefined,
  };
}
