import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Timing } from '../github/timing.ts';
import type { Tree } from '../repository/tree.ts';
import { GITOPS_REPOSITORY, startCompany, WEB_REPOSITORY } from './company.ts';
import { type Deployed, firstDeploy, firstMerge, nextMerge, type Runs, render } from './deploy-chapters.ts';
import { closing, opening } from './frame.ts';
import { git } from './git.ts';
import { type ChapterRecord, Narrator, type Stage, secondsBetween } from './narrator.ts';
import { type Race, race } from './race.ts';
import { type Refusal, refuse } from './refusals.ts';
import { startRegistry } from './registry.ts';
import type { Clones, Scene } from './scene.ts';
import { addApp, setUpGitOps } from './set-up.ts';
import { type ToolVersions, toolVersions } from './tool-versions.ts';

export interface DemoInputs {
  /** Leave the folder to look at. */
  readonly keep: boolean;
}

export interface DemoDeps {
  /** Where the story is told. */
  readonly stage: Stage;
  /** A folder is made in it, e.g. the system's folder for temporary files. */
  readonly temporary: string;
  /** The files of the package kajitori. */
  readonly suite: Tree;
  readonly timing: Timing;
  /** Ends the demo early; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** What the demo has shown. All of it was checked while it was told. */
export interface DemoOutputs {
  /** Undefined when it was removed. */
  readonly folder: string | undefined;
  readonly tools: ToolVersions;
  /** How images are made: BuildKit comes with the issue "Build". */
  readonly imagesBy: 'crane';
  readonly deploys: readonly Deployed[];
  /** What each cluster runs after the last deploy of `web`. */
  readonly runs: readonly Runs[];
  readonly refusals: readonly Refusal[];
  readonly race: Race;
  readonly chapters: readonly ChapterRecord[];
  readonly seconds: number;
}

/**
 * `kajitori demo`: the road from a merged commit to every cluster, in a temporary folder, with the real git, helm and
 * an OCI registry, and a stand-in for GitHub. Nothing leaves the machine.
 *
 * @throws Failure (exit 2): `tool-missing`, `demo-broken` when something does not hold that the demo says, or what a
 * part of the road could not do
 */
export async function runDemo(inputs: DemoInputs, deps: DemoDeps): Promise<DemoOutputs> {
  const narrator = new Narrator(deps.stage);
  const tools = await toolVersions();
  const start = deps.stage.now();
  opening(narrator, tools);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(deps.temporary, 'kajitori-demo-'));
  if (!inputs.keep) {
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  }
  const company = stack.use(await startCompany(folder, deps.timing));
  const registry = stack.use(await startRegistry());
  const { suite, timing, signal } = deps;
  const scene: Scene = { folder, narrator, company, registry, suite, timing, signal };
  const told = await tell(scene).catch((error: unknown) => {
    if (inputs.keep) {
      narrator.say(['', `   The folder is left: ${folder}`]);
    }
    // After Ctrl-C the tools that we started end too, and then fail in one way or another.
    throw signal.aborted ? signal.reason : error;
  });
  const seconds = secondsBetween(start, deps.stage.now());
  const outputs: DemoOutputs = {
    folder: inputs.keep ? folder : undefined,
    tools,
    imagesBy: 'crane',
    ...told,
    chapters: narrator.records,
    seconds,
  };
  closing(narrator, outputs);
  return outputs;
}

async function tell(scene: Scene) {
  const { signal, company } = scene;
  const next = <Result>(chapter: () => Promise<Result>): Promise<Result> => {
    signal.throwIfAborted();
    return chapter();
  };
  const gitops = await next(() => setUpGitOps(scene));
  const clones: Clones = { gitops, web: await company.clone(WEB_REPOSITORY) };
  await next(() => addApp(scene, clones));
  const older = await next(() => firstMerge(scene, clones));
  const first = await next(() => firstDeploy(scene, clones, older));
  await next(() => render(scene, clones, older));
  const { image: newer, deploys, runs } = await next(() => nextMerge(scene, clones));
  const refusals = await next(() => refuse(scene, { older, newer }));
  const raced = await next(() => race(scene, clones, newer));
  await leaveClones(scene, clones);
  return { deploys: [...first, ...deploys], runs, refusals, race: raced };
}

/** Lets the clones look at the bare repositories: the server that they came from ends with the demo. */
async function leaveClones({ company }: Scene, clones: Clones): Promise<void> {
  for (const [clone, repository] of [
    [clones.gitops, GITOPS_REPOSITORY],
    [clones.web, WEB_REPOSITORY],
  ] as const) {
    const bare = company.github.repository(repository).gitDir;
    await git(clone, ['remote', 'set-url', 'origin', bare], company.platformEngineer);
  }
}
