import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { find, type Machine } from './install.ts';
import type { Tool } from './tools.ts';

const tool: Tool = {
  name: 'anchor',
  for: ['test'],
  version: 'v1.2.0',
  onPath: '>=1.1 <2',
  probe: 'anchor version',
  go: 'example.com/anchor',
};

let folder: string;
let machine: Machine;

function program(path: string, script: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** A `go` that installs an anchor of version 1.2.0, and counts how often. Compiling a real one would take minutes. */
const goodGo = (log: string): string => `echo "$@" >> ${log}
printf '#!/bin/sh\\necho v1.2.0\\n' > "$GOBIN/anchor" && chmod +x "$GOBIN/anchor"`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kajitori-install-'));
  const PATH = `${join(folder, 'path')}:/usr/bin:/bin`;
  machine = { cache: join(folder, 'cache'), env: { PATH }, say: () => {} };
});
afterEach(() => rmSync(folder, { recursive: true }));

const onPath = (name: string): string => join(folder, 'path', name);
const installed = (): string => join(folder, 'cache/anchor-v1.2.0/bin/anchor');

test('a tool that `go install` refuses as a main module is installed as a dependency, without cgo', async () => {
  const log = join(folder, 'log');
  program(onPath('go'), `[ "$CGO_ENABLED" = 0 ] || exit 1\n${goodGo(log)}`);
  const found = await find({ ...tool, asDependency: true }, machine);
  expect(found).toMatchObject({ path: installed(), version: 'v1.2.0' });
  const commands = readFileSync(log, 'utf8').replaceAll(/-C \S+\/module/g, '-C module');
  expect(commands).toBe('-C module get example.com/anchor@v1.2.0\n-C module install example.com/anchor\n');
  expect(readdirSync(join(folder, 'cache/anchor-v1.2.0'))).toEqual(['bin']);
});

describe('a tool', () => {
  test('on PATH in a right version is taken as it is', async () => {
    program(onPath('anchor'), 'echo anchor 1.1.3');
    expect(await find(tool, machine)).toEqual({
      path: onPath('anchor'),
      how: `on PATH (${onPath('anchor')})`,
      version: '1.1.3',
    });
  });

  test('on PATH in a wrong version is left alone, and the pinned one installed', async () => {
    program(onPath('anchor'), 'echo anchor 2.0.0');
    program(onPath('go'), goodGo(join(folder, 'log')));
    expect(await find(tool, machine)).toMatchObject({ path: installed(), version: 'v1.2.0' });
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('install example.com/anchor@v1.2.0\n');
  });

  test('is installed once: the next set-up finds it in the cache', async () => {
    program(onPath('go'), goodGo(join(folder, 'log')));
    expect((await find(tool, machine)).how).toBe('go install example.com/anchor@v1.2.0');
    rmSync(onPath('go'));
    expect(await find(tool, machine)).toEqual({ path: installed(), how: 'cached', version: 'v1.2.0' });
  });

  test('that several set-ups install at the same time is there, whole, and nothing is left over', async () => {
    program(onPath('go'), goodGo(join(folder, 'log')));
    const found = await Promise.all([find(tool, machine), find(tool, machine), find(tool, machine)]);
    expect(found.map(({ path }) => path)).toEqual([installed(), installed(), installed()]);
    expect(readdirSync(machine.cache)).toEqual(['anchor-v1.2.0']);
  });

  test('that another set-up installed first stays as that one left it', async () => {
    const theirs = `mkdir -p ${join(installed(), '..')} && printf '#!/bin/sh\\necho v1.2.0 theirs\\n' > ${installed()} && chmod +x ${installed()}`;
    program(onPath('go'), `${theirs}\n${goodGo(join(folder, 'log'))}`);
    await find(tool, machine);
    expect(readFileSync(installed(), 'utf8')).toContain('theirs');
    expect(readdirSync(machine.cache)).toEqual(['anchor-v1.2.0']);
  });

  test('whose copy in the cache no longer works is installed again', async () => {
    program(installed(), 'exit 1');
    program(onPath('go'), goodGo(join(folder, 'log')));
    expect(await find(tool, machine)).toMatchObject({ path: installed() });
    expect(readdirSync(machine.cache)).toEqual(['anchor-v1.2.0']);
  });

  test('that cannot be installed: what failed, why, and what to install by hand; nothing stays in the cache', async () => {
    program(onPath('go'), 'echo "go: module example.com/anchor: no such host" >&2; exit 1');
    await expect(find(tool, machine)).rejects.toMatchObject({
      exitCode: 2,
      message:
        'anchor: `go install example.com/anchor@v1.2.0` failed:\ngo: module example.com/anchor: no such host',
      todo: expect.stringContaining('or put anchor >=1.1 <2 on PATH yourself'),
    });
    expect(readdirSync(machine.cache)).toEqual([]);
  });

  test('whose installer is not on the machine: the same', async () => {
    await expect(find(tool, machine)).rejects.toMatchObject({
      message: expect.stringContaining('go install'),
      todo: expect.stringContaining('install a newer Go'),
    });
  });

  test('that was installed but does not run is not kept', async () => {
    program(onPath('go'), `printf '#!/bin/sh\\nexit 3\\n' > "$GOBIN/anchor" && chmod +x "$GOBIN/anchor"`);
    await expect(find(tool, machine)).rejects.toThrow('installed, but `anchor version` fails');
    expect(readdirSync(machine.cache)).toEqual([]);
  });
});

test('a script from pip runs from the folder that it was moved to, by the Python of its own venv', async () => {
  // A python3 whose venvs hold a python, which is `sh`, and whose pip installs one script with its own place written
  // into its first line, as pip does.
  program(
    onPath('python3'),
    `mkdir -p "$3/bin" && cat > "$3/bin/python" <<'END' && chmod +x "$3/bin/python"
#!/bin/sh
[ "$1" = -m ] || exec sh "$@"
here=$(dirname "$0")
printf '#!%s/python\\necho 1.2.0 run with $1\\n' "$here" > "$here/anchor"
END`,
  );
  const { go: _, ...rest } = tool;
  const found = await find({ ...rest, pip: 'anchor[server]' }, machine);
  expect(found).toEqual({ path: installed(), how: 'pip install anchor[server]==v1.2.0', version: 'v1.2.0' });
  expect((await find({ ...rest, pip: 'anchor[server]' }, machine)).how).toBe('cached');
});
