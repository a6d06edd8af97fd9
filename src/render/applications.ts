import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { Application } from '../applications/application.ts';
import type { HelmObject, KnownDocuments } from '../helm/documents.ts';
import { renderReleases } from '../helm/fleet.ts';
import type { RenderCache } from '../helm/render-cache.ts';
import type { HelmRelease } from '../helm/template.ts';
import {
  type RenderApplicationOptions,
  type RenderedApplication,
  type RunHelm,
  renderApplication,
} from './application.ts';
import { type ApplicationPlan, planApplication } from './plan.ts';
import type { RenderWorld } from './world.ts';

export interface RenderApplicationsOptions extends Omit<RenderApplicationOptions, 'runHelm' | 'plan'> {
  /** What was rendered before is taken from here. The caller prunes it. */
  readonly cache?: RenderCache;
  /** See `FleetOptions`. */
  readonly known?: KnownDocuments;
  /** How many processes of helm, and of kustomize, at once; default: as many as there are processors. */
  readonly processes?: number;
  /** Is told each application in the order of `applications`, as soon as all before it are there. */
  readonly onRendered?: (rendered: RenderedApplication, index: number) => void;
}

/**
 * Renders many applications as `renderApplication` does each: releases of one chart by few helm processes (fleet.ts), the rest by
 * several processes at once.
 *
 * @throws what the world's signal says when it is aborted; what cannot be rendered is in each application's `notRendered`
 */
export async function renderApplications(
  applications: readonly Application[],
  world: RenderWorld,
  options: RenderApplicationsOptions = {},
): Promise<readonly RenderedApplication[]> {
  const { cache, known, processes = availableParallelism(), onRendered, ...each } = options;
  const limit = pLimit(processes);
  const plans = await Promise.all(
    // Planning may fetch charts by helm processes.
    applications.map((application) => limit(() => planApplication(application, world))),
  );
  const releases = plans.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'helm' ? [step.release] : [])),
  );
  const answers = new Map<HelmRelease, PromiseWithResolvers<readonly HelmObject[]>>(
    releases.map((release) => [release, Promise.withResolvers()]),
  );
  for (const { promise } of answers.values()) {
    // A failure may be there before the application asks for it.
    promise.catch(() => undefined);
  }
  const runHelm: RunHelm = (release) =>
    answers.get(release)?.promise ?? Promise.reject(new Error('a release that no plan has'));
  const inOrder = orderly(onRendered);
  const render = async (application: Application, plan: ApplicationPlan, index: number) => {
    const rendered = await renderApplication(application, world, { ...each, plan, runHelm });
    inOrder(rendered, index);
    return rendered;
  };
  const rendering = applications.map((application, index) => {
    const plan = plans[index] ?? { application, steps: [], kubernetes: '', isGuessedKubernetes: true };
    // Who only waits for helm takes no place from those that start kustomize.
    return plan.steps.some(({ kind }) => kind === 'kustomize')
      ? limit(() => render(application, plan, index))
      : render(application, plan, index);
  });
  const { helm } = world.tools ?? {};
  const rendered = Promise.all(rendering);
  const fleet = renderReleases(releases, {
    root: world.root,
    processes,
    ...(helm === undefined ? {} : { helm }),
    ...(world.signal === undefined ? {} : { signal: world.signal }),
    ...(world.limits === undefined ? {} : { limits: world.limits }),
    ...(cache === undefined ? {} : { cache }),
    ...(known === undefined ? {} : { known }),
    onResult: (result) => {
      const answer = answers.get(result.release);
      if ('objects' in result) {
        answer?.resolve(result.objects);
      } else {
        answer?.reject(result.failure);
      }
    },
  });
  // Both at once: where the fleet is stopped, applications would wait for ever.
  const [all] = await Promise.all([rendered, fleet]);
  return all;
}

/** Holds back what comes before its turn. */
function orderly(
  tell: RenderApplicationsOptions['onRendered'],
): (rendered: RenderedApplication, index: number) => void {
  const waiting = new Map<number, RenderedApplication>();
  let next = 0;
  return (rendered, index) => {
    waiting.set(index, rendered);
    for (let found = waiting.get(next); found !== undefined; found = waiting.get(next)) {
      waiting.delete(next);
      tell?.(found, next);
      next += 1;
    }
  };
}
