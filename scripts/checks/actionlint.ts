import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { templateWorkflows } from './template-workflows.ts';

/**
 * What actionlint 1.7.12 can read: it does not know `uses: $/path` (the repository and commit of the running workflow;
 * GitHub has it since 2026-07-30), so it is given the same path in this checkout, whose inputs it then checks too.
 */
export function readableByActionlint(workflow: string): string {
  return workflow.replaceAll(/^(\s*(?:-\s+)?uses:\s*["']?)\$\//gm, '$1./');
}

/** The files of one repository that actionlint looks at, by path, with their texts. */
type Files = ReadonlyMap<string, string>;

/** The workflows and local actions of a folder that is, or becomes, a repository. */
function filesOf(root: string): Files {
  const read = (file: string): [string, string] => [file, readFileSync(join(root, file), 'utf8')];
  const files = globSync(['.github/workflows/*.yml', 'actions/*/action.yml'], { cwd: root }).map(read);
  // dist/ is not on main, and actionlint wants the file that `main:` names: the one that the bundle will have.
  const mains = globSync('actions/*/main.ts', { cwd: root });
  const bundled = mains.map((main): [string, string] => [`dist/${basename(dirname(main))}.js`, '']);
  return new Map([...files, ...bundled]);
}

/** Lints one repository in a copy that holds these files and actionlint's configuration. */
async function lintRepository(files: Files, configuration: string): Promise<string | undefined> {
  const copy = await mkdtemp(join(tmpdir(), 'kajitori-actionlint-'));
  try {
    // actionlint takes the nearest folder with .git and .github/workflows as the project that `./` is relative to.
    await mkdir(join(copy, '.git'));
    for (const [file, text] of new Map([...files, ['.github/actionlint.yaml', configuration]])) {
      await mkdir(dirname(join(copy, file)), { recursive: true });
      await writeFile(join(copy, file), readableByActionlint(text));
    }
    // shellcheck and pyflakes off: actionlint runs them where they happen to be installed, and this check must say
    // the same on every machine.
    const args = ['-no-color', '-shellcheck=', '-pyflakes='];
    const result = await execa('actionlint', args, { cwd: copy, reject: false, all: true, stdin: 'ignore' });
    return result.failed ? result.all || result.shortMessage : undefined;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** What actionlint says of all workflows: ours, those of the examples, and those that templates become. */
export async function lintWorkflows(root: string): Promise<string | undefined> {
  const examples = globSync('examples/*/.github/workflows', { cwd: root }).map((folder) =>
    dirname(dirname(folder)),
  );
  const repositories = new Map([
    ...['.', ...examples.sort()].map((folder): [string, Files] => [folder, filesOf(join(root, folder))]),
    ['templates/app-repository', templateWorkflows(root)],
  ]);
  const configuration = readFileSync(join(root, '.github/actionlint.yaml'), 'utf8');
  const findings: string[] = [];
  for (const [folder, files] of repositories) {
    // actionlint fails where there is nothing to lint.
    if (![...files.keys()].some((file) => file.startsWith('.github/workflows/'))) continue;
    const found = await lintRepository(files, configuration);
    if (found !== undefined) findings.push(folder === '.' ? found : `in ${relative('.', folder)}:\n${found}`);
  }
  return findings.length === 0 ? undefined : findings.join('\n');
}
