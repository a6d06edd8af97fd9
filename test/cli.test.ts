import { once } from 'node:events';
import { mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { openWorkingCopy } from '../src/repository/working-copy.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** Node keeps there what it made of the sources: the command is started some forty times. */
const compiled = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-compiled-'));
afterAll(() => compiled.remove());

/** Starts the command as a shell would, in a folder, with no token and no way to GitHub. */
const start = (
  parameters: readonly string[],
  folder: string = tmpdir(),
  env: Readonly<Record<string, string>> = {},
) =>
  execa(process.execPath, [MAIN, ...parameters], {
    cwd: folder,
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      NODE_COMPILE_CACHE: compiled.path,
      // Nobody listens there: what asks GitHub without need fails or hangs.
      GITHUB_API_URL: 'http://127.0.0.1:1',
      ...env,
    },
  });

/** The same, to its end. */
async function kajitori(...started: Parameters<typeof start>) {
  const { stdout, stderr, exitCode } = await start(...started);
  return { stdout, stderr, exitCode };
}

const COMMIT = 'c0ffee00'.repeat(5);
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const REGISTRY = '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com';

const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments:
  staging: { clusters: [stg-1] }
  production: { clusters: [prod-1, prod-2], promoteFrom: staging }
clusters:
  stg-1: { kubernetes: "1.34", region: ap-northeast-1, account: "111111111111" }
  prod-1: { kubernetes: "1.33", region: ap-northeast-1, account: "222222222222", active: true }
  prod-2: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" }
registries: ["${REGISTRY}"]
`;

const APP_YAML = `app:
  team: shop
  sources: [acme/web]
  kind: web
`;

/** A folder with a small GitOps repository, with some files changed. */
async function gitOps(changed: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
  const files = { 'kajitori.yaml': KAJITORI_YAML, 'apps/web/app.yaml': APP_YAML, ...changed };
  await (await openWorkingCopy(folder.path)).write(new Map(Object.entries(files)));
  return {
    path: folder.path,
    /** What is in apps/web. */
    app: () => readdir(path.join(folder.path, 'apps/web')),
    release: () => readFile(path.join(folder.path, 'apps/web/release.production.yaml'), 'utf8'),
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

/** A bump that is right, with some options replaced. */
const bump = (options: Readonly<Record<string, string>> = {}): string[] => [
  'bump',
  ...Object.entries({
    app: 'web',
    environment: 'production',
    image: `${REGISTRY}/web:v1@${DIGEST}`,
    source: `acme/web@${COMMIT}`,
    ...options,
  }).flatMap(([name, value]) => [`--${name}`, value]),
];

const commandsIn = (help: string): string[] =>
  [...help.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name ?? '');

describe('help', () => {
  test('every command says what it does and shows an example whose options exist', async () => {
    const { stdout, exitCode } = await kajitori(['--help']);
    const commands = commandsIn(stdout);
    expect(exitCode).toBe(0);
    expect(commands).toEqual(expect.arrayContaining(['init', 'bump', 'doctor', 'demo']));
    expect(stdout).toContain('Exit codes: 0 done');
    for (const command of commands) {
      const help = await kajitori([command, '--help']);
      expect(help).toMatchObject({ exitCode: 0, stderr: '' });
      expect(help.stdout).toMatch(new RegExp(`^Usage: kajitori ${command} `));
      const [options = '', examples = ''] = help.stdout.split('\nExamples:\n');
      const named = (text: string) => new Set([...text.matchAll(/(?<=\s)--[a-z-]+/g)].map(([flag]) => flag));
      expect(examples, command).toContain(`kajitori ${command}`);
      expect([...named(examples)].filter((flag) => !named(options).has(flag))).toEqual([]);
    }
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await kajitori(['--version'])).toMatchObject({ stdout: version, exitCode: 0 });
  });
});

describe('what cannot be understood is bad input: exit 2, nothing on standard output', () => {
  test.for([
    { name: 'an unknown command', given: ['bmp'], says: 'Did you mean bump?' },
    { name: 'an unknown option', given: ['bump', '--enviroment', 'x'], says: 'Did you mean --environment?' },
    { name: 'an option without its value', given: ['bump', '--app'], says: 'argument missing' },
    { name: 'no command', given: [], says: 'Usage: kajitori' },
  ])('$name', async ({ given, says }) => {
    const { stdout, stderr, exitCode } = await kajitori(given);
    expect(stderr).toContain(says);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});

describe('kajitori bump in a folder', () => {
  test('writes the release file and says so (exit 0); a second time there is nothing to do', async () => {
    await using repository = await gitOps();
    const first = await kajitori(bump(), repository.path);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toContain('clusters: prod-1, prod-2');
    const written = await repository.release();
    expect(written).toContain(`digest: ${DIGEST}`);
    const second = await kajitori([...bump(), '--json'], repository.path);
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(second.stdout)).toMatchObject({ changed: false, reason: 'already-there', files: [] });
    expect(await repository.release()).toBe(written);
  });

  test('another image of the same commit: GitHub is not asked, and nobody waits for it', async () => {
    await using repository = await gitOps();
    await kajitori(bump(), repository.path);
    const again = bump({ image: `${REGISTRY}/web:v2@${DIGEST.replaceAll('ab', 'cd')}` });
    const { stderr, exitCode } = await kajitori(again, repository.path);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(await repository.release()).toContain('tag: v2');
  });

  test('--dry-run shows a diff and writes nothing (exit 0)', async () => {
    await using repository = await gitOps();
    const { stdout, exitCode } = await kajitori([...bump(), '--dry-run'], repository.path);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('+++ b/apps/web/release.production.yaml');
    expect(stdout).toContain(`+  digest: ${DIGEST}`);
    expect(await repository.app()).toEqual(['app.yaml']);
  });

  test('a policy that says no is exit 1, with the file that says it and what to do', async () => {
    await using repository = await gitOps();
    const foreign = await kajitori(bump({ source: `acme/ads@${COMMIT}` }), repository.path);
    expect(foreign).toMatchObject({ exitCode: 1, stdout: '' });
    expect(foreign.stderr).toMatch(
      /^Refused: apps\/web\/app\.yaml: acme\/ads may not deploy the app web\.\n {2}→ /,
    );
    const registry = await kajitori(bump({ image: `example.com/web:v1@${DIGEST}` }), repository.path);
    expect(registry).toMatchObject({ exitCode: 1, stdout: '' });
    expect(registry.stderr).toMatch(/^Refused: .*example\.com\/web/);
    expect(await repository.app()).toEqual(['app.yaml']);
  });

  test.for([
    {
      name: 'a mistake in kajitori.yaml, with file, line and column',
      files: { 'kajitori.yaml': KAJITORI_YAML.replace('kubernetes: "1.33"', 'kubernetes: 1.33') },
      given: bump(),
      says: /^Error: kajitori\.yaml:7:25: .*"1\.30"[\s\S]*\n {2}→ /,
    },
    {
      name: 'a mistake in app.yaml, with file, line and column',
      files: { 'apps/web/app.yaml': APP_YAML.replace('kind: web', 'knid: web') },
      given: bump(),
      says: /^Error: apps\/web\/app\.yaml:4:3: [\s\S]*kind/,
    },
    {
      name: 'YAML that is none',
      files: { 'kajitori.yaml': `${KAJITORI_YAML}  teams: [\n` },
      given: bump(),
      says: /^Error: kajitori\.yaml:10:\d+: /,
    },
    { name: 'an unknown app, with the nearest', given: bump({ app: 'wep' }), says: /web/ },
    {
      name: 'an unknown environment, with the nearest',
      given: bump({ environment: 'prod' }),
      says: /production/,
    },
    { name: 'a name that leaves the repository', given: bump({ app: '../web' }), says: /\.\.\/web/ },
    { name: 'no image', given: bump({ image: '' }), says: /No image is given/ },
    { name: 'a commit that is none', given: bump({ source: 'acme/web@main' }), says: /git rev-parse HEAD/ },
  ])('exit 2, nothing written: $name', async ({ files, given, says }) => {
    await using repository = await gitOps(files);
    const { stdout, stderr, exitCode } = await kajitori(given, repository.path);
    expect(stderr).toMatch(says);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(await repository.app()).toEqual(['app.yaml']);
  });

  test('with --json an error is JSON on standard output, with the same exit code', async () => {
    await using repository = await gitOps({
      'kajitori.yaml': KAJITORI_YAML.replace('kubernetes: "1.33"', 'kubernetes: 1.33'),
    });
    const mistake = await kajitori([...bump(), '--json'], repository.path);
    expect(mistake).toMatchObject({ exitCode: 2, stderr: '' });
    expect(JSON.parse(mistake.stdout)).toEqual({
      error: {
        message: expect.stringContaining('kubernetes'),
        reason: expect.any(String),
        at: { file: 'kajitori.yaml', line: 7, column: 25 },
        todo: expect.any(String),
      },
    });
    await using right = await gitOps();
    const refused = await kajitori([...bump({ source: `acme/ads@${COMMIT}` }), '--json'], right.path);
    expect(refused).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { reason: 'foreign-source' } });
  });
});

describe('kajitori init in a folder', () => {
  const ANSWERS = [
    ['--environment', 'staging=stg-1', '--environment', 'production=prod-1,prod-2'],
    ['--cluster', 'stg-1=1.34,ap-northeast-1,111111111111'],
    ['--cluster', 'prod-1=1.33,ap-northeast-1,222222222222'],
    ['--cluster', 'prod-2=1.34,ap-northeast-1,222222222222'],
    ['--registry', REGISTRY, '--url', 'https://github.com/acme/gitops.git'],
  ].flat();

  test('shows, writes, and the second time has nothing to do', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    const shown = await kajitori(['init', ...ANSWERS, '--dry-run'], folder.path);
    expect(shown).toMatchObject({ exitCode: 0, stderr: '' });
    expect(shown.stdout).toContain('ApplicationSet of production: prod-1, prod-2');
    expect(shown.stdout).toContain('Dry run: nothing was written.');
    expect(await readdir(folder.path)).toEqual([]);
    const written = await kajitori(['init', ...ANSWERS, '--json'], folder.path);
    expect(written).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(written.stdout)).toMatchObject({
      reason: 'written',
      written: expect.arrayContaining(['kajitori.yaml', 'argocd/production.yaml']),
    });
    const again = await kajitori(['init'], folder.path);
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(again.stdout).toContain('Nothing to do: everything is there.');
  });

  test('asks nobody where there is no terminal: names all flags that are missing (exit 2)', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    const { stderr, exitCode } = await kajitori(['init'], folder.path);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--environment staging=stg-1');
    expect(stderr).toContain('--registry ');
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("writes the workflow into an app's repository; half of the flags is bad input", async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    const half = await kajitori(['init', '--app', 'web'], folder.path);
    expect(half.exitCode).toBe(2);
    expect(half.stderr).toContain('--app and --gitops belong together');
    const whole = await kajitori(['init', '--app', 'web', '--gitops', 'acme/gitops', '--yes'], folder.path);
    expect(whole).toMatchObject({ exitCode: 0, stderr: '' });
    const workflow = await readFile(path.join(folder.path, '.github/workflows/deploy.yml'), 'utf8');
    expect(workflow).toContain('gitops-repository: acme/gitops');
  });

  test('a file of somebody else where a generated one should be is left alone (exit 1)', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    await kajitori(['init', ...ANSWERS], folder.path);
    const file = path.join(folder.path, 'argocd/production.yaml');
    await writeFile(file, '# ours\n');
    const { stdout, exitCode } = await kajitori(['init'], folder.path);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('argocd/production.yaml  (differs');
    expect(await readFile(file, 'utf8')).toBe('# ours\n');
  });
});

describe('kajitori doctor in a folder', () => {
  test('what could not be looked at is not right: exit 2 without a token, exit 1 for a mistake', async () => {
    await using right = await gitOps({
      'kajitori.yaml': `${KAJITORI_YAML}repository: { url: https://github.com/acme/gitops.git }\n`,
    });
    await kajitori(['init', '--yes'], right.path);
    const unchecked = await kajitori(['doctor'], right.path);
    expect(unchecked).toMatchObject({ exitCode: 2, stderr: '' });
    expect(unchecked.stdout).toContain('not checked  There is no token');
    expect(unchecked.stdout).not.toContain('FAIL');
    await using wrong = await gitOps({
      'kajitori.yaml': KAJITORI_YAML.replace('promoteFrom: staging', 'promoteFrom: stagging'),
    });
    const failed = await kajitori(['doctor', '--json'], wrong.path);
    expect(failed).toMatchObject({ exitCode: 1, stderr: '' });
    const { ok, checks } = JSON.parse(failed.stdout) as {
      ok: boolean;
      checks: { name: string; status: string }[];
    };
    expect(ok).toBe(false);
    expect(checks).toContainEqual(expect.objectContaining({ name: 'kajitori-yaml', status: 'fail' }));
  });
});

describe('what commands of a running app say where something is missing', () => {
  const ASKED = ['--repository', 'acme/gitops', '--app', 'web', '--environment', 'production'];

  test.for([
    {
      name: 'a file that an option names',
      given: ['wait', ...ASKED, '--argocd-server', 'https://argocd.example.com', '--argocd-ca', 'none.pem'],
      env: { GITHUB_TOKEN: 'a-token' },
      says: /^Error: none\.pem: The file cannot be read\.\n {2}→ /,
    },
    {
      name: 'nothing to sign in with',
      given: ['wait', ...ASKED],
      says: /^Error: There is nothing to sign in to GitHub with\.\n {2}→ .*gh auth token/,
    },
    {
      name: 'kajitori.yaml: what is named is what this command takes',
      given: ['hold', '--list'],
      says: /^Error: There is no kajitori\.yaml in [\s\S]*--repository OWNER\/NAME/,
    },
    {
      name: 'a threshold that nobody would look at, of a promotion',
      given: ['promote', 'web', '--to', 'production', '--scan-threshold', 'critical'],
      says: /^Error: .*scan-threshold[\s\S]*\n {2}→ .*check-image/,
    },
    {
      name: 'a threshold that nobody would look at',
      given: [...bump(), '--scan-threshold', 'critical'],
      says: /^Error: .*scan-threshold[\s\S]*\n {2}→ .*check-image/,
    },
  ])('exit 2: $name', async ({ given, env = {}, says }) => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    const { stdout, stderr, exitCode } = await kajitori(given, folder.path, env);
    expect(stderr).toMatch(says);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});

describe('kajitori demo', () => {
  test('without its tools it says which are missing, and leaves no folder', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-cli-'));
    const { stdout, exitCode } = await execa(process.execPath, [MAIN, 'demo', '--json'], {
      cwd: folder.path,
      reject: false,
      extendEnv: false,
      env: { PATH: folder.path, TMPDIR: folder.path },
    });
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { message: 'The demo needs git and helm and crane on PATH.', reason: 'tool-missing' },
    });
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('kajitori wait, ended from outside', () => {
  /** Waits for a GitHub that never answers, and is ended once it has asked. */
  async function ended(signal: 'SIGINT' | 'SIGTERM', parameters: readonly string[]) {
    const asked = Promise.withResolvers<void>();
    const github = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
    try {
      await once(github, 'listening');
      const { port } = github.address() as AddressInfo;
      const waiting = start(['wait', '--repository', 'acme/gitops', ...parameters], tmpdir(), {
        GITHUB_API_URL: `http://127.0.0.1:${port}`,
        GITHUB_TOKEN: 'none',
      });
      await Promise.race([asked.promise, waiting]);
      waiting.kill(signal);
      const { stdout, stderr, exitCode } = await waiting;
      return { stdout, lines: stderr.split('\n'), exitCode };
    } finally {
      github.closeAllConnections();
      github.close();
    }
  }
  const WORDS =
    'Waiting was ended. The deploy itself goes on in Argo CD; should it fail, nothing is put back from here.';

  test('Ctrl-C says that the deploy goes on, how to wait on, and what undoes it; exit 130', async () => {
    expect(
      await ended('SIGINT', ['--app', 'web,api', '--environment', 'production', '--branch', "it's"]),
    ).toEqual({
      stdout: '',
      lines: [
        WORDS,
        "  → Wait on: kajitori wait --repository acme/gitops --app web,api --environment production --branch 'it'\\''s', or undo it: kajitori rollback web api --environment production --repository acme/gitops --branch 'it'\\''s'",
      ],
      exitCode: 130,
    });
  });

  test('SIGTERM is 143, also where no single deploy is waited for', async () => {
    expect(await ended('SIGTERM', ['--unfinished', '--json'])).toEqual({
      stdout: '',
      lines: [WORDS, '  → Wait on: kajitori wait --repository acme/gitops --unfinished --json'],
      exitCode: 143,
    });
  });
});
