import type { StorageCounts } from "../git/maintenance.ts";
import { within } from "../git/within.ts";
import type { Store } from "./store.ts";
import { dropOldResults, takeLeftPushes } from "./take-push.ts";

/** How often (ms) the files of the repository are counted. */
export const LOOK_MS = 60 * 1000;

/** How long (ms) maintenance is put off while there is little to do: each time packs go away that others may be reading. */
export const EVERY_MS = 10 * 60 * 1000;

/** What is worth the work then. */
const FEW: StorageCounts = { packs: 8, loose: 500, loose_refs: 1000 };

/** So many new packs are not left until then: every reader looks into each. */
const MANY_PACKS = 50;

/** How long (ms) a stop waits for maintenance that was told to end. */
const STOP_MS = 5000;

/** The id of no object. */
const NO_OBJECT = "0".repeat(40);

export interface UpkeepParts {
  readonly store: Store;
  /** In ms since 1970. */
  readonly clock: () => number;
  /** Calls some work again and again, so many ms apart; returns what ends that. */
  readonly repeat: (work: () => void, everyMs: number) => () => void;
  readonly count: () => Promise<StorageCounts>;
  /** Maintains the repository, and ends early by `signal`. */
  readonly maintain: (signal: AbortSignal) => Promise<void>;
  /** Hears of what was done. */
  readonly report: (message: string) => void;
  /** Hears of what went wrong; it is tried again later. */
  readonly failed: (error: unknown) => void;
}

/**
 * Looks after an open store: takes what was pushed and nobody asked about, drops old verdicts, maintains its repository
 * when there is something to do, one at a time, and writes the snapshot of its index when that is due. Looks at once, then by the timer, until it is closed.
 */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #stop: () => void;
  readonly #ending = new AbortController();
  #looking: Promise<void> | null = null;
  /** When maintenance was last done or found needless, and what it left behind. */
  #last: number;
  #left: StorageCounts = { packs: 0, loose: 0, loose_refs: 0 };

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#last = parts.clock();
    this.#stop = parts.repeat(() => void this.look(), LOOK_MS);
    void this.look();
  }

  /** Looks whether there is something to do, and does it; joins the look that is going on. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        if (!this.#ending.signal.aborted) this.#parts.failed(error);
      })
      .finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { store, clock, count, report } = this.#parts;
    await takeLeftPushes(store, report);
    const found = await count();
    const due = clock() - this.#last >= EVERY_MS;
    if (due) await dropOldResults(store);
    if (due && store.snapshotDue) await store.writeSnapshot();
    const [packs, loose, refs] = [
      found.packs - this.#left.packs,
      found.loose - this.#left.loose,
      found.loose_refs - this.#left.loose_refs,
    ];
    const worthwhile = packs >= FEW.packs || loose >= FEW.loose || refs >= FEW.loose_refs;
    if (packs > MANY_PACKS || (due && worthwhile)) await this.#maintain();
    if (due) this.#last = clock();
  }

  async #maintain(): Promise<void> {
    const { store, clock, count, maintain } = this.#parts;
    try {
      await store.repository.settle();
      await maintain(this.#ending.signal);
      // A read that finds nothing lists the packs anew, and lets go of the files of those that went.
      store.repository.read(NO_OBJECT);
    } finally {
      // Also when it failed, so that it is not begun again every minute.
      this.#last = clock();
      this.#left = await count();
    }
  }

  /** Ends what is going on, and waits until it has ended, though not for long. */
  async close(): Promise<void> {
    this.#stop();
    this.#ending.abort();
    await within(this.#looking ?? Promise.resolve(), STOP_MS);
  }
}
