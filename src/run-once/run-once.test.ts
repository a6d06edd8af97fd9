import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { validateObject } from '../kubernetes/validate.ts';
import { renderApp } from '../render/app.ts';
import { generateExamples } from '../scaffold/examples.ts';
import { type Cluster, outcomeOf } from './cluster.ts';
import { parseCommand } from './command.ts';
import { outcomeWords, type RunOnceInputs, runOnce } from './run-once.ts';

const INPUTS: RunOnceInputs = {
  app: 'web',
  environment: 'production',
  cluster: undefined,
  component: undefined,
  command: ['bin/console', 'users:fix', '42'],
  id: 'a1b2c3',
  person: 'ann',
  run: 'https://github.com/acme/gitops/actions/runs/1',
  deadlineSeconds: 600,
  dryRun: false,
};

/** The example's app with these values, and a cluster that answers as it is told. */
async function setting(values: string, outcomes: Awaited<ReturnType<Cluster['outcome']>>[] = []) {
  const root = await mkdtemp(path.join(tmpdir(), 'kajitori-run-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const files = await generateExamples();
  for (const [file, text] of new Map([...files, ['apps/web/values.yaml', values]])) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text ?? '');
  }
  const config = parseKajitoriYaml(files.get('kajitori.yaml') ?? '');
  const created: KubernetesObject[] = [];
  const lines: string[] = [];
  const cluster: Cluster = {
    create: async (object) => {
      created.push(object);
    },
    follow: async (_, line) => line('fixed 42'),
    outcome: async () => outcomes.shift(),
  };
  const render = (name: string) =>
    renderApp({ root, config, app: 'web', environment: 'production', cluster: name });
  return {
    created,
    lines,
    render,
    run: (inputs: Partial<RunOnceInputs> = {}) =>
      runOnce(
        { ...INPUTS, ...inputs },
        {
          config,
          render,
          cluster: async () => cluster,
          line: (text) => lines.push(text),
          timing: virtualTiming(),
        },
      ),
  };
}

const VALUES = 'web: { port: 8080 }\nworkers: { mailer: { run: bin/mailer } }\nsecrets: [DATABASE_URL]\n';

// biome-ignore lint/suspicious/noExplicitAny: manifests are deep, and a wrong step fails the test
const pod = (object: KubernetesObject | undefined): any => (object as any)?.spec.template;

describe('a command run once', () => {
  test('is a Job like the pods of the app, that nobody sends requests and nothing repeats', async () => {
    const at = await setting(VALUES, [undefined, { exitCode: 0, reason: 'Completed' }]);
    const outputs = await at.run();
    const [job] = at.created;
    expect(job?.metadata).toMatchObject({
      name: 'web-run-a1b2c3',
      namespace: 'web',
      annotations: { 'kajitori.dev/by': 'ann', 'kajitori.dev/command': '["bin/console","users:fix","42"]' },
    });
    expect(job?.spec).toMatchObject({
      backoffLimit: 0,
      activeDeadlineSeconds: 600,
      ttlSecondsAfterFinished: 3600,
    });
    const objects = await at.render('prod-1');
    const web = pod(
      objects.find(
        ({ kind, metadata }) =>
          kind === 'Deployment' && metadata.labels?.['app.kubernetes.io/component'] === 'web',
      ),
    );
    const [container] = pod(job).spec.containers;
    const [serving] = web.spec.containers;
    for (const field of ['image', 'env', 'envFrom', 'resources', 'securityContext', 'volumeMounts']) {
      expect(container[field], field).toEqual(serving[field]);
    }
    expect(container.args).toEqual(['bin/console', 'users:fix', '42']);
    for (const field of ['ports', 'readinessProbe', 'livenessProbe', 'startupProbe', 'lifecycle']) {
      expect(container).not.toHaveProperty(field);
    }
    expect(pod(job).spec).toMatchObject({
      restartPolicy: 'Never',
      serviceAccountName: 'web',
      automountServiceAccountToken: false,
      securityContext: web.spec.securityContext,
    });
    // No Service and no PodDisruptionBudget takes it for one of theirs.
    for (const object of objects) {
      const selector = (object.spec as { selector?: object } | undefined)?.selector;
      if (object.kind === 'Service' && selector !== undefined) {
        expect(pod(job).metadata.labels).not.toMatchObject(selector);
      }
    }
    for (const kubernetes of ['1.33', '1.34']) {
      expect(await validateObject(job as KubernetesObject, { kubernetes })).toEqual([]);
    }
    expect(at.lines).toEqual(['fixed 42']);
    expect(outputs.cluster).toBe('prod-1');
    expect(outcomeWords(outputs)).toBe('web-run-a1b2c3 in prod-1 ended with exit code 0 (Completed).');
  });

  test('may be like a worker; a component that is not there is named with those that are', async () => {
    const at = await setting(VALUES, [{ exitCode: 3, reason: 'Error' }]);
    expect((await at.run({ component: 'mailer' })).outcome).toEqual({ exitCode: 3, reason: 'Error' });
    expect(at.created[0]?.metadata.annotations).toMatchObject({ 'kajitori.dev/component': 'mailer' });
    await expect(at.run({ component: 'mailr' })).rejects.toMatchObject({
      reason: 'unknown-component',
      message: expect.stringContaining('Did you mean "mailer"?'),
    });
  });

  test('creates nothing on a dry run, in an unknown cluster or environment', async () => {
    const at = await setting(VALUES);
    expect(await at.run({ dryRun: true })).toMatchObject({ outcome: undefined, cluster: 'prod-1' });
    await expect(at.run({ cluster: 'stg-1' })).rejects.toMatchObject({ reason: 'unknown-cluster' });
    await expect(at.run({ environment: 'prod' })).rejects.toMatchObject({ reason: 'unknown-environment' });
    await expect(at.run({ app: '../web' })).rejects.toMatchObject({ reason: 'bad-app-name' });
    expect(at.created).toEqual([]);
  });

  test('whose end is never known fails in time, and says where to look', async () => {
    const at = await setting(VALUES);
    await expect(at.run()).rejects.toMatchObject({
      exitCode: 2,
      reason: 'out-of-time',
      todo: expect.stringContaining('kubectl describe job web-run-a1b2c3 -n web'),
    });
  });
});

describe('how a Job ended', () => {
  const ended = (exitCode: number, reason: string) => ({
    items: [
      { status: { containerStatuses: [{ name: 'run', state: { terminated: { exitCode, reason } } }] } },
    ],
  });
  const condition = (type: string, reason?: string) => ({
    status: { conditions: [{ type, status: 'True', ...(reason === undefined ? {} : { reason }) }] },
  });

  test.each([
    ['it runs', {}, { items: [] }, undefined],
    ['it did well', condition('Complete'), ended(0, 'Completed'), { exitCode: 0, reason: 'Completed' }],
    [
      'it failed',
      condition('Failed', 'BackoffLimitExceeded'),
      ended(3, 'Error'),
      { exitCode: 3, reason: 'Error' },
    ],
    ['it was killed', condition('Failed'), ended(137, 'OOMKilled'), { exitCode: 137, reason: 'OOMKilled' }],
    [
      'it took too long',
      condition('Failed', 'DeadlineExceeded'),
      { items: [] },
      { exitCode: undefined, reason: 'DeadlineExceeded' },
    ],
    [
      'its image is not there',
      {},
      {
        items: [
          {
            status: {
              containerStatuses: [{ name: 'run', state: { waiting: { reason: 'ImagePullBackOff' } } }],
            },
          },
        ],
      },
      { exitCode: undefined, reason: 'ImagePullBackOff' },
    ],
  ])('is told when %s', (_, job, pods, outcome) => {
    expect(outcomeOf(job, pods)).toEqual(outcome);
  });
});

describe('a command as a form has it', () => {
  test('is words, or a list where words have spaces; no shell reads either', () => {
    expect(parseCommand(' rake  users:fix[42] ')).toEqual(['rake', 'users:fix[42]']);
    expect(parseCommand('["say", "two words; rm -rf /"]')).toEqual(['say', 'two words; rm -rf /']);
    expect(parseCommand('echo $(id) ${{ secrets.X }}')).toEqual(['echo', '$(id)', '${{', 'secrets.X', '}}']);
  });

  test.each([
    '',
    '   ',
    '[]',
    '["a", 1]',
    '["a"',
    '[""]',
    'a\nb',
    'a\u0000b',
    'x '.repeat(101),
    'x'.repeat(2001),
  ])('is refused when it is none: %j', (text) => {
    expect(() => parseCommand(text)).toThrow(expect.objectContaining({ exitCode: 2, reason: 'bad-command' }));
  });
});
