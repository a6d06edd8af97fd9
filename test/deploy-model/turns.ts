import type { Timing } from '../../src/github/timing.ts';

/** What one run has done so far, and whether it is killed. */
export interface Runner {
  readonly name: string;
  /** Requests that it has sent. */
  requests: number;
  dead: boolean;
}

/**
 * Who goes on next, and when time passes: everything that runs at the same time stops at each request and each sleep, and
 * one of them goes on. `choices` decide; without more of them it is whoever waits longest, and time passes when nobody has
 * a request under way. So a run can be as slow as one likes, and the same choices give the same story.
 */
export class Turns {
  now: number;
  #choices: readonly number[];
  #next = 0;
  readonly #ready: { readonly runner: Runner; readonly go: () => void }[] = [];
  #sleepers: { readonly runner: Runner; readonly until: number; readonly wake: () => void }[] = [];
  readonly #onTime: (now: number) => void;

  constructor(start: number, choices: readonly number[], onTime: (now: number) => void) {
    this.now = start;
    this.#choices = choices;
    this.#onTime = onTime;
  }

  /** Goes on when it is this runner's turn; never, once it is dead. */
  turn(runner: Runner): Promise<void> {
    return new Promise((go) => {
      if (!runner.dead) this.#ready.push({ runner, go });
    });
  }

  sleep(runner: Runner, milliseconds: number): Promise<void> {
    return new Promise((wake) => {
      if (!runner.dead) this.#sleepers.push({ runner, until: this.now + milliseconds, wake });
    });
  }

  timing(runner: Runner): Timing {
    return {
      now: () => this.now,
      sleep: (milliseconds) => this.sleep(runner, milliseconds),
      random: () => 0.5,
    };
  }

  /** From now on everybody is served in order. */
  settle(): void {
    this.#choices = [];
  }

  /** Lets all of them go on until `work` is done. */
  async play<Result>(work: Promise<Result>): Promise<Result> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    work.then(end, end);
    for (let step = 0; step < MOST_STEPS; step++) {
      // Everything in memory that does not wait for a turn is done before the next one.
      await new Promise((resolve) => setImmediate(resolve));
      if (ended) return work;
      this.#step();
    }
    throw new Error('this story does not end');
  }

  #step(): void {
    const ready = this.#ready.filter(({ runner }) => !runner.dead);
    this.#ready.splice(0, this.#ready.length, ...ready);
    this.#sleepers = this.#sleepers.filter(({ runner }) => !runner.dead);
    const choice = this.#choices[this.#next++] ?? 0;
    if (ready.length > 0 && (choice < STALL || this.#sleepers.length === 0)) {
      const [chosen] = this.#ready.splice(choice % ready.length, 1);
      this.#pass(this.now + REQUEST_MS);
      chosen?.go();
      return;
    }
    const sleeper = this.#sleepers.toSorted((one, other) => one.until - other.until)[0];
    if (sleeper === undefined) throw new Error('everybody waits for somebody else');
    this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
    this.#pass(Math.max(this.now, sleeper.until));
    sleeper.wake();
  }

  #pass(now: number): void {
    this.now = now;
    this.#onTime(now);
  }
}

/** Choices from here on let time pass although a request is under way. */
const STALL = 28;

/** The choices of one story. */
export const HIGHEST_CHOICE = 29;

const REQUEST_MS = 300;

const MOST_STEPS = 50_000;
