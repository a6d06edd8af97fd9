import { z } from 'zod';

/** What may stand in braces in the patterns of `apps`. */
export const PLACEHOLDERS = ['app', 'environment', 'cluster'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

const BRACES = /\{([^{}]*)\}/g;
const PLAIN = /^[\w./@+-]*$/;

/** The placeholders of a pattern, in their order, as they are written. */
export const placeholdersOf = (pattern: string): string[] =>
  [...pattern.matchAll(BRACES)].map((match) => match[1] ?? '');

/**
 * Puts values into a pattern.
 *
 * Values are names (DNS labels), so an expanded path stays where the pattern says.
 */
export const expandPattern = (pattern: string, values: Readonly<Record<Placeholder, string>>): string =>
  pattern.replaceAll(BRACES, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name as Placeholder] : whole,
  );

/**
 * Why a pattern is not a path of a YAML file inside the repository; undefined when it is.
 *
 * @param allowed the placeholders that have a value here
 */
export function patternMistake(pattern: string, allowed: readonly Placeholder[]): string | undefined {
  const foreign = placeholdersOf(pattern).find((name) => !(allowed as readonly string[]).includes(name));
  if (foreign !== undefined) {
    return `has the unknown placeholder {${foreign}}; there are: ${allowed.map((name) => `{${name}}`).join(', ')}`;
  }
  const path = pattern.replaceAll(BRACES, 'x');
  if (!PLAIN.test(path)) {
    return 'must be a path of letters, digits and . _ - / @ + with placeholders like {app}, no wildcards';
  }
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'must stay in the repository: relative to its root, without "..", "." or empty parts';
  }
  if (segments.some((segment) => segment.toLowerCase() === '.git')) {
    return 'must not point into .git';
  }
  if (!/\.ya?ml$/.test(path)) {
    return 'must name a .yaml or .yml file';
  }
  if (!placeholdersOf(pattern).includes('app')) {
    return 'must contain {app}, or all apps would share one file';
  }
  return undefined;
}

/** A pattern in kajitori.yaml. */
export const pathPattern = (allowed: readonly Placeholder[]) =>
  z.string().superRefine((pattern, context) => {
    const mistake = patternMistake(pattern, allowed);
    if (mistake !== undefined) {
      context.addIssue({ code: 'custom', message: mistake });
    }
  });

/**
 * Two names that could give one path for different apps: with `{app}-{environment}.yaml`, app `web-eu` in `prod`
 * and app `web` in `eu-prod` are the same file, and a deploy of one would be a deploy of the other.
 *
 * @param names what can stand for `placeholder`
 */
export function ambiguousNames(
  pattern: string,
  placeholder: Placeholder,
  names: readonly string[],
): readonly [string, string] | undefined {
  const between = (first: string, second: string): string[] =>
    [...pattern.matchAll(new RegExp(`\\{${first}\\}([a-z0-9-]*)\\{${second}\\}`, 'g'))].map(
      (match) => match[1] ?? '',
    );
  const behind = between('app', placeholder);
  const before = between(placeholder, 'app');
  for (const long of names) {
    for (const short of names) {
      const confused =
        long !== short &&
        (behind.some((glue) => long.endsWith(`${glue}${short}`)) ||
          before.some((glue) => long.startsWith(`${short}${glue}`)));
      if (confused) {
        return [short, long];
      }
    }
  }
  return undefined;
}
