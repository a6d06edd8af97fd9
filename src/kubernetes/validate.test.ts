import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { crdSchemas } from './custom-kinds.ts';
import { parseManifests } from './manifests.ts';
import type { KubernetesObject } from './object.ts';
import { formatProblem } from './problem.ts';
import { validateObject } from './validate.ts';
import { KUBERNETES_VERSIONS } from './versions.ts';

const object = (apiVersion: string, kind: string, fields: object = {}): KubernetesObject => ({
  apiVersion,
  kind,
  metadata: { name: 'web' },
  ...fields,
});

const pod = (fields: object, container: object = {}): KubernetesObject =>
  object('v1', 'Pod', { spec: { containers: [{ name: 'web', image: 'web:1', ...container }], ...fields } });

async function said(target: string, ...objects: readonly KubernetesObject[]): Promise<string[]> {
  const problems = await Promise.all(objects.map((one) => validateObject(one, { kubernetes: target })));
  return problems.flat().map(({ severity, message }) => `${severity}: ${message}`);
}

describe('what is wrong is said in words', () => {
  it.each([
    [
      'a misspelt field, with the one that was meant',
      pod({}, { imagePullpolicy: 'Always' }),
      'Pod/web: "imagePullpolicy" is no field of spec.containers[0] in Kubernetes 1.34. Did you mean "imagePullPolicy"?',
      ['spec', 'containers', 0, 'imagePullpolicy'],
    ],
    [
      'a field at the root',
      object('v1', 'ConfigMap', { spec: {} }),
      'Pod/web: "spec" is no field of ConfigMap in Kubernetes 1.34. There are: apiVersion, binaryData, data, immutable, kind, metadata.',
      ['spec'],
    ],
    [
      'a number that must be text',
      pod({}, { env: [{ name: 'PORT', value: 8080 }] }),
      'Pod/web: spec.containers[0].env[0].value must be text, but is the number 8080. Put it in quotes.',
      ['spec', 'containers', 0, 'env', 0, 'value'],
    ],
    [
      'text that must be a number',
      pod({ terminationGracePeriodSeconds: '30' }),
      'Pod/web: spec.terminationGracePeriodSeconds must be a whole number, but is the text "30". Write it without quotes.',
      ['spec', 'terminationGracePeriodSeconds'],
    ],
    [
      'a quantity with a wrong unit',
      pod({}, { resources: { limits: { memory: '1gb' } } }),
      'Pod/web: spec.containers[0].resources.limits.memory is no quantity: write it like 500m, 0.5 or 128Mi; it is the text "1gb".',
      ['spec', 'containers', 0, 'resources', 'limits', 'memory'],
    ],
    [
      'a missing field, at the map that must get it',
      object('policy/v1', 'PodDisruptionBudget', {
        spec: { selector: { matchExpressions: [{ key: 'a' }] } },
      }),
      'Pod/web: spec.selector.matchExpressions[0] must have the field "operator", which is missing.',
      ['spec', 'selector', 'matchExpressions', 0],
    ],
  ])('%s', async (_, wrong, message, path) => {
    const problems = await validateObject(wrong, { kubernetes: '1.34' });
    expect(problems.map((problem) => formatProblem(wrong, problem))).toEqual([
      message.replace('Pod/web', `${wrong.kind}/web`),
    ]);
    expect(problems[0]?.path).toEqual(path);
  });

  it('every mistake of an object at once', async () => {
    const wrong = pod({ restartpolicy: 'Never', hostNetwork: 'yes' }, { comand: ['web'], name: null });
    expect((await said('1.34', wrong)).length).toBe(4);
  });

  it('without what a Secret holds', async () => {
    const wrong = object('v1', 'Secret', { data: { token: 'hunter 2' }, stringData: { pin: 123456 } });
    const words = (await said('1.34', wrong)).join('\n');
    expect(words).toContain('data.token');
    expect(words).toContain('stringData.pin');
    expect(words).not.toMatch(/hunter|123456/);
  });
});

describe('versions of Kubernetes', () => {
  it('a field that a newer version brings is unknown before, and is said to be there', async () => {
    const stopSignal = pod({ os: { name: 'linux' } }, { lifecycle: { stopSignal: 'SIGUSR1' } });
    expect(await said('1.32', stopSignal)).toEqual([
      'error: "stopSignal" is no field of spec.containers[0].lifecycle in Kubernetes 1.32. It is there in Kubernetes 1.33, 1.34, 1.35, 1.36, 1.37.',
    ]);
    expect(await said('1.33', stopSignal)).toEqual([]);
  });

  it('a kind that a newer version brings likewise', async () => {
    const claim = object('resource.k8s.io/v1', 'DeviceClass', { spec: {} });
    expect(await said('1.33', claim)).toEqual([
      'error: Kubernetes 1.33 has no resource.k8s.io/v1 DeviceClass; Kubernetes 1.34, 1.35, 1.36, 1.37 have it.',
    ]);
    expect(await said('1.34', claim)).toEqual([]);
  });

  it.each([
    ['policy/v1beta1', 'PodDisruptionBudget', 'was removed in 1.25: use policy/v1.'],
    ['extensions/v1beta1', 'Ingress', 'was removed in 1.22: use networking.k8s.io/v1.'],
    ['batch/v1beta1', 'CronJob', 'was removed in 1.25: use batch/v1.'],
    ['autoscaling/v2beta2', 'HorizontalPodAutoscaler', 'was removed in 1.26: use autoscaling/v2.'],
    [
      'flowcontrol.apiserver.k8s.io/v1beta3',
      'FlowSchema',
      'was removed in 1.32: use flowcontrol.apiserver.k8s.io/v1.',
    ],
  ])('%s %s is removed', async (apiVersion, kind, words) => {
    const problems = await validateObject(object(apiVersion, kind), { kubernetes: '1.34' });
    expect(problems).toEqual([
      {
        kind: 'removed-api',
        severity: 'error',
        path: ['apiVersion'],
        message: `${apiVersion} ${kind} ${words}`,
      },
    ]);
  });

  it('what is deprecated or beta is taken with a warning', async () => {
    const flow = object('flowcontrol.apiserver.k8s.io/v1beta3', 'PriorityLevelConfiguration', {
      spec: { type: 'Exempt' },
    });
    expect(await said('1.31', flow)).toEqual([
      'warning: flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration is deprecated since 1.29 and is removed in 1.32: use flowcontrol.apiserver.k8s.io/v1.',
    ]);
    const endpoints = object('v1', 'Endpoints');
    expect(await said('1.32', endpoints)).toEqual([]);
    expect(await said('1.33', endpoints)).toEqual([expect.stringContaining('use EndpointSlice')]);
    const beta = object('resource.k8s.io/v1beta1', 'DeviceClass', { spec: {} });
    expect(await said('1.34', beta)).toEqual([expect.stringMatching(/^warning: .* is a beta API/)]);
  });

  it('without schemas are an error of their own', async () => {
    await expect(validateObject(object('v1', 'ConfigMap'), { kubernetes: '1.22' })).rejects.toMatchObject({
      exitCode: 2,
      reason: 'unknown-kubernetes-version',
    });
  });
});

describe('a kind that is not known is never green', () => {
  it.each([
    [object('apps/v1', 'Deploymnet'), 'no kind "Deploymnet" in apps/v1. Did you mean "Deployment"?'],
    [object('apps/v2', 'Deployment'), 'has no apps/v2 Deployment: use apps/v1.'],
    [object('v1', 'Ingress'), 'has no v1 Ingress: use networking.k8s.io/v1.'],
    [object('widgets.example.com/v1', 'Widget'), 'is not checked: no schema of it is known.'],
    [object('keda.sh/v2', 'ScaledObject'), 'does not serve keda.sh/v2: use keda.sh/v1alpha1.'],
    [object('external-secrets.io/v1beta1', 'ExternalSecret'), 'use external-secrets.io/v1.'],
    [object('v1', 'constructor'), 'no kind "constructor" in v1.'],
    [object('__proto__', 'toString'), 'has no __proto__ toString.'],
    [object('v1', 'List', { items: [] }), 'no kind "List" in v1.'],
  ])('%j', async (unknown, words) => {
    const problems = await validateObject(unknown, { kubernetes: '1.34' });
    expect(problems).toMatchObject([{ kind: 'unknown-kind', severity: 'error' }]);
    expect(problems[0]?.message).toContain(words);
  });
});

describe('custom kinds', () => {
  const definition = (properties: object, more: object = {}): KubernetesObject =>
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      spec: {
        group: 'example.com',
        names: { kind: 'Widget', plural: 'widgets' },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties } },
            ...more,
          },
        ],
      },
    });
  const widget = (spec: unknown) => object('example.com/v1', 'Widget', { spec });

  it('are known once their definitions are read', async () => {
    const crds = crdSchemas([
      definition({ spec: { type: 'object', properties: { size: { type: 'integer' } } } }),
    ]);
    expect(await validateObject(widget({ size: 1 }), { kubernetes: '1.34', crds })).toEqual([]);
    expect(await validateObject(widget({ sise: 1 }), { kubernetes: '1.34', crds })).toMatchObject([
      {
        kind: 'unknown-field',
        message: '"sise" is no field of spec in the definition of Widget (example.com). Did you mean "size"?',
      },
    ]);
  });

  it('of the repository take the place of bundled ones', async () => {
    const own = definition({ spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } });
    const text = JSON.stringify(own)
      .replaceAll('example.com', 'keda.sh')
      .replaceAll('Widget', 'ScaledObject');
    const crds = crdSchemas([JSON.parse(text)]);
    const scaled = object('keda.sh/v1', 'ScaledObject', { spec: { new: true } });
    expect(await validateObject(scaled, { kubernetes: '1.34', crds })).toEqual([]);
    expect(await validateObject(scaled, { kubernetes: '1.34' })).not.toEqual([]);
  });

  it('warn in the words of their definition when a version is deprecated', async () => {
    const crds = crdSchemas([
      definition({ spec: { type: 'object' } }, { deprecated: true, deprecationWarning: 'use Gadget' }),
    ]);
    expect(await validateObject(widget({}), { kubernetes: '1.34', crds })).toMatchObject([
      { kind: 'deprecated-api', severity: 'warning', message: 'use Gadget' },
    ]);
  });

  it.each([
    ['no definition', object('example.com/v1', 'CustomResourceDefinition')],
    [
      'an old one',
      object('apiextensions.k8s.io/v1beta1', 'CustomResourceDefinition', { spec: { group: 'example.com' } }),
    ],
    ['one with a schema that is none', definition({ spec: { type: ['object'] } })],
    ['one without versions', object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { spec: {} })],
  ])('stay unknown with %s', async (_, broken) => {
    const crds = crdSchemas([broken]);
    expect(await validateObject(widget({}), { kubernetes: '1.34', crds })).toMatchObject([
      { kind: 'unknown-kind' },
    ]);
  });

  it('with a pattern that would run for hours are not checked, and it is said', async () => {
    const crds = crdSchemas([
      definition({ spec: { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } } }),
    ]);
    const hostile = widget({ name: `${'a'.repeat(64)}!` });
    expect(await validateObject(hostile, { kubernetes: '1.34', crds })).toMatchObject([
      { kind: 'not-checked', severity: 'error', path: ['spec', 'name'] },
    ]);
  });

  it('and fields with names of JavaScript’s own are fields like others', async () => {
    const crds = crdSchemas([definition({ spec: { type: 'object', properties: {} } })]);
    const odd = widget(JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3}'));
    const problems = await validateObject(odd, { kubernetes: '1.34', crds });
    expect(problems.map(({ path }) => path[1])).toEqual(['__proto__', 'constructor', 'toString']);
  });
});

it('an object of nothing but mistakes gets fifty of them and no more', async () => {
  const spec = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`field${index}`, index]));
  expect((await validateObject(object('v1', 'Pod', { spec }), { kubernetes: '1.34' })).length).toBe(50);
});

const TYPICAL = readFileSync(new URL('./typical-objects.yaml', import.meta.url), 'utf8');

describe.each(KUBERNETES_VERSIONS)('Kubernetes %s', (kubernetes) => {
  it.each(parseManifests(TYPICAL, 'typical-objects.yaml').map((one) => [one.kind, one] as const))(
    'takes a good %s, and refuses it with a field that is none',
    async (_, good) => {
      expect(await validateObject(good, { kubernetes })).toEqual([]);
      expect(await validateObject({ ...good, sepc: {} }, { kubernetes })).toMatchObject([{ path: ['sepc'] }]);
      const labels = { ...good, metadata: { ...good.metadata, labels: { version: 1 as unknown as string } } };
      expect(await validateObject(labels, { kubernetes })).toMatchObject([{ kind: 'wrong-type' }]);
    },
  );
});
