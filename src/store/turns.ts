/** Lets one asynchronous piece of work run after another, in the order they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs work when everything that came before has ended, whether it failed or not. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Waits until everything that came so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}

/** One line of turns for each name, forgotten when nobody waits in it. */
export class NamedTurns {
  readonly #lines = new Map<string, { turns: Turns; waiting: number }>();

  async take<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(name) ?? { turns: new Turns(), waiting: 0 };
    this.#lines.set(name, line);
    line.waiting++;
    try {
      return await line.turns.take(work);
    } finally {
      line.waiting--;
      if (line.waiting === 0) this.#lines.delete(name);
    }
  }
}
