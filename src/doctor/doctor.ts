import type { Rs256Signer } from '../github/app-token.ts';
import type { GitHubClient } from '../github/client.ts';
import type { RepositoryName } from '../github/repository-name.ts';
import type { Tree } from '../repository/tree.ts';
import { type Check, notChecked, ok } from './check.ts';
import { checkApp } from './check-app.ts';
import { type ArgoCdToExamine, checkArgoCd } from './check-argocd.ts';
import { checkFiles, type FileFindings } from './check-files.ts';
import { checkKey } from './check-key.ts';
import { checkOidc } from './check-oidc.ts';
import { checkReleaseCallers } from './check-release-callers.ts';
import { checkRepository } from './check-repository.ts';
import { checkRules } from './check-rules.ts';
import { checkSuite } from './check-suite.ts';
import { checkTools, type ToolVersion } from './check-tools.ts';
import { checkTrust } from './check-trust.ts';

export interface DoctorInputs {
  /** The GitOps repository on GitHub; without it, what is on GitHub is not checked. */
  readonly repository?: RepositoryName | undefined;
  /** Where the actions and workflows come from: kajitori/kajitori, or a private copy. */
  readonly suite: RepositoryName;
  /** The trust policy of the role that signs, as JSON (`aws iam get-role`); without it, it is not looked at. */
  readonly trustPolicy?: string | undefined;
}

export interface DoctorDependencies {
  /** The files of the GitOps repository: a working copy, or GitHub at a commit. */
  readonly tree: Tree | undefined;
  /** Undefined without a token. */
  readonly github: GitHubClient | undefined;
  /** Signed in as the GitHub App itself (JWT); undefined without app-id and key. */
  readonly githubAsApp: GitHubClient | undefined;
  /** The App's key in AWS KMS, when one was named. */
  readonly kms: Rs256Signer | undefined;
  /** `process.versions.node` */
  readonly nodeVersion: string;
  readonly argocd: ArgoCdToExamine;
  readonly toolVersion: ToolVersion;
}

export interface DoctorReport {
  readonly checks: readonly Check[];
  /** 1 when something fails; else 2 when something could not be checked; else 0. Warnings are no findings. */
  readonly exitCode: 0 | 1 | 2;
}

/**
 * `kajitori doctor`: checks a set-up from end to end, changes nothing, and says how to mend what is not right.
 *
 * A check that could not be made is `not-checked`, and then the exit code is not 0.
 */
export async function runDoctor(inputs: DoctorInputs, deps: DoctorDependencies): Promise<DoctorReport> {
  const [tools, files] = await Promise.all([
    checkTools(deps.nodeVersion, deps.toolVersion),
    checkFiles(deps.tree),
  ]);
  const checks = [
    ...tools,
    ...files.checks,
    ...(await checkGitHub(inputs, deps, files)),
    ...(deps.kms === undefined ? [] : [await checkKey(deps.kms)]),
    ...(inputs.trustPolicy === undefined ? [] : checkTrust(inputs.trustPolicy, inputs.suite, files.config)),
    ...(await checkArgoCd(deps.argocd, files.config, files.apps.keys(), deps.tree)),
  ];
  return { checks, exitCode: exitCodeOf(checks) };
}

async function checkGitHub(
  { repository, suite }: DoctorInputs,
  { github, githubAsApp }: DoctorDependencies,
  { config, apps }: FileFindings,
): Promise<readonly Check[]> {
  if (github === undefined) {
    return [
      notChecked(
        'token',
        'There is no token, so nothing on GitHub was looked at.',
        'Set GITHUB_TOKEN, for example to the output of `gh auth token`.',
      ),
    ];
  }
  const token = ok('token', 'There is a token for GitHub.');
  if (repository === undefined) {
    return [
      token,
      notChecked(
        'repository',
        'The GitOps repository on GitHub is not known.',
        'Name it: --repository owner/name.',
      ),
    ];
  }
  const [{ checks, facts }, app, suiteAccess, oidc, callers] = await Promise.all([
    checkRepository(github, repository, config),
    checkApp(githubAsApp, repository, config),
    checkSuite(github, suite, repository),
    checkOidc(github, apps),
    checkReleaseCallers(github, config, apps),
  ]);
  const rules =
    facts === undefined || facts.archived
      ? []
      : await checkRules(github, config, {
          repository,
          branch: config?.repository?.branch ?? facts.default_branch,
          app: app.app,
          autoMergeAllowed: facts.allow_auto_merge ?? false,
        });
  return [token, ...checks, ...app.checks, ...rules, ...suiteAccess, ...oidc, ...callers];
}

function exitCodeOf(checks: readonly Check[]): DoctorReport['exitCode'] {
  if (checks.some(({ status }) => status === 'fail')) {
    return 1;
  }
  return checks.some(({ status }) => status === 'not-checked') ? 2 : 0;
}
