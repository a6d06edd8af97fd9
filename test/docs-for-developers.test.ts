import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseKajitoriYaml } from '../src/config/kajitori-yaml.ts';
import { renderApp } from '../src/render/app.ts';
import { generateExamples } from '../src/scaffold/examples.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const GUIDES = [
  'docs/first-app.md',
  'docs/add-a-cron-job.md',
  'docs/add-a-secret.md',
  'docs/run-a-command.md',
  'docs/what-the-platform-does.md',
];

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');

const guides = await Promise.all(
  GUIDES.map(async (file) => ({ file, text: await readFile(path.join(root, file), 'utf8') })),
);

let folder: string;
let files: Awaited<ReturnType<typeof generateExamples>>;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kajitori-docs-'));
  files = await generateExamples();
  for (const [file, text] of files) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text ?? '');
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const commands = guides.flatMap(({ file, text }) =>
  blocks(text, 'sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('kajitori '))
    .map((command) => [file, command] as const),
);

describe('what the guides tell developers to do', () => {
  // In their order: the second guide works on what the first made.
  test.each(commands)('%s: %s', async (_, command) => {
    const cli = `"${process.execPath}" "${path.join(root, 'src/cli/main.ts')}"`;
    const { exitCode, stderr } = await execa('sh', ['-c', command.replace(/^kajitori/, () => cli)], {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
    });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test('is not nothing', () => {
    expect(commands.length).toBeGreaterThanOrEqual(5);
  });
});

const values = guides.flatMap(({ file, text }) =>
  blocks(text, 'yaml')
    .filter((block) => !block.includes('apiVersion:'))
    .map((block) => [file, block] as const),
);

describe('what the guides show as values', () => {
  test.each(values)('%s: %s', async (_, block) => {
    const text = `${'web' in (parse(block) as object) ? '' : 'web: { port: 8080 }\n'}${block}`;
    await writeFile(path.join(folder, 'apps/web/values.yaml'), text);
    const config = parseKajitoriYaml(files.get('kajitori.yaml') ?? '');
    const place = { root: folder, config, app: 'web', environment: 'production', cluster: 'prod-1' };
    expect((await renderApp(place)).map(({ kind }) => kind)).toContain('Deployment');
  });
});

test.each(guides)('$file links only to what is there', ({ file, text }) => {
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  const missing = links.filter((link) => !existsSync(path.join(root, path.dirname(file), link)));
  expect(missing).toEqual([]);
});
