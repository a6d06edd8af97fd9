import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import type { Cluster } from './cluster.ts';

/** AWS Systems Manager's Parameter Store: what ExternalSecrets refer to. */
export class ParameterStore {
  readonly #values = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Controllers then look again at what they could not find. */
  set(name: string, value: string): void {
    this.#values.set(name, value);
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** What a controller makes of an object of its kind. */
interface Played {
  readonly status: object;
  /** What it makes before it says so. */
  readonly makes?: object;
}

const condition = (type: string, status: 'True' | 'False', reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-11-21T09:00:00Z',
});

/** By API path of the kind. */
const CONTROLLERS: Readonly<
  Record<string, (object: KubernetesObject, parameters: ParameterStore) => Played>
> = {
  '/apis/external-secrets.io/v1/externalsecrets': externalSecret,
  '/apis/keda.sh/v1alpha1/scaledobjects': () => ({
    status: { conditions: [condition('Ready', 'True', 'ScaledObjectReady')] },
  }),
  '/apis/autoscaling/v2/horizontalpodautoscalers': () => ({
    status: {
      conditions: [
        condition('AbleToScale', 'True', 'ReadyForNewScale'),
        condition('ScalingActive', 'True', 'ValidMetricFound'),
      ],
      desiredReplicas: 2,
    },
  }),
  // The AWS Load Balancer Controller.
  '/apis/networking.k8s.io/v1/ingresses': () => ({
    status: { loadBalancer: { ingress: [{ hostname: 'alb.example.com' }] } },
  }),
};

function externalSecret(object: KubernetesObject, parameters: ParameterStore): Played {
  const spec = object.spec as {
    readonly target?: { readonly name?: string };
    readonly data?: readonly { readonly secretKey: string; readonly remoteRef: { readonly key: string } }[];
  };
  const values = (spec.data ?? []).map(({ secretKey, remoteRef }) => {
    const value = parameters.get(remoteRef.key);
    return { secretKey, key: remoteRef.key, value };
  });
  const missing = values.find(({ value }) => value === undefined);
  if (missing !== undefined) {
    const message = `error processing spec.data: parameter ${missing.key} not found`;
    return { status: { conditions: [condition('Ready', 'False', 'SecretSyncedError', message)] } };
  }
  const { name, namespace, uid } = object.metadata;
  const owner = { apiVersion: object.apiVersion, kind: object.kind, name, uid, controller: true };
  return {
    makes: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: spec.target?.name ?? name, namespace, ownerReferences: [owner] },
      stringData: Object.fromEntries(values.map(({ secretKey, value }) => [secretKey, value])),
    },
    status: { conditions: [condition('Ready', 'True', 'SecretSynced', 'secret synced')] },
  };
}

/**
 * Plays, in a few lines each, the controllers that a company's clusters have and the rig has not: Argo CD waits for what
 * they write into the status of their objects. External Secrets also makes the Secret.
 *
 * @param failed is told when one of them could not do its work
 */
export async function playControllers(
  cluster: Cluster,
  parameters: ParameterStore,
  failed: (error: unknown) => void,
): Promise<Disposable> {
  const known = new Map<string, () => void>();
  let stopped = false;
  const play = async (object: KubernetesObject, controller: (typeof CONTROLLERS)[string]): Promise<void> => {
    const { status, makes } = controller(object, parameters);
    const { name, namespace = '' } = object.metadata;
    if (makes !== undefined) await cluster.apply([makes]);
    // Else our own write would come back to us for ever.
    if (isDeepStrictEqual({ ...(object.status as object | undefined), ...status }, object.status)) return;
    const where = [object.kind.toLowerCase(), name, `--namespace=${namespace}`, '--subresource=status'];
    const patch = `--patch=${JSON.stringify({ status })}`;
    await cluster.kubectl(['patch', ...where, '--type=merge', patch]);
  };
  const watches = await Promise.all(
    Object.entries(CONTROLLERS).map(([path, controller]) =>
      cluster.watch(path, ({ type, object }) => {
        const key = `${path}/${object.metadata.namespace}/${object.metadata.name}`;
        if (type === 'DELETED') return void known.delete(key);
        const work = (): void => {
          play(object, controller).catch((error: Error) => {
            // Deleted meanwhile, or its namespace is.
            if (!stopped && !/NotFound|being terminated|not found/.test(error.message)) failed(error);
          });
        };
        known.set(key, work);
        work();
      }),
    ),
  );
  parameters.onChange(() => {
    for (const work of known.values()) work();
  });
  return {
    [Symbol.dispose]: () => {
      stopped = true;
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}
