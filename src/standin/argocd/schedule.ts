interface ScheduledEvent {
  readonly at: number;
  readonly run: (at: number) => Promise<void> | void;
}

/** What happens when: the events of all applications in the order of their time. Nothing runs by itself. */
export class Schedule {
  #events: ScheduledEvent[] = [];
  #running: Promise<void> = Promise.resolve();

  at(time: number, run: ScheduledEvent['run']): void {
    this.#events.push({ at: time, run });
  }

  /** Runs everything that is due, one after the other; what comes of it and is due, too. */
  runUntil(now: () => number): Promise<void> {
    this.#running = this.#running.then(async () => {
      for (let next = this.#take(now()); next !== undefined; next = this.#take(now())) {
        await next.run(next.at);
      }
    });
    return this.#running;
  }

  #take(now: number): ScheduledEvent | undefined {
    const due = this.#events.filter(({ at }) => at <= now);
    const next = due.toSorted((one, other) => one.at - other.at)[0];
    this.#events = this.#events.filter((event) => event !== next);
    return next;
  }
}
