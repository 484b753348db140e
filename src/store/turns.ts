/** Lets one asynchronous piece of work run after another, in the order they came. Work that shares its turn runs beside other such work. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  /** Those that share the turn behind the last one; null when nobody does. */
  #sharing: Promise<unknown> | null = null;

  /** Runs work when everything that came before has ended, whether it failed or not. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#sharing === null ? this.#last : Promise.all([this.#last, this.#sharing]);
    this.#sharing = null;
    const mine = before.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Runs work when everything that came before and does not share has ended. */
  async share<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(work);
    this.#sharing = Promise.allSettled([this.#sharing, mine]).then(() => undefined);
    return mine;
  }

  /** Waits until everything that came so far has ended. */
  async idle(): Promise<void> {
    await Promise.all([this.#last, this.#sharing]);
  }
}

/** One line of turns for each name, forgotten when nobody waits in it. */
export class NamedTurns {
  readonly #lines = new Map<string, { turns: Turns; waiting: number }>();

  async take<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.#wait(name, async (turns) => turns.take(work));
  }

  /** The same for work that runs beside other work that shares the turn of this name. */
  async share<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.#wait(name, async (turns) => turns.share(work));
  }

  async #wait<Result>(name: string, take: (turns: Turns) => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(name) ?? { turns: new Turns(), waiting: 0 };
    this.#lines.set(name, line);
    line.waiting++;
    try {
      return await take(line.turns);
    } finally {
      line.waiting--;
      if (line.waiting === 0) this.#lines.delete(name);
    }
  }
}
