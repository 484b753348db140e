type Numbers = Uint32Array | Float64Array;

/** A list of numbers that grows, without an object for each: whole ones of 32 bits, or doubles. */
export class NumberList {
  #values: Numbers;
  #length: number;

  /** Begins with a copy of the values; their kind is the list's. */
  constructor(values: Numbers = new Uint32Array(0)) {
    this.#values = values.slice();
    this.#length = values.length;
  }

  get length(): number {
    return this.#length;
  }

  /** The number at an index; 0 beyond the end. */
  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  /** Puts a number at an index; zeros fill the gap to one beyond the end. */
  set(index: number, value: number): void {
    if (index >= this.#length) this.#growTo(index + 1);
    this.#values[index] = value;
  }

  /** Appends a number and returns its index. */
  push(value: number): number {
    this.set(this.#length, value);
    return this.#length - 1;
  }

  /** The numbers as they are now; they change with the list. */
  values(): Numbers {
    return this.#values.subarray(0, this.#length);
  }

  #growTo(length: number): void {
    if (length > this.#values.length) {
      const size = Math.max(16, length, this.#values.length * 2);
      const grown = this.#values instanceof Float64Array ? new Float64Array(size) : new Uint32Array(size);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#length = length;
  }
}
