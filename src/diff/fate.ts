import type { Application } from '../applications/application.ts';
import { deletesWhatItMade } from '../applications/application-set.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';

/** What becomes of something in the cluster that is no longer in git. */
export interface Fate {
  /** It stays as it is, and nobody manages it any more. */
  readonly stays: boolean;
  /** What decides it, as a part of a sentence; empty where it is the usual case. */
  readonly why: string;
  /** The app of the same cluster that has the object from now on. */
  readonly heir?: string;
}

/** How an object goes: alone, with its application, or with its application to another cluster. */
export type Leaving = 'alone' | 'with-application' | 'to-another-cluster';

/** What Argo CD must know of an application to decide it. */
export type EndOfApplication = Pick<
  Application,
  'finalizers' | 'automated' | 'isNeverDeleted' | 'syncOptions' | 'madeBy' | 'appliedBy'
>;

const DELETED: Fate = { stays: false, why: '' };

/** What becomes of all that an application made, when the application itself goes. */
export function fateOfApplication(application: EndOfApplication, leaving: Leaving): Fate {
  if (leaving === 'to-another-cluster') {
    // The controller looks for what it made in the new destination only (controller/cache, `GetManagedLiveObjs`).
    return { stays: true, why: 'Argo CD does not clean up in a cluster that an application leaves' };
  }
  if (application.isNeverDeleted === true) {
    return { stays: true, why: 'its ApplicationSet never deletes an Application (applicationsSync)' };
  }
  if (!deletesWhatItMade(application.finalizers ?? [])) {
    return { stays: true, why: 'it has no finalizer resources-finalizer.argocd.argoproj.io' };
  }
  return application.madeBy === undefined && application.appliedBy === undefined
    ? {
        stays: false,
        why: 'nothing in this repository applies it: as soon as somebody deletes it in Argo CD',
      }
    : DELETED;
}

/**
 * What becomes of one object (argo-cd 3.5: controller/appcontroller.go `shouldBeDeleted`; gitops-engine, pkg/sync/sync_context.go
 * `pruneObject`). An option of the object goes before that of its application.
 */
export function fateOfObject(
  object: KubernetesObject,
  application: EndOfApplication,
  leaving: Leaving,
): Fate {
  if (leaving === 'alone') return fateWhenPruned(object, application);
  const whole = fateOfApplication(application, leaving);
  if (whole.stays) return whole;
  if (object.kind === 'CustomResourceDefinition') {
    return { stays: true, why: 'Argo CD never deletes definitions of kinds with their application' };
  }
  const { annotations } = object.metadata;
  if (optionOf('Delete', object, application) === 'false') return { stays: true, why: 'Delete=false' };
  if (words(annotations?.['helm.sh/resource-policy']).includes('keep')) {
    return { stays: true, why: 'helm.sh/resource-policy: keep' };
  }
  return optionOf('Delete', object, application) === 'confirm' ? CONFIRMED : DELETED;
}

const CONFIRMED: Fate = { stays: false, why: 'after somebody confirms it in Argo CD' };

function fateWhenPruned(object: KubernetesObject, application: EndOfApplication): Fate {
  const option = optionOf('Prune', object, application);
  if (option === 'false') return { stays: true, why: 'Prune=false' };
  if (application.automated?.prune === false) {
    return { stays: false, why: 'not by itself, since pruning is off: when somebody prunes it in Argo CD' };
  }
  return option === 'confirm' ? CONFIRMED : DELETED;
}

/** `Prune` or `Delete` of the sync options (docs: "Sync Options"). */
function optionOf(
  option: 'Prune' | 'Delete',
  { metadata }: KubernetesObject,
  { syncOptions }: EndOfApplication,
): string | undefined {
  const valueIn = (texts: readonly string[]) =>
    texts.find((text) => text.startsWith(`${option}=`))?.slice(option.length + 1);
  return valueIn(words(metadata.annotations?.['argocd.argoproj.io/sync-options'])) ?? valueIn(syncOptions);
}

const words = (text: string | undefined): readonly string[] =>
  (text ?? '').split(',').map((word) => word.trim());
