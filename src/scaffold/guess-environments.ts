import type { DetectedCluster } from './detect.ts';

/** Words of one meaning, in the order in which things are promoted. The first of each is the name where no file says another. */
const STAGES: readonly (readonly string[])[] = [
  ['development', 'dev'],
  ['test', 'testing'],
  ['qa'],
  ['uat'],
  ['staging', 'stg', 'stage'],
  ['preproduction', 'preprod', 'pre'],
  ['production', 'prod', 'prd'],
];

const wordsOf = (text: string): readonly string[] => text.toLowerCase().split(/[^a-z]+/);

const stageOf = (text: string): readonly string[] | undefined =>
  STAGES.find((stage) => wordsOf(text).some((word) => stage.includes(word)));

/**
 * Gives each cluster that has none the environment that its name tells (`prod-1`, `eks-staging`), spelt as paths of values files
 * spell it: `values-prod.yaml` makes it `prod`. The result is in the usual order of promotion; a cluster whose name tells nothing
 * keeps none, and is asked for.
 *
 * @param paths of values files
 */
export function guessEnvironments(
  clusters: ReadonlyMap<string, DetectedCluster>,
  paths: readonly string[],
): Map<string, DetectedCluster> {
  const spelt = new Set(paths.flatMap(wordsOf));
  const guess = (name: string): string | undefined => {
    const stage = stageOf(name);
    const words = wordsOf(name);
    return (
      stage?.find((word) => spelt.has(word)) ?? (stage?.find((word) => words.includes(word)) && stage[0])
    );
  };
  const named = [...clusters].map(
    ([name, cluster]) => [name, { ...cluster, environment: cluster.environment ?? guess(name) }] as const,
  );
  const rank = ({ environment }: DetectedCluster): number => {
    const stage = environment === undefined ? undefined : stageOf(environment);
    return stage === undefined ? STAGES.length : STAGES.indexOf(stage);
  };
  return new Map(named.toSorted(([, a], [, b]) => rank(a) - rank(b)));
}
