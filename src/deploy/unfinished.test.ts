import { expect, test } from 'vitest';
import type { RecordedVerdict } from '../release/verdict.ts';
import type { DeployCommit } from './deploy-history.ts';
import { findUnfinished } from './unfinished.ts';

const HOUR = 60 * 60_000;
const now = Date.UTC(2026, 10, 21, 12);
const clusters = new Map([['production', ['prod-1']]]);

const commit = (oid: string, apps: readonly string[]): DeployCommit => ({
  oid,
  url: `https://github.example/${oid}`,
  at: new Date(now - HOUR),
  parent: 'p',
  proposed: undefined,
  deploys: apps.map((app) => ({ app, environment: 'production', action: 'bump', key: oid })),
});

const verdict = (app: string, state: RecordedVerdict['state']): RecordedVerdict => ({
  app,
  cluster: 'prod-1',
  state,
  description: '',
  url: undefined,
  at: new Date(now - HOUR),
});

const together = commit('together', ['web', 'billing']);
const failed = [verdict('web', 'failure'), verdict('billing', 'success')] as const;
const later = commit('later', ['web']);

test('what is deployed together fails together', () => {
  const verdicts = new Map([['together', failed]]);
  expect(findUnfinished([together], verdicts, clusters, now).unfinished).toMatchObject([
    { apps: ['web', 'billing'], why: 'not-undone' },
  ]);
});

test('but one that was replaced since takes none with it that is healthy', () => {
  const verdicts = new Map<string, readonly RecordedVerdict[]>([
    ['together', failed],
    ['later', [verdict('web', 'success')]],
  ]);
  expect(findUnfinished([later, together], verdicts, clusters, now).unfinished).toEqual([]);
});
