import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Timing } from '../github/timing.ts';
import type { Tree } from '../repository/tree.ts';
import type { ArgoCdKind } from './argocd.ts';
import { badImage, endHold, type Undone } from './bad-image.ts';
import { GITOPS_REPOSITORY, startCompany, WEB_REPOSITORY } from './company.ts';
import { type Deployed, firstDeploy, firstMerge, nextMerge } from './deploy-chapters.ts';
import { closing, opening } from './frame.ts';
import { git } from './git.ts';
import { type ChapterRecord, Narrator, type Stage, secondsBetween } from './narrator.ts';
import { past } from './past.ts';
import { pullRequest } from './pull-request.ts';
import { type Race, race } from './race.ts';
import { type Refusal, refuse } from './refusals.ts';
import { startRegistry } from './registry.ts';
import type { Clones, RunningScene, Scene } from './scene.ts';
import { addApp, setUpGitOps } from './set-up.ts';
import { storyClock } from './story-clock.ts';
import { type ToolVersions, toolVersions } from './tool-versions.ts';
import { type Runs, whatRuns } from './wait.ts';

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
  readonly argocd: ArgoCdKind;
  /** Ends the demo early; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** What the demo has shown. All of it was checked while it was told. */
export interface DemoOutputs {
  /** Undefined when it was removed. */
  readonly folder: string | undefined;
  readonly tools: ToolVersions;
  /** How images are made: packed, not built (see the chapter of the first merge). */
  readonly imagesBy: 'crane';
  readonly argocd: ArgoCdKind['name'];
  /** All deploys of `web` in their order, the one that failed too. */
  readonly deploys: readonly Deployed[];
  /** What was done about the one that failed. */
  readonly undone: Undone;
  /** What each cluster runs after the last deploy of `web`, as Argo CD says. */
  readonly runs: readonly Runs[];
  readonly refusals: readonly Refusal[];
  /** What a pull request would change: as `kajitori diff --json`. */
  readonly pullRequest: object;
  readonly race: Race;
  /** As `kajitori history web --json`. */
  readonly history: object;
  readonly chapters: readonly ChapterRecord[];
  readonly seconds: number;
}

/**
 * `kajitori demo`: the road from a merged commit to every cluster, in a temporary folder, with the real git, helm and
 * an OCI registry, a stand-in for GitHub, and an Argo CD: a stand-in or a real one. Nothing leaves the machine.
 *
 * @throws Failure (exit 2): `tool-missing`, `demo-broken` when something does not hold that the demo says, or what a
 * part of the road could not do
 */
export async function runDemo(inputs: DemoInputs, deps: DemoDeps): Promise<DemoOutputs> {
  const narrator = new Narrator(deps.stage);
  const tools = await toolVersions();
  const start = deps.stage.now();
  opening(narrator, tools, deps.argocd);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(deps.temporary, 'kajitori-demo-'));
  if (!inputs.keep) {
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  }
  const { suite, signal, argocd: argocdKind } = deps;
  const timing = storyClock(deps.timing);
  const company = stack.use(await startCompany(folder, timing));
  const registry = stack.use(await startRegistry());
  const scene: Scene = { folder, narrator, company, registry, suite, timing, argocdKind, signal };
  const told = await tell(scene, stack).catch((error: unknown) => {
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
    argocd: argocdKind.name,
    ...told,
    chapters: narrator.records,
    seconds,
  };
  closing(narrator, outputs);
  return outputs;
}

async function tell(before: Scene, stack: AsyncDisposableStack) {
  const { signal, company } = before;
  const next = <Result>(chapter: () => Promise<Result>): Promise<Result> => {
    signal.throwIfAborted();
    return chapter();
  };
  const { clone: gitops, argocd } = await next(() => setUpGitOps(before));
  stack.use(argocd);
  const scene: RunningScene = { ...before, argocd };
  const clones: Clones = { gitops, web: await company.clone(WEB_REPOSITORY) };
  await next(() => addApp(scene, clones));
  const older = await next(() => firstMerge(scene, clones));
  const first = await next(() => firstDeploy(scene, clones, older));
  const second = await next(() => nextMerge(scene, clones));
  const newer = second.image;
  const refusals = await next(() => refuse(scene, { older, newer }));
  const proposed = await next(() => pullRequest(scene, clones));
  const bad = await next(() => badImage(scene, clones, newer));
  const mended = await next(() => endHold(scene, clones));
  const runs = await whatRuns(scene);
  const raced = await next(() => race(scene, clones, mended.image));
  const history = await next(() => past(scene));
  await leaveClones(scene, clones);
  return {
    deploys: [...first, ...second.deploys, ...bad.deploys, ...mended.deploys],
    undone: bad.undone,
    runs,
    refusals: [...refusals, mended.refusal],
    pullRequest: proposed,
    history,
    race: raced,
  };
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
