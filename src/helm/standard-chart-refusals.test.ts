import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../report/failure.ts';
import { formatPath, type YamlPath } from '../yaml/path.ts';
import { knownKeys, schemaValues, type Values } from './standard-chart-arbitrary.ts';
import { chartRelease } from './standard-chart-cases.ts';
import { helmTemplate } from './template.ts';

const renderTypical = (values: Values) => helmTemplate(chartRelease('typical', values));

/** What is said when the typical app is rendered with other values; `rendered` when nothing is. */
const refusalOf = (values: Values): Promise<string> =>
  renderTypical(values).then(
    () => 'rendered',
    (error: unknown) => (error instanceof Failure ? error.message : String(error)),
  );

interface Place {
  readonly path: YamlPath;
  readonly map: Values;
  readonly known: readonly string[];
}

/** Every map in some values whose keys have names in the schema. */
function* places(values: unknown, path: YamlPath = []): Generator<Place> {
  if (typeof values !== 'object' || values === null) return;
  const known = Array.isArray(values) ? [] : knownKeys(path);
  if (known.length > 0) yield { path, map: values as Values, known };
  for (const [key, child] of Object.entries(values)) {
    yield* places(child, [...path, Array.isArray(values) ? Number(key) : key]);
  }
}

const MISSPELLINGS: readonly ((word: string) => string)[] = [
  (word) => `${word}s`,
  (word) => word.slice(0, -1),
  (word) => `${word.slice(0, -2)}${word.at(-1)}${word.at(-2)}`,
  (word) => `${word.slice(0, 1)}${word}`,
  (word) => word.toUpperCase(),
];

describe('the standard chart refuses', () => {
  it('a misspelt key at any depth, and says which one was probably meant', async () => {
    const everything = schemaValues({ everyKey: true });
    const choice = fc.infiniteStream(fc.nat());
    const depths: number[] = [];
    const property = fc.asyncProperty(everything, choice, async (values, numbers) => {
      const next = (): number => numbers.next().value;
      const misspelt: { readonly at: string; readonly meant: string }[] = [];
      const all = [...places(values)];
      // A message is cut where it would fill a screen and more: not all at once.
      for (const { path, map, known } of all.filter(() => next() % 16 === 0).slice(0, 8)) {
        const meant = known[next() % known.length] ?? '';
        const word = MISSPELLINGS[next() % MISSPELLINGS.length]?.(meant) ?? '';
        // Another key may be nearer to the misspelt word, or be that word.
        const isClear = word.length > 2 && !known.some((key) => key !== meant && areNear(key, word));
        if (isClear && !known.includes(word)) {
          map[word] = {};
          misspelt.push({ at: formatPath([...path, word]), meant });
        }
      }
      depths.push(...misspelt.map(({ at }) => at.split('.').length));
      const said = (await refusalOf(values)).split('\n').map((line) => line.trim());
      for (const { at, meant } of misspelt) {
        const expected = `${at} is not a key of this chart; did you mean "${meant}"?`;
        expect(said.filter((line) => line.startsWith(`${at} `))).toEqual([expect.stringContaining(expected)]);
      }
    });
    await fc.assert(property, { numRuns: 15, endOnFailure: true });
    expect(new Set(depths).size).toBeGreaterThan(4);
  });

  it.each([
    [
      'a cron job in all clusters',
      { cron: { a: { ...job(), runsOn: 'all' } } },
      'cron.a.runsOn is not right',
    ],
    [
      'a schedule that is none',
      { cron: { a: { ...job(), schedule: 'daily' } } },
      'cron.a.schedule cannot be',
    ],
    ['a cron job without a schedule', { cron: { a: { run: 'x' } } }, 'cron.a.schedule is missing'],
    ['a long name of a cron job', { cron: { [`a${'b'.repeat(21)}`]: job() } }, 'cannot be called so'],
    ['a secret that is a path', { secrets: ['../billing/KEY'] }, "secrets[0] cannot be '../billing/KEY'"],
    ['a host that is none', { web: { host: 'shop/../x' } }, "web.host cannot be 'shop/../x'"],
    ['another monitoring', { platform: { monitoring: { kind: 'zabbix' } } }, 'platform.monitoring.kind'],
    ['half a GPU', { web: { gpu: 0.5 } }, 'web.gpu must be a whole number'],
  ])('%s', async (_, values, words) => {
    await expect(renderTypical(values)).rejects.toMatchObject({
      reason: 'values-refused',
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['the network of the node', { spec: { hostNetwork: true } }],
    ['the processes of the node', { spec: { hostPID: true } }],
    ['another account', { spec: { serviceAccountName: 'argocd' } }],
    ['a token for the Kubernetes API', { spec: { automountServiceAccountToken: true } }],
    ['a node by name', { spec: { nodeName: 'node-1' } }],
    ['a folder of the node', { spec: { volumes: [{ name: 'x', hostPath: { path: '/' } }] } }],
    ['a token in a volume', { spec: { volumes: [{ name: 'x', projected: { sources: [] } }] } }],
    ['root', { spec: { securityContext: { runAsUser: 0 } } }],
    ['a way around the user of the image', { spec: { securityContext: { runAsNonRoot: false } } }],
    ['unconfined system calls', { spec: { securityContext: { seccompProfile: { type: 'Unconfined' } } } }],
    ['the priority of the system', { spec: { priorityClassName: 'system-node-critical' } }],
    ['all taints, those of the control plane too', { spec: { tolerations: [{ operator: 'Exists' }] } }],
    ['privileges', { container: { securityContext: { privileged: true } } }],
    ['another image', { container: { image: 'registry.example/other:1' } }],
    ['containers of its own', { spec: { containers: [] } }],
    ['containers that start first', { spec: { initContainers: [] } }],
    ['containers of debuggers', { spec: { ephemeralContainers: [] } }],
  ])('podTemplate with %s, for the app and for a component', async (_, podTemplate) => {
    for (const values of [{ podTemplate }, { workers: { worker: { podTemplate } } }]) {
      await expect(renderTypical(values)).rejects.toMatchObject({ reason: 'values-refused' });
    }
  });

  it.each([
    ['labels', 'app.kubernetes.io/component'],
    ['labels', 'kajitori.dev/team'],
    ['annotations', 'container.apparmor.security.beta.kubernetes.io/web'],
    ['annotations', 'iam.amazonaws.com/role'],
  ])('podTemplate with %s that are not for apps to set: %s', async (kind, name) => {
    const podTemplate = { metadata: { [kind]: { [name]: 'x' } } };
    expect(await refusalOf({ web: { podTemplate } })).toBe(
      `podTemplate.metadata.${kind}: ${name} is not for apps to set. Take another name.`,
    );
  });

  it.each([
    ['a range that goes down', { web: { scale: '5-2' } }, 'web: scale 5-2 ends below its start.'],
    ['a range from 0 by CPU use', { web: { scale: '0-2' } }, 'web: scale 0-2 cannot begin at 0'],
    [
      'a secret that is a variable',
      { secrets: ['LOG_LEVEL'] },
      'secrets: LOG_LEVEL is also a variable in `env`',
    ],
    ['a short host where no domain is', { web: { host: 'shop' } }, 'platform.ingress.domain is missing.'],
    ['a lifetime that nothing ends', { web: { maxLifetime: '9h' } }, 'web: nothing ends pods after 9h'],
    [
      'no monitoring without a reason',
      { platform: { monitoring: { kind: 'none' } } },
      'platform.monitoring.reason',
    ],
    [
      'IRSA without a role',
      { platform: { identity: { kind: 'irsa' } } },
      'platform.identity.role is missing.',
    ],
    [
      'a placeholder that stands for nothing',
      { secrets: ['KEY'], platform: { secrets: { path: '/{ap}/{name}' } } },
      '"/{ap}/{name}" in the platform\'s values: {ap} stands for nothing here.',
    ],
    ['a cron job named like a worker', { cron: { worker: job() } }, 'cron.worker: the name is taken'],
    ['a worker named like a key', { workers: { web: { run: 'x' } } }, 'workers.web: the name is taken'],
  ])('in plain words: %s', async (_, values, words) => {
    await expect(renderTypical(values)).rejects.toMatchObject({
      exitCode: 2,
      reason: 'render-failed',
      message: expect.stringContaining(words),
    });
  });

  it('to guess whether this cluster is the active one', async () => {
    const typical = chartRelease('typical', {
      cron: { daily: job() },
      facts: { app: 'shop', environment: 'production', cluster: 'prod-1' },
    });
    const valueFiles = typical.valueFiles.filter((file) => !file.endsWith('facts.yaml'));
    await expect(helmTemplate({ ...typical, valueFiles })).rejects.toMatchObject({
      message: expect.stringContaining('facts.active is missing'),
    });
  });
});

function job() {
  return { schedule: '0 3 * * *', run: 'rake report' };
}

/** Whether one can be taken for the other: they share a beginning, or are of nearly the same letters. */
const areNear = (key: string, word: string): boolean => {
  const letters = (text: string) => text.toLowerCase().split('').toSorted();
  const rest = letters(word);
  const missing = letters(key).filter((letter) => {
    const at = rest.indexOf(letter);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  return missing.length + rest.length <= 4;
};
