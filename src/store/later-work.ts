import { setTimeout as pause } from "node:timers/promises";

/** How long (ms) work that failed waits before it is tried again; after the last of these it is given up. */
const PAUSES_MS: readonly number[] = [1000, 10_000, 60_000];

/** Work that goes on after the request which asked for it was answered, until the store is closed. */
export class LaterWork {
  readonly #report: (message: string) => void;
  /** How many pieces of work go on, by name. */
  readonly #going = new Map<string, number>();
  readonly #works = new Set<Promise<void>>();
  readonly #ending = new AbortController();

  /** `report` hears of work that failed. */
  constructor(report: (message: string) => void) {
    this.#report = report;
  }

  /** Begins work. Where it fails it is tried again a few times, so it must be such that doing it twice does no harm. */
  begin(name: string, work: () => Promise<void>): void {
    this.#going.set(name, (this.#going.get(name) ?? 0) + 1);
    const done = this.#try(name, work).finally(() => {
      this.#works.delete(done);
      const others = (this.#going.get(name) ?? 1) - 1;
      if (others === 0) this.#going.delete(name);
      else this.#going.set(name, others);
    });
    this.#works.add(done);
  }

  /** Tells whether work of this name goes on, or waits to be tried again. */
  isGoing(name: string): boolean {
    return this.#going.has(name);
  }

  /** Waits until all that goes on has ended; nothing that fails is tried again from now on. */
  async ended(): Promise<void> {
    this.#ending.abort();
    while (this.#works.size > 0) await Promise.all(this.#works);
  }

  async #try(name: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    for (const wait of [...PAUSES_MS, null]) {
      try {
        await work();
        return;
      } catch (error) {
        const again = wait === null || signal.aborted ? "it is left as it is" : `it is tried again in ${wait / 1000} s`;
        this.#report(`${name}: ${error instanceof Error ? error.message : String(error)}; ${again}`);
      }
      if (wait !== null) await pause(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}
