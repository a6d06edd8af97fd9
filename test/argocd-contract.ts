import { expect, test } from 'vitest';
import type { ArgoCdClient } from '../src/argocd/client.ts';
import { gatherEvidence } from '../src/argocd/evidence.ts';
import { type Explanation, explain } from '../src/argocd/explain.ts';
import { type Judgement, judge, liveWitness, type Reading } from '../src/argocd/judge.ts';
import { interestOf, watchApplications } from '../src/argocd/watch.ts';
import type { Timing } from '../src/github/timing.ts';
import { type Gitops, imageOf } from './e2e/gitops.ts';

/** Argo CD with two clusters and a GitOps repository as `kajitori init` makes it: the real one, or the stand-in. */
export interface ArgoCdDriver {
  readonly client: ArgoCdClient;
  readonly timing: Timing;
  readonly clusters: readonly string[];
  readonly gitops: Gitops;
  /** Puts the clock forward (milliseconds), where it goes by itself. */
  readonly skip?: (ms: number) => void;
}

/** How a deploy ended in one cluster, and everything that was judged on the way. */
interface Followed {
  readonly judgements: readonly Judgement[];
  readonly last: Judgement;
  readonly explanation: Explanation;
}

/**
 * What our client, judge and words promise of Argo CD. Run against both, so that the stand-in behaves as the real one where it
 * matters. The tests build on one another.
 */
export function argoCdContract(driver: () => ArgoCdDriver): void {
  /** All commits in their order, so that it is known which comes after which. */
  const commits: string[] = [];
  const committed = async (commit: Promise<string>): Promise<string> => {
    const oid = await commit;
    commits.push(oid);
    return oid;
  };
  const isDescendant = (of: string) => (revision: string) => {
    const place = commits.indexOf(revision);
    return place === -1 ? undefined : place >= commits.indexOf(of);
  };

  /** Watches both clusters until each is over. */
  async function follow(app: string, commit: string, tag: string, minutes = 4): Promise<Followed[]> {
    const { client, timing, clusters, skip } = driver();
    const images = [imageOf(app, tag)];
    const names = clusters.map((cluster) => `${app}-${cluster}`);
    const judgements = new Map<string, Judgement[]>(names.map((name) => [name, []]));
    const readings = new Map<string, Reading>();
    const deadline = timing.now() + minutes * 60_000;
    const stop = new AbortController();
    const end = await watchApplications({
      client,
      timing,
      applications: names,
      selector: `kajitori.dev/app=${app}`,
      patienceMs: minutes * 60_000,
      signal: stop.signal,
      onReading: (name, reading) => {
        const all = judgements.get(name) ?? [];
        const judgement = judge(reading, { commit, isDescendant: isDescendant(commit), images }, all.at(-1));
        all.push(judgement);
        readings.set(name, reading);
        // What only takes time to be sure of need not be waited for.
        const isNew = all.at(-2)?.cause?.kind !== 'image-missing';
        if (isNew && judgement.state === 'waiting' && judgement.cause?.kind === 'image-missing')
          skip?.(60_000);
        if (reading.at > deadline) {
          const seen = `${reading.status.sync.status} ${reading.status.health.status} ${reading.status.operation?.phase}`;
          stop.abort(
            new Error(
              `${name} is not over in time: ${judgement.phase}; ${seen} ${judgement.cause?.words ?? ''}`,
            ),
          );
        }
        return interestOf(judgement);
      },
    });
    expect(end.unknown).toEqual([]);
    const followed = names.map(async (name) => {
      const all = judgements.get(name) ?? [];
      const last = all.at(-1);
      const reading = readings.get(name);
      if (last === undefined || reading === undefined) throw new Error(`${name} was never seen`);
      const evidence = await gatherEvidence(client, reading.status, last.cause, images);
      return { judgements: all, last, explanation: explain(reading.status, last, images, evidence) };
    });
    return Promise.all(followed);
  }

  const states = (followed: readonly Followed[]) => followed.map(({ last }) => last.state);

  test('a first deploy: both clusters are done, by one selector', async () => {
    const { client, gitops, clusters } = driver();
    await committed(
      gitops.newApp('web', 'web', 'web: { port: 8080 }\nmigrate: { run: bin/migrate, retries: 0 }\n'),
    );
    const commit = await committed(gitops.deploy('web', 'v1'));
    const followed = await follow('web', commit, 'v1');
    expect(states(followed)).toEqual(['done', 'done']);
    const listed = await client.list({
      selector: 'kajitori.dev/environment=production,kajitori.dev/app in (web,other)',
    });
    expect(listed.map(({ name }) => name).toSorted()).toEqual(
      clusters.map((cluster) => `web-${cluster}`).toSorted(),
    );
    for (const status of listed) {
      expect(status.images).toContain(imageOf('web', 'v1'));
      expect(status.sources).toHaveLength(2);
      expect(status.sync.revisions).toEqual([commit, commit]);
    }
  });

  test('a bump is not done before it is: the migration first, then the pods', async () => {
    const commit = await committed(driver().gitops.deploy('web', 'v2'));
    const followed = await follow('web', commit, 'v2');
    expect(states(followed)).toEqual(['done', 'done']);
    for (const { judgements } of followed) {
      expect(judgements.map(({ phase }) => phase)).toContain('migration running (web-migrate)');
    }
  });

  test('a commit that touches nothing of it is reached without a sync', async () => {
    const commit = await committed(driver().gitops.push({ 'README.md': 'another\n' }));
    expect(states(await follow('web', commit, 'v2'))).toEqual(['done', 'done']);
  });

  test('a migration that fails: the first line says so', async () => {
    const commit = await committed(driver().gitops.deploy('web', 'fail-1'));
    const followed = await follow('web', commit, 'fail-1');
    expect(states(followed)).toEqual(['failed', 'failed']);
    for (const { last, explanation } of followed) {
      expect(last.cause).toMatchObject({
        kind: 'hook-failed',
        resource: { kind: 'Job', name: 'web-migrate' },
      });
      expect(explanation.headline).toMatch(/^The migration web-migrate failed/);
    }
  });

  test('the next good one mends it', async () => {
    const commit = await committed(driver().gitops.deploy('web', 'v3'));
    expect(states(await follow('web', commit, 'v3'))).toEqual(['done', 'done']);
  });

  test('an image that does not exist, in a migration: failed by the pods; and the sync hangs until it is ended', async () => {
    const { client, gitops, clusters } = driver();
    const commit = await committed(gitops.deploy('web', 'missing-1'));
    const followed = await follow('web', commit, 'missing-1');
    expect(states(followed)).toEqual(['failed', 'failed']);
    for (const { last, explanation } of followed) {
      expect(last.cause?.kind).toBe('image-missing');
      expect(explanation.headline).toMatch(
        /^The image \S+:missing-1 cannot be pulled: there is no such image\.$/,
      );
    }
    // First the end, then the commit. The other way round Argo CD has compared with the commit already, sees no change in
    // the next comparison, and takes its failed sync for the one of this commit (controller, `alreadyAttemptedSync`).
    const ended = await Promise.all(clusters.map((cluster) => client.terminateOperation(`web-${cluster}`)));
    expect(ended).toEqual([true, true]);
    const next = await committed(gitops.deploy('web', 'v4'));
    expect(states(await follow('web', next, 'v4'))).toEqual(['done', 'done']);
  });

  test('an image that does not exist, in a Deployment: the old pods stay, and the deploy has failed', async () => {
    const { client, gitops } = driver();
    await committed(gitops.newApp('api', 'web', 'web: { port: 8080 }\n'));
    expect(states(await follow('api', await committed(gitops.deploy('api', 'v1')), 'v1'))).toEqual([
      'done',
      'done',
    ]);
    const commit = await committed(gitops.deploy('api', 'missing-1'));
    const followed = await follow('api', commit, 'missing-1');
    expect(states(followed)).toEqual(['failed', 'failed']);
    expect(followed.map(({ last }) => last.cause?.kind)).toEqual(['image-missing', 'image-missing']);
    const [status] = await client.list({ selector: 'kajitori.dev/app=api' });
    expect(status?.images.toSorted()).toEqual([imageOf('api', 'missing-1'), imageOf('api', 'v1')]);
    const back = await committed(gitops.deploy('api', 'v1'));
    expect(states(await follow('api', back, 'v1'))).toEqual(['done', 'done']);
  });

  test('values that cannot be rendered: the place in them, and nothing that ran is touched', async () => {
    const { gitops } = driver();
    const values = (await gitops.read('apps/api/values.yaml')) ?? '';
    const commit = await committed(gitops.push({ 'apps/api/values.yaml': 'wbe: { port: 8080 }\n' }));
    const followed = await follow('api', commit, 'v1');
    expect(states(followed)).toEqual(['failed', 'failed']);
    for (const { last, explanation } of followed) {
      expect(last.cause?.kind).toBe('manifests');
      expect(explanation.headline).toContain('wbe');
    }
    const mended = await committed(gitops.push({ 'apps/api/values.yaml': values }));
    expect(states(await follow('api', mended, 'v1'))).toEqual(['done', 'done']);
  });

  test('what does not exist is missing or denied; an operation that does not run cannot be ended', async () => {
    const { client, clusters } = driver();
    await expect(client.get('none')).rejects.toMatchObject({ fault: 'missing-or-denied', status: 403 });
    expect(await client.terminateOperation(`web-${clusters[0]}`)).toBe(false);
  });

  test('the rest of the API that we read', async () => {
    const { client, clusters } = driver();
    const name = `web-${clusters[0]}`;
    expect((await client.clusters()).map((cluster) => cluster.name)).toEqual(
      expect.arrayContaining([...clusters]),
    );
    expect(await client.version()).toMatch(/^v3\./);
    expect(await client.whoAmI()).toMatchObject({ loggedIn: true });
    const deployment = expect.objectContaining({ kind: 'Deployment', group: 'apps' });
    expect((await client.resourceTree(name)).nodes).toContainEqual(deployment);
    expect(await client.managedResources(name)).toContainEqual(deployment);
    const witness = liveWitness(await client.get(name));
    expect(witness).toMatchObject({ group: 'apps', version: 'v1', kind: 'Deployment' });
    expect(witness && (await client.liveObject(name, witness))).toMatchObject({ kind: 'Deployment' });
    expect((await client.manifests(name)).map((text) => JSON.parse(text).kind)).toContain('Deployment');
    expect(await client.refresh(name)).toMatchObject({ name });
    expect(Array.isArray(await client.events(name))).toBe(true);
  });
}
