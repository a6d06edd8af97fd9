import path from 'node:path';
import type { Application } from '../applications/application.ts';
import { type HelmObject, helmObjects } from '../helm/documents.ts';
import { type HelmOptions, type HelmRelease, helmTemplateText } from '../helm/template.ts';
import { GENERATED_NAME } from '../kubernetes/manifests.ts';
import { type KubernetesObject, objectName } from '../kubernetes/object.ts';
import { definedKinds } from '../kubernetes/scope.ts';
import { couldNot, Failure } from '../report/failure.ts';
import {
  type Applied,
  appliedAs,
  normalized,
  type Repeated,
  type Tracking,
  tracked,
  withoutRepeated,
} from './as-applied.ts';
import { renderDirectory } from './directory.ts';
import { renderKustomization } from './kustomize.ts';
import { type ApplicationPlan, type PlanStep, planApplication } from './plan.ts';
import type { RenderWorld } from './world.ts';

/** What Argo CD applies for one application. */
export interface RenderedApplication {
  readonly application: Application;
  /** In the order of the sources, and in each in that of its tool. */
  readonly objects: readonly RenderedObject[];
  /** Objects that stand several times; of those only the last is applied, and in `objects`. */
  readonly repeated: readonly Repeated[];
  /** Sources that could not be rendered. Where there is one, `objects` is not all that Argo CD applies. */
  readonly notRendered: readonly Failure[];
  /** The version of Kubernetes that it was rendered for, and whether that is a guess. */
  readonly kubernetes: string;
  readonly isGuessedKubernetes: boolean;
  readonly seconds: number;
}

export interface RenderedObject extends Applied {
  readonly object: KubernetesObject;
  /** The index in `application.sources`. */
  readonly source: number;
  /** The file that it is from, relative to the repository (or behind the name of a chart from elsewhere), where that is known. */
  readonly file?: string;
}

/** Renders one release of helm; `helm template` in a process of its own, or one of many in a batch. */
export type RunHelm = (release: HelmRelease, options: HelmOptions) => Promise<readonly HelmObject[]>;

export interface RenderApplicationOptions {
  /** Default: one process a release. */
  readonly runHelm?: RunHelm;
  /** When it was planned before. */
  readonly plan?: ApplicationPlan;
  /** Default: none, so that a comparison shows what people wrote. */
  readonly tracking?: Tracking;
  /**
   * `applied` (default): as the controller hands them to the API server. `manifests`: as the repo-server prints them
   * (`GET /api/v1/applications/NAME/manifests`): namespaces and status as they were rendered, repeated objects all there.
   */
  readonly form?: 'applied' | 'manifests';
  /** CustomResourceDefinitions of the cluster that this application does not render itself: they say what has a namespace. */
  readonly definitions?: readonly KubernetesObject[];
  /** Milliseconds; default: the process's clock. */
  readonly now?: () => number;
}

/**
 * Renders an application as Argo CD does. What cannot be rendered is in `notRendered`; nothing is thrown for it.
 *
 * @throws what the world's signal says when it is aborted
 */
export async function renderApplication(
  application: Application,
  world: RenderWorld,
  options: RenderApplicationOptions = {},
): Promise<RenderedApplication> {
  const {
    runHelm = helmTemplateObjects,
    tracking = 'none',
    form = 'applied',
    now = () => performance.now(),
  } = options;
  const start = now();
  const { steps, kubernetes, isGuessedKubernetes } =
    options.plan ?? (await planApplication(application, world));
  const found: Omit<RenderedObject, keyof Applied>[] = [];
  const notRendered: Failure[] = [];
  for (const step of steps) {
    try {
      const rendered = await renderStep(step, world, runHelm);
      demandTextAnnotations(rendered);
      found.push(...rendered);
    } catch (error) {
      world.signal?.throwIfAborted();
      if (!(error instanceof Failure)) {
        throw error;
      }
      notRendered.push(error);
    }
  }
  const { namespace } = application.destination;
  const own = found.map((each) => each.object);
  const kinds = definedKinds([...(options.definitions ?? []), ...own]);
  const shown = found.map((each) => {
    const object =
      form === 'applied' ? normalized(each.object, namespace, kinds) : withoutMadeName(each.object);
    return { ...each, ...appliedAs(object), object: tracked(object, application.name, namespace, tracking) };
  });
  const { items, repeated } = form === 'applied' ? withoutRepeated(shown) : { items: shown, repeated: [] };
  return {
    application,
    objects: items,
    repeated,
    notRendered,
    kubernetes,
    isGuessedKubernetes,
    seconds: (now() - start) / 1000,
  };
}

/**
 * Argo CD reads the annotations of all but CustomResourceDefinitions to write its own among them, and refuses the whole source
 * where one is not text (`SetAppInstance`, apimachinery `NestedStringMap`). The API server refuses such an object anyway.
 */
function demandTextAnnotations(objects: readonly Omit<RenderedObject, keyof Applied>[]): void {
  for (const { object, file } of objects) {
    const annotations: unknown =
      object.kind === 'CustomResourceDefinition' ? undefined : object.metadata.annotations;
    if (annotations === undefined || annotations === null) {
      continue;
    }
    const isMap = typeof annotations === 'object' && !Array.isArray(annotations);
    const wrong = Object.entries(annotations).find(([, value]) => typeof value !== 'string');
    if (!isMap || wrong !== undefined) {
      const which = wrong === undefined ? '' : ` ${JSON.stringify(wrong[0])}`;
      throw couldNot(`${objectName(object)} has an annotation${which} that is not text.`, {
        ...(file === undefined ? {} : { at: { file } }),
        todo: 'Put its value between quotes.',
        reason: 'bad-manifest',
      });
    }
  }
}

/** The name that `parseManifests` made up is not in the manifest. */
function withoutMadeName(object: KubernetesObject): KubernetesObject {
  const { name, generateName } = object.metadata;
  if (name !== `${String(generateName)}${GENERATED_NAME}`) {
    return object;
  }
  const { name: _, ...metadata } = object.metadata;
  return { ...object, metadata } as KubernetesObject;
}

async function renderStep(
  step: PlanStep,
  world: RenderWorld,
  runHelm: RunHelm,
): Promise<Omit<RenderedObject, keyof Applied>[]> {
  const { source } = step;
  switch (step.kind) {
    case 'not-rendered':
      throw step.failure;
    case 'directory':
      return (await renderDirectory(step, world)).map((each) => ({ ...each, source }));
    case 'kustomize':
      return (await renderKustomization(step, world)).map((object) => ({ object, source }));
    case 'helm': {
      const { helm } = world.tools ?? {};
      const rendered = await runHelm(step.release, {
        root: world.root,
        ...(helm === undefined ? {} : { helm }),
        ...(world.signal === undefined ? {} : { signal: world.signal }),
        ...(world.limits === undefined ? {} : { limits: world.limits }),
      });
      const { chart, chartName = path.relative(world.root, chart) || '.' } = step.release;
      return rendered.map(({ object, template }) => ({
        object,
        source,
        ...(template === undefined ? {} : { file: path.posix.join(chartName, template) }),
      }));
    }
  }
}

async function helmTemplateObjects(release: HelmRelease, options: HelmOptions): Promise<HelmObject[]> {
  const text = await helmTemplateText(release, options);
  return helmObjects(text, release.chartName ?? (path.relative(options.root ?? '', release.chart) || '.'));
}
