import { startArgoCd } from '../standin/argocd/server.ts';
import type { ArgoCdKind } from './argocd.ts';

/** Fast enough that nobody is bored, slow enough that each change is seen on a terminal. */
const SPEED = 10;

/** A webhook is a little on its way (standin/argocd/server.ts), in the time of the story. */
const WEBHOOK_MS = 400;

/** Argo CD's stand-in, with its clusters in the same process. */
export const STANDIN_ARGOCD: ArgoCdKind = {
  name: 'stand-in',
  about: `as a server on 127.0.0.1 that gives the answers of the real one, renders with the real helm, and plays the pods of three clusters; while somebody waits for it, time passes ${SPEED} times as fast`,
  speed: SPEED,
  start: async ({ clusters, repository, timing }) => {
    const argocd = await startArgoCd({ clusters, repository, repoURL: repository.url, clock: timing.now });
    return {
      url: argocd.url,
      token: argocd.token,
      // It looks at the repository by itself.
      adopt: async () => {},
      // Things move only when somebody asks. Rendering takes its time on the real clock, which is not to be a part of the story.
      pushed: async () => {
        await timing.hurry(SPEED, async () => {
          await argocd.settle();
          await timing.sleep(WEBHOOK_MS);
        });
        await timing.hurry(0, () => argocd.settle());
      },
      withdrawImage: async (tag, cluster) => {
        argocd.cluster(cluster).image(tag, 'missing');
      },
      [Symbol.asyncDispose]: () => argocd[Symbol.asyncDispose](),
    };
  },
};
