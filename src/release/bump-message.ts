import type { CommitMessage, Trailer } from '../repository/commit-message.ts';
import type { BumpRequest, BumpResult, ImageOutcome } from './compute-bump.ts';
import { formatImage, shortImage } from './image-reference.ts';
import { formatSource } from './source.ts';

/**
 * The commit of a bump: for people a headline and the images before and after, for machines the trailers that are the
 * audit trail (design: "How a bump is written", step 6). A batch repeats the block of each app.
 */
export function bumpMessage(request: BumpRequest, result: BumpResult): CommitMessage {
  const bumped = result.images.filter(({ outcome }) => outcome === 'bumped');
  const apps = [...new Set(bumped.map(({ app }) => app))];
  return {
    headline: headline(apps, bumped, request.environment),
    body: [
      `Clusters: ${result.clusters.join(', ')}`,
      ...bumped.map(
        (image) =>
          `${nameOf(image)}: ${image.before === undefined ? 'nothing' : formatImage(image.before)} -> ${formatImage(image.after)}`,
      ),
    ].join('\n'),
    trailers: apps.flatMap((app) => trailersOf(app, request, result)),
  };
}

function headline(apps: readonly string[], bumped: readonly ImageOutcome[], environment: string): string {
  const versions = new Set(bumped.map(({ after }) => shortImage(after)));
  const version = versions.size === 1 ? ` ${[...versions][0]?.slice(0, 12)}` : '';
  return `Deploy ${apps.join(', ')}${version} to ${environment}`;
}

/** `web`, or `web/nginx` for one of several images. */
export const nameOf = ({ app, name }: Pick<ImageOutcome, 'app' | 'name'>): string =>
  name === '' ? app : `${app}/${name}`;

function trailersOf(app: string, request: BumpRequest, result: BumpResult): readonly Trailer[] {
  const { build, overriding, run } = request;
  const overridden = result.overridden.map((what) => `${what} overridden`).join(', ');
  const reason = [overridden, overriding.reason?.trim()].filter((part) => part).join(': ');
  return [
    { name: 'Kajitori-App', value: app },
    { name: 'Kajitori-Environment', value: request.environment },
    { name: 'Kajitori-Source', value: formatSource(build.source) },
    ...(build.build === undefined ? [] : [{ name: 'Kajitori-Build', value: String(build.build) }]),
    ...(run === undefined ? [] : [{ name: 'Kajitori-Run', value: run }]),
    { name: 'Kajitori-Action', value: 'bump' },
    ...(reason === '' ? [] : [{ name: 'Kajitori-Reason', value: reason }]),
  ];
}
