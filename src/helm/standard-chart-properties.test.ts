import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseManifests } from '../kubernetes/manifests.ts';
import { type KubernetesObject, objectName } from '../kubernetes/object.ts';
import { validateObject } from '../kubernetes/validate.ts';
import { KUBERNETES_VERSIONS } from '../kubernetes/versions.ts';
import { schemaValues, type Values } from './standard-chart-arbitrary.ts';
import { renderTogether } from './standard-chart-umbrella.ts';

/** Any values of people, with what machines write beside them, and without what the templates refuse in words. */
const anyApp = schemaValues().map(mended);

function mended(values: Values): Values {
  const platform = mendedPlatform(values.platform ?? {});
  const components = componentsOf(values);
  const env = new Set([
    'QUEUE_URL',
    ...[values, ...components].flatMap((each) => Object.keys(each.env ?? {})),
  ]);
  for (const component of components) {
    delete component.image;
    if (component.maxLifetime !== undefined) component.maxLifetime = '8h';
    if (typeof component.scale === 'string') component.scale = mendedRange(component.scale);
  }
  const workers = without(values.workers, ['web', 'migrate']);
  return {
    ...values,
    workers,
    cron: without(values.cron, ['web', 'migrate', ...Object.keys(workers)]),
    secrets: (values.secrets ?? []).filter((name: string) => !env.has(name)),
    platform,
    image: { repository: 'registry.example/app', tag: '1' },
    release: { rollback: values.release?.rollback ?? false },
    app: { team: 'shop' },
  };
}

const componentsOf = (values: Values): Values[] =>
  [
    values.web,
    values.migrate,
    ...Object.values(values.workers ?? {}),
    ...Object.values(values.cron ?? {}),
  ].filter((component) => component !== undefined) as Values[];

const without = (map: Values | undefined, names: readonly string[]): Values =>
  Object.fromEntries(Object.entries(map ?? {}).filter(([name]) => !names.includes(name)));

/** From the lower number to the higher, and not from 0. */
const mendedRange = (range: string): string => {
  const [low = 1, high = 1] = range
    .split('-')
    .map(Number)
    .toSorted((a, b) => a - b);
  return `${Math.max(low, 1)}-${Math.max(high, 1)}`;
};

/** Braces are placeholders, and those that a generator makes up stand for nothing. */
const withoutBraces = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each) => (typeof each === 'string' ? each.replaceAll(/[{}]/g, 'x') : each)),
  );

const mendedPlatform = (platform: Values): Values => {
  const plain = withoutBraces(platform) as Values;
  return {
    ...plain,
    ingress: { domain: 'example.com', ...plain.ingress },
    identity: { role: 'arn:aws:iam::222222222222:role/app', ...plain.identity },
    monitoring: { ...plain.monitoring, reason: 'watched elsewhere' },
    access: { group: 'acme:{team}' },
    maxLifetimes: ['8h'],
  };
};

const placed = (values: Values, app: string, cluster: string, active: boolean): Values => ({
  ...values,
  facts: {
    app,
    environment: 'production',
    cluster,
    region: 'ap-northeast-1',
    account: '222222222222',
    active: String(active),
  },
});

/** Everything that is rendered for some apps, by namespace. One `helm template` renders them all. */
async function rendered(apps: readonly Values[]): Promise<Map<string, KubernetesObject[]>> {
  const objects = parseManifests(await renderTogether(apps), 'rendered.yaml');
  return Map.groupBy(objects, (object) => object.metadata.namespace ?? object.metadata.name);
}

/** Runs a check on each of many apps; whichever it fails for is shown with its values. */
async function forEachApp(
  apps: readonly Values[],
  clusters: readonly { readonly cluster: string; readonly active: boolean }[],
  check: (values: Values, ...inEachCluster: KubernetesObject[][]) => void,
): Promise<void> {
  const name = (index: number, at: number) => `app-${index}-${at}`;
  const all = await rendered(
    apps.flatMap((values, index) =>
      clusters.map(({ cluster, active }, at) => placed(values, name(index, at), cluster, active)),
    ),
  );
  apps.forEach((values, index) => {
    const objects = clusters.map((_, at) => renamed(all.get(name(index, at)) ?? [], name(index, at)));
    try {
      check(values, ...objects);
    } catch (error) {
      throw new Error(`with the values ${JSON.stringify(values)}`, { cause: error });
    }
  });
}

/** The same app has another name in each cluster, so that one process can render both; here it gets its name back. */
const renamed = (objects: readonly KubernetesObject[], name: string): KubernetesObject[] =>
  JSON.parse(
    JSON.stringify(objects)
      .replaceAll(name, 'the-app')
      .replaceAll(/-secrets-[0-9a-f]{8}/g, '-secrets'),
  );

// Shrinking would render the whole batch again for each step; the app that fails is named instead.
const BATCHES = { numRuns: 2, endOnFailure: true } as const;
const anyApps = fc.array(anyApp, { minLength: 30, maxLength: 30 });

const KINDS = [
  'Namespace',
  'ServiceAccount',
  'NetworkPolicy',
  'Role',
  'RoleBinding',
  'ExternalSecret',
  'Job',
  'Deployment',
  'Service',
  'Ingress',
  'HorizontalPodAutoscaler',
  'ScaledObject',
  'TriggerAuthentication',
  'PodDisruptionBudget',
  'CronJob',
  'ServiceMonitor',
  'PodMonitor',
];

const podTemplateOf = ({ kind, spec }: Values): Values | undefined =>
  kind === 'CronJob' ? spec.jobTemplate.spec.template : spec?.template;
const waveOf = (object: KubernetesObject): number =>
  Number(object.metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
const ofKind = (objects: readonly KubernetesObject[], kind: string): Values[] =>
  objects.filter((object) => object.kind === kind);

describe('whatever values people write', () => {
  it('nobody gets exec, more rights than to look and to start again, or a pod with privileges', async () => {
    const check = (_: Values, objects: KubernetesObject[]): void => {
      for (const object of objects as Values[]) {
        expect(KINDS).toContain(object.kind);
        expect(object.metadata.namespace).toBe(object.kind === 'Namespace' ? undefined : 'the-app');
        expectHarmlessRole(object);
        expectRestrictedPod(podTemplateOf(object)?.spec);
      }
      const [namespace] = ofKind(objects, 'Namespace');
      expect(namespace?.metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
      expect(namespace?.metadata.annotations['argocd.argoproj.io/sync-options']).toBe(
        'Prune=confirm,Delete=confirm',
      );
    };
    await fc.assert(
      fc.asyncProperty(anyApps, (apps) => forEachApp(apps, [{ cluster: 'prod-1', active: true }], check)),
      BATCHES,
    );
  });

  it('every supported Kubernetes takes what is rendered', async () => {
    const property = fc.asyncProperty(anyApps, async (apps) => {
      const all = await rendered(apps.map((values, index) => placed(values, `app-${index}`, 'prod-1', true)));
      for (const [namespace, objects] of all) {
        for (const object of objects) {
          for (const kubernetes of KUBERNETES_VERSIONS) {
            const problems = await validateObject(object, { kubernetes });
            const values = apps[Number(namespace.slice('app-'.length))];
            expect({ problems, values }).toEqual({ problems: [], values });
          }
        }
      }
    });
    await fc.assert(property, BATCHES);
  });

  it('on the first sync everything that a pod needs is there before it, and the migration before all other pods', async () => {
    const check = (values: Values, objects: KubernetesObject[]): void => {
      const secret = objects.find((object) => object.kind === 'ExternalSecret') as Values | undefined;
      const migration = objects.find((object) => object.kind === 'Job');
      expect(migration === undefined).toBe(values.migrate === undefined || values.release.rollback);
      for (const object of objects) {
        const pod = podTemplateOf(object)?.spec;
        if (pod === undefined) continue;
        for (const kind of ['Namespace', 'ServiceAccount', 'NetworkPolicy', 'ExternalSecret']) {
          for (const needed of objects.filter((other) => other.kind === kind)) {
            expect(waveOf(needed), objectName(needed)).toBeLessThan(waveOf(object));
          }
        }
        const names = (pod.containers[0].envFrom ?? []).map((from: Values) => from.secretRef?.name);
        if (secret !== undefined) expect(names).toContain(secret.spec.target.name);
        if (object !== migration && migration !== undefined) {
          expect(waveOf(migration)).toBeLessThan(waveOf(object));
        }
      }
      expect(secret === undefined).toBe(values.secrets.length === 0);
    };
    await fc.assert(
      fc.asyncProperty(anyApps, (apps) => forEachApp(apps, [{ cluster: 'prod-1', active: true }], check)),
      BATCHES,
    );
  });

  it('a cron job is on in at most one cluster, and clusters differ in nothing but what `runsOn` says', async () => {
    const runsOn = fc.constantFrom('active', 'prod-1', 'prod-2', 'elsewhere');
    const twoClusters = fc
      .tuple(anyApps, fc.constantFrom(0, 1, undefined), fc.infiniteStream(runsOn))
      .map(([apps, active, choices]) => ({
        apps: apps.map((app) => withRunsOn(app, choices)),
        clusters: ['prod-1', 'prod-2'].map((cluster, at) => ({ cluster, active: at === active })),
      }));
    const check = (values: Values, first: KubernetesObject[], second: KubernetesObject[]): void => {
      const key = (object: KubernetesObject) => objectName(object);
      const elsewhere = new Map(second.map((object) => [key(object), object]));
      const common = first.filter((object) => elsewhere.has(key(object)));
      for (const object of common) {
        expect(object.kind).not.toBe('CronJob');
        expect(elsewhere.get(key(object))).toEqual(object);
      }
      const commonKeys = new Set(common.map(key));
      for (const object of [...first, ...second].filter((each) => !commonKeys.has(key(each)))) {
        const component = object.metadata.labels?.['app.kubernetes.io/component'];
        const worker = component === undefined ? undefined : values.workers[component];
        const bound =
          object.kind === 'TriggerAuthentication' ||
          (component !== undefined && Object.hasOwn(values.cron, component)) ||
          (worker !== undefined &&
            (worker.runsOn ?? (worker.queue === undefined ? 'all' : 'active')) !== 'all');
        expect(bound, objectName(object)).toBe(true);
      }
    };
    await fc.assert(
      fc.asyncProperty(twoClusters, ({ apps, clusters }) => forEachApp(apps, clusters, check)),
      BATCHES,
    );
  });
});

/** Names of clusters that a generator makes up are names of none. */
const withRunsOn = (app: Values, choices: Iterator<string>): Values => {
  const next = (component: Values): Values =>
    component.runsOn === undefined || component.runsOn === 'all'
      ? component
      : { ...component, runsOn: choices.next().value };
  const each = (map: Values): Values =>
    Object.fromEntries(Object.entries(map).map(([name, component]) => [name, next(component)]));
  return { ...app, workers: each(app.workers), cron: each(app.cron) };
};

function expectHarmlessRole(object: Values): void {
  if (object.kind === 'Role') {
    for (const { apiGroups, resources, verbs } of object.rules) {
      expect([...apiGroups, ...resources, ...verbs]).not.toContain('*');
      // Of subresources (exec, attach, portforward, proxy, ephemeralcontainers, token, eviction…) logs alone.
      expect(resources.filter((name: string) => name.includes('/') && name !== 'pods/log')).toEqual([]);
      expect(resources).not.toContain('secrets');
      const mayDelete = apiGroups.join() === '' && resources.join() === 'pods';
      for (const verb of verbs) {
        expect(['get', 'list', 'watch', ...(mayDelete ? ['delete'] : [])]).toContain(verb);
      }
    }
  }
  if (object.kind === 'RoleBinding') {
    expect(object.roleRef).toEqual({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'Role',
      name: 'the-app-team',
    });
    expect(object.subjects).toEqual([
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'acme:shop' },
    ]);
  }
}

/** What the "restricted" Pod Security Standard asks for, and what the chart asks for besides. */
function expectRestrictedPod(pod: Values | undefined): void {
  if (pod === undefined) return;
  expect(pod.serviceAccountName).toBe('the-app');
  expect(pod.automountServiceAccountToken).toBe(false);
  for (const field of [
    'hostNetwork',
    'hostPID',
    'hostIPC',
    'nodeName',
    'shareProcessNamespace',
    'initContainers',
  ]) {
    expect(pod).not.toHaveProperty(field);
  }
  expect(pod.securityContext).toMatchObject({
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(pod.securityContext.runAsUser ?? 1).toBeGreaterThan(0);
  expect(pod.containers).toHaveLength(1);
  expect(pod.containers[0].securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(pod.containers[0].image).toBe('registry.example/app:1');
  for (const volume of pod.volumes) {
    const [source] = Object.keys(volume).filter((key) => key !== 'name');
    expect(['emptyDir', 'configMap', 'secret', 'persistentVolumeClaim']).toContain(source);
  }
}
