import { answerWords, type GitHubClientOptions, type Outage } from '../github/client.ts';
import { progress } from './run-command.ts';

/** Requests that are given up within so many milliseconds met the same outage; a line for each says nothing new. */
const SAME_MS = 10_000;

/**
 * Tells a person that GitHub gives no answer, and until when it is asked again.
 *
 * @param tell takes a line
 */
export function outageTeller(tell: (line: string) => void): NonNullable<GitHubClientOptions['onOutage']> {
  let toldUntil = -Infinity;
  return ({ fault, until }: Outage) => {
    if (until < toldUntil + SAME_MS) return;
    toldUntil = until;
    tell(`${answerWords(fault)}. It is asked again until ${timeOfDay(until)} …`);
  };
}

/** `21:58:03` on the clock of whoever reads it. */
const timeOfDay = (time: number): string => new Date(time).toTimeString().slice(0, 8);

/** For commands that have no other lines on the screen. */
export const tellOutage = outageTeller(progress);
