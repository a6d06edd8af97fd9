import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { chartRelease } from './standard-chart-cases.ts';
import { helmTemplate } from './template.ts';

const APP = 'twenty-lines in prod-1';
const render = (values: object = {}): Promise<KubernetesObject[]> => helmTemplate(chartRelease(APP, values));

/** The places where two renderings of one app differ: `Deployment/shop-worker spec.replicas`. */
function differences(before: readonly KubernetesObject[], after: readonly KubernetesObject[]): string[] {
  const leaves = new Map(before.flatMap((object) => [...leavesOf(object, nameOf(object))]));
  const others = new Map(after.flatMap((object) => [...leavesOf(object, nameOf(object))]));
  const changed = [...new Set([...leaves.keys(), ...others.keys()])].filter(
    (place) => leaves.get(place) !== others.get(place),
  );
  return changed.toSorted();
}

const nameOf = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata.name} `;

function* leavesOf(value: unknown, at: string): Generator<readonly [string, unknown]> {
  if (typeof value !== 'object' || value === null) {
    yield [at, value];
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    yield* leavesOf(child, at.endsWith(' ') ? `${at}${key}` : `${at}.${key}`);
  }
}

const kinds = (objects: readonly KubernetesObject[]): string[] =>
  objects.map((object) => nameOf(object).trim());

describe('the clusters of one environment', () => {
  it('get the same but for cron jobs and consumers of queues, which run in the active one', async () => {
    const active = await render();
    const other = await render({ facts: { cluster: 'prod-2', active: 'false' } });
    const missing = kinds(active).filter((each) => !kinds(other).includes(each));
    expect(missing.toSorted()).toEqual([
      'CronJob/shop-clean-up',
      'CronJob/shop-daily-report',
      'CronJob/shop-invoices',
      'Deployment/shop-worker',
      'PodDisruptionBudget/shop-worker',
      'ScaledObject/shop-worker',
      'TriggerAuthentication/shop',
    ]);
    expect(
      differences(
        active.filter((object) => !missing.includes(nameOf(object).trim())),
        other,
      ),
    ).toEqual([]);
  });

  it('get the same to the last byte when none of them has another part to play', async () => {
    expect(await render({ facts: { cluster: 'prod-9' } })).toEqual(await render());
  });

  it('differ by region and account only where AWS is named', async () => {
    const there = await render({ facts: { region: 'us-east-1', account: '444444444444' } });
    expect(differences(await render(), there)).toEqual([
      'Deployment/shop-worker spec.template.spec.containers.0.env.0.value',
      'ScaledObject/shop-worker spec.triggers.0.metadata.awsRegion',
      'ScaledObject/shop-worker spec.triggers.0.metadata.queueURL',
      'ServiceAccount/shop metadata.annotations.eks.amazonaws.com/role-arn',
    ]);
  });

  it('differ where the platform says so for one of them', async () => {
    const annotations = { 'external-dns.alpha.kubernetes.io/set-identifier': '{cluster}' };
    const there = await render({ platform: { ingress: { annotations } } });
    expect(differences(await render(), there)).toEqual([
      'Ingress/shop-web metadata.annotations.external-dns.alpha.kubernetes.io/set-identifier',
    ]);
    const ingress = there.find((object) => object.kind === 'Ingress');
    expect(ingress?.metadata.annotations).toMatchObject({
      'external-dns.alpha.kubernetes.io/set-identifier': 'prod-1',
    });
  });

  it.each([
    ['true', 'active', true],
    [true, 'active', true],
    ['false', 'active', false],
    [false, 'active', false],
    ['false', 'prod-1', true],
    ['true', 'prod-2', false],
    ['true', 'active-1', false],
  ])('where `active` is %j, a cron job that runs on %s is there: %s', async (active, runsOn, isThere) => {
    const objects = await render({ facts: { active }, cron: { invoices: { runsOn } } });
    expect(kinds(objects).includes('CronJob/shop-invoices')).toBe(isThere);
  });

  it('have a worker without a queue each, unless it says otherwise', async () => {
    const mailer = { run: 'bin/mailer' };
    const workers = { mailer, sweeper: { ...mailer, runsOn: 'active' } };
    const objects = await render({ facts: { active: 'false' }, workers });
    expect(kinds(objects)).toContain('Deployment/shop-mailer');
    expect(kinds(objects)).not.toContain('Deployment/shop-sweeper');
  });

  it.each([
    [{ runsOn: 'all' }, true],
    [{ runsOn: 'prod-1' }, true],
    [{}, false],
  ])('where `active` is false, a consumer with %j is there: %s', async (worker, isThere) => {
    const objects = await render({ facts: { active: 'false' }, workers: { worker } });
    expect(kinds(objects).includes('Deployment/shop-worker')).toBe(isThere);
  });
});

describe('secrets', () => {
  const secretOf = async (values: object) => {
    const objects = await render(values);
    const secret = objects.find((object) => object.kind === 'ExternalSecret');
    return { name: secret?.metadata.name, objects };
  };

  it('have another name when other ones are read, so that Argo CD waits for them and pods start with them', async () => {
    const before = await secretOf({});
    const after = await secretOf({ secrets: ['DATABASE_URL', 'API_KEY', 'TOKEN'] });
    expect(after.name).not.toBe(before.name);
    expect(JSON.stringify(after.objects)).not.toContain(before.name);
  });

  it('keep it when nothing else is read: no pod starts again for the order of a list', async () => {
    const before = await secretOf({});
    const after = await secretOf({
      secrets: ['API_KEY', 'DATABASE_URL'],
      platform: { secrets: { refresh: '5m' } },
    });
    expect(after.name).toBe(before.name);
  });
});
