import { nearestName } from '../config/nearest.ts';
import { couldNot } from '../report/failure.ts';
import type { ClusterAnswers } from './kajitori-yaml-text.ts';

/**
 * Reads `production=prod-1,prod-2`, the way environments are given by flags and on the terminal.
 *
 * @throws Failure (exit 2, `bad-answer`)
 */
export function parseEnvironments(texts: readonly string[]): Map<string, readonly string[]> {
  const environments = new Map<string, readonly string[]>();
  for (const text of texts) {
    const [, name, list] = /^([^=\s]+)=([^=\s]+)$/.exec(text.trim()) ?? [];
    const clusters = (list ?? '').split(',').filter((cluster) => cluster !== '');
    if (name === undefined || clusters.length === 0) {
      throw badAnswer(text, 'an environment with its clusters', 'production=prod-1,prod-2');
    }
    if (environments.has(name)) {
      throw badAnswer(text, `an environment that was not named before (${name})`, 'staging=stg-1');
    }
    environments.set(name, clusters);
  }
  return environments;
}

/**
 * Reads `prod-1=1.34,ap-northeast-1,222222222222`: version of Kubernetes, region and account of a cluster.
 *
 * @throws Failure (exit 2, `bad-answer`)
 */
export function parseClusters(texts: readonly string[]): Map<string, ClusterAnswers> {
  const clusters = new Map<string, ClusterAnswers>();
  for (const text of texts) {
    const [, name, kubernetes, region, account] =
      /^([^=\s]+)=(1\.\d{1,3}),([a-z\d-]+),(\d{12})$/.exec(text.trim()) ?? [];
    if (name === undefined || kubernetes === undefined || region === undefined || account === undefined) {
      throw badAnswer(
        text,
        'a cluster with version of Kubernetes, region and account',
        'prod-1=1.34,ap-northeast-1,222222222222',
      );
    }
    clusters.set(name, { kubernetes, region, account });
  }
  return clusters;
}

/** @throws Failure (exit 2) when a cluster is described that no environment has: most likely a misspelt name */
export function refuseStrayClusters(
  environments: ReadonlyMap<string, readonly string[]>,
  described: Iterable<string>,
): void {
  const known = [...environments.values()].flat();
  for (const cluster of described) {
    if (!known.includes(cluster)) {
      const nearest = nearestName(cluster, known);
      throw couldNot(`The cluster ${JSON.stringify(cluster)} belongs to no environment.`, {
        todo: nearest === undefined ? 'Name it in --environment too.' : `Did you mean ${nearest}?`,
        reason: 'bad-answer',
      });
    }
  }
}

const badAnswer = (text: string, what: string, example: string) =>
  couldNot(`${JSON.stringify(text)} is not ${what}.`, {
    todo: `Write it like ${example}`,
    reason: 'bad-answer',
  });
