import { availableParallelism } from 'node:os';
import path from 'node:path';
import pLimit from 'p-limit';
import { renderApplication } from '../render/application.ts';
import { renderCacheFolder } from '../render/render-cache.ts';
import type { DiffDependencies } from './run-diff.ts';

/** Renders with the tools of this machine; charts from elsewhere are kept beside what was rendered. */
export async function openRenderer(environment: NodeJS.ProcessEnv): Promise<DiffDependencies['render']> {
  const charts = path.join(path.dirname(renderCacheFolder(environment)), 'charts');
  const limit = pLimit(availableParallelism());
  return (applications, { root, revision }) =>
    Promise.all(
      applications.map((application) =>
        limit(() => renderApplication(application, { root, revision, charts })),
      ),
    );
}
