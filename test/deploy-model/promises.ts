import { expect } from 'vitest';
import { gitHubRevisions } from '../../src/history/github-revisions.ts';
import { pastReleases } from '../../src/history/past-releases.ts';
import {
  type ReleasedImage,
  type ReleaseRecord,
  readRelease,
  sameDeploy,
  sameReleased,
} from '../../src/release/release-record.ts';
import { isInForce, parseReleaseState } from '../../src/release/release-state.ts';
import { readVerdicts, verdictContext } from '../../src/release/verdict.ts';
import { trailer } from '../bump-world.ts';
import {
  APPS,
  ancestry,
  CLUSTERS,
  desiredAt,
  ENVIRONMENTS,
  type EnvironmentName,
  nthOfSource,
  soakOf,
} from './company.ts';
import type { Commit } from './github.ts';
import { MINUTE, type Told } from './story.ts';

/** One app in one environment before and after a commit. */
interface Step {
  readonly told: Told;
  readonly before: Commit;
  readonly commit: Commit;
  readonly app: string;
  readonly environment: EnvironmentName;
  readonly was: State;
  readonly is: State;
}

interface State {
  readonly record: ReleaseRecord | undefined;
  readonly state: ReturnType<typeof parseReleaseState>;
}

/** What a commit's trailers say of one app in one environment. */
const blockOf = (commit: Commit, app: string, environment: string) =>
  blocksOf(commit).find((each) => each.app === app && each.environment === environment);

function blocksOf({ message }: Commit) {
  const [apps, environments, actions] = ['App', 'Environment', 'Action'].map((name) =>
    trailer(message, `Kajitori-${name}`),
  );
  return (apps ?? []).map((app, nth) => ({
    app,
    environment: environments?.[nth] ?? '',
    action: actions?.[nth] ?? '',
  }));
}

async function stateAt({ company }: Told, commit: Commit, app: string, where: string): Promise<State> {
  const read = async (file: string) => commit.files.get(file);
  const file = company.stateFile(app, where);
  return {
    record: await readRelease(read, company.config, app, where),
    state: parseReleaseState(commit.files.get(file) ?? '', file),
  };
}

const imageOf = ({ record }: State): ReleasedImage | undefined => record?.images.get('');

/** Every promise of design.md about deploys, over the whole history and its end. */
export async function checkPromises(told: Told): Promise<void> {
  const { branch } = told;
  for (const [index, commit] of branch.commits.entries()) {
    for (const app of APPS) {
      for (const environment of ENVIRONMENTS) {
        bothOrNone(told, commit, app, environment);
        const before = branch.commits[index - 1];
        if (before !== undefined) {
          const was = await stateAt(told, before, app, environment);
          const is = await stateAt(told, commit, app, environment);
          await checkStep({ told, before, commit, app, environment, was, is });
        }
      }
    }
    onlyMachinesPlaces(told, commit, branch.commits[index - 1]);
  }
  writtenOnce(told);
  proposedIsKept(told);
  await movedOnOnlyWhenSomebodyDid(told);
  for (const app of APPS) {
    for (const environment of ENVIRONMENTS) {
      await finishedOrUndone(told, app, environment);
      await historyIsComplete(told, app, environment);
    }
  }
  expect(told.leftOver.at(-1), 'one run of the schedule finishes all').toBe(0);
  for (const commit of branch.commits) {
    expect(
      branch.latest(commit.oid).filter(({ state }) => state === 'pending'),
      'nobody is waited for in the end',
    ).toEqual([]);
  }
}

function bothOrNone({ company }: Told, commit: Commit, app: string, environment: EnvironmentName): void {
  const desired = CLUSTERS[environment].map((cluster) =>
    desiredAt(company, commit, { app, environment, cluster }),
  );
  expect(new Set(desired.map((each) => each?.tag)).size, 'every cluster gets the same, in each commit').toBe(
    1,
  );
}

/** Beside images and what is recorded of them, every file stays as it was. */
function onlyMachinesPlaces({ company }: Told, commit: Commit, before: Commit | undefined): void {
  for (const [file, text] of before?.files ?? []) {
    if (file.startsWith('deploy/')) {
      const rest = (of: string) => of.replace(/image: \{[^}]*\}/, 'image');
      expect(rest(commit.files.get(file) ?? ''), `${file} changes in its image only`).toBe(rest(text));
    } else if (file === 'kajitori.yaml' || file.endsWith('app.yaml')) {
      expect(commit.files.get(file), `${file} is not ours`).toBe(text);
    }
  }
  expect(company.files.size, 'no file goes').toBeLessThanOrEqual(commit.files.size);
}

async function checkStep(step: Step): Promise<void> {
  const { commit, app, environment, was, is } = step;
  const block = blockOf(commit, app, environment);
  if (JSON.stringify(was) === JSON.stringify(is) && sameDeploy(imageOf(was), imageOf(is))) return;
  expect(block, 'a commit changes only what its trailers name').toBeDefined();
  if (sameDeploy(imageOf(was), imageOf(is))) {
    expect(['hold', 'hold-end']).toContain(block?.action);
    return;
  }
  switch (block?.action) {
    case 'rollback':
      return checkRollback(step);
    case 'bump':
    case 'promote':
      return checkDeploy(step, block.action);
    default:
      expect.unreachable(`an image that changed by ${block?.action ?? 'nobody'}`);
  }
}

async function checkDeploy(step: Step, action: 'bump' | 'promote'): Promise<void> {
  const { told, commit, app, environment, was, is } = step;
  const isUrgent = trailer(commit.message, 'Kajitori-Reason').some((reason) => reason.includes('overridden'));
  if (!isUrgent) {
    expect(isInForce(was.state.hold, commit.at), 'a hold is respected').toBe(false);
    const { state } = await stateAt(told, basisOf(step), app, environment);
    expect(isInForce(state.hold, decidedAt(step)), 'a hold is respected by what is proposed').toBe(false);
  }
  expect(is.state.rollback, 'a deploy ends the mark of a rollback').toBe(false);
  const [old, young] = [imageOf(was)?.build, imageOf(is)?.build];
  if (old !== undefined && young !== undefined) {
    const order = ancestry(nthOfSource(young.source), nthOfSource(old.source));
    expect(isUrgent ? ['newer', 'same', 'diverged'] : ['newer', 'same'], 'no older over newer').toContain(
      order,
    );
  }
  if (action === 'promote') await checkPromotion(step);
}

/** What a commit was computed from: for a pull request that is the head when it was proposed. */
const basisOf = ({ commit, before }: Pick<Step, 'commit' | 'before'>): Commit =>
  commit.proposed?.base ?? before;

/** When it was decided: a pull request may be merged much later. */
const decidedAt = ({ commit }: Pick<Step, 'commit'>): Date => commit.proposed?.at ?? commit.at;

/** What was judged, and was healthy for long enough, is what is promoted. */
async function checkPromotion(step: Step): Promise<void> {
  const { told, app, is } = step;
  const { branch, company } = told;
  const basis = basisOf(step);
  const at = decidedAt(step).getTime();
  const staging = await stateAt(told, basis, app, 'staging');
  expect(sameReleased(imageOf(staging), imageOf(is)), 'what runs in staging is promoted').toBe(true);
  const deploy = await deployOf(told, branch.indexOf(basis.oid), app, 'staging');
  for (const cluster of CLUSTERS.staging) {
    const success = branch.statuses.find(
      (each) =>
        each.commit === deploy?.oid &&
        each.context === verdictContext(app, cluster) &&
        each.state === 'success' &&
        each.at <= at,
    );
    expect(success, 'only healthy is promoted').toBeDefined();
    expect(at - (success?.at ?? 0), 'healthy for long enough').toBeGreaterThanOrEqual(soakOf(company));
  }
}

/** The commit that put an app's release there, as seen from a commit. */
async function deployOf(told: Told, index: number, app: string, where: string): Promise<Commit | undefined> {
  const now = imageOf(await stateAt(told, told.branch.commits[index] as Commit, app, where));
  let found = told.branch.commits[index];
  for (let nth = index; nth >= 0; nth--) {
    const commit = told.branch.commits[nth] as Commit;
    if (!sameDeploy(imageOf(await stateAt(told, commit, app, where)), now)) return found;
    found = commit;
  }
  return found;
}

async function checkRollback(step: Step): Promise<void> {
  const { told, commit, app, environment, was, is } = step;
  expect(is.state.rollback, 'no migration is rendered').toBe(true);
  expect(isInForce(is.state.hold, commit.at), 'a rollback leaves a hold').toBe(true);
  const key = trailer(commit.message, 'Kajitori-Key')[0] ?? '';
  const undone = /^undo\/\w+\/(\w+)$/.exec(key)?.[1];
  if (undone === undefined) {
    const person = told.played.find((each) => each.key === key);
    const seen = await stateAt(told, person?.firstHead as Commit, app, environment);
    expect(sameDeploy(imageOf(seen), imageOf(was)), 'a person undoes only what they saw').toBe(true);
    return;
  }
  const deploy = told.branch.commits[told.branch.indexOf(undone)] as Commit;
  const wrote = await stateAt(told, deploy, app, environment);
  expect(sameDeploy(imageOf(wrote), imageOf(was)), 'only our own deploy is undone, nothing newer').toBe(true);
  expect(['bump', 'promote'], 'only a deploy is undone').toContain(blockOf(deploy, app, environment)?.action);
  expect(
    told.branch.statuses.some((each) => each.commit === undone && each.state === 'failure'),
    'only what failed is undone',
  ).toBe(true);
  await checkHealthyAgain(step, deploy);
}

/** The environment goes back to what was healthy. */
async function checkHealthyAgain(
  { told, commit, app, environment, is }: Step,
  deploy: Commit,
): Promise<void> {
  const { branch } = told;
  const healthy: ReleasedImage[] = [];
  for (const earlier of branch.commits.slice(0, branch.indexOf(deploy.oid))) {
    const released = imageOf(await stateAt(told, earlier, app, environment));
    if (
      released !== undefined &&
      judgedBy(told, earlier, app, environment, decidedAt({ commit })) === 'success'
    ) {
      healthy.push(released);
    }
  }
  if (healthy.length > 0) {
    expect(
      healthy.some((each) => sameReleased(each, imageOf(is))),
      'the environment goes back to what was healthy',
    ).toBe(true);
  }
}

/** What all clusters of an environment said of a commit until a moment. */
function judgedBy(
  { branch }: Told,
  commit: Commit,
  app: string,
  environment: EnvironmentName,
  until?: Date,
): string | undefined {
  const states = CLUSTERS[environment].map(
    (cluster) =>
      branch.statuses.findLast(
        (each) =>
          each.commit === commit.oid &&
          each.context === verdictContext(app, cluster) &&
          (until === undefined || each.at <= until.getTime()),
      )?.state,
  );
  for (const state of ['failure', 'pending', 'error', undefined]) {
    if (states.includes(state)) return state;
  }
  return 'success';
}

/** Each run's commit, or its proposal, is there once when it says so; one that does not know may have written. */
function writtenOnce({ branch, played, toldInVain }: Told): void {
  const keysOf = (commits: readonly Commit[]) =>
    commits.flatMap(({ message }) => trailer(message, 'Kajitori-Key'));
  const keys = keysOf(branch.commits);
  const proposed = keysOf(branch.pulls.pushed);
  expect(new Set(keys).size, 'nothing is written twice').toBe(keys.length);
  expect(toldInVain, 'who is sent to a pull request finds there what they were told').toEqual([]);
  for (const { key, ended } of played) {
    if (ended === undefined || !('changed' in ended)) continue;
    const isThere = keys.includes(key) || (ended.changed && proposed.includes(key));
    expect(isThere, 'written when it says so, else never').toBe(ended.changed);
  }
}

/** What a run said that it proposed stands in that pull request, until something newer takes its place. */
function proposedIsKept({ branch, played, standing }: Told): void {
  const { pulls } = branch;
  for (const { key, ended } of played) {
    if (ended === undefined || !('changed' in ended) || !ended.changed || ended.pullRequest === undefined)
      continue;
    const held = pulls.all.find(({ number }) => number === ended.pullRequest)?.heads ?? [];
    expect(
      held.flatMap(({ message }) => trailer(message, 'Kajitori-Key')),
      'who is sent to a pull request finds there what they were told',
    ).toContain(key);
  }
  for (const { ref, before, after } of pulls.replaced) {
    if (!ref.startsWith('kajitori/bump/')) continue;
    const [old, young] = [before, after].map(({ message }) => sourceIn(message));
    expect(ancestry(young ?? 0, old ?? 0), 'no older proposal over a newer one').not.toBe('older');
  }
  const isUndisturbed = played.every(({ ended }) => ended !== undefined && 'changed' in ended);
  for (const { tells, holds } of isUndisturbed ? standing : []) {
    expect(tells, 'a pull request tells what it holds').toBe(holds);
  }
}

const sourceIn = (message: string): number =>
  nthOfSource({ commit: trailer(message, 'Kajitori-Source')[0]?.split('@')[1] ?? '' });

/** Who is refused because somebody deployed in the meantime can see that deploy. */
async function movedOnOnlyWhenSomebodyDid({ branch, played }: Told): Promise<void> {
  for (const { act, ended, firstHead } of played) {
    if (ended === undefined || !('failure' in ended) || ended.failure.reason !== 'moved-on') continue;
    const [apps, environment] =
      act.kind === 'rollback'
        ? [[act.app], act.environment]
        : [act.kind === 'promote' ? act.apps : [], 'staging'];
    const since = branch.commits.slice(branch.indexOf(firstHead?.oid ?? '') + 1);
    expect(
      since.some((commit) => apps.some((app) => blockOf(commit, app, environment) !== undefined)),
      'moved on only when somebody did',
    ).toBe(true);
  }
}

/** A failure that nobody undid for so long is left as it is (src/deploy/unfinished.ts). */
const LEFT_ALONE_MS = 4 * 60 * MINUTE;

/** In the end every cluster runs what is recorded and is healthy, or it failed and there was nothing to go back to. */
async function finishedOrUndone(told: Told, app: string, environment: EnvironmentName): Promise<void> {
  const { branch, clusters } = told;
  const deploy = branch.commits.findLast((commit) =>
    ['bump', 'promote', 'rollback'].includes(blockOf(commit, app, environment)?.action ?? ''),
  );
  if (deploy === undefined) return;
  const verdict = judgedBy(told, deploy, app, environment);
  const is = await stateAt(told, deploy, app, environment);
  if (verdict === 'success') {
    for (const cluster of CLUSTERS[environment]) {
      expect(clusters.healthy(app, cluster), `${app} runs in ${cluster} what is recorded`).toBe(
        imageOf(is)?.image.tag,
      );
    }
    return;
  }
  const together = blocksOf(deploy).filter((each) => each.environment === environment);
  const verdicts = together.map((each) => judgedBy(told, deploy, each.app, environment));
  expect(
    verdict === 'failure' || (verdict === 'error' && verdicts.includes('failure')),
    'every deploy is finished: what is deployed together fails together',
  ).toBe(true);
  const before = await stateAt(
    told,
    branch.commits[branch.indexOf(deploy.oid) - 1] as Commit,
    app,
    environment,
  );
  const isLeft =
    blockOf(deploy, app, environment)?.action === 'rollback' ||
    sameReleased(imageOf(before), imageOf(is)) ||
    imageOf(before) === undefined ||
    told.now - deploy.at.getTime() >= LEFT_ALONE_MS;
  expect(isLeft, 'what failed is undone').toBe(true);
}

/** History tells every commit that changed what runs, with what it was. */
async function historyIsComplete(told: Told, app: string, environment: EnvironmentName): Promise<void> {
  const { branch, company, client } = told;
  const repository = { owner: 'acme', name: 'gitops' };
  const past = await pastReleases(
    gitHubRevisions(client, repository, branch.head.oid),
    company.config,
    app,
    environment,
    { limit: 1000 },
    (commits) => readVerdicts(client, repository, commits),
  );
  const written = branch.commits.filter((commit) =>
    ['bump', 'promote', 'rollback'].includes(blockOf(commit, app, environment)?.action ?? ''),
  );
  expect(past.unreadable).toEqual([]);
  expect(past.releases.map(({ commit, action }) => [commit, action])).toEqual([
    ...written.toReversed().map((commit) => [commit.oid, blockOf(commit, app, environment)?.action]),
    ...(told.isRunning ? [[branch.commits[0]?.oid, 'edit']] : []),
  ]);
  for (const release of past.releases) {
    const said = branch.commits[branch.indexOf(release.commit)] as Commit;
    const verdict = judgedBy(told, said, app, environment);
    const words = { failure: 'failed', success: 'healthy', pending: 'running' } as const;
    const isKnown = verdict === 'failure' || verdict === 'success' || verdict === 'pending';
    expect(isKnown ? [words[verdict]] : ['unknown', 'none']).toContain(release.verdict);
  }
}
