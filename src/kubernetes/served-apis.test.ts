import { describe, expect, test } from 'vitest';
import { servedApis } from './served-apis.ts';

describe('what a cluster serves', () => {
  test('is named by group and version, and by kind', async () => {
    const served = await servedApis('1.34');
    expect(served).toEqual(
      expect.arrayContaining([
        'v1',
        'v1/Pod',
        'apps/v1',
        'apps/v1/Deployment',
        'policy/v1/PodDisruptionBudget',
      ]),
    );
    expect(new Set(served).size).toBe(served.length);
  });

  test('differs from version to version', async () => {
    const claims = async (version: string) =>
      (await servedApis(version)).includes('resource.k8s.io/v1/ResourceClaim');
    expect(await Promise.all(['1.33', '1.34'].map(claims))).toEqual([false, true]);
  });

  test('has neither what nobody can list nor what is not stable', async () => {
    const served = await servedApis('1.36');
    expect(served.filter((name) => /alpha|beta|Review$|Eviction|\/Scale$|Binding$/.test(name))).toEqual([
      'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding',
      'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding',
      'rbac.authorization.k8s.io/v1/ClusterRoleBinding',
      'rbac.authorization.k8s.io/v1/RoleBinding',
    ]);
  });

  test.each([
    ['1.29', '1.31'],
    ['1.99', '1.37'],
    ['1.36.4', '1.36'],
  ])('of %s is that of %s', async (version, nearest) => {
    expect(await servedApis(version)).toEqual(await servedApis(nearest));
  });
});
