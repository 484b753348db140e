import type { GitObject } from "./objects.ts";

/** What an object costs besides its bytes: its key, its buffer and the entries that lead to them, as measured. */
const OVERHEAD = 500;

/** How many objects are passed over to make room for one; then the next goes in any case, so that nobody waits for a round of all. */
const PATIENCE = 100;

interface Entry {
  readonly object: GitObject;
  /** Whether it was asked for since it was last passed over. */
  asked: boolean;
}

/**
 * Objects in memory, so many bytes of them. What came first goes first, unless it was asked for meanwhile: then it is
 * passed over once. So asking costs no more than finding, where a list in the order of use is relinked each time.
 */
export class ObjectCache {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  /** Goes on from the oldest entry: one that began anew would pass all that was taken out before it. */
  readonly #oldest = this.#entries.entries();
  #bytes = 0;

  /** Keeps `limit` bytes at most, and no object beyond a quarter of it. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): GitObject | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.asked = true;
    return entry?.object;
  }

  /** Keeps an object, in place of what has its key. */
  set(key: string, { type, data }: GitObject): void {
    const known = this.#entries.get(key);
    if (known !== undefined) this.#remove(key, known);
    const size = data.length + OVERHEAD;
    if (size > this.#limit / 4) return;
    for (let passed = 0; this.#bytes + size > this.#limit; passed++) this.#passOldest(passed < PATIENCE);
    this.#add(key, { object: { type, data }, asked: false });
  }

  /** Takes the oldest entry out, or puts it behind all others when it was asked for and may be spared. */
  #passOldest(spare: boolean): void {
    const { value } = this.#oldest.next();
    if (value === undefined) return;
    const [key, entry] = value;
    this.#remove(key, entry);
    if (!entry.asked || !spare) return;
    entry.asked = false;
    this.#add(key, entry);
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.object.data.length + OVERHEAD;
  }

  #remove(key: string, { object }: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= object.data.length + OVERHEAD;
  }
}
