import type { CommitMessage, Trailer } from '../repository/commit-message.ts';
import { nameOf } from './bump-message.ts';
import {
  goesBack,
  type RollbackRequest,
  type RollbackResult,
  type RolledBackImage,
} from './compute-rollback.ts';
import { formatImage, shortImage } from './image-reference.ts';
import type { Build } from './ordering.ts';
import { formatSource } from './source.ts';

/** The commit of a rollback: its trailers are the audit trail, and how history knows it (design, step 6). */
export function rollbackMessage(request: RollbackRequest, result: RollbackResult): CommitMessage {
  const images = result.images.filter(goesBack);
  const apps = [...new Set(images.map(({ app }) => app))];
  const versions = new Set(
    images.flatMap(({ after }) => (after === undefined ? [] : [shortImage(after.image)])),
  );
  const version = versions.size === 1 ? ` to ${[...versions][0]?.slice(0, 12)}` : '';
  return {
    headline: `Roll back ${apps.join(', ')}${version} in ${result.environment}`,
    body: [
      `Clusters: ${result.clusters.join(', ')}`,
      ...images.map((image) => `${nameOf(image)}: ${imageText(image.before)} -> ${imageText(image.after)}`),
    ].join('\n'),
    trailers: apps.flatMap((app) =>
      trailersOf(
        app,
        request,
        result,
        images.find((image) => image.app === app),
      ),
    ),
  };
}

const imageText = (released: RolledBackImage['before']): string =>
  released === undefined ? 'nothing' : formatImage(released.image);

function trailersOf(
  app: string,
  request: RollbackRequest,
  { environment }: RollbackResult,
  image: RolledBackImage | undefined,
): readonly Trailer[] {
  const build = image?.after?.build;
  return [
    { name: 'Kajitori-App', value: app },
    { name: 'Kajitori-Environment', value: environment },
    ...buildTrailers(build),
    ...(request.run === undefined ? [] : [{ name: 'Kajitori-Run', value: request.run }]),
    { name: 'Kajitori-Action', value: 'rollback' },
    { name: 'Kajitori-By', value: request.by },
    { name: 'Kajitori-Reason', value: request.reason },
  ];
}

/** What built the image, where it is recorded. */
export const buildTrailers = (build: Build | undefined): readonly Trailer[] => [
  ...(build === undefined ? [] : [{ name: 'Kajitori-Source', value: formatSource(build.source) }]),
  ...(build?.build === undefined ? [] : [{ name: 'Kajitori-Build', value: String(build.build) }]),
];
