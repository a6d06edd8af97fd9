import { z } from 'zod';

const WORDS = 'must be a time like 30m, 4h or 2d';
const SHAPE = /^([1-9]\d{0,4})([mhd])$/;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time span, as people write it; parsed, milliseconds. */
export const duration = z
  .string(WORDS)
  .regex(SHAPE, WORDS)
  .transform((text) => durationOf(text) ?? 0);

/** Milliseconds of `30m`, `4h` or `2d`; undefined for anything else. */
export function durationOf(text: string): number | undefined {
  const [, count, unit = ''] = SHAPE.exec(text) ?? [];
  const milliseconds = UNITS[unit];
  return milliseconds === undefined ? undefined : Number(count) * milliseconds;
}

/** For people: `45 min`, `3 h 20 min`, `2 d 4 h`. At most two units; what is under a minute is seconds. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  const parts = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor((minutes % 1440) / 60), 'h'],
    [minutes % 60, 'min'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : []))
    .join(' ');
}
