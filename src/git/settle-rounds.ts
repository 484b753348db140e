import type { Journal } from "./journal.ts";
import type { JournalRange } from "./journal-segments.ts";
import type { WriteGroup } from "./repository.ts";
import type { LostMove } from "./settle.ts";
import type { Settler } from "./settler.ts";

/** What stock git may lag behind under load (ms, DESIGN §2): rounds that nobody waits for begin this far apart. */
export const ROUND_MS = 100;

/** How long a failed round is left alone (ms). */
const RETRY_MS = 1000;

/** What became durable with one append and is not settled yet. */
export interface Unsettled {
  readonly range: JournalRange;
  readonly lastSequence: number;
  readonly groups: readonly WriteGroup[];
}

/** What rounds of settling tell. */
export interface RoundEvents {
  /** These are settled: stock git sees them. */
  readonly settled: (batch: readonly Unsettled[], lost: readonly LostMove[]) => void;
  /** Settling fails; the journal keeps everything, and it is tried again. Told once until it works. */
  readonly failed: (error: unknown) => void;
}

/** Settles in the background what a journal holds, a round at a time. */
export class SettleRounds {
  readonly #settler: Settler;
  readonly #journal: Journal;
  readonly #events: RoundEvents;
  #waiting: Unsettled[] = [];
  /** The number of the newest record that is settled. */
  #settled = 0;
  #round: Promise<void> | null = null;
  #began = -Infinity;
  #failed: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(settler: Settler, journal: Journal, events: RoundEvents) {
    this.#settler = settler;
    this.#journal = journal;
    this.#events = events;
  }

  /** Bytes of the journal that wait to be settled. */
  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { range }) => sum + range.end - range.start, 0);
  }

  add(unsettled: Unsettled): void {
    this.#waiting.push(unsettled);
  }

  /** Begins a round when the last one began long enough ago. */
  begin(): void {
    if (this.#timer !== null || this.#round !== null || this.#waiting.length === 0) return;
    const due = this.#failed === null ? this.#began + ROUND_MS : this.#failed + RETRY_MS;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#join().catch(() => undefined);
      },
      Math.max(0, due - performance.now()),
    );
  }

  /** Resolves when everything that was added before is settled. Throws what settling throws. */
  async settle(): Promise<void> {
    const due = this.#waiting.at(-1)?.lastSequence ?? 0;
    while (this.#settled < due) await this.#join();
  }

  /** Begins a round now, or joins the one at work. */
  async #join(): Promise<void> {
    this.#round ??= this.#settle().finally(() => {
      this.#round = null;
      this.begin();
    });
    return this.#round;
  }

  async #settle(): Promise<void> {
    const batch = this.#waiting.slice();
    const last = batch.at(-1);
    if (last === undefined) return;
    this.#began = performance.now();
    let lost: readonly LostMove[];
    try {
      lost = await this.#settler.settle(joinRanges(batch.map(({ range }) => range)));
    } catch (error) {
      if (this.#failed === null) this.#events.failed(error);
      this.#failed = performance.now();
      throw error;
    }
    this.#failed = null;
    this.#waiting = this.#waiting.slice(batch.length);
    this.#settled = last.lastSequence;
    this.#events.settled(batch, lost);
    this.#journal.retire(last.lastSequence);
  }

  /** Lets go of the settler; what is not settled is left to the next start. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting = [];
    await this.#settler.close();
  }
}

/** Ranges that follow one another in one segment, as one. */
function joinRanges(ranges: readonly JournalRange[]): JournalRange[] {
  const joined: JournalRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last?.path === range.path && last.end === range.start) joined[joined.length - 1] = { ...last, end: range.end };
    else joined.push(range);
  }
  return joined;
}
