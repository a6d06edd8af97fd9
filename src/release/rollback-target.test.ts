import { expect, test } from 'vitest';
import type { PastRelease, PastReleases } from '../history/past-releases.ts';
import { chooseRelease } from './rollback-target.ts';

const FIRST: PastRelease = {
  app: 'web',
  environment: 'production',
  commit: 'c0ffee00'.repeat(5),
  url: undefined,
  at: new Date('2026-11-21T09:00:00Z'),
  by: 'alice',
  action: 'bump',
  reason: undefined,
  run: undefined,
  release: { images: new Map(), rollback: false, hold: undefined },
  verdict: 'failed',
  verdicts: [],
};

const refusal = (
  past: Partial<PastReleases>,
  kind: 'last-healthy' | 'previous',
  judged: boolean,
): unknown => {
  try {
    return chooseRelease(
      { releases: [FIRST], more: false, unreadable: [], ...past },
      { kind },
      { app: 'web', environment: 'production', judged },
    );
  } catch (error) {
    return error;
  }
};

test.each([
  ['last-healthy', true],
  ['last-healthy', false],
  ['previous', true],
] as const)('the first release has none before it, and that is said (%s)', (kind, judged) => {
  expect(refusal({}, kind, judged)).toMatchObject({
    exitCode: 2,
    reason: 'no-release',
    message: expect.stringContaining('nothing to go back to'),
    todo: expect.stringContaining('kajitori hold'),
  });
});

test('where older ones were not read, they may be there', () => {
  expect(refusal({ more: true }, 'last-healthy', true)).toMatchObject({ reason: 'no-healthy-release' });
});
