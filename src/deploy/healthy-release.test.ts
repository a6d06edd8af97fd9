import { expect, test } from 'vitest';
import type { PastRelease } from '../history/past-releases.ts';
import type { ReleaseRecord } from '../release/release-record.ts';
import type { DeployVerdict } from '../release/verdict.ts';
import { healthyBefore } from './healthy-release.ts';

const HOUR = 60 * 60_000;
const NOW = Date.UTC(2026, 10, 21, 9);

const record = (tag: string): ReleaseRecord => ({
  images: new Map([
    [
      '',
      {
        name: '',
        image: { repository: 'registry.example.com/web', tag, digest: undefined },
        build: undefined,
        at: undefined,
      },
    ],
  ]),
  rollback: false,
  hold: undefined,
});

const past = (tag: string, verdict: DeployVerdict, hoursAgo: number): PastRelease => ({
  app: 'web',
  environment: 'production',
  commit: `${tag}${hoursAgo}`,
  url: undefined,
  at: new Date(NOW - hoursAgo * HOUR),
  by: 'kajitori',
  action: 'bump',
  reason: undefined,
  run: undefined,
  release: record(tag),
  verdict,
  verdicts: [],
});

const chosen = (to: string, releases: readonly PastRelease[], ours = 'bad') =>
  healthyBefore({ to: record(to), ours: record(ours) }, releases, NOW)?.images.get('')?.image.tag;

test('the one right before, when it was healthy', () => {
  expect(chosen('b', [past('b', 'healthy', 1), past('a', 'healthy', 2)])).toBe('b');
});

test.each(['failed', 'unknown', 'running', 'none'] as const)('an earlier one, when that is %s', (verdict) => {
  expect(chosen('b', [past('b', verdict, 1), past('a', 'healthy', 2)])).toBe('a');
});

test('the one right before, when none is known to be healthy', () => {
  expect(chosen('b', [past('b', 'unknown', 1), past('a', 'none', 2)])).toBe('b');
});

test('the one right before, when nobody judged it and it stands for a day: there, nobody waits', () => {
  expect(chosen('b', [past('b', 'none', 25), past('a', 'healthy', 500)])).toBe('b');
});

test('not what was healthy once and failed later, and not what fails now', () => {
  const releases = [
    past('c', 'unknown', 1),
    past('b', 'failed', 2),
    past('b', 'healthy', 3),
    past('bad', 'healthy', 4),
  ];
  expect(chosen('c', [...releases, past('a', 'healthy', 5)])).toBe('a');
  expect(chosen('c', releases)).toBe('c');
});

test('what a person wrote there by hand stays', () => {
  expect(chosen('by-hand', [past('b', 'failed', 1), past('a', 'healthy', 2)])).toBe('by-hand');
});
