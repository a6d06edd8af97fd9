import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';
import { type Gitops, imageOf, startGitops } from './gitops.ts';
import type { Application } from './rig/argocd.ts';
import type { Cluster } from './rig/cluster.ts';
import { type History, type HistoryEntry, hasCondition, recordHistory } from './rig/history.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { waitFor } from './rig/wait-for.ts';

/** What `kajitori init` and the new-app form write, judged by a real Argo CD. The tests of one `describe` build on one another. */

const CLUSTERS = ['prod-1', 'prod-2'] as const;
let rig: Rig;
let gitops: Gitops;

beforeAll(async () => {
  rig = await startRig(...CLUSTERS);
  gitops = await startGitops(rig);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** The Applications of an app, one a cluster, once all are there and this is so of each. */
const applications = (app: string, what: string, isSo: (application: Application) => boolean) =>
  waitFor(
    `${app} in ${CLUSTERS.join(' and ')}: ${what}`,
    () => Promise.all(CLUSTERS.map((cluster) => rig.argocd.application(`${app}-${cluster}`))),
    (found): found is Application[] =>
      found.every((application) => application !== undefined && isSo(application)),
  );

const isAt = ({ status }: Application, commit: string): boolean =>
  status?.sync?.revisions?.every((revision) => revision === commit) === true;

/** Until a commit is what runs in all clusters. */
const healthyAt = (app: string, commit: string) =>
  applications(
    app,
    `Synced and Healthy at ${commit}`,
    (application) =>
      isAt(application, commit) &&
      application.status?.operationState?.phase !== 'Running' &&
      application.status?.sync?.status === 'Synced' &&
      application.status.health?.status === 'Healthy',
  );

/** Until Argo CD has given up on a commit in all clusters. */
const failedAt = (app: string, commit: string) =>
  applications(
    app,
    `sync of ${commit} failed`,
    (application) => isAt(application, commit) && application.status?.operationState?.phase === 'Failed',
  );

/** Until the ApplicationSet has looked at git: its controller then takes the annotation away. */
const generated = () =>
  waitFor(
    'the ApplicationSet to have looked at git',
    () => rig.cluster('prod-1').get('applicationset.argoproj.io/production', 'argocd'),
    (set) =>
      set !== undefined &&
      set.metadata.annotations?.['argocd.argoproj.io/application-set-refresh'] === undefined &&
      hasCondition(set, 'ParametersGenerated'),
  );

/** Everything that Argo CD says of the last operation. */
const said = ({ status }: Application): string =>
  JSON.stringify([status?.conditions, status?.operationState?.message, status?.operationState?.syncResult]);

interface PodSpec {
  readonly containers: readonly { readonly image: string }[];
}

/** The images of a workload's pods. */
const podImages = (workload: KubernetesObject): string[] => {
  const { template } = workload.spec as { template: { spec: PodSpec } };
  return template.spec.containers.map(({ image }) => image);
};

/** What the Deployments of an app run, in all clusters. */
async function runningImages(app: string): Promise<string[]> {
  const perCluster = await Promise.all(rig.clusters.map((cluster) => cluster.list('deployments.apps', app)));
  // In the cluster that is not active there is no consumer of the queue.
  expect(perCluster.map((deployments) => deployments.length)).toEqual([2, 1]);
  return [...new Set(perCluster.flat().flatMap(podImages))];
}

/** The Applications and Deployments of an app, with ids that change when one is deleted and made again. */
async function running(app: string) {
  const id = ({ metadata }: KubernetesObject): unknown => [
    metadata.name,
    metadata.uid,
    metadata.deletionTimestamp,
  ];
  const ours = await Promise.all(
    CLUSTERS.map((name) => rig.cluster('prod-1').get(`application.argoproj.io/${app}-${name}`, 'argocd')),
  );
  const theirs = await Promise.all(rig.clusters.map((cluster) => cluster.list('deployments.apps', app)));
  return {
    applications: ours.map((application) => application && id(application)),
    deployments: theirs.flat().map(id),
  };
}

const isMigration = ({ kind, name }: HistoryEntry, app: string): boolean =>
  kind === 'Job' && name === `${app}-migrate`;

/** A pod that runs an image and is not that of the migration. */
const isWorkloadPod = ({ kind, object }: HistoryEntry, image: string): boolean =>
  kind === 'Pod' &&
  object.metadata.labels?.['app.kubernetes.io/component'] !== 'migrate' &&
  (object.spec as PodSpec).containers.some((container) => container.image === image);

/** What happens in the namespace of an app in each cluster, from now on. */
async function recordAll(app: string): Promise<Disposable & { of(cluster: Cluster): History }> {
  const entries = rig.clusters.map(async (cluster) => [cluster, await recordHistory(cluster, app)] as const);
  const histories = new Map(await Promise.all(entries));
  return {
    of: (cluster) => histories.get(cluster) as History,
    [Symbol.dispose]: () => {
      for (const history of histories.values()) history[Symbol.dispose]();
    },
  };
}

/** A web server, a consumer of a queue, a cron job: what most apps are. */
const VALUES = `web: { port: 8080, host: web.example.com, scale: 2-4 }
workers:
  mailer: { run: bin/mailer, queue: mails, scale: 1-3 }
cron:
  report: { schedule: "0 3 * * *", run: bin/report }
migrate: { run: bin/migrate, retries: 0 }
secrets: [DATABASE_URL]
`;

describe('an app from the form to production', () => {
  test('has an AppProject and no Application while it was never deployed', async () => {
    await gitops.newApp('web', 'web', VALUES);
    await waitFor(
      'the AppProject of web',
      () => rig.cluster('prod-1').get('appproject.argoproj.io/web', 'argocd'),
      (project) => project !== undefined,
    );
    await generated();
    const names = (await rig.argocd.applications()).map(({ metadata }) => metadata.name);
    expect(names).toEqual(['kajitori']);
  });

  test('is in both clusters after the first deploy; its migration had its secret, and ended before any workload began', async () => {
    rig.parameters.set('/web/production/DATABASE_URL', 'postgres://db.example/web');
    using histories = await recordAll('web');
    const found = await healthyAt('web', await gitops.deploy('web', 'v1'));
    expect(found.map(({ spec }) => spec.destination)).toEqual(
      CLUSTERS.map((name) => ({ name, namespace: 'web' })),
    );
    expect(await runningImages('web')).toEqual([imageOf('web', 'v1')]);
    for (const cluster of rig.clusters) {
      const history = histories.of(cluster);
      const secret = history.first('the secret', ({ kind }) => kind === 'Secret');
      const migration = history.first('a migration', (entry) => isMigration(entry, 'web'));
      const migrated = history.first(
        'the end of the migration',
        (entry) => isMigration(entry, 'web') && hasCondition(entry.object, 'Complete'),
      );
      const deployment = history.first('a Deployment', ({ kind }) => kind === 'Deployment');
      const pod = history.first('a pod', (entry) => isWorkloadPod(entry, imageOf('web', 'v1')));
      expect(secret.version).toBeLessThan(migration.version);
      expect(migration.version).toBeLessThan(migrated.version);
      expect(migrated.version).toBeLessThan(deployment.version);
      expect(deployment.version).toBeLessThan(pod.version);
    }
  });

  test('has its cron jobs in one of the clusters', async () => {
    const [active = [], other = []] = await Promise.all(
      rig.clusters.map((cluster) => cluster.list('cronjobs.batch', 'web')),
    );
    expect(active.map(({ metadata }) => metadata.name)).toEqual(['web-report']);
    expect(other).toEqual([]);
  });

  test('runs the next image in both clusters after one commit; the new migration ended before any workload changed', async () => {
    const image = imageOf('web', 'v2');
    using histories = await recordAll('web');
    await healthyAt('web', await gitops.deploy('web', 'v2'));
    expect(await runningImages('web')).toEqual([image]);
    for (const cluster of rig.clusters) {
      const history = histories.of(cluster);
      const migrated = history.first(
        'the end of the migration of v2',
        (entry) =>
          isMigration(entry, 'web') &&
          hasCondition(entry.object, 'Complete') &&
          podImages(entry.object).includes(image),
      );
      const changed = history.first(
        'a Deployment with v2',
        ({ kind, object }) => kind === 'Deployment' && podImages(object).includes(image),
      );
      expect(migrated.version).toBeLessThan(changed.version);
    }
  });

  test('has a new secret before the migration that may need it', async () => {
    rig.parameters.set('/web/production/API_KEY', 'k');
    using histories = await recordAll('web');
    const values = VALUES.replace('[DATABASE_URL]', '[DATABASE_URL, API_KEY]');
    await healthyAt('web', await gitops.push({ 'apps/web/values.yaml': values }));
    for (const cluster of rig.clusters) {
      const history = histories.of(cluster);
      const secret = history.first(
        'a secret with both',
        ({ kind, object }) => kind === 'Secret' && Object.keys(object.data ?? {}).includes('API_KEY'),
      );
      const migration = history.first(
        'a new migration',
        (entry) => isMigration(entry, 'web') && entry.type === 'ADDED',
      );
      expect(secret.version).toBeLessThan(migration.version);
    }
  });

  test('runs no migration when it goes back', async () => {
    using histories = await recordAll('web');
    const release = parse((await gitops.read('apps/web/release.production.yaml')) ?? '') as {
      image: object;
      release: object;
    };
    const [, digest] = imageOf('web', 'v1').split('@');
    const back = {
      image: { ...release.image, tag: 'v1', digest },
      release: { ...release.release, rollback: true },
    };
    await healthyAt('web', await gitops.push({ 'apps/web/release.production.yaml': stringify(back) }));
    expect(await runningImages('web')).toEqual([imageOf('web', 'v1')]);
    for (const cluster of rig.clusters) {
      const happened = histories.of(cluster).entries();
      expect(happened.filter(({ kind }) => kind === 'Deployment')).not.toEqual([]);
      const started = happened.filter(({ kind, type }) => kind === 'Job' && type === 'ADDED');
      expect(started).toEqual([]);
    }
  });

  test('goes on running what ran when a migration fails, and the next deploy mends it', async () => {
    using histories = await recordAll('web');
    await failedAt('web', await gitops.deploy('web', 'fail-3'));
    expect(await runningImages('web')).toEqual([imageOf('web', 'v1')]);
    for (const cluster of rig.clusters) {
      const history = histories.of(cluster);
      history.first(
        'a failed migration',
        (entry) => isMigration(entry, 'web') && hasCondition(entry.object, 'Failed'),
      );
      const started = history.entries().filter((entry) => isWorkloadPod(entry, imageOf('web', 'fail-3')));
      expect(started).toEqual([]);
    }
    await healthyAt('web', await gitops.deploy('web', 'v4'));
    expect(await runningImages('web')).toEqual([imageOf('web', 'v4')]);
  });

  test('starts nothing while a secret is missing, and all at the next deploy', async () => {
    await gitops.newApp('late', 'web', VALUES);
    using histories = await recordAll('late');
    await failedAt('late', await gitops.deploy('late', 'v1'));
    for (const cluster of rig.clusters) {
      const happened = histories.of(cluster).entries();
      expect(happened.filter(({ kind }) => kind === 'ExternalSecret')).not.toEqual([]);
      expect(happened.filter(({ kind }) => ['Job', 'Deployment', 'Pod'].includes(kind))).toEqual([]);
    }
    rig.parameters.set('/late/production/DATABASE_URL', 'postgres://db.example/late');
    await healthyAt('late', await gitops.deploy('late', 'v2'));
  });
});

describe('what stands in extra/', () => {
  const manifest = (apiVersion: string, kind: string, name: string, rest: object = {}): string =>
    stringify({ apiVersion, kind, metadata: { name }, ...rest });

  test('is applied beside the chart', async () => {
    await gitops.newApp('extras', 'web', undefined, {
      'apps/extras/extra/config.yaml': manifest('v1', 'ConfigMap', 'extra', { data: { a: 'b' } }),
    });
    await healthyAt('extras', await gitops.deploy('extras', 'v1'));
    for (const cluster of rig.clusters) {
      expect(await cluster.get('configmap/extra', 'extras')).toMatchObject({ data: { a: 'b' } });
    }
  });

  test('is refused by the AppProject when it is RBAC, belongs to the whole cluster, or to another namespace', async () => {
    const rbac = 'rbac.authorization.k8s.io';
    const rules = { rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }] };
    const binding = {
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'admin' },
      subjects: [{ apiGroup: rbac, kind: 'Group', name: 'shop' }],
    };
    const elsewhere = (namespace: string): object => ({ metadata: { name: 'intruder', namespace } });
    const intruders = {
      role: manifest(`${rbac}/v1`, 'Role', 'intruder', rules),
      binding: manifest(`${rbac}/v1`, 'RoleBinding', 'intruder', binding),
      'cluster-role': manifest(`${rbac}/v1`, 'ClusterRole', 'intruder', rules),
      'cluster-binding': manifest(`${rbac}/v1`, 'ClusterRoleBinding', 'intruder', binding),
      'other-app': manifest('v1', 'ConfigMap', '', elsewhere('web')),
      argocd: manifest('v1', 'ConfigMap', '', elsewhere('argocd')),
    };
    const files = Object.entries(intruders).map(([name, text]) => [`apps/extras/extra/${name}.yaml`, text]);
    const refused = await failedAt('extras', await gitops.push(Object.fromEntries(files)));
    for (const application of refused) {
      for (const kind of ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']) {
        expect(said(application)).toContain(`${rbac}:${kind} is not permitted in project extras`);
      }
      expect(said(application)).toContain("namespace web is not permitted in project 'extras'");
      expect(said(application)).toContain("namespace argocd is not permitted in project 'extras'");
    }
    const kinds = 'roles,rolebindings,clusterroles,clusterrolebindings,configmaps';
    for (const cluster of rig.clusters) {
      const names = (await cluster.list(kinds)).map(({ metadata }) => metadata.name);
      expect(names).toContain('extra');
      expect(names).not.toContain('intruder');
    }
    const removed = files.map(([file]) => [file, null]);
    await healthyAt('extras', await gitops.push(Object.fromEntries(removed)));
  });
});

describe('the ApplicationSet', () => {
  test('lets no release file say where its app runs, which app it is, or under which project', async () => {
    await gitops.newApp('hostile', 'web');
    const [, repository, tag, digest] = /^(.+):(.+)@(.+)$/.exec(imageOf('hostile', 'v1')) ?? [];
    await gitops.push({
      'apps/hostile/release.production.yaml': stringify({
        image: { repository, tag, digest },
        cluster: 'prod-1',
        region: 'us-east-1',
        account: '999999999999',
        active: 'true',
        facts: { app: 'web', cluster: 'prod-1' },
        path: { basename: 'web', path: 'apps/web', basenameNormalized: 'web' },
      }),
    });
    const found = await applications('hostile', 'made', () => true);
    for (const [index, { spec }] of found.entries()) {
      const cluster = CLUSTERS[index];
      expect(spec).toMatchObject({
        project: 'hostile',
        destination: { name: cluster, namespace: 'hostile' },
      });
      expect(spec.sources?.[0]?.helm?.valuesObject?.facts).toEqual({
        app: 'hostile',
        environment: 'production',
        cluster,
        region: 'ap-northeast-1',
        account: '222222222222',
        active: String(cluster === 'prod-1'),
      });
    }
    await generated();
    const names = (await rig.argocd.applications()).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => name.startsWith('hostile'))).toEqual(['hostile-prod-1', 'hostile-prod-2']);
    // Nor does the chart take keys that it does not know.
    const refused = await applications(
      'hostile',
      'refused',
      ({ status }) => (status?.conditions ?? []).length > 0,
    );
    for (const application of refused) expect(said(application)).toContain('additional properties');
  });

  test('takes no app down because its release file disappeared', async () => {
    const before = await running('late');
    await gitops.push({ 'apps/late/release.production.yaml': null });
    // The one look at git that sees the first of these has seen that the file is gone; the second is made after it is over.
    for (const app of ['first', 'second']) {
      await gitops.newApp(app, 'web');
      await gitops.deploy(app, 'v1');
      await applications(app, 'made', () => true);
    }
    expect(await running('late')).toEqual(before);
  });

  test('may be deleted: everything goes on running, and the root Application brings it back', async () => {
    const home = rig.cluster('prod-1');
    const { deployments } = await running('web');
    const found = await home.get('applicationset.argoproj.io/production', 'argocd');
    const { uid } = (found as KubernetesObject).metadata;
    // First without the root Application, which would bring it back before anything could happen.
    const pause = ['application.argoproj.io/kajitori', '--namespace=argocd', '--type=merge'];
    await home.kubectl(['patch', ...pause, '--patch={"spec":{"syncPolicy":null}}']);
    await home.kubectl(['delete', 'applicationset.argoproj.io/production', '--namespace=argocd']);
    await waitFor(
      "its Applications to be gone, or nobody's",
      () => home.list('applications.argoproj.io', 'argocd'),
      (left) =>
        left.every(({ metadata }) => !JSON.stringify(metadata.ownerReferences ?? []).includes(String(uid))),
    );
    expect((await running('web')).deployments).toEqual(deployments);

    await home.kubectl([
      'patch',
      ...pause,
      '--patch={"spec":{"syncPolicy":{"automated":{"selfHeal":true}}}}',
    ]);
    await rig.argocd.refresh();
    await applications('web', 'Synced again', ({ status }) => status?.sync?.status === 'Synced');
    await generated();
    expect((await running('web')).deployments).toEqual(deployments);
  });
});

test('the owning team may read logs in its namespace, and nobody of it may exec', async () => {
  const commit = await gitops.regenerate({
    'defaults/platform.yaml': 'platform: { access: { group: "sso:{team}" } }\n',
  });
  await waitFor(
    'the AppProject to let Roles through',
    () => rig.cluster('prod-1').get('appproject.argoproj.io/web', 'argocd'),
    (project) => project !== undefined && !JSON.stringify(project.spec).includes('RoleBinding'),
  );
  // An application that was compared before is compared again, otherwise only minutes later.
  await rig.argocd.refresh();
  await healthyAt('web', commit);
  const may = (cluster: Cluster, verb: string, resource: string): Promise<boolean> => {
    const who = ['--as=aiko', '--as-group=sso:shop', '--namespace=web'];
    // It exits with 1 where the answer is no.
    return cluster.kubectl(['auth', 'can-i', verb, resource, ...who]).then(
      (answer) => answer === 'yes',
      () => false,
    );
  };
  for (const cluster of rig.clusters) {
    expect(await may(cluster, 'get', 'pods/log')).toBe(true);
    for (const forbidden of ['pods/exec', 'pods/attach', 'pods/ephemeralcontainers', 'pods', 'jobs.batch']) {
      expect(await may(cluster, 'create', forbidden)).toBe(false);
    }
    expect(await may(cluster, 'get', 'secrets')).toBe(false);
  }
});
