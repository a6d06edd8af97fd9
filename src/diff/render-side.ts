import type { KnownDocuments } from '../helm/documents.ts';
import { openUserRenderCache, type RenderCache } from '../helm/render-cache.ts';
import { renderApplications } from '../render/applications.ts';
import { chartFolder } from '../render/chart-store.ts';
import type { DiffDependencies } from './run-diff.ts';

export interface Renderer {
  readonly render: DiffDependencies['render'];
  /** Makes the cache small again, at the end. */
  readonly close: () => Promise<void>;
}

/** Fewer than this are rendered as fast as they are looked up. */
const WORTH_KEEPING = 20;

/** Renders with the tools of this machine. Charts from elsewhere are kept for the next time, and so is much that was rendered. */
export function openRenderer(environment: NodeJS.ProcessEnv, now: () => number): Renderer {
  const charts = chartFolder(environment);
  let opened: Promise<RenderCache | undefined> | undefined;
  const known: KnownDocuments = new Map();
  return {
    render: async (applications, { root, revision }) => {
      if (applications.length >= WORTH_KEEPING) opened ??= openUserRenderCache(environment, now);
      const cache = await opened;
      return renderApplications(
        applications,
        { root, revision, charts },
        cache === undefined ? { known } : { cache },
      );
    },
    close: async () => (await opened)?.prune(),
  };
}
