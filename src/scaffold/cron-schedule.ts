import { Cron } from 'croner';
import cronstrue from 'cronstrue';
import { couldNot } from '../report/failure.ts';

/** A schedule of a CronJob that Kubernetes takes, and what it means. */
export interface CronSchedule {
  /** Five fields, one space between them. */
  readonly schedule: string;
  /** IANA name. */
  readonly timeZone: string;
  /** `At 03:00 AM` in plain English. */
  readonly words: string;
  /** The next three runs. */
  readonly next: readonly Date[];
}

const FIELDS = ['minute', 'hour', 'day of the month', 'month', 'day of the week'] as const;

/**
 * What stands in each field. Kubernetes reads schedules by robfig/cron (its "CronJob" page, "Schedule syntax"), which
 * knows no L, W and #: what croner knows beyond it is kept out here.
 */
const NUMBERS = /^[\d*/,?-]+$/;
const MONTHS = /^(?:[\d*/,?-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+$/i;
const DAYS = /^(?:[\d*/,?-]|sun|mon|tue|wed|thu|fri|sat)+$/i;
const PATTERNS = [NUMBERS, NUMBERS, NUMBERS, MONTHS, DAYS] as const;

/**
 * Reads a schedule as Kubernetes does and says when it runs.
 *
 * @param timeZone an IANA name, like Asia/Tokyo
 * @throws Failure (exit 2, `bad-schedule` or `bad-time-zone`) for what the API server would refuse, and for a schedule
 * that never comes
 */
export function parseSchedule(text: string, timeZone: string, now: Date): CronSchedule {
  const fields = text.trim().split(/\s+/);
  const refuse = (why: string, todo = 'Write five fields, like 0 3 * * * for every day at 03:00.') =>
    couldNot(`${JSON.stringify(text.slice(0, 100))} is not a schedule: ${why}.`, {
      todo,
      reason: 'bad-schedule',
    });
  if (fields.length !== FIELDS.length) {
    throw refuse(
      `it has ${fields.length === 1 ? '1 field' : `${fields.length} fields`} instead of 5 (${FIELDS.join(', ')})`,
    );
  }
  const strange = fields.findIndex(
    (field, index) => field.length > 100 || PATTERNS[index]?.test(field) !== true,
  );
  if (strange !== -1) {
    throw refuse(
      `Kubernetes cannot read ${JSON.stringify(fields[strange]?.slice(0, 100))} as ${FIELDS[strange]}`,
    );
  }
  // Sunday is 0 for robfig/cron, which refuses 7; croner would take it.
  if (fields[4]?.split(/[,/-]/).includes('7') === true) {
    throw refuse('Kubernetes counts the days of the week from 0 to 6', 'Write 0 for Sunday.');
  }
  const schedule = fields.join(' ');
  const zone = checkTimeZone(timeZone);
  const cron = readCron(schedule, zone, refuse);
  const next = cron.nextRuns(3, now);
  if (next.length === 0) {
    throw refuse('there is no such day', 'Look at day and month: 31 2 never comes.');
  }
  const words = cronstrue.toString(schedule, { use24HourTimeFormat: true, dayOfWeekStartIndexZero: true });
  return { schedule, timeZone: zone, words, next };
}

/** @throws Failure (exit 2, `bad-time-zone`) */
export function checkTimeZone(name: string): string {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    // Kubernetes looks the name up as a file, where case counts. Another name for the same zone (UTC) is kept as it is.
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  } catch {
    throw couldNot(`${JSON.stringify(name.slice(0, 100))} is not a time zone.`, {
      todo: 'Write it as the IANA list does, like Asia/Tokyo or Etc/UTC.',
      reason: 'bad-time-zone',
    });
  }
}

function readCron(schedule: string, timezone: string, refuse: (why: string) => Error): Cron {
  try {
    return new Cron(schedule, { mode: '5-part', timezone, paused: true });
  } catch (error) {
    // The library's words: "CronPattern: Invalid value for minute: 60".
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '').replace(/\.$/, '') : '';
    throw refuse(why.charAt(0).toLowerCase() + why.slice(1));
  }
}

/** `Mon, 23 Nov 2026, 03:00` in the schedule's own time zone. */
export const formatRun = (run: Date, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(run);
