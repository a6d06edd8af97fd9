import type { Following } from './follow.ts';
import type { WaitReporter } from './wait.ts';
import { progressLine } from './wait-report.ts';

/** Numbers go up with every look; what is happening changes seldom. */
const withoutNumbers = (line: string): string => line.replaceAll(/\d+/g, '#');

/** How seldom a line is repeated of which only numbers have changed (milliseconds). */
const REPEATED_AFTER_MS = 30_000;

/**
 * Progress for a log: a line when something new happens, and now and then where only numbers change.
 *
 * @param now milliseconds since the epoch
 */
export function logReporter(print: (line: string) => void, now: () => number): WaitReporter {
  const last = new Map<string, { readonly line: string; readonly at: number }>();
  return {
    application: (following) => {
      const line = progressLine(following);
      const { application } = following.awaited;
      const before = last.get(application);
      const isSame = before !== undefined && withoutNumbers(before.line) === withoutNumbers(line);
      if (isSame && (before.line === line || now() - before.at < REPEATED_AFTER_MS)) {
        return;
      }
      last.set(application, { line, at: now() });
      print(line);
    },
    step: print,
  };
}

/** A terminal, as far as it is needed here. */
export interface Screen {
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Progress for a terminal: one line for each application, which changes in its place; steps stand above them. */
export function screenReporter(screen: Screen): WaitReporter {
  const lines = new Map<string, string>();
  let shown = 0;
  const draw = (above: readonly string[]): void => {
    const width = screen.columns ?? 80;
    const all = [...above, ...lines.values()].map((line) => line.slice(0, width - 1));
    // Cursor up, then erase to the end of the screen (ECMA-48: CUU, ED).
    const back = shown === 0 ? '' : `\u001b[${shown}A\u001b[J`;
    screen.write(`${back}${all.map((line) => `${line}\n`).join('')}`);
    shown = lines.size;
  };
  return {
    application: (following: Following) => {
      lines.set(following.awaited.application, progressLine(following));
      draw([]);
    },
    step: (words) => draw([words]),
  };
}
