/** One line of CODEOWNERS. Owners keep their form without `@`: `user`, `org/team`. */
export interface OwnerRule {
  readonly pattern: string;
  readonly owners: readonly string[];
}

/** Where GitHub looks, in this order. */
export const codeOwnersPaths = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;

export function parseCodeOwners(text: string): OwnerRule[] {
  return text.split('\n').flatMap((line) => {
    const [pattern, ...owners] = line
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (pattern === undefined || pattern === '') return [];
    return [
      { pattern, owners: owners.filter((owner) => owner.startsWith('@')).map((owner) => owner.slice(1)) },
    ];
  });
}

/** A gitignore-like pattern, without the parts that CODEOWNERS does not know (`!`, `[ ]`). */
export function matchesPath(pattern: string, path: string): boolean {
  const anchored = pattern.replace(/\/$/, '').includes('/');
  const inside = pattern.endsWith('/') || !/\*[^/]*$/.test(pattern);
  const source = pattern
    .replace(/^\/|\/$/g, '')
    .split(/(\*\*\/|\/\*\*$|\*\*|\*|\?)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '/**') return '/.*';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      return part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  const under = pattern.endsWith('/') ? '/.+' : inside || !anchored ? '(?:/.*)?' : '';
  return new RegExp(`^${anchored ? '' : '(?:.*/)?'}${source}${under}$`).test(path);
}

/** The owners of a path: those of the last line that matches; none where that line names none. */
export function ownersOf(rules: readonly OwnerRule[], path: string): readonly string[] {
  return rules.findLast(({ pattern }) => matchesPath(pattern, path))?.owners ?? [];
}
