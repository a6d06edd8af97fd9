import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import { environmentOf } from '../config/kajitori-yaml.ts';
import { stateFile } from '../config/layout.ts';
import { HOLD_ACTIONS } from '../release/compute-hold.ts';
import {
  filesOfRelease,
  type ReleaseRecord,
  readRelease,
  sameDeploy,
  sameReleased,
} from '../release/release-record.ts';
import { type DeployVerdict, type RecordedVerdict, verdictOf } from '../release/verdict.ts';
import { Failure } from '../report/failure.ts';
import { parseTrailers } from '../repository/commit-message.ts';
import type { Revision, RevisionBounds, Revisions } from './revisions.ts';

/** `edit`: a commit that says nothing about it, for example of a person. */
export type ReleaseAction = 'bump' | 'rollback' | 'promote' | 'edit';

/** One release of an app in an environment, as git and the verdicts tell it. */
export interface PastRelease {
  readonly app: string;
  readonly environment: string;
  readonly commit: string;
  /** The commit's page; undefined for a working copy. */
  readonly url: string | undefined;
  readonly at: Date;
  /** A person's login where it is recorded, else the author of the commit. */
  readonly by: string;
  readonly action: ReleaseAction;
  readonly reason: string | undefined;
  /** The page of the run. */
  readonly run: string | undefined;
  readonly release: ReleaseRecord;
  readonly verdict: DeployVerdict;
  /** Of the app, one a cluster that has one. */
  readonly verdicts: readonly RecordedVerdict[];
}

export interface PastReleases {
  /** Newest first; the first is what is recorded now. */
  readonly releases: readonly PastRelease[];
  /** There are older ones, which were not read. */
  readonly more: boolean;
  /** Commits whose release could not be read, with the reason. */
  readonly unreadable: readonly { readonly commit: string; readonly why: string }[];
}

/** Reads verdicts by commit (`readVerdicts`); undefined where nobody can be asked. */
export type VerdictsOf = (
  commits: readonly string[],
) => Promise<ReadonlyMap<string, readonly RecordedVerdict[]>>;

/**
 * The releases of an app in an environment: the commits that changed which image runs. Holds, and edits of comments, are
 * none.
 */
export async function pastReleases(
  revisions: Revisions,
  config: KajitoriConfig,
  app: string,
  environment: string,
  bounds: RevisionBounds,
  verdictsOf?: VerdictsOf,
): Promise<PastReleases> {
  const files = filesOfRelease(config, app, environment);
  const found = await revisions.changing(stateFile(config, app, environment), files, bounds);
  const { unreadable, ...all } = await releasesIn(found.revisions, config, app, environment, found.more);
  const { since } = bounds;
  const kept = all.kept.filter(({ revision }) => since === undefined || revision.at >= since);
  const verdicts = await verdictsOf?.(kept.map(({ revision }) => revision.commit));
  const clusters = environmentOf(config, environment).clusters.map(({ name }) => name);
  return {
    more: found.more,
    unreadable,
    releases: kept.map(({ revision, release }) => {
      const own = (verdicts?.get(revision.commit) ?? []).filter((verdict) => verdict.app === app);
      return {
        app,
        environment,
        commit: revision.commit,
        url: revision.url,
        at: revision.at,
        ...trailersFor(revision, app, environment),
        release,
        verdict: verdictOf(app, clusters, own),
        verdicts: own.filter(({ cluster }) => clusters.includes(cluster)),
      };
    }),
  };
}

/** The revisions whose images differ from those of the revision before. */
async function releasesIn(
  revisions: readonly Revision[],
  config: KajitoriConfig,
  app: string,
  environment: string,
  more: boolean,
): Promise<{
  readonly kept: readonly { readonly revision: Revision; readonly release: ReleaseRecord }[];
  readonly unreadable: PastReleases['unreadable'];
}> {
  const unreadable: { commit: string; why: string }[] = [];
  const read = await Promise.all(
    revisions.map(async (revision) => {
      try {
        return { revision, release: await readRelease(revision.read, config, app, environment) };
      } catch (error) {
        if (!(error instanceof Failure)) {
          throw error;
        }
        unreadable.push({ commit: revision.commit, why: error.message });
        return { revision, release: undefined };
      }
    }),
  );
  const kept = read.flatMap(({ revision, release }, index) => {
    const before = read[index + 1];
    // The oldest that was read may only have changed a hold: what stood before it is not known.
    const known = before !== undefined || !more;
    // In another layout the first commit of the state file may be a hold, on an image that was there before Kajitori.
    if (HOLD_ACTIONS.has(blockFor(revision, app, environment)?.get('Kajitori-Action') ?? '')) {
      return [];
    }
    return release !== undefined && known && !sameImages(release, before?.release)
      ? [{ revision, release }]
      : [];
  });
  return { kept, unreadable };
}

/** The same images, put there by the same deploys: what differs is a hold or a comment. */
const sameImages = (a: ReleaseRecord, b: ReleaseRecord | undefined): boolean =>
  a.images.size === b?.images.size &&
  [...a.images].every(([name, released]) => sameDeploy(released, b.images.get(name)));

/** The trailers of this app; a batch repeats the block of each app. */
function blockFor(
  { message }: Revision,
  app: string,
  environment: string,
): ReadonlyMap<string, string> | undefined {
  const blocks: Map<string, string>[] = [];
  for (const { name, value } of parseTrailers(message)) {
    if (name === 'Kajitori-App') {
      blocks.push(new Map());
    }
    blocks.at(-1)?.set(name, value);
  }
  return blocks.find(
    (each) => each.get('Kajitori-App') === app && each.get('Kajitori-Environment') === environment,
  );
}

function trailersFor(
  revision: Revision,
  app: string,
  environment: string,
): Pick<PastRelease, 'by' | 'action' | 'reason' | 'run'> {
  const block = blockFor(revision, app, environment);
  const action = block?.get('Kajitori-Action');
  return {
    by: block?.get('Kajitori-By') ?? revision.author,
    action: action === 'bump' || action === 'rollback' || action === 'promote' ? action : 'edit',
    reason: block?.get('Kajitori-Reason'),
    run: block?.get('Kajitori-Run'),
  };
}

/** The newest earlier release that was healthy in every cluster and runs something else than now. */
export function lastHealthy(releases: readonly PastRelease[]): PastRelease | undefined {
  const [current] = releases;
  return releases.find((past) => isHealthyStill(past, releases) && !runsTheSame(past, current));
}

/**
 * Whether a release was healthy in every cluster, and what it runs did not fail since.
 *
 * An image that was healthy once and failed later counts as failed: what failed last is not what people want back.
 *
 * @param releases newest first, with this one among them
 */
export const isHealthyStill = (past: PastRelease, releases: readonly PastRelease[]): boolean =>
  past.verdict === 'healthy' &&
  !releases
    .slice(0, releases.indexOf(past))
    .some((later) => later.verdict === 'failed' && runsTheSame(later, past));

/** Whether two releases run the same images of the same builds. */
export const runsTheSame = (
  a: Pick<PastRelease, 'release'>,
  b: Pick<PastRelease, 'release'> | undefined,
): boolean =>
  a.release.images.size === b?.release.images.size &&
  [...a.release.images].every(([name, released]) => sameReleased(released, b.release.images.get(name)));
