import { expandPattern, placeholdersOf } from '../config/path-pattern.ts';
import { couldNot } from '../report/failure.ts';

const PLACEHOLDERS = ['app', 'cluster', 'environment'];

/**
 * How the applications of Argo CD are named, from a pattern like `{app}-{cluster}`.
 *
 * @throws Failure (exit 2) for a pattern that gives two applications one name, or what is no name of Kubernetes
 */
export function applicationNames(
  pattern: string,
): (app: string, cluster: string, environment: string) => string {
  const used = placeholdersOf(pattern);
  const isName = /^[a-z\d]([a-z\d.-]{0,251}[a-z\d])?$/.test(pattern.replaceAll(/\{[a-z]+\}/g, 'x'));
  const isUnique = used.includes('app') && (used.includes('cluster') || used.includes('environment'));
  if (!isName || !isUnique || used.some((name) => !PLACEHOLDERS.includes(name))) {
    throw couldNot(`${JSON.stringify(pattern)} cannot name applications.`, {
      todo: 'Write it with {app} and {cluster}, like {app}-{cluster}.',
      reason: 'bad-input',
    });
  }
  return (app, cluster, environment) => expandPattern(pattern, { app, cluster, environment });
}
