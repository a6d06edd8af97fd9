import pLimit from 'p-limit';
import { environmentOf, environmentsOf } from '../config/kajitori-yaml.ts';
import { nameHint } from '../config/nearest.ts';
import { readAllApps } from '../release/all-apps.ts';
import type { Source } from '../release/source.ts';
import { couldNot } from '../report/failure.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import {
  changedSources,
  type DeliveryFigures,
  deliveryFigures,
  type SourceTimes,
  together,
} from './delivery-figures.ts';
import { openRevisions } from './open-revisions.ts';
import { type PastReleases, pastReleases, type VerdictsOf } from './past-releases.ts';

export interface HistoryInputs {
  /** Undefined: all. */
  readonly app: string | undefined;
  readonly team: string | undefined;
  /** Undefined: the last one in promotion order. */
  readonly environment: string | undefined;
  readonly since: Date;
  readonly now: Date;
}

export interface HistoryDeps {
  readonly on: GitopsRepository;
  /** Undefined: nothing is known to be healthy or failed, and it is said. */
  readonly verdictsOf: VerdictsOf | undefined;
  /** Undefined: lead times are counted from the release. */
  readonly sourceTimesOf: ((sources: readonly Source[]) => Promise<SourceTimes>) | undefined;
  readonly onProgress?: (line: string) => void;
}

export interface AppHistory {
  readonly app: string;
  readonly team: string;
  readonly past: PastReleases;
  readonly figures: DeliveryFigures;
}

export interface History {
  readonly environment: string;
  readonly since: Date;
  readonly now: Date;
  /** Apps that were deployed in the time, those with most deploys first. */
  readonly apps: readonly AppHistory[];
  readonly teams: readonly { readonly team: string; readonly figures: DeliveryFigures }[];
  readonly all: DeliveryFigures;
  /** For people: what could not be read, and what that means. */
  readonly notes: readonly string[];
}

/** A deploy every half hour, day and night, for ten days: more than a figure needs. */
const MOST_COMMITS = 500;

/** Apps at once: GitHub allows 100 requests at a time, and others work too. */
const APPS_AT_ONCE = 4;

/**
 * How apps were delivered: deploys, lead time, failure rate and time to restore, from git and verdicts.
 *
 * @throws Failure (exit 2) for an unknown app, team or environment, or when GitHub does not answer
 */
export async function runHistory(inputs: HistoryInputs, deps: HistoryDeps): Promise<History> {
  const { since, now } = inputs;
  const { config, apps, unreadable } = await readAllApps(deps.on);
  const { revisions } = await openRevisions(deps.on, []);
  const environment = inputs.environment ?? environmentsOf(config).at(-1)?.name ?? '';
  environmentOf(config, environment);
  const wanted = [...apps].filter(
    ([app, { team }]) =>
      (inputs.app === undefined || app === inputs.app) && (inputs.team === undefined || team === inputs.team),
  );
  if (wanted.length === 0) {
    throw nobody(inputs, apps);
  }
  const limit = pLimit(APPS_AT_ONCE);
  const found = await Promise.all(
    wanted.map(([app, { team }]) =>
      limit(async () => {
        deps.onProgress?.(`reading ${app}`);
        const bounds = { limit: MOST_COMMITS, since };
        const past = await pastReleases(revisions, config, app, environment, bounds, deps.verdictsOf);
        return { app, team, past };
      }),
    ),
  );
  const sources = found.flatMap(({ past: { releases } }) =>
    releases.flatMap((release, index) => changedSources(release, releases[index + 1])),
  );
  const times = (await deps.sourceTimesOf?.(sources)) ?? new Map();
  const histories = found
    .map((each) => ({ ...each, figures: deliveryFigures(each.past.releases, times) }))
    .filter(({ past }) => past.releases.length > 0)
    .sort((a, b) => b.figures.deploys.length - a.figures.deploys.length || (a.app < b.app ? -1 : 1));
  const byTeam = Map.groupBy(histories, ({ team }) => team);
  const all = together(histories.map(({ figures }) => figures));
  return {
    environment,
    since,
    now,
    apps: histories,
    teams: [...byTeam]
      .map(([team, each]) => ({ team, figures: together(each.map(({ figures }) => figures)) }))
      .sort((a, b) => b.figures.deploys.length - a.figures.deploys.length || (a.team < b.team ? -1 : 1)),
    all,
    notes: notesOf(histories, all, unreadable.length, deps),
  };
}

function notesOf(
  apps: readonly AppHistory[],
  all: DeliveryFigures,
  unreadableApps: number,
  { verdictsOf }: HistoryDeps,
): readonly string[] {
  const unreadable = apps.reduce((sum, { past }) => sum + past.unreadable.length, 0);
  const cut = apps.filter(({ past }) => past.releases.length >= MOST_COMMITS).map(({ app }) => app);
  return [
    ...(verdictsOf === undefined
      ? [
          'Verdicts were not read (no token, or no repository on GitHub): whether deploys were healthy is not known.',
        ]
      : all.unjudged.length > 0
        ? [
            `${all.unjudged.length} of ${all.deploys.length} deploys have no verdict of every cluster; they are in no rate.`,
          ]
        : []),
    ...(all.leadTimesFromRelease > 0
      ? [
          `${all.leadTimesFromRelease} of ${all.leadTimes.length} lead times are counted from the release: their source commit could not be read.`,
        ]
      : []),
    ...(unreadable > 0
      ? [`${unreadable} commits hold a release file that cannot be read; they are left out.`]
      : []),
    ...(unreadableApps > 0
      ? [`${unreadableApps} apps have an app.yaml that cannot be read; they are left out.`]
      : []),
    ...(cut.length > 0 ? [`Only the newest ${MOST_COMMITS} commits were read of: ${cut.join(', ')}.`] : []),
  ];
}

function nobody({ app, team }: HistoryInputs, apps: ReadonlyMap<string, { readonly team: string }>) {
  const names =
    app === undefined ? [...new Set([...apps.values()].map((each) => each.team))] : [...apps.keys()];
  const wanted = app ?? team ?? '';
  return couldNot(
    apps.size === 0
      ? 'There are no apps in this repository.'
      : `There is no ${app === undefined ? 'team' : 'app'} ${JSON.stringify(wanted)}${app !== undefined && team !== undefined && apps.has(app) ? ` of the team ${team}` : ''}. ${nameHint(wanted, names)}`,
    { todo: 'Correct the name.', reason: app === undefined ? 'unknown-team' : 'unknown-app' },
  );
}
