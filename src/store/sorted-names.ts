import type { NameTable } from "./name-table.ts";

/** How long a piece may become before it is cut in two. */
const LONGEST = 1024;

/**
 * Numbers of a table's names in the order of the names, in pieces of a few hundred: taking one in or out moves a piece,
 * never the whole, and a page is found by the lengths of the pieces.
 */
export class SortedNames {
  readonly #names: NameTable;
  readonly #pieces: number[][] = [];
  #length = 0;

  /** Begins with numbers that are in order already. */
  constructor(names: NameTable, sorted: Uint32Array = new Uint32Array(0)) {
    this.#names = names;
    this.#length = sorted.length;
    for (let at = 0; at < sorted.length; at += LONGEST / 2)
      this.#pieces.push(Array.from(sorted.subarray(at, at + LONGEST / 2)));
  }

  get length(): number {
    return this.#length;
  }

  /** Takes a number in; nothing when it is there. */
  add(number: number): void {
    const piece = this.#pieceOf(number);
    const numbers = this.#pieces[piece] ?? [];
    const at = this.#positionIn(numbers, number);
    if (numbers[at] === number) return;
    numbers.splice(at, 0, number);
    this.#length++;
    if (this.#pieces.length === 0) this.#pieces.push(numbers);
    else if (numbers.length > LONGEST) this.#pieces.splice(piece + 1, 0, numbers.splice(LONGEST / 2));
  }

  /** Takes a number out; nothing when it is not there. */
  remove(number: number): void {
    const piece = this.#pieceOf(number);
    const numbers = this.#pieces[piece] ?? [];
    const at = this.#positionIn(numbers, number);
    if (numbers[at] !== number) return;
    numbers.splice(at, 1);
    this.#length--;
    if (numbers.length === 0) this.#pieces.splice(piece, 1);
  }

  /** The numbers from an offset on, at most so many. */
  slice(offset: number, limit: number): number[] {
    const found: number[] = [];
    let before = 0;
    for (const numbers of this.#pieces) {
      if (before >= offset + limit) break;
      if (before + numbers.length > offset)
        found.push(...numbers.slice(Math.max(0, offset - before), offset + limit - before));
      before += numbers.length;
    }
    return found;
  }

  /** How many of the names come before a name, or are it; the name need not be among them, nor in the table. */
  countTo(name: string): number {
    let count = 0;
    for (const numbers of this.#pieces) {
      if (this.#names.at(numbers[0] ?? 0) > name) break;
      count += numbers.length;
      if (this.#names.at(numbers.at(-1) ?? 0) <= name) continue;
      count -= numbers.filter((number) => this.#names.at(number) > name).length;
      break;
    }
    return count;
  }

  /** All numbers in order, for a snapshot. */
  values(): Uint32Array {
    return Uint32Array.from(this.#pieces.flat());
  }

  /** The last piece that does not begin behind a number; the first where all do. */
  #pieceOf(number: number): number {
    let [low, high] = [0, this.#pieces.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#names.compare(this.#pieces[middle]?.[0] ?? 0, number) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Where a number is in a piece, or would be. */
  #positionIn(numbers: readonly number[], number: number): number {
    let [low, high] = [0, numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#names.compare(numbers[middle] ?? 0, number) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
