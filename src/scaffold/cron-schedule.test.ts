import { describe, expect, it } from 'vitest';
import { formatRun, parseSchedule } from './cron-schedule.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const read = (text: string, zone = 'Asia/Tokyo') => parseSchedule(text, zone, NOW);

describe('a schedule', () => {
  it('is explained in words, with its next three runs in its own time zone', () => {
    const { schedule, words, next, timeZone } = read('  0   3 * *  mon-fri ');
    expect(schedule).toBe('0 3 * * mon-fri');
    expect(words).toBe('At 03:00, Monday through Friday');
    expect(next.map((run) => formatRun(run, timeZone))).toEqual([
      'Mon, 23 Nov 2026, 03:00',
      'Tue, 24 Nov 2026, 03:00',
      'Wed, 25 Nov 2026, 03:00',
    ]);
    expect(next[0]?.toISOString()).toBe('2026-11-22T18:00:00.000Z');
  });

  it('keeps the hour of its time zone when the clocks change', () => {
    const { next, timeZone } = parseSchedule('0 12 * * *', 'Europe/Berlin', new Date('2026-10-24T00:00:00Z'));
    expect(next.map((run) => run.toISOString().slice(11, 16))).toEqual(['10:00', '11:00', '11:00']);
    expect(next.map((run) => formatRun(run, timeZone).slice(-5))).toEqual(['12:00', '12:00', '12:00']);
  });

  it.each([
    ['0 3 * *', 'it has 4 fields instead of 5'],
    ['0 0 3 * * *', 'it has 6 fields'],
    ['@daily', 'it has 1 field'],
    ['60 * * * *', 'invalid value for minute: 60'],
    ['0 25 * * *', 'invalid value for hour: 25'],
    ['0 0 * * 7', 'days of the week from 0 to 6'],
    ['0 0 * * 5-7', 'days of the week from 0 to 6'],
    ['0 0 L * *', 'cannot read "L" as day of the month'],
    ['0 0 * * 5#2', 'cannot read "5#2" as day of the week'],
    ['0 0 15W * *', 'cannot read "15W"'],
    ['0 0 31 2 *', 'there is no such day'],
    ['*/0 * * * *', 'stepping'],
    ['TZ=UTC 0 3 * * *', 'it has 6 fields'],
    ['0 3 * * $(id)', 'cannot read "$(id)"'],
    ['0 3 * * ${{1}}', 'cannot read "${{1}}"'],
    ['', 'it has 1 field'],
    ['0 3 * * 🦊', 'cannot read'],
    [`0 3 * * ${'1,'.repeat(100)}x`, 'is not a schedule'],
  ])('that Kubernetes would refuse is refused: %s', (text, why) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        reason: 'bad-schedule',
        message: expect.stringContaining(why),
        todo: expect.any(String),
      }),
    );
  });

  it('needs a time zone that exists', () => {
    expect(() => read('0 3 * * *', 'Asia/Tokio')).toThrow(
      expect.objectContaining({ reason: 'bad-time-zone' }),
    );
    expect(() => read('0 3 * * *', '../../etc/passwd')).toThrow(
      expect.objectContaining({ reason: 'bad-time-zone' }),
    );
  });
});
