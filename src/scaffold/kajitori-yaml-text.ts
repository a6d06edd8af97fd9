import { stringify } from 'yaml';
import { schemaLine } from '../config/json-schema.ts';

/** What `init` must know to write kajitori.yaml. */
export interface Answers {
  /** Environment → its clusters, in promotion order. */
  readonly environments: ReadonlyMap<string, readonly string[]>;
  readonly clusters: ReadonlyMap<string, ClusterAnswers>;
  readonly registries: readonly string[];
  readonly teams: string | undefined;
  readonly platformTeam: string | undefined;
  readonly url: string;
  readonly branch: string;
  /** For another layout than ours: where the images are, and where app.yaml of an app is. */
  readonly apps?: { readonly release: string; readonly image: string; readonly definition: string };
}

export interface ClusterAnswers {
  readonly kubernetes: string;
  readonly region: string;
  readonly account: string;
}

/**
 * The first text of kajitori.yaml. Whether the answers can be is for the parser to say: it knows the place.
 *
 * Each environment promotes from the one above, and with several clusters the first is the active one: somewhere
 * the cron jobs must run.
 */
export function kajitoriYamlText(answers: Answers): string {
  const names = [...answers.environments.keys()];
  const environments = names.map((name, index) => {
    const above = names[index - 1];
    const clusters = answers.environments.get(name) ?? [];
    return [name, { clusters, ...(above === undefined ? {} : { promoteFrom: above }) }] as const;
  });
  const active = new Set(
    [...answers.environments.values()].flatMap((clusters) =>
      clusters.length > 1 ? clusters.slice(0, 1) : [],
    ),
  );
  const clusters = [...answers.clusters].map(
    ([name, cluster]) => [name, { ...cluster, ...(active.has(name) ? { active: true } : {}) }] as const,
  );
  const teams =
    answers.teams === undefined
      ? []
      : [
          line('teams', {
            pattern: answers.teams,
            ...(answers.platformTeam === undefined ? {} : { platform: answers.platformTeam }),
          }),
        ];
  return [
    schemaLine('kajitori.schema.json'),
    'apiVersion: kajitori.dev/v1',
    line('repository', { url: answers.url, branch: answers.branch }),
    'environments: # in promotion order',
    ...environments.map(([name, value]) => `  ${line(name, value)}`),
    'clusters:',
    ...clusters.map(([name, value]) => `  ${line(name, value)}`),
    line('registries', answers.registries),
    ...teams,
    ...(answers.apps === undefined ? [] : [line('apps', { ...answers.apps })]),
    '',
  ].join('\n');
}

const line = (key: string, value: Flow): string => `${scalar(key)}: ${flow(value)}`;

type Flow = string | boolean | readonly Flow[] | { readonly [key: string]: Flow };

/** Flow style on one line, `[a, b]` and `{ a: b }`; the library pads both or neither. */
function flow(value: Flow): string {
  if (typeof value === 'string' || typeof value === 'boolean') {
    return scalar(value);
  }
  if (isList(value)) {
    return `[${value.map(flow).join(', ')}]`;
  }
  return `{ ${Object.entries(value)
    .map(([key, inside]) => line(key, inside))
    .join(', ')} }`;
}

const isList = (value: Flow): value is readonly Flow[] => Array.isArray(value);

/** As it must stand inside of a flow collection; what could be read as another type is quoted, for YAML 1.1 too. */
const scalar = (value: string | boolean): string =>
  stringify([value], {
    compat: 'yaml-1.1',
    lineWidth: 0,
    collectionStyle: 'flow',
    flowCollectionPadding: false,
  }).slice(1, -2);
