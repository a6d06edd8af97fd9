import { z } from 'zod';

const SHAPE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/;
const WORDS = 'must be a date and time with its offset, like 2026-12-29T18:00+09:00';

/** `Date.parse` turns 30 February into 2 March; this knows the calendar, but demands seconds. */
const calendar = z.iso.datetime({ offset: true });

const withSeconds = (text: string): string => text.replace(/(T\d{2}:\d{2})(?=Z|[+-])/, '$1:00');

/** An instant: RFC 3339, seconds may be left out, the offset may not (whose midnight would it be?). */
export const dateTime = z
  .string(WORDS)
  .regex(SHAPE, { error: WORDS, abort: true })
  .refine((text) => calendar.safeParse(withSeconds(text)).success, {
    error: 'is not a date of the calendar',
    abort: true,
  })
  .transform((text) => new Date(withSeconds(text)));
