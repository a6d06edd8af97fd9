import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';

/**
 * What actionlint 1.7.12 can read: it does not know `uses: $/path` (the repository and commit of the running workflow;
 * GitHub has it since 2026-07-30), so it is given the same path in this checkout, whose inputs it then checks too.
 */
export function readableByActionlint(workflow: string): string {
  return workflow.replaceAll(/^(\s*(?:-\s+)?uses:\s*["']?)\$\//gm, '$1./');
}

/** Each folder that stands for a whole repository: ours, and those that our templates and examples become. */
function repositories(root: string): Map<string, string[]> {
  const files = globSync(['.github/workflows/*.yml', '{templates,examples}/**/.github/workflows/*.yml'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  });
  return Map.groupBy(files.sort(), (file) => dirname(dirname(dirname(file))));
}

/** Lints one repository's workflows in a copy that holds them, actionlint's configuration, and the local actions. */
async function lintRepository(
  root: string,
  folder: string,
  workflows: readonly string[],
): Promise<string | undefined> {
  const copy = await mkdtemp(join(tmpdir(), 'kajitori-actionlint-'));
  try {
    // actionlint takes the nearest folder with both of these as the project that `./` is relative to.
    await mkdir(join(copy, '.git'));
    const actions = globSync('actions/*/action.yml', { cwd: join(root, folder) }).map((file) =>
      join(folder, file),
    );
    for (const file of [...workflows, ...actions]) {
      const target = join(copy, file.slice(folder === '.' ? 0 : folder.length + 1));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, readableByActionlint(readFileSync(join(root, file), 'utf8')));
    }
    // dist/ is not on main, and actionlint wants the file that `main:` names: the one that the bundle will have.
    await mkdir(join(copy, 'dist'));
    for (const main of globSync('actions/*/main.ts', { cwd: join(root, folder) })) {
      await writeFile(join(copy, 'dist', `${basename(dirname(main))}.js`), '');
    }
    await writeFile(
      join(copy, '.github/actionlint.yaml'),
      readFileSync(join(root, '.github/actionlint.yaml')),
    );
    // shellcheck and pyflakes off: actionlint runs them where they happen to be installed, and this check must say
    // the same on every machine.
    const args = ['-no-color', '-shellcheck=', '-pyflakes='];
    const result = await execa('actionlint', args, { cwd: copy, reject: false, all: true, stdin: 'ignore' });
    if (!result.failed) return undefined;
    return folder === '.' ? result.all : `in ${folder}:\n${result.all}`;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** What actionlint says of all workflows: ours, and those in templates and examples. */
export async function lintWorkflows(root: string): Promise<string | undefined> {
  const findings: string[] = [];
  for (const [folder, workflows] of repositories(root)) {
    const found = await lintRepository(root, folder, workflows);
    if (found !== undefined) findings.push(found);
  }
  return findings.length === 0 ? undefined : findings.join('\n');
}
