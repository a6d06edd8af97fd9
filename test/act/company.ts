import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import {
  type GitHubStandin,
  type RepositoryOptions,
  type StandinApp,
  type StandinRepository,
  startGitHub,
} from '../../src/standin/github/server.ts';
import { type ActRun, runAct } from './run-act.ts';

const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

/** An image of the company's registry; `letter` makes the digest. */
export const image = (name: string, tag: string, letter: string): string =>
  `${REGISTRY}/${name}:${tag}@sha256:${letter.repeat(64)}`;

const GITOPS = {
  'kajitori.yaml': `apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1] }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
teams: { pattern: "@acme/*" }
`,
  'apps/web/app.yaml': 'app: { team: shop, sources: [acme/web], kind: web }\n',
  'apps/web/values.yaml': 'web: { port: 8080 }\n',
  'apps/held/app.yaml': 'app: { team: shop, sources: [acme/web], kind: web }\n',
  'apps/held/release.production.yaml': `image:
  repository: ${REGISTRY}/held
  tag: v1 # before the incident
  digest: sha256:${'0'.repeat(64)}
hold: { reason: the queue is being drained, by: kana }
`,
};

/** The workflow that the jobs of a run are in. */
const WORKFLOW = '.github/workflows/ci.yml';

/** A job of a workflow, as YAML has it. */
export type Job = Readonly<Record<string, unknown>>;

/** What a job left for the ones that need it, or a step. */
export interface Needed {
  readonly result: string;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface CompanyRun extends ActRun {
  /**
   * By the id of a job in the workflow: what a following job gets from it. Empty when a called workflow failed, since
   * act then starts no further job.
   */
  readonly needed: Readonly<Record<string, Needed>>;
  /** Whether a text that asks for it (`HOSTILE`) was run by a shell. */
  readonly executed: boolean;
  /** Parts of keys and tokens in what act wrote, in the summaries and in the outputs. */
  readonly leaked: readonly string[];
}

/** Text that leaves a trace when a shell runs it. As a branch's name it has no spaces. */
export const HOSTILE = '$(touch${IFS}$HOME/executed)`touch${IFS}$HOME/executed`';

export interface WorkflowRun {
  /** The repository whose workflow runs; acme/web without it. */
  readonly repository?: string;
  /** The branch that it runs from. */
  readonly branch?: string;
  /** The form that a person filled in (`workflow_dispatch`); without it and an issue, somebody pushed. */
  readonly form?: Readonly<Record<string, string>>;
  /** The issue that somebody opened. */
  readonly issue?: { readonly number: number; readonly body: string; readonly labels: readonly string[] };
  /** The pull request that somebody opened or pushed to; `branch` is its head. `token` is what its runs may do. */
  readonly pullRequest?: { readonly number: number; readonly base: string; readonly token: 'read' | 'write' };
  /** Who fills in the form or opens the issue. */
  readonly actor?: string;
  readonly jobs: Readonly<Record<string, Job>>;
  /** Other files that the repository has. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the run's own token may do beside reading its repository. */
  readonly token?: Readonly<Record<string, 'read' | 'write'>>;
  /** More of what the settings of the repository hold for `vars`, and for `secrets`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** More variables of the runner. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The company `acme`: its GitHub with the GitOps repository, two app repositories and the App that deploys. */
export interface Company extends AsyncDisposable {
  readonly github: GitHubStandin;
  readonly app: StandinApp;
  readonly gitops: StandinRepository;
  /** Commits a workflow of these jobs to an app repository and runs it by act. */
  run(run: WorkflowRun): Promise<CompanyRun>;
}

/** What differs from the usual. */
export interface Founding {
  /** How acme/gitops is set up. */
  readonly gitops?: RepositoryOptions;
  /** What the App may do beside writing contents and pull requests. */
  readonly permissions?: Readonly<Record<string, 'read' | 'write'>>;
}

/**
 * @param suite the folder of `releaseSuite`
 * @param publicKey of the App, when its key is kept elsewhere
 */
export async function foundCompany(
  suite: string,
  publicKey?: string,
  founding: Founding = {},
): Promise<Company> {
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-act-'));
  const github = await startGitHub();
  const gitops = await github.createRepository('acme/gitops', {
    files: GITOPS,
    private: true,
    ...founding.gitops,
  });
  await github.createRepository('acme/web', { files: { 'README.md': '# web\n' }, private: true });
  await github.createRepository('acme/evil', { files: { 'README.md': '# evil\n' }, private: true });
  // A plain repository of values, as it is before a company has a kajitori.yaml.
  await github.createRepository('acme/values', {
    files: { 'prod-1/web.yaml': 'image: { tag: v1 } # ours\n', 'prod-2/web.yaml': 'image:\n  tag: "v1"\n' },
    private: true,
  });
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write', ...founding.permissions },
    ...(publicKey === undefined ? {} : { publicKey }),
  });
  app.install('acme', ['acme/gitops', 'acme/values']);
  let runs = 0;
  return {
    github,
    app,
    gitops,
    async run({
      repository = 'acme/web',
      branch = 'main',
      form,
      issue,
      pullRequest,
      actor,
      jobs,
      files,
      token,
      settings,
      secrets = {},
      variables,
    }) {
      const event =
        form !== undefined
          ? 'workflow_dispatch'
          : pullRequest !== undefined
            ? 'pull_request'
            : issue === undefined
              ? 'push'
              : 'issues';
      const number = ++runs;
      const home = join(folder, String(number));
      const report = join(home, 'report.json');
      await mkdir(home);
      const workflow = {
        name: 'ci',
        on: form === undefined ? event : { workflow_dispatch: { inputs: formInputs(form) } },
        permissions: {},
        jobs: { ...jobs, report: reportJob(Object.keys(jobs)) },
      };
      const commit = await github
        .repository(repository)
        .commit({ ...files, [WORKFLOW]: stringify(workflow) }, { branch, message: `Work ${number}` });
      const clone = join(home, 'clone');
      await execa('git', ['clone', '-q', '--branch', branch, github.repository(repository).gitDir, clone]);
      // act takes the repository's name from here.
      await execa('git', ['remote', 'set-url', 'origin', `https://github.com/${repository}.git`], {
        cwd: clone,
      });
      const [owner, name] = repository.split('/');
      const payload = {
        ref: `refs/heads/${branch}`,
        repository: { full_name: repository, name, owner: { login: owner }, default_branch: 'main' },
        ...(form === undefined ? { after: commit } : { inputs: form }),
        ...(issue === undefined
          ? {}
          : {
              action: 'opened',
              issue: { ...issue, labels: issue.labels.map((label) => ({ name: label })) },
            }),
        ...(pullRequest === undefined
          ? {}
          : {
              action: 'synchronize',
              number: pullRequest.number,
              pull_request: {
                number: pullRequest.number,
                base: { ref: 'main', sha: pullRequest.base },
                head: { ref: branch, sha: commit },
              },
            }),
      };
      await writeFile(join(home, 'event.json'), JSON.stringify(payload));
      await writeFile(
        join(home, 'secrets'),
        [
          ...Object.entries(secrets).map(([name, value]) => `${name}=${value}`),
          `KAJITORI_PRIVATE_KEY="${app.privateKey.replaceAll('\n', '\\n')}"`,
          `GITHUB_TOKEN=${github.actionsToken(repository, { contents: 'read', ...(issue === undefined ? {} : { issues: 'write' }), ...(pullRequest === undefined ? {} : { pull_requests: pullRequest.token }), ...token })}`,
        ].join('\n'),
      );
      const run = await runAct({
        folder: clone,
        workflow: WORKFLOW,
        settings: { KAJITORI_APP_ID: app.clientId, ...settings },
        suite,
        home,
        event,
        ...(actor === undefined ? {} : { actor }),
        eventFile: join(home, 'event.json'),
        secretFile: join(home, 'secrets'),
        variables: {
          GITHUB_API_URL: github.apiUrl,
          GITHUB_GRAPHQL_URL: github.graphqlUrl,
          GITHUB_SERVER_URL: github.url,
          GITHUB_RUN_ID: String(9000 + number),
          GITHUB_RUN_NUMBER: String(number),
          GITHUB_WORKFLOW_REF: `${repository}/${WORKFLOW}@refs/heads/${branch}`,
          REPORT: report,
          ...variables,
        },
      });
      const outputs = existsSync(report) ? await readFile(report, 'utf8') : '{}';
      return {
        ...run,
        needed: JSON.parse(outputs) as Record<string, Needed>,
        executed: existsSync(join(home, 'executed')),
        leaked: secretsIn(run.unmasked + outputs, app.privateKey),
      };
    },
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** JWTs, tokens of GitHub, and lines of the key. */
const secretsIn = (text: string, pem: string): readonly string[] => [
  ...(text.match(/eyJ[\w-]+\.[\w.-]+|gh[a-z]_\w{10,}|BEGIN RSA/g) ?? []),
  ...pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-') && text.includes(line)),
];

/** What the form says of its fields: a box to tick is a Boolean in `inputs` (docs: "Contexts reference"). */
const formInputs = (form: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      { type: value === 'true' || value === 'false' ? 'boolean' : 'string', required: false },
    ]),
  );

/** Writes down what a following job gets from the others. */
const reportJob = (needs: readonly string[]): Job => ({
  'runs-on': 'ubuntu-latest',
  needs,
  if: 'always()',
  steps: [{ env: { NEEDS: '${{ toJSON(needs) }}' }, run: 'printf %s "$NEEDS" > "$REPORT"' }],
});

/** A job that runs an action of the suite several times, each on its own, and hands on what every step left. */
export const steps = (
  action: string,
  each: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Job => ({
  'runs-on': 'ubuntu-latest',
  outputs: { steps: '${{ toJSON(steps) }}' },
  steps: Object.entries(each).map(([id, inputs]) => ({
    id,
    uses: `kajitori/kajitori/actions/${action}@v1`,
    'continue-on-error': true,
    with: inputs,
  })),
});

/** A job that calls the reusable workflow, as docs and templates show it. */
export const release = (inputs: Readonly<Record<string, unknown>>, app: StandinApp, more: Job = {}): Job => ({
  uses: 'kajitori/kajitori/.github/workflows/release.yml@v1',
  permissions: { contents: 'read', 'id-token': 'write' },
  with: {
    app: 'web',
    environment: 'production',
    'gitops-repository': 'acme/gitops',
    'app-id': app.clientId,
    ...inputs,
  },
  secrets: { 'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}' },
  ...more,
});
