import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { todoFor } from '../src/argocd/todo.ts';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import type { WaitOutputs } from '../src/deploy/wait.ts';
import { waitHeadline, waitRemedy, waitTodo } from '../src/deploy/wait-report.ts';
import { generateExamples } from '../src/scaffold/examples.ts';
import { KAJITORI_YAML } from './gitops-fixture.ts';

// The guides that tell developers how to deploy, go back, promote and read a comment: their commands run in a clone of the sample
// repository in which web was deployed to production twice.
const root = fileURLToPath(new URL('..', import.meta.url));
const GUIDES = ['docs/roll-back.md', 'docs/deploying.md', 'docs/read-a-diff.md', 'docs/promote.md'];
const RELEASE = 'apps/web/release.production.yaml';

const guides = await Promise.all(
  GUIDES.map(async (file) => ({ file, text: await readFile(path.join(root, file), 'utf8') })),
);

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');

const commands = guides.flatMap(({ file, text }) =>
  blocks(text, 'sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('kajitori '))
    .map((command) => [file, command] as const),
);
/** What asks GitHub, and Argo CD: here only that the command and its flags are there. */
const isRemote = (command: string): boolean => command.includes('--repository');

// Each command is a process of its own, and some start helm: slow where many tests run at once.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder: string;
const git = (...args: readonly string[]) =>
  execa('git', ['-c', 'user.name=dev', '-c', 'user.email=dev@acme.example', ...args], { cwd: folder });
const edit = async (file: string, change: (text: string) => string) => {
  const before = await readFile(path.join(folder, file), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path.join(folder, file), after);
};
const kajitori = (args: string) =>
  execa('sh', ['-c', `"${process.execPath}" "${path.join(root, 'src/cli/main.ts')}" ${args}`], {
    cwd: folder,
    env: { GITHUB_TOKEN: '', GH_TOKEN: '' },
    reject: false,
    stdin: 'ignore',
  });

const helps = new Map<string, Promise<string>>();
const helpOf = (command: string): Promise<string> => {
  const known = helps.get(command) ?? kajitori(`${command} --help`).then(({ stdout }) => stdout);
  helps.set(command, known);
  return known;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kajitori-docs-deploy-'));
  for (const [file, text] of await generateExamples()) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text ?? '');
  }
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-qm', 'Sample repository');
  await edit(RELEASE, (text) =>
    text
      .replaceAll('1f3c9e2b', '2b7d1e90')
      .replace('4127', '4200')
      .replace(/sha256:..../, 'sha256:abab'),
  );
  await git('commit', '-qam', 'Deploy web to production');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('what the guides tell developers to do', () => {
  // In their order: what one holds, another ends.
  test.each(commands.filter(([, command]) => !isRemote(command)))('%s: %s', async (file, command) => {
    // A guide that ends a hold is read by somebody who has one.
    if (file === 'docs/deploying.md' && command.includes('--end')) {
      await kajitori('hold web --environment production --reason "deploy failed in prod-2"');
    }
    const { exitCode, stderr } = await kajitori(command.replace(/^kajitori /, ''));
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test.each(commands.filter(([, command]) => isRemote(command)))(
    '%s: %s has these flags',
    async (_, command) => {
      const [, name = ''] = command.split(' ');
      const help = await helpOf(name);
      for (const [flag] of command.matchAll(/--[a-z-]+/g)) expect(help).toContain(flag);
    },
  );

  test('is not nothing', () => {
    expect(commands.length).toBeGreaterThanOrEqual(12);
  });
});

test('the comment in read-a-diff.md is what kajitori diff says of that change', async () => {
  await git('checkout', '-q', '--', '.');
  await edit('apps/web/values.yaml', (text) =>
    text.replace('  scale: 2\n', '  scale: 1\n  env: { LOG_LEVEL: debug }\n'),
  );
  const { stdout } = await kajitori('diff --base HEAD --markdown');
  const guide = guides.find(({ file }) => file === 'docs/read-a-diff.md')?.text ?? '';
  const [, quoted = ''] = /<!-- sample:start -->\n(.*)\n<!-- sample:end -->/s.exec(guide) ?? [];
  const withoutCommit = (text: string) => text.trim().replace(/From `[0-9a-f]{12}`/, 'From `…`');
  expect(withoutCommit(quoted.replaceAll(/^> ?/gm, ''))).toBe(withoutCommit(stdout));
});

test('the failed run in deploying.md says what a failed run says', () => {
  const cluster = (name: string) => ({ app: 'web', cluster: name, application: `web-${name}`, words: '' });
  const cause =
    'The image 333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web:2b7d1e90 cannot be pulled: there is no such image';
  const outputs: WaitOutputs = {
    verdict: 'failed',
    environment: 'production',
    commit: { oid: '1f3c9e2b'.repeat(5), url: '', message: '' } as unknown as WaitOutputs['commit'],
    applications: [
      { ...cluster('prod-1'), outcome: { kind: 'healthy' } },
      {
        ...cluster('prod-2'),
        outcome: { kind: 'failed', cause, todo: todoFor['image-missing'], details: [] },
      },
    ],
    knownBefore: false,
    remedy: { kind: 'written', commit: '8c41d07e'.repeat(5), url: '', apps: ['web'] },
    back: ['prod-1', 'prod-2'].map((name) => ({ ...cluster(name), outcome: { kind: 'healthy' } })),
    untold: [],
    startedAt: new Date(0),
    endedAt: new Date(0),
  };
  const said = [waitHeadline(outputs), `  ${waitRemedy(outputs)}`, `  → ${waitTodo(outputs)}`].join('\n');
  expect(guides.find(({ file }) => file === 'docs/deploying.md')?.text).toContain(`\`\`\`\n${said}\n\`\`\``);
});

test('the promotion in promote.md is one that kajitori.yaml accepts', () => {
  const [block = ''] = blocks(guides.find(({ file }) => file === 'docs/promote.md')?.text ?? '', 'yaml');
  const others = KAJITORI_YAML.replace(/^environments:.*?(?=^clusters:)/ms, block);
  const { promote } = parseKajitoriYaml(others).environments.production ?? {};
  expect(promote).toEqual({ soak: 1_800_000, checks: ['e2e'], automatic: true });
});

test.each(guides)('$file links only to what is there', ({ file, text }) => {
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  expect(links.filter((link) => !existsSync(path.join(root, path.dirname(file), link)))).toEqual([]);
});
