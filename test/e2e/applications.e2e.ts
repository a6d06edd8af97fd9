import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  FIXTURE_CLUSTERS,
  FIXTURE_REPOSITORY,
  FIXTURE_URL,
  type JudgedSet,
  judged,
  ourSets,
} from '../applications/judged.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { waitFor } from './rig/wait-for.ts';

/** What we make of ApplicationSets, judged by the real ApplicationSet controller, Application by Application. */

/** With `JUDGED=write` in the environment, what the controller says is kept there for `npm test`. */
const JUDGED_FILE = fileURLToPath(new URL('../applications/judged.yaml', import.meta.url));

/** Sets that we do not evaluate on purpose (`not-rendered`), and that would need a network here. */
const NOT_RENDERED = ['elsewhere', 'pull-requests'];

const isJudged = (file: string): boolean =>
  file.startsWith('sets/') && !NOT_RENDERED.some((name) => file === `sets/${name}.yaml`);

let rig: Rig;
let theirs: Record<string, JudgedSet>;
let ours: Record<string, JudgedSet>;

beforeAll(async () => {
  rig = await startRig('prod-1', 'prod-2');
  await labelClusters();
  const url = `${rig.github.url}/acme/gitops.git`;
  const files = await fixtureFiles(url);
  await rig.github.createRepository('acme/gitops', { files });
  const [home] = rig.clusters;
  const sets = Object.entries(files).flatMap(([file, text]) => (isJudged(file) ? [text] : []));
  // As kubectl reads them: the same reader as Argo CD's.
  await home?.kubectl(['apply', '--filename=-'], sets.join('\n---\n'));
  ours = await ourSets();
  theirs = await theirSets(url);
  if (process.env.JUDGED === 'write') await writeFile(JUDGED_FILE, judgedText(theirs));
});
afterAll(() => rig?.[Symbol.asyncDispose]());

describe('ApplicationSets', () => {
  test('make the Applications that the real controller makes, or fail where it fails', () => {
    const compared = (sets: Record<string, JudgedSet>) =>
      Object.fromEntries(
        Object.entries(sets)
          .filter(([name]) => !NOT_RENDERED.includes(name))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { error, applications }]) => [name, { failed: error !== undefined, applications }]),
      );
    expect(compared(ours)).toEqual(compared(theirs));
  });
});

async function labelClusters(): Promise<void> {
  const [home] = rig.clusters;
  for (const { name, labels = {}, annotations = {} } of FIXTURE_CLUSTERS) {
    const pairs = (map: object): string[] =>
      Object.entries(map).map(([key, value]) => `${key}=${String(value)}`);
    const secret = ['secret', `cluster-${name}`, '--namespace=argocd'];
    await home?.kubectl(['label', ...secret, ...pairs(labels)]);
    if (Object.keys(annotations).length > 0)
      await home?.kubectl(['annotate', ...secret, ...pairs(annotations)]);
  }
}

async function fixtureFiles(url: string): Promise<Record<string, string>> {
  const entries = await readdir(FIXTURE_REPOSITORY, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files.map(async (file) => [
    file.slice(FIXTURE_REPOSITORY.length + 1),
    (await readFile(file, 'utf8')).replaceAll(FIXTURE_URL, url),
  ]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

interface Listed {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly ownerReferences?: readonly { readonly name: string }[];
    };
    readonly status?: { readonly conditions?: readonly Condition[] };
  }[];
}

/** All ApplicationSets once the controller has done with each, with what it made. */
async function theirSets(url: string): Promise<Record<string, JudgedSet>> {
  const list = async (kind: string): Promise<Listed['items']> => {
    const text = await rig.clusters[0]?.kubectl(['get', kind, '--namespace=argocd', '--output=json']);
    return (JSON.parse(asInFixture(text ?? '{"items":[]}', url)) as Listed).items;
  };
  const isSo = (set: Listed['items'][number], type: string): Condition | undefined =>
    set.status?.conditions?.find((each) => each.type === type && each.status === 'True');
  await waitFor(
    'the ApplicationSets to be done; these are not',
    async () => {
      const found = await list('applicationsets.argoproj.io');
      return found
        .filter((set) => !(isSo(set, 'ResourcesUpToDate') ?? isSo(set, 'ErrorOccurred')))
        .map(({ metadata, status }) => [metadata.name, status?.conditions]);
    },
    (left) => left.length === 0,
    60,
  );
  const sets = await list('applicationsets.argoproj.io');
  const applications = await list('applications.argoproj.io');
  return Object.fromEntries(
    sets.map((set) => {
      const error = isSo(set, 'ErrorOccurred')?.message;
      const made = applications.filter(
        ({ metadata }) => metadata.ownerReferences?.[0]?.name === set.metadata.name,
      );
      const byName = Object.fromEntries(made.map((each) => judged(each)));
      return [set.metadata.name, { ...(error === undefined ? {} : { error }), applications: byName }];
    }),
  );
}

/** The rig's own URLs differ from run to run. */
const asInFixture = (text: string, url: string): string =>
  FIXTURE_CLUSTERS.reduce(
    (all, { name, server }) => all.replaceAll(rig.cluster(name).url, server),
    text.replaceAll(url, FIXTURE_URL),
  );

const judgedText = (sets: Record<string, JudgedSet>): string =>
  `# What a real ApplicationSet controller (Argo CD 3.5) made of fixtures/repository/sets. Written by
# \`JUDGED=write npm run e2e -- applications\`; do not edit.
${stringify(sets, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false })}`;
