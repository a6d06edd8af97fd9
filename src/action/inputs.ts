import * as core from '@actions/core';
import type { Access } from '../github/access.ts';
import { couldNot } from '../report/failure.ts';

/** An input, trimmed; undefined when it is empty, as optional inputs and missing secrets arrive. */
export function input(name: string): string | undefined {
  const value = core.getInput(name);
  return value === '' ? undefined : value;
}

/** An input that must be there. GitHub does not enforce `required: true` itself. */
export function requiredInput(name: string): string {
  const value = input(name);
  if (value === undefined) {
    throw couldNot(`The input ${name} is missing.`, {
      todo: `Add ${name}: under with:.`,
      reason: 'missing-input',
    });
  }
  return value;
}

/** `true` or `false`; empty is false. */
export function booleanInput(name: string): boolean {
  const value = input(name) ?? 'false';
  if (value !== 'true' && value !== 'false') {
    throw couldNot(`The input ${name} is ${JSON.stringify(value)}.`, {
      todo: 'Write true or false.',
      reason: 'bad-input',
    });
  }
  return value === 'true';
}

/** `true` or `false`; empty is undefined: something else decides. */
export const optionalBooleanInput = (name: string): boolean | undefined =>
  input(name) === undefined ? undefined : booleanInput(name);

/** A whole number that is not negative. */
export function numberInput(name: string): number | undefined {
  const value = input(name);
  if (value === undefined) {
    return undefined;
  }
  if (!/^\d{1,15}$/.test(value)) {
    throw couldNot(`The input ${name} is ${JSON.stringify(value)}.`, {
      todo: 'Write a whole number.',
      reason: 'bad-input',
    });
  }
  return Number(value);
}

/** The inputs by which every action that writes signs in: `token`, or `app-id` with `private-key` or `kms-key`. */
export function accessInputs(): Access {
  const kmsKey = input('kms-key');
  const role = input('aws-role');
  return {
    token: input('token'),
    appId: input('app-id'),
    privateKey: input('private-key'),
    kms:
      kmsKey === undefined
        ? undefined
        : {
            key: kmsKey,
            region: requiredInput('aws-region'),
            role,
            ...(role === undefined ? {} : { idToken: oidcToken }),
          },
  };
}

/** The run's OIDC token, for AWS STS unless another audience is named. The runner offers one only to a job that asks for the permission. */
export async function oidcToken(audience = 'sts.amazonaws.com'): Promise<string> {
  try {
    return await core.getIDToken(audience);
  } catch (error) {
    throw couldNot(
      `GitHub gave this job no OIDC token: ${error instanceof Error ? error.message : String(error)}`,
      {
        todo: 'Give the job `permissions: id-token: write`; where a reusable workflow is called, the calling job too.',
        reason: 'no-id-token',
        cause: error,
      },
    );
  }
}

/** What the runner says about this run (docs: "Variables reference"). */
export function runnerContext(environment: NodeJS.ProcessEnv = process.env) {
  const server = environment.GITHUB_SERVER_URL ?? 'https://github.com';
  const repository = environment.GITHUB_REPOSITORY ?? '';
  const run = environment.GITHUB_RUN_ID;
  return {
    serverUrl: server,
    apiUrl: environment.GITHUB_API_URL ?? 'https://api.github.com',
    /** The repository whose workflow runs; nobody can set it but GitHub. */
    repository,
    commit: environment.GITHUB_SHA ?? '',
    /** Who caused the run; a re-run by somebody else does not change it. */
    actor: environment.GITHUB_ACTOR || undefined,
    /** Who started this attempt of the run. */
    triggeringActor: environment.GITHUB_TRIGGERING_ACTOR || undefined,
    /** The name of the event, like `workflow_dispatch`. */
    event: environment.GITHUB_EVENT_NAME ?? '',
    runUrl: run === undefined ? undefined : `${server}/${repository}/actions/runs/${run}`,
    /** Unique to this attempt of this run. */
    runKey: `${repository}/${run ?? '0'}/${environment.GITHUB_RUN_ATTEMPT ?? '1'}`,
    /** `.github/workflows/deploy.yml` of `acme/web/.github/workflows/deploy.yml@refs/heads/main`. */
    workflow: /^[^/]+\/[^/]+\/\.github\/workflows\/([^@]+)@/.exec(environment.GITHUB_WORKFLOW_REF ?? '')?.[1],
  };
}
