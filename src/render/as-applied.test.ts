import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { definedKinds } from '../kubernetes/scope.ts';
import { appliedAs, normalized, tracked, withoutRepeated } from './as-applied.ts';

const object = (more: Readonly<Record<string, unknown>> = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  ...more,
  metadata: { name: 'web', ...(more.metadata as object | undefined) },
});
const hook = (annotations: Readonly<Record<string, string>>) =>
  appliedAs(object({ metadata: { annotations } }));
const NONE = definedKinds([]);

describe('hooks', () => {
  it.each([
    [{}, 'resource', []],
    [{ 'argocd.argoproj.io/hook': 'PreSync' }, 'hook', ['PreSync']],
    [{ 'argocd.argoproj.io/hook': 'PreSync, Sync' }, 'hook', ['PreSync', 'Sync']],
    [{ 'helm.sh/hook': 'pre-install,pre-upgrade' }, 'hook', ['PreSync']],
    [{ 'helm.sh/hook': 'post-install' }, 'hook', ['PostSync']],
    [{ 'helm.sh/hook': 'post-delete' }, 'hook', ['PostDelete']],
    // Argo CD's own annotation wins.
    [{ 'helm.sh/hook': 'post-install', 'argocd.argoproj.io/hook': 'Sync' }, 'hook', ['Sync']],
    // Not a hook to Argo CD, but a definition of old charts.
    [{ 'helm.sh/hook': 'crd-install' }, 'resource', []],
    [{ 'helm.sh/hook': 'test' }, 'ignored', []],
    [{ 'helm.sh/hook': 'test-success' }, 'ignored', []],
    [{ 'helm.sh/hook': 'pre-rollback' }, 'ignored', []],
    [{ 'argocd.argoproj.io/hook': 'Skip' }, 'ignored', []],
  ])('%j is a %s of %j', (annotations, role, phases) => {
    expect(hook(annotations as Record<string, string>)).toEqual({ role, phases });
  });
});

describe('an object as it reaches the API server', () => {
  const crd = (kind: string, scope: string) =>
    object({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      spec: {
        group: 'a.example',
        names: { kind },
        scope,
        versions: [{ name: 'v1' }, { name: 'v0', served: false }],
      },
    });
  const kinds = definedKinds([crd('Wide', 'Cluster'), crd('Narrow', 'Namespaced')]);
  const namespaceOf = (one: KubernetesObject) => normalized(one, 'shop', kinds).metadata.namespace;

  it('is in the namespace of the destination, unless it names one or belongs to the whole cluster', () => {
    expect(namespaceOf(object())).toBe('shop');
    expect(namespaceOf(object({ metadata: { namespace: 'other' } }))).toBe('other');
    expect(namespaceOf(object({ kind: 'Namespace', metadata: { namespace: 'other' } }))).toBeUndefined();
    expect(
      namespaceOf(object({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' })),
    ).toBeUndefined();
    expect(namespaceOf(object({ apiVersion: 'a.example/v1', kind: 'Wide' }))).toBeUndefined();
    expect(namespaceOf(object({ apiVersion: 'a.example/v1', kind: 'Narrow' }))).toBe('shop');
    expect(namespaceOf(object({ apiVersion: 'unknown.example/v1', kind: 'Wide' }))).toBe('shop');
  });

  it('has no namespace where the destination has none', () => {
    expect(normalized(object(), '', NONE).metadata).toEqual({ name: 'web' });
  });

  it('is without status and empty creationTimestamp', () => {
    const given = object({ status: { replicas: 0 }, metadata: { creationTimestamp: null } });
    expect(normalized(given, 'shop', NONE)).toEqual(object({ metadata: { namespace: 'shop' } }));
  });

  it('says which versions of kinds charts may ask for', () => {
    expect(kinds.apiVersions).toEqual(['a.example/v1', 'a.example/v1/Wide', 'a.example/v1/Narrow']);
  });
});

describe('the mark of the application', () => {
  const apps = object({ apiVersion: 'apps/v1', kind: 'Deployment' });
  it('is as Argo CD writes it', () => {
    expect(tracked(apps, 'web-a', 'web', 'annotation').metadata).toEqual({
      name: 'web',
      annotations: { 'argocd.argoproj.io/tracking-id': 'web-a:apps/Deployment:web/web' },
    });
    expect(tracked(object(), 'web-a', 'web', 'annotation').metadata.annotations).toEqual({
      'argocd.argoproj.io/tracking-id': 'web-a:/ConfigMap:web/web',
    });
    expect(tracked(apps, 'web-a', 'web', 'label').metadata).toEqual({
      name: 'web',
      labels: { 'app.kubernetes.io/instance': 'web-a' },
    });
    expect(tracked(apps, 'web-a', 'web', 'none')).toBe(apps);
  });

  it('is not put on definitions', () => {
    const definition = object({ kind: 'CustomResourceDefinition' });
    expect(tracked(definition, 'web-a', 'web', 'annotation')).toBe(definition);
  });
});

describe('an object that stands twice', () => {
  it('is the last of them, whatever its version, and it is said', () => {
    const old = { object: object({ apiVersion: 'apps/v1beta1', kind: 'Deployment' }), source: 0 };
    const other = { object: object(), source: 0 };
    const late = { object: object({ apiVersion: 'apps/v1', kind: 'Deployment' }), source: 1 };
    expect(withoutRepeated([old, other, late])).toEqual({
      items: [other, late],
      repeated: [{ name: 'Deployment/web', namespace: undefined, times: 2, isSame: false }],
    });
  });
});
