import type { CommitMessage } from '../repository/commit-message.ts';
import type { BumpRequest, BumpResult } from './compute-bump.ts';
import {
  appsOf,
  buildTrailers,
  commonVersion,
  deployBody,
  reasonTrailers,
  runTrailers,
} from './deploy-message.ts';

/**
 * The commit of a bump: for people a headline and the images before and after, for machines the trailers that are the
 * audit trail (design: "How a bump is written", step 6). A batch repeats the block of each app.
 */
export function bumpMessage(request: BumpRequest, result: BumpResult): CommitMessage {
  const bumped = result.images.filter(({ outcome }) => outcome === 'bumped');
  const apps = appsOf(bumped);
  const words = ['Deploy', apps.join(', '), commonVersion(bumped), 'to', request.environment];
  return {
    headline: words.filter((word) => word !== '').join(' '),
    body: deployBody(result.clusters, bumped),
    trailers: apps.flatMap((app) => [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Environment', value: request.environment },
      ...buildTrailers(request.build),
      ...runTrailers(request.run),
      { name: 'Kajitori-Action', value: 'bump' },
      ...reasonTrailers(result.overridden, request.overriding.reason),
    ]),
  };
}
