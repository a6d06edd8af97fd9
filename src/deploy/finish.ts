import pLimit from 'p-limit';
import { environmentsOf } from '../config/kajitori-yaml.ts';
import { readConfig } from '../release/app-files.ts';
import { readVerdicts, writeVerdict } from '../release/verdict.ts';
import { Failure } from '../report/failure.ts';
import { gitHubTree } from '../repository/snapshot.ts';
import { canBeUndone } from './compensate.ts';
import { readRecentCommits } from './deploy-history.ts';
import { findUnfinished, type UnfinishedDeploy } from './unfinished.ts';
import { runWait, type WaitDeps, type WaitInputs, type WaitOutputs } from './wait.ts';

export type FinishInputs = Pick<WaitInputs, 'limits' | 'rollback' | 'run'> & {
  /** Checked names; empty: all. */
  readonly apps: readonly string[];
  /** Undefined: all. */
  readonly environment: string | undefined;
};

/** One deploy that was finished, or why it could not be. */
export type Finished = { readonly deploy: UnfinishedDeploy } & (
  | { readonly outputs: WaitOutputs }
  | { readonly failure: Failure }
);

/** Finishing waits too; a few at once, so that one that hangs does not hold up all. */
const AT_ONCE = 4;

/**
 * Finishes or undoes what runs left that died: looks through the newest hundred commits for deploys without a final
 * verdict, and judges each as its own run would have. What somebody waits for right now is left alone; were two to finish
 * the same deploy at once, one commit is written (compare-and-swap).
 *
 * @throws Failure (exit 2) when GitHub does not answer
 */
export async function runFinish(inputs: FinishInputs, deps: WaitDeps): Promise<readonly Finished[]> {
  const { client, target, timing } = deps;
  const commits = await readRecentCommits(client, target);
  const [head] = commits;
  if (head === undefined) {
    return [];
  }
  const config = await readConfig(gitHubTree(client, target.repository, head.oid));
  const deploys = commits.filter((each) => each.deploys.length > 0);
  const verdicts = await readVerdicts(
    client,
    target.repository,
    deploys.map(({ oid }) => oid),
  );
  const clusters = new Map(
    environmentsOf(config).map((each) => [each.name, each.clusters.map(({ name }) => name)]),
  );
  const { unfinished, abandoned } = findUnfinished(deploys, verdicts, clusters, timing.now());
  const isAsked = (app: string) => inputs.apps.length === 0 || inputs.apps.includes(app);
  for (const { commit, app, cluster, by } of abandoned.filter((each) => isAsked(each.app))) {
    await writeVerdict(client, target.repository, commit.oid, {
      app,
      cluster,
      state: 'error',
      description: `not judged: replaced by ${by.oid.slice(0, 8)}`,
      url: inputs.run,
    });
  }
  const limit = pLimit(AT_ONCE);
  const finished = await Promise.all(
    unfinished
      .filter(
        ({ apps, environment }) =>
          apps.some(isAsked) && (inputs.environment === undefined || inputs.environment === environment),
      )
      .map((deploy) =>
        limit(async () => ((await isLeft(deploy, inputs, deps)) ? [] : [await finish(deploy, inputs, deps)])),
      ),
  );
  return finished.flat();
}

/** What failed and cannot, or must not, be put back: its own run said so, and nothing more is to be done. */
const isLeft = async (
  deploy: UnfinishedDeploy,
  { rollback }: FinishInputs,
  deps: WaitDeps,
): Promise<boolean> =>
  deploy.why === 'not-undone' && (rollback === 'never' || !(await canBeUndone(deploy, deps)));

async function finish(deploy: UnfinishedDeploy, inputs: FinishInputs, deps: WaitDeps): Promise<Finished> {
  const { commit, environment, apps, why } = deploy;
  deps.report.step(`${apps.join(', ')} in ${environment}, commit ${commit.oid.slice(0, 8)}: ${WORDS[why]}`);
  try {
    const outputs = await runWait(
      {
        ...inputs,
        apps,
        environment,
        commit: commit.oid,
        spentMs: deps.timing.now() - commit.at.getTime(),
      },
      deps,
    );
    return { deploy, outputs };
  } catch (error) {
    if (error instanceof Failure) {
      return { deploy, failure: error };
    }
    throw error;
  }
}

const WORDS: Readonly<Record<UnfinishedDeploy['why'], string>> = {
  died: 'the run that waited for it has died',
  'never-judged': 'nobody waited for it',
  'not-found-out': 'it could not be found out how it went',
  'not-undone': 'it failed, and was not undone',
};

/** The worst of all: 1 when one failed, 2 when of one it is not known. */
export function finishExitCode(all: readonly Finished[]): 0 | 1 | 2 {
  const verdicts = all.map((each) =>
    'outputs' in each ? each.outputs.verdict : each.failure.exitCode === 1 ? 'failed' : 'unknown',
  );
  return verdicts.includes('failed') ? 1 : verdicts.includes('unknown') ? 2 : 0;
}
