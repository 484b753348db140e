import { randomBytes } from "node:crypto";
import { NumberList } from "../git/number-list.ts";

const FEWEST_SLOTS = 64;
const FEWEST_BYTES = 1024;

/** UTF-16 has what UTF-8 begins with 0xF0 and above before what it begins with 0xEE and 0xEF; otherwise their orders agree. */
function rank(byte: number): number {
  return byte === 0xee || byte === 0xef ? byte + 0x10 : byte;
}

/** What a table knows, as plain bytes and numbers for a snapshot. */
export interface NameTableState {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/**
 * Gives texts numbers, counted from 0 in the order they come, and never forgets one: its UTF-8 bytes and about 14 more.
 * Texts must be well-formed Unicode, or two of them could read alike. Open addressing with linear probing over FNV-1a,
 * begun at a number nobody can guess, so that no choice of names makes it slow.
 */
export class NameTable {
  #bytes: Buffer;
  readonly #ends: NumberList;
  /** Number + 1 of the text that is there; 0 for a free slot. */
  #slots: Uint32Array;
  readonly #seed: number = randomBytes(4).readUInt32LE();

  /** Begins empty, or with the texts of another table, numbered alike. */
  constructor(state?: NameTableState) {
    this.#bytes = Buffer.from(state?.bytes ?? []);
    this.#ends = new NumberList(state?.ends);
    this.#slots = this.#makeSlots();
  }

  /** How many texts have a number. */
  get size(): number {
    return this.#ends.length;
  }

  /** The number of a text; -1 when it has none. */
  find(name: string): number {
    return (this.#slots[this.#slotOf(this.#write(name))] ?? 0) - 1;
  }

  /** The number of a text, a new one when it has none. */
  add(name: string): number {
    const end = this.#write(name);
    const slot = this.#slotOf(end);
    const known = (this.#slots[slot] ?? 0) - 1;
    if (known >= 0) return known;
    const number = this.#ends.push(end);
    if (this.size * 2 > this.#slots.length) this.#slots = this.#makeSlots();
    else this.#slots[slot] = number + 1;
    return number;
  }

  /** The text of a number that was given. */
  at(number: number): string {
    return this.#bytes.toString("utf8", this.#start(number), this.#ends.at(number));
  }

  /** Orders two numbers as their texts are ordered by UTF-16 units. */
  compare(left: number, right: number): number {
    const start = this.#start(left);
    const other = this.#start(right);
    const length = this.#ends.at(left) - start;
    const otherLength = this.#ends.at(right) - other;
    for (let at = 0; at < length && at < otherLength; at++) {
      const byte = this.#bytes[start + at] ?? 0;
      const otherByte = this.#bytes[other + at] ?? 0;
      if (byte !== otherByte) return rank(byte) - rank(otherByte);
    }
    return length - otherLength;
  }

  /** All texts, for a snapshot; they change with the table. */
  state(): NameTableState {
    return { bytes: this.#bytes.subarray(0, this.#start(this.size)), ends: this.#ends.values() as Uint32Array };
  }

  #start(number: number): number {
    return number === 0 ? 0 : this.#ends.at(number - 1);
  }

  /** Writes a text behind the last one, where it becomes the next when its end is noted. Returns that end. */
  #write(name: string): number {
    const start = this.#start(this.size);
    // A UTF-16 unit is at most three bytes.
    if (start + name.length * 3 > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(FEWEST_BYTES, start + name.length * 3, this.#bytes.length * 2));
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    return start + this.#bytes.write(name, start, "utf8");
  }

  /** The slot of the text that was written up to `end`, or the free one where it would go. */
  #slotOf(end: number): number {
    const start = this.#start(this.size);
    const mask = this.#slots.length - 1;
    let slot = this.#hash(start, end) & mask;
    for (let entry = this.#slots[slot]; entry !== undefined && entry > 0; entry = this.#slots[slot]) {
      if (this.#same(this.#start(entry - 1), this.#ends.at(entry - 1), start, end)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #same(start: number, end: number, otherStart: number, otherEnd: number): boolean {
    if (end - start !== otherEnd - otherStart) return false;
    for (let at = start, other = otherStart; at < end; at++, other++)
      if (this.#bytes[at] !== this.#bytes[other]) return false;
    return true;
  }

  #hash(start: number, end: number): number {
    let hash = this.#seed;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (this.#bytes[at] ?? 0), 0x01000193);
    return hash ^ (hash >>> 15);
  }

  #makeSlots(): Uint32Array {
    const length = 2 ** Math.ceil(Math.log2(Math.max(FEWEST_SLOTS, this.size * 4)));
    const slots = new Uint32Array(length);
    for (let number = 0; number < this.size; number++) {
      let slot = this.#hash(this.#start(number), this.#ends.at(number)) & (length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1);
      slots[slot] = number + 1;
    }
    return slots;
  }
}
