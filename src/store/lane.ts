import type { StagedWrite, Store } from "./store.ts";

/** Lets work that moves one ref be done one after another. */
export interface Lane {
  /** Does work when everything that came before is done. `ahead` is the store as it then is; what is written to it is durable when this resolves. */
  take<Result>(work: (ahead: Store) => Promise<Result>): Promise<Result>;
  /** Waits until everything that came so far has ended. */
  idle(): Promise<void>;
}

/** How many pieces of work share one write to disk at most. */
const MOST_TOGETHER = 256;

/** A piece of work that waits. */
interface Waiting {
  readonly work: (ahead: Store) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A lane whose work shares durable writes: whatever waits is done one after another on a store that runs ahead of the
 * disk, each piece on what the one before it wrote, and then written together. Nobody sees any of it before that.
 */
export class SharedLane implements Lane {
  readonly #store: Store;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  async take<Result>(work: (ahead: Store) => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Begins after the caller has put in all that it has at hand.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      try {
        await this.#together();
      } catch (error) {
        // What runs ahead could not begin: the disk cannot be read.
        for (const { reject } of this.#waiting.splice(0)) reject(error);
      }
    }
    this.#running = null;
  }

  /** Does what waits now, writes it, and then tells each how its own work ended. */
  async #together(): Promise<void> {
    const { ahead, staged } = this.#store.runAhead();
    const works: { writes: StagedWrite[]; end: () => void; reject: (error: unknown) => void }[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { work, resolve, reject } = next;
      const end = await work(ahead).then(
        (result) => () => resolve(result),
        (error: unknown) => () => reject(error),
      );
      works.push({ writes: staged.splice(0), end, reject });
      if (works.length >= MOST_TOGETHER || !ahead.main.goesOn) break;
    }
    const written = works.map(async ({ writes, end, reject }) =>
      Promise.all(writes.map(async ({ group, learned }) => this.#store.apply(group, learned))).then(end, reject),
    );
    await Promise.all(written);
  }
}

/** The lane of a store that writes nothing for good: work is done at once, on that very store. */
export function ownLane(store: Store): Lane {
  return { take: async (work) => work(store), idle: async () => undefined };
}
