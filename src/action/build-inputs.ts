import { readFile } from 'node:fs/promises';
import * as core from '@actions/core';
import type { Bucket } from '../aws/s3-bucket.ts';
import { assetStage } from '../build/asset-stage.ts';
import type { BuildInputs } from '../build/build.ts';
import type { AssetStage } from '../build/build-assets.ts';
import type { BuildRequest } from '../build/build-request.ts';
import { type BuildSource, readSource } from '../build/build-source.ts';
import { endedFromOutside } from '../build/ended-from-outside.ts';
import type { BuildMachine } from '../build/open-build.ts';
import { repositoryPlan } from '../build/repository-defaults.ts';
import { type NamedRequest, partDigests } from '../build/several-images.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { input, oidcToken, requiredInput, runnerContext } from './inputs.ts';
import { logText } from './log-text.ts';

/**
 * The input `step` with what belongs to it, for one of the images of this call; undefined where a part has nothing to build of
 * it.
 */
export function buildStage(
  { name, request }: NamedRequest,
  all: readonly NamedRequest[],
): BuildInputs['stage'] | undefined {
  const kind = input('step') ?? 'whole';
  switch (kind) {
    case 'whole':
    case 'look':
      return { kind };
    case 'part': {
      const platform = input('platform') ?? '';
      const platforms = [...new Set(all.flatMap((each) => each.request.platforms))];
      if (!platforms.includes(platform)) {
        throw couldNot(`The platform ${JSON.stringify(platform)} is not one of platforms.`, {
          todo: `Name one of: ${platforms.join(', ')}.`,
          reason: 'bad-platform',
        });
      }
      return request.platforms.includes(platform) ? { kind, platform } : undefined;
    }
    case 'join':
      return { kind, digests: partDigests(input('digests') ?? '', name) };
    default:
      throw couldNot(`The input step is ${JSON.stringify(kind)}.`, {
        todo: 'Write whole, look, part or join.',
        reason: 'bad-input',
      });
  }
}

/** The assets that the inputs ask for, with the way to their bucket; undefined: none. */
export async function buildAssetStage(
  request: BuildRequest,
  step: BuildInputs['stage'],
  machine: BuildMachine,
): Promise<{ readonly assets: AssetStage; readonly bucket: Bucket } | undefined> {
  // What parts build was looked at before, by one job.
  if (step.kind === 'part' || step.kind === 'join') return undefined;
  const [target, to] = [input('assets-target'), input('assets-to')];
  if (target === undefined && to === undefined) return undefined;
  return assetStage(
    {
      target,
      path: input('assets-path'),
      to,
      region: input('assets-region'),
      role: input('assets-role'),
      cacheControl: requiredInput('assets-cache-control'),
    },
    request,
    machine,
  );
}

/**
 * Asks for the first token at once, while other things are done that take as long; whoever wants another one asks for it then: they
 * are good for some minutes only.
 */
function firstAtOnce(ask: () => Promise<string>): () => Promise<string> {
  let first: Promise<string> | undefined = ask();
  // Who takes it hears why there is none.
  first.catch(() => undefined);
  return () => {
    const token = first ?? ask();
    first = undefined;
    return token;
  };
}

/** The folder that the repository is checked out to. */
const workspace = (): string => process.env.GITHUB_WORKSPACE ?? process.cwd();

/** What is checked out, and what the runner says about the run. */
export async function buildSource(): Promise<BuildSource> {
  const { env } = process;
  const { repository, serverUrl } = runnerContext();
  return readSource(workspace(), {
    ref: env.GITHUB_REF,
    commit: env.GITHUB_SHA,
    baseBranch: env.GITHUB_BASE_REF || undefined,
    event: env.GITHUB_EVENT_NAME,
    defaultBranch: await defaultBranch(env.GITHUB_EVENT_PATH),
    url: repository === '' ? undefined : `${serverUrl}/${repository}`,
  });
}

/** Events carry the repository (docs: "Webhook events and payloads"). */
async function defaultBranch(eventFile: string | undefined): Promise<string | undefined> {
  if (eventFile === undefined) return undefined;
  try {
    const event = JSON.parse(await readFile(eventFile, 'utf8')) as {
      readonly repository?: { readonly default_branch?: unknown };
    };
    const branch = event.repository?.default_branch;
    return typeof branch === 'string' ? branch : undefined;
  } catch {
    // A runner without the file is no reason not to build.
    return undefined;
  }
}

/** The runner as a machine that builds these. */
export function buildMachine(requests: readonly NamedRequest[]): BuildMachine {
  const { runKey } = runnerContext();
  // Only a job with `id-token: write` has it; a company's own runner may have a role of its own instead.
  const hasToken = process.env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined;
  const hasRole = requests.some(({ request }) => request.targets.some(({ roles }) => roles.length > 0));
  return {
    workspace: workspace(),
    env: process.env,
    idToken: hasToken ? (hasRole ? firstAtOnce(oidcToken) : oidcToken) : undefined,
    sessionName: `kajitori-${runKey}`,
    plan: repositoryPlan(input('environments'), input('pull-accounts')),
    timing: systemTiming,
    onLine: logText,
    onStep: (text) => logText(`kajitori: ${text}`),
    onSecret: (value) => {
      // The runner masks line by line.
      for (const line of value.split('\n')) if (line.trim().length > 3) core.setSecret(line.trim());
    },
    signal: endedFromOutside(),
  };
}
