import { isDeepStrictEqual, styleText } from 'node:util';
import { couldNot } from '../report/failure.ts';

/** Where a story is told, and how it may look there. */
export interface Stage {
  /** Takes whole lines. */
  readonly write: (text: string) => void;
  /** Columns of text. */
  readonly width: number;
  readonly colours: boolean;
  /** Shows these lines until the next call; none takes them away. Only on a terminal: a log stays short. */
  readonly live?: ((lines: readonly string[]) => void) | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

/** What is left of a chapter when it is over. */
export interface ChapterRecord {
  readonly title: string;
  readonly seconds: number;
  /** The statements that were checked, in their order. */
  readonly holds: readonly string[];
}

/** One chapter while it is told. */
export interface Chapter {
  /** A sentence or two; wrapped. */
  tell(text: string): void;
  /** What somebody would type, or what GitHub Actions would run, to get the same. */
  command(line: string): void;
  /** Lines as they are, indented: a table, a tree, an answer of a command. */
  show(block: string): void;
  /** The same for a unified diff, in its colours. */
  showDiff(diff: string): void;
  /** What takes a moment now. Only on a terminal. */
  working(what: string): void;
  /** Things that change, each kept up to date in its line until the next call. Only on a terminal. */
  live(lines: readonly string[]): void;
  /** Where nothing can be kept up to date, what is new is written instead, with `note`. */
  readonly isLive: boolean;
  /** One line of what happened. */
  note(line: string): void;
  /**
   * Says that something is so, after looking. Compared deeply.
   *
   * @throws Failure (exit 2, `demo-broken`) when it is not so
   */
  holds(statement: string, looked: { readonly found: unknown; readonly expected: unknown }): void;
}

type Style = Parameters<typeof styleText>[0];

const INDENT = '   ';
const BLOCK_INDENT = `${INDENT}  `;

/** Tells a story in numbered chapters; every statement in it is checked when it is made. */
export class Narrator {
  readonly records: ChapterRecord[] = [];
  readonly #stage: Stage;
  #gap = true;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Lines as they are. Of several empty lines in a row only one is written, so that blocks need not know their neighbours. */
  say(lines: readonly string[]): void {
    for (const line of lines) {
      if (line !== '' || !this.#gap) {
        this.#stage.write(line);
      }
      this.#gap = line === '';
    }
  }

  /** Wrapped to the width of the stage. */
  sayWrapped(text: string): void {
    this.say(wrap(text, this.#stage.width, INDENT));
  }

  heading(text: string): void {
    this.say([this.paint('bold', text)]);
  }

  paint(style: Style, text: string): string {
    return this.#stage.colours && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Tells one chapter and takes its time. What `body` throws is passed on, and the chapter is not recorded. */
  async chapter<Result>(title: string, body: (chapter: Chapter) => Promise<Result>): Promise<Result> {
    const { now, live } = this.#stage;
    const holds: string[] = [];
    const start = now();
    this.say([
      '',
      `${this.paint(['bold', 'cyan'], `${this.records.length + 1}.`)} ${this.paint('bold', title)}`,
    ]);
    try {
      const result = await body(this.#teller(holds));
      const seconds = secondsBetween(start, now());
      this.records.push({ title, seconds, holds });
      live?.([]);
      this.say([this.paint('dim', `${INDENT}(${formatSeconds(seconds)})`)]);
      return result;
    } finally {
      live?.([]);
    }
  }

  #teller(holds: string[]): Chapter {
    const { live, width } = this.#stage;
    const say = (lines: readonly string[]): void => {
      live?.([]);
      this.say(lines);
    };
    const indented = (block: string, paintLine: (line: string) => string): string[] =>
      block
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${BLOCK_INDENT}${paintLine(line)}`.trimEnd());
    const folded = (block: string): string =>
      block
        .split('\n')
        .flatMap((line) => fold(line, width - BLOCK_INDENT.length))
        .join('\n');
    return {
      tell: (text) => say(wrap(text, width, INDENT)),
      command: (line) => say(['', ...indented(`$ ${line}`, (part) => this.paint('cyan', part)), '']),
      show: (block) => say(['', ...indented(folded(block), (line) => line), '']),
      showDiff: (diff) =>
        say(['', ...indented(withoutGitLines(diff), (line) => this.#paintDiffLine(line)), '']),
      working: (what) => live?.([`${INDENT}… ${what}`]),
      live: (lines) => live?.(lines.map((line) => `${BLOCK_INDENT}${line}`)),
      isLive: live !== undefined,
      note: (line) => say(indented(folded(line), (part) => this.paint('dim', part))),
      holds: (statement, { found, expected }) => {
        if (!isDeepStrictEqual(found, expected)) {
          throw notSo(statement, found, expected);
        }
        holds.push(statement);
        const [first = '', ...rest] = wrap(statement, width, `${INDENT}  `);
        say([`${INDENT}${this.paint('green', '✓')} ${first.trimStart()}`, ...rest]);
      },
    };
  }

  #paintDiffLine(line: string): string {
    if (/^(?:---|\+\+\+|@@)/.test(line)) {
      return this.paint('dim', line);
    }
    return line.startsWith('+')
      ? this.paint('green', line)
      : line.startsWith('-')
        ? this.paint('red', line)
        : line;
  }
}

const notSo = (statement: string, found: unknown, expected: unknown) =>
  couldNot(
    `This should hold and does not: ${statement}\n  expected: ${JSON.stringify(expected)}\n  found:    ${JSON.stringify(found)}`,
    {
      todo: 'The demo shows only what it has checked, so it ends here. Please report this; --keep leaves the folder to look at.',
      reason: 'demo-broken',
    },
  );

/** Milliseconds are exact enough, for people and machines. */
export const secondsBetween = (start: number, end: number): number => Math.round(end - start) / 1000;

export const formatSeconds = (seconds: number): string => `${seconds.toFixed(1)} s`;

/** Breaks text at spaces so that no line with its indent is longer than `width`; a longer word has a line of its own. */
export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line !== indent && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** The lines of git that repeat the names of the files, or are for machines. */
const withoutGitLines = (diff: string): string => diff.replaceAll(/^(?:diff --git|index) .*\n/gm, '');

/** Breaks a line that is longer than `width` at spaces, and leaves it else as it is; what goes on below is indented deeper. */
function fold(line: string, width: number): string[] {
  const own = /^ */.exec(line)?.[0] ?? '';
  const deeper = `${own}    `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const start = rest.length - rest.trimStart().length;
    const last = rest.lastIndexOf(' ', width);
    const cut = last > start ? last : rest.indexOf(' ', width);
    if (cut === -1) {
      break;
    }
    lines.push(rest.slice(0, cut));
    rest = `${deeper}${rest.slice(cut).trimStart()}`;
  }
  return [...lines, rest];
}

/** Columns side by side, each as wide as its longest cell. */
export function columns(rows: readonly (readonly string[])[]): string {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(...rows.map((row) => (row[index] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
