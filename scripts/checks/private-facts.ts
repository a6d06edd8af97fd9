import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** What must never stand in a committed file, and why. Each pattern finds the offending text itself. */
const rules: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  {
    what: 'a path of somebody’s machine',
    // `/home/runner` is GitHub's own, `/home/node` and `/home/nonroot` are those of container images.
    pattern:
      /(?<![\w.~-])\/(?:root\/|Users\/\w|home\/(?!(?:runner|node|nonroot)\b)\w|work\/(?:main|shared|wt)\b)[\w./-]*/,
  },
  {
    what: 'the host of a package registry (everybody’s own npm, pip and Go settings choose it)',
    pattern:
      /\b(?:registry\.npmjs\.org|registry\.yarnpkg\.com|npm\.pkg\.github\.com|pypi\.org|files\.pythonhosted\.org|proxy\.golang\.org)\b/,
  },
  {
    what: 'a secret',
    // AWS's documentation uses keys that end in EXAMPLE.
    pattern:
      /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b(?<!EXAMPLE)|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{60,}|\bnpm_[A-Za-z0-9]{36}\b|\bxox[abprs]-[\w-]{10,}/,
  },
];

/** The lines of a text that hold what must not be committed, as `file:line: what: the text`. */
export function privateFactsIn(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    rules.flatMap(({ what, pattern }) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${file}:${index + 1}: ${what}: ${found}`];
    }),
  );
}

/** The same over every file that is committed or about to be. */
export async function privateFacts(root: string): Promise<string | undefined> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await execa('git', list, { cwd: root });
  const findings = stdout
    .split('\0')
    .filter((file) => file !== '' && statSync(join(root, file), { throwIfNoEntry: false })?.isFile())
    .flatMap((file) => privateFactsIn(file, readFileSync(join(root, file), 'utf8')));
  return findings.length === 0 ? undefined : findings.join('\n');
}
