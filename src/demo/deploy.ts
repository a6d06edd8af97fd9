import { randomUUID } from 'node:crypto';
import type { Timing } from '../github/timing.ts';
import { type BumpOutputs, runBump } from '../release/bump.ts';
import { bumpRequest } from '../release/bump-request.ts';
import { gitHubSourceHistory } from '../release/source-history.ts';
import { type Company, GITOPS } from './company.ts';

/** What a job of release.yml is given. */
export interface Release {
  readonly app: string;
  readonly environment: string;
  /** `repository:tag@sha256:…` */
  readonly image: string;
  /** `owner/name@commit` */
  readonly source: string;
  /** The number of the run that built the image. */
  readonly build: number;
}

/**
 * Deploys as the job of release.yml does: signs in as the GitHub App, then writes one commit by the API, without a
 * clone.
 *
 * @throws Failure as `runBump` does
 */
export async function deploy(company: Company, release: Release, timing: Timing): Promise<BumpOutputs> {
  const request = bumpRequest({
    ...NOTHING_ELSE,
    app: release.app,
    environment: release.environment,
    image: release.image,
    source: release.source,
    build: String(release.build),
  });
  if (request.kind !== 'apps') {
    throw new Error('A release names an app.');
  }
  const source = request.build.source;
  return runBump(
    { request, dryRun: false, labels: [], autoMerge: false },
    {
      on: { kind: 'github', client: await company.signIn(), target: { repository: GITOPS } },
      history: gitHubSourceHistory(company.reader(source.repository), source),
      timing,
      key: randomUUID(),
    },
  );
}

const NOTHING_ELSE = {
  tag: undefined,
  digest: undefined,
  files: undefined,
  set: undefined,
  workflow: 'deploy.yml',
  force: false,
  override: undefined,
  reason: undefined,
  run: undefined,
  pullRequest: undefined,
} as const;

/** The same as somebody would type it. */
export const deployCommand = ({ app, environment, image, source, build }: Release): string =>
  [
    `kajitori bump --repository ${GITOPS.owner}/${GITOPS.name} --app ${app} --environment ${environment}`,
    `--image ${shortenDigests(image)}`,
    `--source ${shortenCommits(source)} --build ${build}`,
  ].join(' \\\n    ');

/** For reading: the first digits of a digest are enough to compare by eye. */
export const shortenDigests = (text: string): string =>
  text.replaceAll(/(sha256:[a-f\d]{12})[a-f\d]{52}/g, '$1…');

/** The same for whole IDs of commits. */
const shortenCommits = (text: string): string => text.replaceAll(/\b([a-f\d]{8})[a-f\d]{32}\b/g, '$1…');

export const shorten = (text: string): string => shortenCommits(shortenDigests(text));
