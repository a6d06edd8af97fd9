import { readFile } from 'node:fs/promises';
import * as core from '@actions/core';
import type { Bucket } from '../aws/s3-bucket.ts';
import type { BuildInputs } from '../build/build.ts';
import type { AssetStage } from '../build/build-assets.ts';
import type { BuildRequest } from '../build/build-request.ts';
import { type BuildSource, readSource } from '../build/build-source.ts';
import { identityOf } from '../build/build-target.ts';
import { endedFromOutside } from '../build/ended-from-outside.ts';
import type { BuildMachine } from '../build/open-build.ts';
import { repositoryPlan } from '../build/repository-defaults.ts';
import { type NamedRequest, partDigests } from '../build/several-images.ts';
import { assetTarget } from '../build/upload-assets.ts';
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
  const stage = input('assets-target');
  // What parts build was looked at before, by one job.
  if (stage === undefined || step.kind === 'part' || step.kind === 'join') return undefined;
  if (!/^\w[\w.-]*$/.test(stage)) {
    throw couldNot(`${JSON.stringify(stage.slice(0, 120))} is not the name of a stage in a Dockerfile.`, {
      todo: 'Write the name after AS in its FROM line.',
      reason: 'bad-input',
    });
  }
  const target = assetTarget(requiredInput('assets-to'));
  // Who builds without assets does not wait for what S3 needs.
  const { openBucket } = await import('../aws/s3-bucket.ts');
  const [first] = request.targets;
  const role = input('assets-role');
  const identity = identityOf(
    {
      account: first?.account ?? '',
      region: input('assets-region') ?? first?.region ?? '',
      roles: role === undefined ? (first?.roles ?? []) : [role],
    },
    machine,
  );
  return {
    assets: {
      stage,
      path: input('assets-path') ?? '/',
      target,
      cacheControl: requiredInput('assets-cache-control'),
    },
    bucket: openBucket(target.bucket, identity, process.env),
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

/** The runner as a machine that builds. */
export function buildMachine(): BuildMachine {
  const { runKey } = runnerContext();
  return {
    workspace: workspace(),
    env: process.env,
    // Only a job with `id-token: write` has it; a company's own runner may have a role of its own instead.
    idToken: process.env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined ? undefined : oidcToken,
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
