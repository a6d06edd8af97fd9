import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type JudgedSet, ourSets } from './judged.ts';

/**
 * What the real ApplicationSet controller made of fixtures/repository, as recorded by `JUDGED=write npm run e2e --
 * applications`, compared with what we make of it.
 */
const theirs = parse(await readFile(new URL('judged.yaml', import.meta.url), 'utf8')) as Record<
  string,
  JudgedSet
>;
let ours: Record<string, JudgedSet>;

beforeAll(async () => {
  ours = await ourSets();
});

describe('an ApplicationSet makes what Argo CD makes of it:', () => {
  test.each(Object.entries(theirs))('%s', (name, judged) => {
    const { error, applications } = ours[name] ?? { applications: {} };
    expect(applications).toEqual(judged.applications);
    // Where Argo CD has a word of complaint, so have we, and nowhere else.
    expect(error === undefined, error).toBe(judged.error === undefined);
  });
});

test('each set of the fixture is judged, but for those that would need a network', () => {
  const unjudged = Object.keys(ours).filter((name) => !Object.hasOwn(theirs, name));
  expect(unjudged).toEqual(['elsewhere', 'pull-requests']);
  // They are reported, and what stands beside them is made.
  expect(ours.elsewhere?.error).toContain(
    'sets/elsewhere.yaml:7:9: It reads https://git.example.com/acme/other.git',
  );
  expect(ours['pull-requests']?.error).toContain(
    'sets/pull-requests.yaml:6:20: The generator pullRequest asks',
  );
  expect(Object.keys(ours['pull-requests']?.applications ?? {})).toEqual(['pull-requests-beside']);
});
