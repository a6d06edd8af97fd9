import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { openArgoCd } from '../argocd/client.ts';
import { KAJITORI_FILE } from '../config/kajitori-yaml.ts';
import { type DoctorDependencies, runDoctor } from '../doctor/doctor.ts';
import { doctorJson, formatDoctorReport } from '../doctor/report.ts';
import { toolVersionOnPath } from '../doctor/tool-version.ts';
import { appJwt, type Rs256Signer, signerFromPrivateKey } from '../github/app-token.ts';
import type { GitHubClient } from '../github/client.ts';
import { parseRepositoryName, type RepositoryName } from '../github/repository-name.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot, Failure } from '../report/failure.ts';
import { readSnapshot } from '../repository/snapshot.ts';
import type { Tree } from '../repository/tree.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { gitRemoteUrl } from '../scaffold/git-remote.ts';
import { environmentAccess } from './environment.ts';
import { commandClient } from './github-client.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';
import { textOfFile } from './text-file.ts';

interface DoctorOptions extends CommonOptions {
  readonly repository?: string;
  readonly suite: string;
  readonly appId?: string;
  readonly privateKeyFile?: string;
  readonly kmsKey?: string;
  readonly awsRegion?: string;
  readonly awsRole?: string;
  readonly trustPolicy?: string;
  readonly argocdServer?: string;
  readonly argocdCa?: string;
}

/** `kajitori doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check a set-up from end to end and say how to mend what is wrong. Changes nothing.')
    .option(
      '--repository <owner/name>',
      'the GitOps repository, read on GitHub; else the files in this folder',
    )
    .option('--suite <owner/name>', 'where the workflows of Kajitori come from', 'kajitori/kajitori')
    .option('--app-id <id>', 'the GitHub App (client ID or number), to look at its permissions')
    .option('--private-key-file <file>', 'its private key')
    .option('--kms-key <key>', 'or its key in AWS KMS: ID, ARN or alias/…')
    .option('--aws-region <region>', 'the region of that key')
    .option('--aws-role <arn>', 'the role that may sign with it')
    .option(
      '--trust-policy <file>',
      'what `aws iam get-role --role-name …` prints of that role, to see whom it trusts',
    )
    .option('--argocd-server <url>', 'Argo CD (default: as kajitori.yaml says for each cluster)')
    .option('--argocd-ca <file>', 'certificates (PEM) of a private authority')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
GITHUB_TOKEN (or GH_TOKEN) is used for what is on GitHub. Exit code 1: something is wrong; 2: something could not be
checked, which is never taken for right. ARGOCD_AUTH_TOKEN is used for Argo CD: give the token that waiting uses, so that
its rights are looked at.

Examples:
  In a clone of the GitOps repository:
    GITHUB_TOKEN=$(gh auth token) kajitori doctor
  With the permissions of the GitHub App:
    kajitori doctor --repository acme/gitops --app-id 123456 --private-key-file acme-deploys.pem
  Argo CD, and the rights of its token:
    ARGOCD_AUTH_TOKEN=… kajitori doctor --argocd-server https://argocd.example.com`,
    )
    .action((options: DoctorOptions) => runCommand(options, () => doctor(options)));
}

async function doctor(options: DoctorOptions) {
  const access = environmentAccess();
  const suite = parseRepositoryName(options.suite);
  const repository =
    options.repository === undefined
      ? await repositoryOfClone(access.apiUrl)
      : parseRepositoryName(options.repository);
  const signers = await signersOf(options);
  const github = access.token === undefined ? undefined : commandClient(access);
  progress('Looking at tools, files and GitHub …');
  const { argocdServer, trustPolicy } = options;
  const inputs = {
    repository,
    suite,
    ...(trustPolicy === undefined ? {} : { trustPolicy: await textOfFile(trustPolicy) }),
  };
  const report = await runDoctor(inputs, {
    tree: await treeOf(options, github, repository),
    github,
    githubAsApp: await asApp(options.appId, signers, access.apiUrl),
    kms: signers.kms,
    argocd: { server: argocdServer, open: await argoCdOpener(options) },
    nodeVersion: process.versions.node,
    toolVersion: toolVersionOnPath,
  } satisfies DoctorDependencies);
  const colours = process.stdout.isTTY && process.stdout.hasColors();
  return { text: formatDoctorReport(report, colours), json: doctorJson(report), exitCode: report.exitCode };
}

/** Undefined without a token. */
async function argoCdOpener({ argocdCa }: DoctorOptions): Promise<DoctorDependencies['argocd']['open']> {
  const token = process.env.ARGOCD_AUTH_TOKEN;
  const ca = argocdCa === undefined ? undefined : await textOfFile(argocdCa);
  return token === undefined || token === ''
    ? undefined
    : (server) => openArgoCd({ server, token: () => token, ca, timing: systemTiming });
}

/** The repository that the remote `origin` of this folder names, when it is on the GitHub that we talk to. */
async function repositoryOfClone(apiUrl: string): Promise<RepositoryName | undefined> {
  const remote =
    /^(?:https?:\/\/|ssh:\/\/)?(?:[^/@]+@)?([^/:]+)(?::\d+)?[/:]([^/]+\/[^/]+?)(?:\.git)?\/?$/.exec(
      (await gitRemoteUrl('.')) ?? '',
    );
  const host = new URL(apiUrl).hostname.replace(/^api\./, '');
  return remote?.[1] === host && remote[2] !== undefined ? parseRepositoryName(remote[2]) : undefined;
}

/** The files to check: on GitHub when the repository was named, else here. What cannot be read is not checked. */
async function treeOf(
  options: DoctorOptions,
  github: GitHubClient | undefined,
  repository: RepositoryName | undefined,
): Promise<Tree | undefined> {
  if (options.repository === undefined) {
    return openWorkingCopy('.');
  }
  if (github === undefined || repository === undefined) {
    return undefined;
  }
  try {
    return (await readSnapshot(github, { repository }, [KAJITORI_FILE])).tree;
  } catch (error) {
    if (error instanceof Failure) {
      // Why is for the check of the repository to say.
      return undefined;
    }
    throw error;
  }
}

interface Signers {
  readonly kms: Rs256Signer | undefined;
  readonly file: Rs256Signer | undefined;
}

async function signersOf(options: DoctorOptions): Promise<Signers> {
  const { kmsKey, awsRegion, awsRole, privateKeyFile } = options;
  if (kmsKey === undefined) {
    return { kms: undefined, file: await signerFromFile(privateKeyFile) };
  }
  if (awsRegion === undefined || privateKeyFile !== undefined) {
    throw couldNot('A key in AWS KMS needs its region, and excludes a private key.', {
      todo: 'Give --kms-key with --aws-region, or --private-key-file alone.',
      reason: 'missing-input',
    });
  }
  // Loaded only when needed: the AWS SDK costs tens of milliseconds at start.
  const { kmsSigner } = await import('../aws/kms-signer.ts');
  const identity = { region: awsRegion, sessionName: 'kajitori-doctor' };
  return {
    kms: kmsSigner(kmsKey, awsRole === undefined ? identity : { ...identity, role: awsRole }),
    file: undefined,
  };
}

async function signerFromFile(file: string | undefined): Promise<Rs256Signer | undefined> {
  if (file === undefined) {
    return undefined;
  }
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw couldNot('The file with the private key cannot be read.', {
      at: { file },
      todo: 'Give the .pem file that GitHub handed out for the App.',
      reason: 'bad-private-key',
      cause,
    });
  });
  return signerFromPrivateKey(pem);
}

/** Signed in as the App itself. A key in AWS KMS that does not sign is the finding of a check of its own. */
async function asApp(
  appId: string | undefined,
  { kms, file }: Signers,
  apiUrl: string,
): Promise<GitHubClient | undefined> {
  const signer = kms ?? file;
  if (appId === undefined || signer === undefined) {
    return undefined;
  }
  try {
    const token = await appJwt(appId, signer, systemTiming.now());
    return commandClient({ apiUrl, token });
  } catch (error) {
    if (error instanceof Failure) {
      return undefined;
    }
    throw error;
  }
}
