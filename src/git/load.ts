/** Writes that each came this soon (ms) after the one before was answered are load from so many on, and so are several at once. */
const SOON_MS = 5;
const LOAD_WRITES = 16;
const LOAD_AT_ONCE = 4;
/** A pause (ms) that ends it. */
const PAUSE_MS = 50;

/** Tells a program that writes as fast as it can from somebody who looks at what came of each write. */
export class Load {
  #answered = -Infinity;
  #streak = 0;

  /** Takes note of writes, the first of which came at `since` (ms, monotonic), and tells whether they are part of a load. */
  includes(since: number, writes: number): boolean {
    const gap = since - this.#answered;
    if (gap > PAUSE_MS) this.#streak = 0;
    if (writes >= LOAD_AT_ONCE) this.#streak += LOAD_WRITES;
    else if (gap < SOON_MS) this.#streak += writes;
    return this.#streak >= LOAD_WRITES;
  }

  /** Takes note that writes were answered just now. */
  answered(): void {
    this.#answered = performance.now();
  }
}
