import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type AffectedApplication, affectedApplications } from '../applications/affected.ts';
import type { Application } from '../applications/application.ts';
import { sourceFolder } from '../applications/directory-source.ts';
import type { Discovered, NotRead } from '../applications/discover.ts';
import { inputsOf, openChangedPaths } from '../applications/inputs.ts';
import { openListing } from '../applications/repository-listing.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { RenderedApplication } from '../render/application.ts';
import { clusterName, demandKnownNames, demandManifests, isCalled } from '../render/run-render.ts';
import { couldNot, Failure } from '../report/failure.ts';
import { rememberingTree } from '../repository/remembering-tree.ts';
import { type ChangedPaths, isMergeOf, openChange, type Revision } from '../repository/revision.ts';
import type { Tree } from '../repository/tree.ts';
import { withoutPaths } from '../repository/unseen.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import {
  type ApplicationPair,
  type ClusterFacts,
  capacityByCluster,
  diffApplication,
} from './application-diff.ts';
import { collapse } from './collapse.ts';
import { withHeirs } from './hand-over.ts';
import type { DiffReport, NotRendered } from './report.ts';
import { applicationsOfSide, isUnreadIn, parentName } from './side-applications.ts';

export interface DiffInputs {
  /** The top folder of a git working copy; what is in it counts, committed or not. */
  readonly root: string;
  /** What to compare with: where the working copy left this revision. */
  readonly base: string;
  /** The pull request that the working copy is of, by its event on GitHub. */
  readonly pullRequest?: { readonly base: string; readonly head: string } | undefined;
  /** Only applications of this app, or of this name. */
  readonly app: string | undefined;
  /** Only applications of this cluster. */
  readonly cluster: string | undefined;
}

/** One version of the repository, as a folder. */
export interface Side {
  readonly root: string;
  readonly revision: string;
}

interface ReadSide extends Side {
  readonly tree: Tree;
}

export interface DiffDependencies {
  readonly render: (
    applications: readonly Application[],
    side: Side,
  ) => Promise<readonly RenderedApplication[]>;
  /** URLs by which applications name this repository, besides the one in kajitori.yaml. */
  readonly urls: readonly string[];
  readonly onProgress: (line: string) => void;
}

export interface DiffOutputs {
  readonly report: DiffReport;
  /** 2 when something could not be rendered: then what changes is not known. Changes are no failure. */
  readonly exitCode: 0 | 2;
}

/**
 * What the working copy changes in the clusters: both versions of every application that the changed files reach are rendered and
 * compared as Kubernetes objects. The working copy is only read; what is needed of the base is written into a temporary folder.
 *
 * @throws Failure (exit 2) when git has no such base, when a kajitori.yaml cannot be read, or when no application has the name
 */
export async function runDiff(inputs: DiffInputs, deps: DiffDependencies): Promise<DiffOutputs> {
  const copy = rememberingTree(await openWorkingCopy(inputs.root));
  const { changed, before: revision, unseen } = await openChange(inputs.root, await baseOf(inputs), copy);
  const tree = withoutPaths(copy, unseen);
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-diff-'));
  try {
    const base = { root: path.join(folder, 'base'), revision: changed.base, tree: revision.tree };
    const head = { root: inputs.root, revision: changed.head, tree };
    const render: DiffDependencies['render'] = async (applications, side) => {
      if (side.root === base.root) await revision.write(await filesOf(applications, revision), base.root);
      return deps.render(applications, side);
    };
    return await diffSides(base, head, changed, inputs, { ...deps, render });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * What to compare with. GitHub checks out a merge of a pull request into its base branch as that is now, and tells what the base was
 * when the event happened: what others merged in between would look like a change of this pull request.
 */
const baseOf = async ({ root, base, pullRequest }: DiffInputs): Promise<string> =>
  pullRequest !== undefined && base === pullRequest.base && (await isMergeOf(root, pullRequest.head))
    ? 'HEAD^1'
    : base;

/** The files that these applications are made from: of a thousand apps only the affected ones are written. */
async function filesOf(
  applications: readonly Application[],
  { tree, paths }: Revision,
): Promise<readonly string[]> {
  const listing = openListing(tree);
  const all = openChangedPaths(paths);
  const files = new Set<string>();
  for (const application of applications) {
    for (const file of all.among(await inputsOf(application, listing))) files.add(file);
  }
  return [...files];
}

/** The failure of a run whose report is out: what could not be rendered is never green. */
export function notRenderedFailure({ notRendered }: DiffReport): Failure {
  const [first] = notRendered;
  const others = notRendered.length > 1 ? ` (and ${notRendered.length - 1} more)` : '';
  return couldNot(
    `${first?.application ?? 'An application'} could not be rendered${others}: ${first?.message ?? ''}`,
    {
      ...(first?.at !== undefined && { at: first.at }),
      todo: first?.todo ?? 'Mend it: what this pull request changes there is not known.',
      reason: 'not-rendered',
    },
  );
}

async function diffSides(
  base: ReadSide,
  head: ReadSide,
  changed: ChangedPaths,
  inputs: DiffInputs,
  deps: DiffDependencies,
): Promise<DiffOutputs> {
  const read = (side: ReadSide) =>
    applicationsOfSide(side.tree, { urls: deps.urls }, (parents) => deps.render(parents, side));
  const [before, after] = await Promise.all([read(base).catch(inTheBase(base)), read(head)]);
  demandManifests([before, after]);
  const { applications, untouched } = await affectedApplications(before, after, changed.paths);
  const affected = applications.filter((pair) => !isPluginApart(pair));
  const apart = applications.filter(isPluginApart).flatMap(({ head: plugged }) => plugged ?? []);
  const total = applications.length + untouched;
  const chosen = affected.filter((pair) => isChosen(pair, inputs) && !isUnread(pair, before, after));
  if (chosen.length === 0) demandKnownNames([...before.applications, ...after.applications], inputs);
  deps.onProgress(`${chosen.length} of ${total} applications are affected`);
  const [from, to] = await Promise.all([
    renderSide(
      chosen.map((pair) => pair.base),
      base,
      deps,
    ),
    renderSide(
      chosen.map((pair) => pair.head),
      head,
      deps,
    ),
  ]);
  const pairs: ApplicationPair[] = [];
  const unread = unreadable(before, after, changed.paths);
  const notRendered = [...unread.notRendered];
  for (const pair of chosen) {
    const now = failuresOf(pair.head, to, 'after');
    const then = failuresOf(pair.base, from, 'before');
    // The same failure on both sides is one to mend.
    const failures = [...now, ...then.filter((one) => !now.some(({ message }) => message === one.message))];
    // One that makes applications was told already.
    const isTold = unread.names.has(parentName((pair.head ?? pair.base)?.name ?? ''));
    if (!isTold) notRendered.push(...failures);
    if (failures.length === 0) pairs.push(...comparable(pair, from, to));
  }
  const diffs = withHeirs(pairs.map(diffApplication));
  const report: DiffReport = {
    base: changed.base,
    head: changed.dirty ? 'working copy' : changed.head,
    applications: { total, affected: chosen.length },
    notRendered,
    notLookedAt: [...unread.notLookedAt, ...apart.map(describePlugin)],
    blocks: collapse(diffs),
    capacity: capacityByCluster(diffs),
  };
  return { report, exitCode: notRendered.length > 0 ? 2 : 0 };
}

/** Whether an application is missing on one side only because what declares it could not be read there. */
const isUnread = ({ base, head }: AffectedApplication, before: Discovered, after: Discovered): boolean =>
  (head === undefined && base !== undefined && isUnreadIn(base, after)) ||
  (base === undefined && head !== undefined && isUnreadIn(head, before));

const isChosen = ({ base, head }: AffectedApplication, inputs: DiffInputs): boolean =>
  [base, head].some(
    (application) =>
      application !== undefined &&
      (inputs.cluster === undefined || clusterName(application) === inputs.cluster) &&
      (inputs.app === undefined || isCalled(application, inputs.app)),
  );

/** Who looks at a file that is right must not be told that it is wrong. */
const inTheBase =
  ({ revision }: Side) =>
  (error: unknown): never => {
    if (!(error instanceof Failure)) throw error;
    const { message, at, reason } = error;
    throw couldNot(`Before this change (at ${revision.slice(0, 12)}): ${message}`, {
      ...(at !== undefined && { at }),
      ...(reason !== undefined && { reason }),
      todo: 'Where this change mends it, merge it without a comparison: what was there before cannot be read.',
      cause: error,
    });
  };

type Rendered = ReadonlyMap<Application, RenderedApplication>;

async function renderSide(
  applications: readonly (Application | undefined)[],
  side: Side,
  deps: DiffDependencies,
): Promise<Rendered> {
  const wanted = applications.filter((application) => application !== undefined);
  const rendered = wanted.length === 0 ? [] : await deps.render(wanted, side);
  return new Map(rendered.map((each) => [each.application, each]));
}

const describe = (
  application: string,
  side: 'before' | 'after',
  { message, at, todo }: Failure,
): NotRendered => ({
  application,
  side,
  message,
  ...(at !== undefined && { at }),
  ...(todo !== undefined && { todo }),
});

function failuresOf(
  application: Application | undefined,
  rendered: Rendered,
  side: 'before' | 'after',
): readonly NotRendered[] {
  if (application === undefined) return [];
  const result = rendered.get(application);
  const failures = result?.notRendered ?? [couldNot('It was not rendered.', { at: application.declaredAt })];
  return failures.map((failure) => describe(application.name, side, failure));
}

/**
 * What could not be read of a repository: which applications it makes is not known. What needs another service to be known
 * (pull requests, a provider's repositories), and is the same on both sides, is apart: it would fail every pull request of a company
 * that has previews. The same means that nobody touched its file: what it makes is not compared.
 */
function unreadable(
  before: Discovered,
  after: Discovered,
  changedPaths: readonly string[],
): {
  readonly notRendered: readonly NotRendered[];
  readonly notLookedAt: readonly NotRendered[];
  readonly names: ReadonlySet<string>;
} {
  const isSame = (a: NotRead) => (b: NotRead) => a.what === b.what && a.failure.message === b.failure.message;
  const onBoth = after.notRead.filter((each) => before.notRead.some(isSame(each)));
  const standing = onBoth.filter(
    ({ failure, at }) => failure.reason === 'not-rendered' && !changedPaths.includes(at.file),
  );
  const now = after.notRead.filter((each) => !standing.includes(each));
  const then = before.notRead.filter((each) => !after.notRead.some(isSame(each)));
  return {
    notRendered: [
      ...now.map(({ what, failure }) => describe(what, 'after', failure)),
      ...then.map(({ what, failure }) => describe(what, 'before', failure)),
    ],
    notLookedAt: standing.map(({ what, failure }) => describe(what, 'after', failure)),
    names: new Set([...now, ...then].map(({ what }) => what)),
  };
}

/**
 * Whether a plugin renders it, and no file in its own folder changed. A plugin may read any file of the repository: told as not
 * rendered, it would fail every pull request.
 */
const isPluginApart = ({ head, reasons }: AffectedApplication): boolean => {
  const [source, ...others] = head?.sources ?? [];
  if (source?.plugin === undefined || others.length > 0) return false;
  const folder = sourceFolder(source);
  return reasons.every(
    (reason) =>
      reason.kind === 'inputs' &&
      !reason.paths.some((file) => folder === '' || file.startsWith(`${folder}/`)),
  );
};

const describePlugin = ({ name, declaredAt }: Application): NotRendered => ({
  application: name,
  side: 'after',
  message: 'It is rendered by a config management plugin, and those run only in Argo CD.',
  at: declaredAt,
});

/** An application that moves to another cluster goes in one and comes in the other. */
function comparable(
  { base, head }: AffectedApplication,
  from: Rendered,
  to: Rendered,
): readonly ApplicationPair[] {
  const before = objectsOf(base, from);
  const after = objectsOf(head, to);
  const name = (head ?? base)?.name ?? '';
  const [oldCluster, newCluster] = [clusterOf(base), clusterOf(head)];
  if (base !== undefined && head !== undefined && oldCluster?.name !== newCluster?.name) {
    return [
      {
        name,
        cluster: oldCluster,
        before,
        after: undefined,
        end: { application: base, leaving: 'to-another-cluster' },
      },
      { name, cluster: newCluster, before: undefined, after },
    ];
  }
  const leaving = head === undefined ? 'with-application' : 'alone';
  return [
    {
      name,
      cluster: newCluster ?? oldCluster,
      before,
      after,
      ...(base !== undefined && { end: { application: base, leaving } }),
    },
  ];
}

/** What reaches the cluster; helm's tests and other hooks that Argo CD does not know never do. */
function objectsOf(
  application: Application | undefined,
  rendered: Rendered,
): readonly KubernetesObject[] | undefined {
  return application === undefined
    ? undefined
    : (rendered.get(application)?.objects ?? [])
        .filter(({ role }) => role !== 'ignored')
        .map(({ object }) => object);
}

function clusterOf(application: Application | undefined): ClusterFacts | undefined {
  const known = application?.destination.cluster;
  if (known !== undefined) return { name: known.name, region: known.region, account: known.account };
  const name = application === undefined ? '' : clusterName(application);
  return name === '' ? undefined : { name };
}
