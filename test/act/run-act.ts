import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { uploadArtifact } from './suite.ts';

/** The commit by which our workflows pin it. */
const UPLOAD_ARTIFACT_PIN = 'bbbca2ddaa5d8feaa63e36b76fdaad77386f024f';

/** What a run needs beside the repository's own workflow. */
export interface ActOptions {
  /** The checked-out repository whose workflow runs. */
  readonly folder: string;
  /** The workflow that runs. */
  readonly workflow: string;
  /** The suite as `releaseSuite` made it: what `kajitori/kajitori@v1` is. */
  readonly suite: string;
  /** A folder for act's own files; also its HOME, so that no settings of this machine take part. */
  readonly home: string;
  readonly event: string;
  /** Who caused the run. */
  readonly actor?: string;
  readonly eventFile: string;
  /** A file of secrets in the form of dotenv. */
  readonly secretFile: string;
  /** What the repository's settings hold for `vars`. */
  readonly settings: Readonly<Record<string, string>>;
  /** What GitHub would tell the runner: GITHUB_API_URL and the like. */
  readonly variables: Readonly<Record<string, string>>;
}

/** An annotation, as the runner reads the line that asks for it. */
export interface Annotation {
  /** The id of the step that made it. */
  readonly step: string;
  readonly level: string;
  readonly title: string | undefined;
  readonly file: string | undefined;
  readonly message: string;
}

export interface ActRun {
  readonly exitCode: number;
  /**
   * By the id of a job in the caller's workflow: how it ended, and the outputs of its steps by their own names (a later
   * step's replaces an earlier's).
   */
  readonly jobs: Readonly<
    Record<string, { readonly result: string; readonly outputs: Readonly<Record<string, string>> }>
  >;
  /** The names of the jobs in called workflows, as GitHub shows them behind the caller's. */
  readonly calledJobs: readonly string[];
  readonly annotations: readonly Annotation[];
  /** The job summaries, one after the other. */
  readonly summary: string;
  /** What the steps printed. */
  readonly printed: string;
  /** What the runner was asked to mask from then on. */
  readonly masked: readonly string[];
  /** Everything act wrote, nothing of it masked, but for the commands that ask the runner to mask something. */
  readonly unmasked: string;
}

interface LogLine {
  readonly job?: string;
  readonly stepID?: readonly string[];
  readonly msg?: string;
  readonly command?: string;
  readonly content?: string;
  readonly name?: string;
  readonly arg?: string;
  readonly raw?: string;
  readonly raw_output?: boolean;
  readonly jobResult?: string;
}

/**
 * Runs a workflow by the real act on this machine (host mode), without the internet.
 *
 * Secrets are not masked by act (`--insecure-secrets`): what a test does not find in the log was never printed.
 */
export async function runAct(options: ActOptions): Promise<ActRun> {
  const { folder, suite, home, variables } = options;
  const args = [
    [options.event, '--directory', folder, '--workflows', options.workflow],
    [
      '--platform',
      'ubuntu-latest=-self-hosted',
      '--no-cache-server',
      '--action-cache-path',
      `${home}/actions`,
    ],
    ['--local-repository', `kajitori/kajitori@v1=${suite}`],
    ['--local-repository', `actions/upload-artifact@${UPLOAD_ARTIFACT_PIN}=${uploadArtifact(suite)}`],
    ['--eventpath', options.eventFile, '--secret-file', options.secretFile],
    ['--json', '--insecure-secrets'],
    options.actor === undefined ? [] : ['--actor', options.actor],
    ...Object.entries(options.settings).map(([name, value]) => ['--var', `${name}=${value}`]),
    ...Object.entries(variables).map(([name, value]) => ['--env', `${name}=${value}`]),
  ].flat();
  const node = await patientNode(home);
  // Only what is listed reaches the steps: in host mode act hands its own environment on to them.
  const act = execa('act', args, {
    extendEnv: false,
    // act runs JavaScript actions by the `node` on PATH; ours need this one, as a runner has it.
    env: { PATH: `${node}:${path.dirname(process.execPath)}:${process.env.PATH}`, HOME: home },
    reject: false,
    stdin: 'ignore',
  });
  for await (const line of act) {
    const end = endOfStep(parseLine(line));
    if (end !== undefined) await writeFile(path.join(node, end), 'read\n');
  }
  const { exitCode, stdout, stderr } = await act;
  const lines = stdout
    .split('\n')
    .map(parseLine)
    .filter((line) => endOfStep(line) === undefined);
  if (!lines.some(({ jobResult }) => jobResult !== undefined)) {
    throw new Error(`act ran no job (exit code ${exitCode}):\n${`${stdout}\n${stderr}`.slice(-4_000)}`);
  }
  return {
    exitCode: exitCode ?? -1,
    jobs: Object.fromEntries(
      lines.flatMap(({ job = '', jobResult }) =>
        jobResult === undefined
          ? []
          : [
              [
                callerJob(job),
                { result: jobResult, outputs: outputsOf(lines.filter((line) => line.job === job)) },
              ],
            ],
      ),
    ),
    calledJobs: lines.flatMap(({ job = '', jobResult }) =>
      jobResult === undefined ? [] : (calledJob(job) ?? []),
    ),
    annotations: lines.flatMap(annotationOf),
    summary: lines.map(({ content }) => content ?? '').join(''),
    printed: lines.map(({ raw_output, msg }) => (raw_output === true ? (msg ?? '') : '')).join(''),
    masked: lines.flatMap(({ command, arg = '' }) => (command === 'add-mask' ? [arg] : [])),
    unmasked: [stderr, ...stdout.split('\n').filter((line) => parseLine(line).command !== 'add-mask')].join(
      '\n',
    ),
  };
}

/**
 * A folder for PATH with a `node` that does not end in failure before we have read all that it printed: act does not wait
 * for the output of a step that fails (`exec` in its pkg/container/host_environment.go), so the last lines, which say why,
 * could be lost.
 */
async function patientNode(home: string): Promise<string> {
  const folder = path.join(home, 'node');
  await mkdir(folder, { recursive: true });
  const script = [
    '#!/bin/sh',
    `"${process.execPath}" "$@" && exit`,
    'code=$?',
    `mkfifo "${folder}/$$"`,
    'echo "end of step $$"',
    `read -r _ < "${folder}/$$"`,
    'exit $code',
  ];
  await writeFile(path.join(folder, 'node'), `${script.join('\n')}\n`);
  await chmod(path.join(folder, 'node'), 0o755);
  return folder;
}

/** Where `node` waits to be told that this line was read. */
const endOfStep = ({ msg = '' }: LogLine): string | undefined => /^end of step (\d+)\s*$/.exec(msg)?.[1];

/** Before the first job, act's log is text. */
function parseLine(line: string): LogLine {
  return line.startsWith('{') ? (JSON.parse(line) as LogLine) : { msg: line };
}

/** act names a job `workflow/job`, one of a called workflow `caller/workflow/job`. */
function callerJob(job: string): string {
  const [first = '', second = '', ...called] = job.split('/');
  return called.length > 0 ? first : second.trim();
}

function calledJob(job: string): string | undefined {
  const [, , ...called] = job.split('/');
  return called.length > 0 ? called.join('/').trim() : undefined;
}

const outputsOf = (lines: readonly LogLine[]) =>
  Object.fromEntries(
    lines.flatMap(({ command, name, arg = '' }) =>
      command === 'set-output' && name !== undefined ? [[name, arg]] : [],
    ),
  );

/**
 * Reads the line anew, as GitHub's runner does (`::name property=value,…::message`, ActionCommand.cs): act takes the
 * last `::` for the end of the properties, the runner the first.
 */
function annotationOf({ stepID, command, raw = '' }: LogLine): readonly Annotation[] {
  const match = /^::(error|warning|notice) ?(.*?)::(.*)/.exec(raw.trimStart());
  // Both must see one: a command that only one of them sees would be lost here.
  if (match === null && command !== 'error' && command !== 'warning' && command !== 'notice') return [];
  const [, level = '', properties = '', message = ''] = match ?? [];
  const values = new Map(
    properties.split(',').map((each) => {
      const equals = each.indexOf('=');
      return [each.slice(0, equals), unescaped(each.slice(equals + 1))];
    }),
  );
  return [
    {
      step: stepID?.at(-1) ?? '',
      level,
      title: values.get('title'),
      file: values.get('file'),
      message: unescaped(message),
    },
  ];
}

const unescaped = (text: string): string =>
  text
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%25', '%');
