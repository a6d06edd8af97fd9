import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A workflow of templates/ with plausible words for its placeholders, since linters refuse those in `uses`. */
export function filled(template: string): string {
  return template
    .replaceAll('__RELEASE_WORKFLOW__', 'kajitori/kajitori/.github/workflows/release.yml@v1')
    .replaceAll(/__([A-Z_]+)__/g, (_, name: string) => name.toLowerCase().replaceAll('_', '-'));
}

/** The workflows that `kajitori init` writes into an app's repository, filled, by their path there. */
export function templateWorkflows(root: string): Map<string, string> {
  const files = globSync('templates/app-repository/*.yml', { cwd: root }).sort();
  return new Map(
    files.map((file) => [
      `.github/workflows/${basename(file)}`,
      filled(readFileSync(join(root, file), 'utf8')),
    ]),
  );
}
