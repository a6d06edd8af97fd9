import { parseKajitoriYaml } from '../../src/config/kajitori-yaml.ts';
import type { Place } from './clusters.ts';
import type { Commit } from './github.ts';

/**
 * Where a company begins: `new`: nothing was ever deployed. `running`: Kajitori deployed build 1 to staging
 * and build 0 to production, and they were healthy.
 * `patterns`: it ran before Kajitori came, in another layout, where each cluster has a file of its own, so that one-sided
 * commits could be written.
 */
export type Beginning = 'new' | 'running' | 'patterns';

/** Two apps, two environments, three clusters. */
export interface Company {
  readonly config: ReturnType<typeof parseKajitoriYaml>;
  readonly files: ReadonlyMap<string, string>;
  /** The file that a cluster reads the image from. */
  readonly imageFile: (place: Place) => string;
  readonly stateFile: (app: string, environment: string) => string;
}

export const APPS = ['web', 'billing'] as const;
export const CLUSTERS = { staging: ['stg-1'], production: ['prod-1', 'prod-2'] } as const;
export type EnvironmentName = keyof typeof CLUSTERS;
export const ENVIRONMENTS: readonly EnvironmentName[] = ['staging', 'production'];

export const PLACES: readonly Place[] = APPS.flatMap((app) =>
  ENVIRONMENTS.flatMap((environment) =>
    CLUSTERS[environment].map((cluster) => ({ app, environment, cluster })),
  ),
);

export const REGISTRY = 'registry.example.com';

const SOAK_MS = 2 * 60_000;

/** How long a release is healthy before it is promoted. Milliseconds. */
export const soakOf = ({ config }: Company): number => (config.apps?.release === undefined ? SOAK_MS : 0);

const kajitoriYaml = (
  via: readonly EnvironmentName[],
  soak: string,
  apps: string,
): string => `apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1]${viaOf('staging', via)} }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging${soak}${viaOf('production', via)} }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
${apps}`;

const viaOf = (environment: EnvironmentName, via: readonly EnvironmentName[]): string =>
  via.includes(environment) ? ', via: pull-request' : '';

/** @param via the environments that take deploys by pull request */
export function companyOf(beginning: Beginning, via: readonly EnvironmentName[]): Company {
  const layout = beginning === 'patterns' ? 'patterns' : 'standard';
  const yaml =
    layout === 'standard'
      ? kajitoriYaml(via, ', promote: { soak: 2m }', '')
      : kajitoriYaml(via, '', 'apps: { release: "deploy/{cluster}/{app}.yaml" }\n');
  const imageFile = ({ app, environment, cluster }: Place) =>
    layout === 'standard' ? `apps/${app}/release.${environment}.yaml` : `deploy/${cluster}/${app}.yaml`;
  const releases = PLACES.map((place): [string, string] => {
    const nth = beginning === 'running' && place.environment === 'staging' ? 1 : 0;
    const image = `{ repository: ${REGISTRY}/${place.app}, tag: ${tagOf(nth)}, digest: ${digestOf(nth)} }`;
    return [
      imageFile(place),
      `# ${place.app}\nimage: ${image} # written by machines\n${beginning === 'running' ? recordOf(nth) : ''}`,
    ];
  });
  return {
    config: parseKajitoriYaml(yaml),
    imageFile,
    stateFile: (app, environment) =>
      layout === 'standard'
        ? `apps/${app}/release.${environment}.yaml`
        : `.kajitori/${app}.${environment}.yaml`,
    files: new Map([
      ['kajitori.yaml', yaml],
      ...APPS.map((app): [string, string] => [
        `apps/${app}/app.yaml`,
        'app: { team: shop, sources: [acme/web] }\n',
      ]),
      ...(beginning === 'new' ? [] : releases),
    ]),
  };
}

const recordOf = (nth: Nth): string =>
  `release: { source: acme/web@${sourceOf(nth).commit}, build: ${nth}, workflow: deploy.yml, at: 2026-11-20T09:00:00Z }\n`;

/** Read without Kajitori's own code: what Argo CD would render. */
export function desiredAt(company: Company, commit: Commit, place: Place) {
  const tag = /\btag: "?([\w-]+)/.exec(commit.files.get(company.imageFile(place)) ?? '')?.[1];
  const state = commit.files.get(company.stateFile(place.app, place.environment)) ?? '';
  return tag === undefined ? undefined : { tag, rollback: /\brollback: true/.test(state) };
}

/**
 * Builds 1 to 6 of acme/web are one line of commits; 11 to 13 branched off after the second one.
 */
export type Nth = number;

const isAside = (nth: Nth): boolean => nth > 10;

export const digestOf = (nth: Nth): string => `sha256:${nth.toString(16).padStart(64, '0')}`;
export const tagOf = (nth: Nth): string => `build-${nth}`;
export const nthOf = (tag: string): Nth => Number(tag.slice('build-'.length));

export const sourceOf = (nth: Nth) => ({
  repository: 'acme/web',
  commit: nth.toString(16).padStart(40, '0'),
});
export const nthOfSource = ({ commit }: { readonly commit: string }): Nth => Number.parseInt(commit, 16);

/** How one build stands to another. */
export function ancestry(mine: Nth, other: Nth): 'same' | 'newer' | 'older' | 'diverged' {
  if (mine === other) return 'same';
  if (isAside(mine) === isAside(other)) return mine > other ? 'newer' : 'older';
  if (isAside(mine)) return other <= 2 ? 'newer' : 'diverged';
  return mine <= 2 ? 'older' : 'diverged';
}
