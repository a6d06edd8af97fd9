import { writeFileSync } from 'node:fs';
import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { BuildRig } from './rig.ts';

/** How a run of actions/build-image ended. */
export interface ActionRun {
  readonly exitCode: number | undefined;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Everything it printed, without the commands that ask the runner to mask something. */
  readonly log: string;
}

/** A checked-out repository whose image is built. */
export interface AppRepository extends AsyncDisposable {
  readonly folder: string;
  /** Writes files and commits them. Answers the commit. */
  commit(files: Readonly<Record<string, string | Buffer>>): Promise<string>;
  /** Writes files and does not commit them. */
  write(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  /** Starts the action as a runner does. */
  start(
    inputs: Readonly<Record<string, string>>,
    env?: Readonly<Record<string, string>>,
  ): { kill(signal: NodeJS.Signals): void; readonly ended: Promise<ActionRun> };
  /** Starts the action and waits for its end. */
  build(inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>): Promise<ActionRun>;
}

const ACTION = fileURLToPath(new URL('../../actions/build-image/main.ts', import.meta.url));

/**
 * Makes an empty repository acme/web, branch main, on this machine.
 *
 * @param program what runs as the action; default: its source
 */
export async function createAppRepository(rig: BuildRig, program = ACTION): Promise<AppRepository> {
  const root = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-app-'));
  const folder = path.join(root.path, 'web');
  await mkdir(folder);
  const git = async (...args: readonly string[]): Promise<string> => {
    const identity = ['-c', 'user.name=kana', '-c', 'user.email=kana@example.com'];
    return (await execa('git', ['-C', folder, ...identity, ...args])).stdout;
  };
  await git('init', '-q', '-b', 'main');
  let runs = 0;
  let head = '';

  const write = async (files: Readonly<Record<string, string | Buffer>>): Promise<void> => {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    }
  };

  const start: AppRepository['start'] = (inputs, env = {}) => {
    const number = ++runs;
    const [output, summary] = ['output', 'summary'].map((name) => path.join(root.path, `${name}-${number}`));
    writeFileSync(output ?? '', '');
    writeFileSync(summary ?? '', '');
    const action = execa(process.execPath, [program], {
      cwd: folder,
      extendEnv: false,
      reject: false,
      all: true,
      stdin: 'ignore',
      env: {
        ...rig.env,
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: folder,
        GITHUB_REPOSITORY: 'acme/web',
        GITHUB_REF: 'refs/heads/main',
        // What is checked out, as on a runner.
        GITHUB_SHA: head,
        GITHUB_EVENT_NAME: 'push',
        GITHUB_RUN_ID: String(number),
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        ...rig.issuer.variables,
        ...Object.fromEntries(
          Object.entries({ cache: 'true', sbom: 'false', 'create-repository': 'true', ...inputs }).map(
            ([name, value]) => [`INPUT_${name.toUpperCase()}`, value],
          ),
        ),
        ...env,
      },
    });
    const ended = (async (): Promise<ActionRun> => {
      const { exitCode, all } = await action;
      return {
        exitCode,
        outputs: readOutputs(await readFile(output ?? '', 'utf8')),
        summary: await readFile(summary ?? '', 'utf8'),
        log: all
          .split('\n')
          .filter((line) => !line.startsWith('::add-mask::'))
          .join('\n'),
      };
    })();
    return { kill: (signal) => action.kill(signal), ended };
  };

  return {
    folder,
    write,
    async commit(files) {
      await write(files);
      await git('add', '--all');
      await git('commit', '-q', '--allow-empty', '--message', 'Work');
      head = await git('rev-parse', 'HEAD');
      return head;
    },
    start,
    build: (inputs, env) => start(inputs, env).ended,
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  };
}

/** Reads a file of outputs: `name<<delimiter`, lines, `delimiter` (docs: "Workflow commands", multiline strings). */
function readOutputs(text: string): Readonly<Record<string, string>> {
  const outputs: Record<string, string> = {};
  for (const [, name = '', , value = ''] of text.matchAll(/^(.+?)<<(\S+)\n([\s\S]*?)\n?^\2$/gm)) {
    outputs[name] = value;
  }
  return outputs;
}
