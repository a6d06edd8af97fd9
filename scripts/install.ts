/** Finds or installs one tool of the list. */
import { readFileSync } from 'node:fs';
import { access, chmod, constants, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { execa } from 'execa';
import { couldNot } from '../src/report/failure.ts';
import { buildArgocdRig } from './argocd-rig/build.ts';
import { installFolder, isGoodOnPath, type Tool, versionIn } from './tools.ts';

/** Where a tool is, and how it came there. */
export interface Found {
  readonly path: string;
  /** `on PATH`, `cached`, or the command that installed it. */
  readonly how: string;
  readonly version: string;
}

/** What an installation needs to know of the machine. */
export interface Machine {
  /** The folder of `toolsCache`. */
  readonly cache: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told when something that takes long begins. */
  readonly say: (line: string) => void;
}

/** What a tool's probe prints, or undefined when the tool is absent or does not work. */
async function probe(tool: Tool, program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const [, ...args] = tool.probe.split(' ');
  const { failed, stdout } = await execa(program, args, {
    env,
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
  return failed ? undefined : stdout;
}

async function onPath(tool: Tool, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  // Debian keeps runc in /usr/sbin, which is not on everybody's PATH.
  for (const folder of [...(env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, tool.name);
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && executable) return path;
  }
  return undefined;
}

async function fromPath(tool: Tool, env: NodeJS.ProcessEnv): Promise<Found | undefined> {
  if (tool.onPath === undefined) return undefined;
  const path = await onPath(tool, env);
  if (path === undefined) return undefined;
  const output = await probe(tool, path, env);
  if (output === undefined || !isGoodOnPath(tool, output)) return undefined;
  return { path, how: `on PATH (${path})`, version: versionIn(output) ?? '(any version)' };
}

async function fromCache(tool: Tool, machine: Machine): Promise<Found | undefined> {
  if (tool.version === undefined) return undefined;
  const path = join(installFolder(tool, machine.cache), 'bin', tool.name);
  // Run, not only looked at: a tool of pip's dies with the Python that it was installed with.
  if ((await probe(tool, path, machine.env)) === undefined) return undefined;
  return { path, how: 'cached', version: tool.version };
}

function byHand(tool: Tool): string {
  const version = tool.onPath === undefined || tool.onPath === '*' ? '' : ` ${tool.onPath}`;
  const itself = tool.onPath === undefined ? '' : `, or put ${tool.name}${version} on PATH yourself`;
  if (tool.go !== undefined || tool.module !== undefined)
    return `install a newer Go (https://go.dev/dl), and see that it reaches the internet${itself}`;
  if (tool.pip !== undefined)
    return `install Python >=3.10 with its venv module (Debian: apt-get install python3-venv)${itself}`;
  return `install ${tool.apt}${itself}`;
}

/** Runs one step of an installation, and returns what it prints. A Failure carries the end of that: it says why it failed. */
async function step(
  tool: Tool,
  machine: Machine,
  command: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<string> {
  const [program = '', ...args] = command;
  const result = await execa(program, args, {
    env: { ...machine.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  if (!result.failed) return result.stdout;
  const said = (result.all ?? '').trim() || result.shortMessage || '';
  throw couldNot(
    `${tool.name}: \`${command.join(' ')}\` failed:\n${said.split('\n').slice(-15).join('\n')}`,
    {
      todo: `${byHand(tool)}, then run this again`,
    },
  );
}

async function goInstall(tool: Tool, machine: Machine, folder: string): Promise<void> {
  // Without cgo: a machine without a C compiler can build them too.
  const env = { GOBIN: join(folder, 'bin'), CGO_ENABLED: '0' };
  const run = (...command: string[]) => step(tool, machine, command, { env });
  const pinned = `${tool.go}@${tool.version}`;
  if (tool.asDependency !== true) {
    await run('go', 'install', pinned);
    // Go names a program after its package, without a major version at the end of the path; two major versions of one program
    // need two names here.
    const built = basename((tool.go ?? '').replace(/\/v\d+$/, ''));
    if (built !== tool.name) await rename(join(folder, 'bin', built), join(folder, 'bin', tool.name));
    return;
  }
  // The `exclude` and `replace` lines of a dependency do not count.
  const module = join(folder, 'module');
  await mkdir(module);
  await writeFile(join(module, 'go.mod'), 'module kajitori.dev/tool\n');
  await run('go', '-C', module, 'get', pinned);
  await run('go', '-C', module, 'install', tool.go ?? '');
  await rm(module, { recursive: true });
}

const moduleBuild = (tool: Tool, machine: Machine, folder: string): Promise<void> =>
  buildArgocdRig(folder, (command, options) => step(tool, machine, command, options));

async function pipInstall(tool: Tool, machine: Machine, folder: string): Promise<void> {
  const venv = join(folder, 'venv');
  const pinned = `${tool.pip}==${tool.version}`;
  await step(tool, machine, ['python3', '-m', 'venv', venv]);
  await step(tool, machine, [join(venv, 'bin/python'), '-m', 'pip', 'install', '--quiet', pinned]);
  const program = join(folder, 'bin', tool.name);
  const isScript =
    readFileSync(join(venv, 'bin', tool.name))
      .subarray(0, 2)
      .toString() === '#!';
  if (!isScript) return symlink(`../venv/bin/${tool.name}`, program);
  // pip writes the venv's absolute path into the first line of scripts, and this folder is about to be renamed.
  const launcher = `#!/bin/sh
venv=$(dirname "$(readlink -f "$0")")/../venv
exec "$venv/bin/python" "$venv/bin/${tool.name}" "$@"
`;
  await writeFile(program, launcher);
  await chmod(program, 0o755);
}

/** Puts a finished folder in its place. A set-up that ran at the same time may have been first: then theirs stays. */
async function moveInto(folder: string, place: string, alreadyThere: () => Promise<boolean>): Promise<void> {
  try {
    await rename(folder, place);
  } catch {
    if (await alreadyThere()) return rm(folder, { recursive: true, force: true });
    // What stands there does not work (an older Python's venv): put ours in its place.
    await rename(place, `${folder}-broken`).catch(() => undefined);
    await rename(folder, place);
    await rm(`${folder}-broken`, { recursive: true, force: true });
  }
}

async function installIntoCache(tool: Tool, machine: Machine): Promise<Found> {
  await mkdir(machine.cache, { recursive: true });
  const folder = await mkdtemp(join(machine.cache, `.installing-${tool.name}-`));
  try {
    await mkdir(join(folder, 'bin'));
    const install = tool.go !== undefined ? goInstall : tool.pip !== undefined ? pipInstall : moduleBuild;
    await install(tool, machine, folder);
    if ((await probe(tool, join(folder, 'bin', tool.name), machine.env)) === undefined) {
      throw couldNot(`${tool.name}: installed, but \`${tool.probe}\` fails`, {
        todo: `${byHand(tool)}, then run this again`,
      });
    }
    await moveInto(
      folder,
      installFolder(tool, machine.cache),
      async () => (await fromCache(tool, machine)) !== undefined,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const found = await fromCache(tool, machine);
  if (found === undefined)
    throw couldNot(`${tool.name}: somebody removed it from ${machine.cache} meanwhile`);
  return { ...found, how: installs(tool) };
}

const installs = (tool: Tool): string =>
  tool.go !== undefined
    ? `go install ${tool.go}@${tool.version}`
    : tool.pip !== undefined
      ? `pip install ${tool.pip}==${tool.version}`
      : tool.module !== undefined
        ? `go build tool, in scripts/${tool.module}`
        : `apt-get install ${tool.apt}`;

async function aptInstall(tool: Tool, machine: Machine): Promise<Found> {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  await step(tool, machine, [...asRoot, 'apt-get', 'update', '-q']);
  await step(tool, machine, [
    ...asRoot,
    'apt-get',
    'install',
    '-qy',
    '--no-install-recommends',
    tool.apt ?? '',
  ]);
  const found = await fromPath(tool, machine.env);
  if (found !== undefined) return { ...found, how: installs(tool) };
  throw couldNot(`${tool.name}: the one that apt has is not ${tool.onPath}`, { todo: byHand(tool) });
}

/**
 * Where a tool is: on PATH in a right version, in the cache, or else installed now (`go install`, `go build`, pip,
 * apt; into the cache, where fresh clones and set-ups that run at the same time find it). Failure: what to install by hand.
 */
export async function find(tool: Tool, machine: Machine): Promise<Found> {
  const there = (await fromPath(tool, machine.env)) ?? (await fromCache(tool, machine));
  if (there !== undefined) return there;
  machine.say(`${tool.name}: ${installs(tool)} …`);
  // What has a version of ours goes into the cache; apt takes what the distribution has.
  return tool.version === undefined ? aptInstall(tool, machine) : installIntoCache(tool, machine);
}
