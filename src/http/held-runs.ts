import type { Store } from "../store/store.ts";

/** How long (ms) git may take between asking whether it may move branches and telling that it did. */
const MOST_MS = 60_000;

/**
 * The turns of runs while git moves their branches for a push that this server itself serves: nobody else closes one of
 * them meanwhile.
 */
export class HeldRuns {
  readonly #works: Promise<unknown>[] = [];
  readonly #late: NodeJS.Timeout;
  readonly #free: () => void;

  private constructor(free: () => void) {
    this.#free = free;
    this.#late = setTimeout(() => this.release(), MOST_MS).unref();
  }

  /** Waits for the turns of these runs, in an order that no two who wait hold up each other. */
  static async take(store: Store, runs: readonly string[]): Promise<HeldRuns> {
    let free: () => void = () => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    for (const run of [...new Set(runs)].sort()) {
      await new Promise<void>((begun) => {
        void store.turns.take(`run ${run}`, async () => {
          begun();
          await freed;
        });
      });
    }
    return new HeldRuns(free);
  }

  /** Does work on one of these runs; they are held until it has ended. */
  async work<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = work();
    this.#works.push(mine.catch(() => undefined));
    return mine;
  }

  /** Gives the turns back when the work that was begun has ended. Once is enough, more do no harm. */
  release(): void {
    clearTimeout(this.#late);
    void Promise.all(this.#works).then(this.#free);
  }
}
