import { z } from 'zod';
import { couldNot } from '../report/failure.ts';
import { durationOf, formatDuration } from './duration.ts';

const SHAPE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/;
const WORDS = 'must be a date and time with its offset, like 2026-12-29T18:00+09:00';

/** `Date.parse` turns 30 February into 2 March; this knows the calendar, but demands seconds. */
const calendar = z.iso.datetime({ offset: true });

const withSeconds = (text: string): string => text.replace(/(T\d{2}:\d{2})(?=Z|[+-])/, '$1:00');

/**
 * Reads an end that a person wrote: a date and time with its offset, or a time from now like `4h`.
 *
 * @param longestMs how far away it may be, in milliseconds
 * @throws Failure (exit 2, `bad-date`) for another text, a moment that is over, or one too far away
 */
export function parseEnd(text: string, now: Date, longestMs: number): Date {
  const span = durationOf(text.trim());
  const parsed =
    span === undefined
      ? dateTime.safeParse(text.trim())
      : { success: true as const, data: new Date(now.getTime() + span) };
  if (!parsed.success) {
    throw couldNot(`${JSON.stringify(text.slice(0, 80))} is no end: it ${parsed.error.issues[0]?.message}.`, {
      todo: 'Write a time from now like 4h or 2d, or a date like 2026-12-29T18:00+09:00.',
      reason: 'bad-date',
    });
  }
  const away = parsed.data.getTime() - now.getTime();
  if (away <= 0 || away > longestMs) {
    throw couldNot(
      away <= 0
        ? `${text.trim()} is over already.`
        : `${text.trim()} is more than ${formatDuration(longestMs)} away.`,
      { todo: 'Write an end that is nearer, and in the future.', reason: 'bad-date' },
    );
  }
  return parsed.data;
}

/** An instant: RFC 3339, seconds may be left out, the offset may not (whose midnight would it be?). */
export const dateTime = z
  .string(WORDS)
  .regex(SHAPE, { error: WORDS, abort: true })
  .refine((text) => calendar.safeParse(withSeconds(text)).success, {
    error: 'is not a date of the calendar',
    abort: true,
  })
  .transform((text) => new Date(withSeconds(text)));
