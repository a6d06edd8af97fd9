import type { CommitMessage } from '../repository/commit-message.ts';
import { goesBack, type RollbackRequest, type RollbackResult } from './compute-rollback.ts';
import { appsOf, buildTrailers, commonVersion, deployBody, runTrailers } from './deploy-message.ts';

/** The commit of a rollback: its trailers are the audit trail, and how history knows it (design, step 6). */
export function rollbackMessage(request: RollbackRequest, result: RollbackResult): CommitMessage {
  const released = result.images.filter(goesBack);
  const images = released.map(({ before, after, ...image }) => ({
    ...image,
    before: before?.image,
    after: after?.image,
  }));
  const apps = appsOf(images);
  const version = commonVersion(images);
  const to = version === '' ? [] : ['to', version];
  return {
    headline: ['Roll back', apps.join(', '), ...to, 'in', result.environment].join(' '),
    body: deployBody(result.clusters, images),
    trailers: apps.flatMap((app) => [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Environment', value: result.environment },
      ...buildTrailers(released.find((image) => image.app === app)?.after?.build),
      ...runTrailers(request.run),
      { name: 'Kajitori-Action', value: 'rollback' },
      { name: 'Kajitori-By', value: request.by },
      { name: 'Kajitori-Reason', value: request.reason },
    ]),
  };
}
