import { expect, test } from 'vitest';
import { outageTeller } from './outage.ts';

test('an outage is told once, with its end, however many requests meet it; a later end is told again', () => {
  const lines: string[] = [];
  let now = new Date(2026, 10, 21, 21, 57, 3).getTime();
  const tell = outageTeller((line) => lines.push(line));
  const fault = {
    kind: 'unavailable',
    message: 'getaddrinfo ENOTFOUND api.github.com',
    status: undefined,
  } as const;
  const meet = () => tell({ fault, until: now + 60_000 });
  meet();
  now += 20;
  meet();
  expect(lines).toEqual([
    'GitHub did not answer (getaddrinfo ENOTFOUND api.github.com). It is asked again until 21:58:03 …',
  ]);
  now += 20_000;
  meet();
  expect(lines.slice(1)).toEqual([expect.stringContaining('until 21:58:23 …')]);
});
