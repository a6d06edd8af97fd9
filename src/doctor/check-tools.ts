import { satisfies, valid } from 'semver';
import { type Check, fail, notChecked, ok } from './check.ts';

/** The first version in what a tool prints; undefined when it is not on PATH or does not run. */
export type ToolVersion = (command: string, parameters: readonly string[]) => Promise<string | undefined>;

interface Tool {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly range: string;
  readonly what: string;
  readonly todo: string;
}

const TOOLS: readonly Tool[] = [
  {
    command: 'git',
    parameters: ['--version'],
    range: '>=2.30',
    what: 'reads working copies',
    todo: 'Install git 2.30 or later.',
  },
  {
    command: 'helm',
    parameters: ['version', '--template', '{{.Version}}'],
    range: '>=3.14 <5',
    what: 'renders charts',
    todo: "Install helm 3.14 or later (GitHub's Ubuntu runners have it).",
  },
];

/** What the published package promises under engines: the command uses what came with Node 24. */
const NODE_RANGE = '>=24';

/** The tools that commands run, by their versions. @param nodeVersion e.g. `24.21.0` */
export async function checkTools(nodeVersion: string, toolVersion: ToolVersion): Promise<readonly Check[]> {
  const node = satisfies(nodeVersion, NODE_RANGE)
    ? ok('node', `Node.js ${nodeVersion}.`)
    : fail('node', `Node.js ${nodeVersion} is too old.`, 'Install Node.js 24 or later.');
  const tools = await Promise.all(
    TOOLS.map(async ({ command, parameters, range, what, todo }) => {
      const printed = await toolVersion(command, parameters);
      const version = /\d+\.\d+(?:\.\d+)?/.exec(printed ?? '')?.[0];
      if (printed === undefined) {
        return fail(command, `${command} (${what}) is not on PATH, or does not run.`, todo);
      }
      const full = valid(version?.split('.').length === 2 ? `${version}.0` : version);
      if (full === null) {
        return notChecked(command, `${command} does not say its version as expected.`, todo);
      }
      return satisfies(full, range)
        ? ok(command, `${command} ${full}.`)
        : fail(command, `${command} ${full} (${what}) is not in the range ${range}.`, todo);
    }),
  );
  return [node, ...tools];
}
