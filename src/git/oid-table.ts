import { NumberList } from "./number-list.ts";
import type { Oid } from "./objects.ts";

/** How many 32-bit words an id is. */
const WORDS = 5;
const FEWEST_SLOTS = 64;

/** The words of the id that was read last: reading one makes no garbage. */
const words = new Uint32Array(WORDS);

/** The bytes of the id that was written last. */
const bytes = Buffer.alloc(WORDS * 4);

/** Reads an id's 40 hex digits into `words`. */
function readWords(oid: Oid): void {
  for (let word = 0; word < WORDS; word++) {
    let value = 0;
    for (let at = word * 8; at < word * 8 + 8; at++) {
      const unit = oid.charCodeAt(at);
      value = (value << 4) | (unit < 58 ? unit - 48 : unit - 87);
    }
    words[word] = value;
  }
}

/** A list of object ids, 20 bytes each. */
export class OidList {
  readonly #words: NumberList;

  /** Begins with the ids of another list's `values()`. */
  constructor(values?: Uint32Array) {
    this.#words = new NumberList(values);
  }

  get length(): number {
    return this.#words.length / WORDS;
  }

  /** The id at an index; forty zeros beyond the end. */
  at(index: number): Oid {
    for (let word = 0; word < WORDS; word++) bytes.writeUInt32BE(this.wordAt(index, word), word * 4);
    return bytes.toString("hex");
  }

  /** One of the five words of the id at an index, the first eight digits first. */
  wordAt(index: number, word: number): number {
    return this.#words.at(index * WORDS + word);
  }

  /** Puts an id at an index. */
  set(index: number, oid: Oid): void {
    readWords(oid);
    for (let word = WORDS - 1; word >= 0; word--) this.#words.set(index * WORDS + word, words[word] ?? 0);
  }

  /** Tells whether the id at an index is the one in `words`. */
  holdsWords(index: number): boolean {
    for (let word = 0; word < WORDS; word++) if (this.wordAt(index, word) !== words[word]) return false;
    return true;
  }

  /** All ids as they are now, for a snapshot. */
  values(): Uint32Array {
    return this.#words.values() as Uint32Array;
  }
}

/**
 * Gives object ids numbers, counted from 0 in the order they come: about 30 bytes an id, where a map of hex texts
 * takes 120. Open addressing with linear probing; the ids are their own hash.
 */
export class OidTable {
  readonly #oids: OidList;
  /** Number + 1 of the id that is there; 0 for a free slot. */
  #slots: Uint32Array;

  /** Begins with the ids of another table's `values()`, numbered alike. */
  constructor(values?: Uint32Array) {
    this.#oids = new OidList(values);
    this.#slots = this.#makeSlots();
  }

  /** How many ids have a number. */
  get size(): number {
    return this.#oids.length;
  }

  /** The number of an id; -1 when it has none. */
  find(oid: Oid): number {
    readWords(oid);
    return (this.#slots[this.#slotOfWords()] ?? 0) - 1;
  }

  /** The number of an id, a new one when it has none. */
  add(oid: Oid): number {
    const known = this.find(oid);
    if (known >= 0) return known;
    const number = this.#oids.length;
    this.#oids.set(number, oid);
    if (this.size * 2 > this.#slots.length) this.#slots = this.#makeSlots();
    else this.#slots[this.#slotOfWords()] = number + 1;
    return number;
  }

  /** The id of a number that was given. */
  at(number: number): Oid {
    return this.#oids.at(number);
  }

  /** All ids in the order of their numbers, for a snapshot. */
  values(): Uint32Array {
    return this.#oids.values();
  }

  /** The slot of the id in `words`, or the free one where it would go. */
  #slotOfWords(): number {
    const mask = this.#slots.length - 1;
    let slot = (words[0] ?? 0) & mask;
    for (let entry = this.#slots[slot]; entry !== undefined && entry > 0; entry = this.#slots[slot]) {
      if (this.#oids.holdsWords(entry - 1)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #makeSlots(): Uint32Array {
    const length = 2 ** Math.ceil(Math.log2(Math.max(FEWEST_SLOTS, this.size * 4)));
    const slots = new Uint32Array(length);
    for (let number = 0; number < this.size; number++) {
      let slot = this.#oids.wordAt(number, 0) & (length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1);
      slots[slot] = number + 1;
    }
    return slots;
  }
}
