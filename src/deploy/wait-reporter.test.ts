import { expect, test } from 'vitest';
import type { Following } from './follow.ts';
import { logReporter, screenReporter } from './wait-reporter.ts';

const seen = (cluster: string, words: string): Following => ({
  awaited: { app: 'web', cluster, application: `web-${cluster}`, commit: '', images: [] },
  sight: { state: 'waiting', words, seen: true, blocked: false },
  seenAt: undefined,
  outcome: undefined,
});

test('a log gets a line when something new happens, not for every number', () => {
  let now = 0;
  const printed: string[] = [];
  const report = logReporter(
    (line) => printed.push(line),
    () => now,
  );
  report.application(seen('prod-1', 'migration running (4 s)'));
  report.application(seen('prod-1', 'migration running (5 s)'));
  report.application(seen('prod-2', 'migration running (5 s)'));
  now = 31_000;
  report.application(seen('prod-1', 'migration running (35 s)'));
  report.application(seen('prod-1', '3 of 8 pods ready'));
  report.step('production goes back');
  expect(printed).toEqual([
    'web-prod-1: migration running (4 s)',
    'web-prod-2: migration running (5 s)',
    'web-prod-1: migration running (35 s)',
    'web-prod-1: 3 of 8 pods ready',
    'production goes back',
  ]);
});

test('a terminal shows one line for each application, in its place', () => {
  let written = '';
  const report = screenReporter({ columns: 24, write: (text) => (written += text) });
  report.application(seen('prod-1', 'syncing'));
  report.application(seen('prod-2', 'syncing'));
  written = '';
  report.application(seen('prod-1', 'waiting for pods of web'));
  expect(written).toBe('\u001b[2A\u001b[Jweb-prod-1: waiting for\nweb-prod-2: syncing\n');
  written = '';
  report.step('both go back');
  expect(written).toBe('\u001b[2A\u001b[Jboth go back\nweb-prod-1: waiting for\nweb-prod-2: syncing\n');
});
