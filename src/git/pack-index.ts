import { RuntreeError } from "../domain/errors.ts";
import { type FileSystem, ioError } from "./files.ts";
import type { Oid } from "./objects.ts";

const MAGIC = 0xff744f63;
const HASH_BYTES = 20;
const FANOUT_START = 8;
const NAMES_START = FANOUT_START + 256 * 4;
/** Of each object: its name, a checksum of its packed bytes, and its offset or its place among the wide offsets. */
const OBJECT_BYTES = HASH_BYTES + 4 + 4;
const WIDE = 0x80000000;

/** The names of a pack with at most so many objects are kept in memory: 80 KiB. Small packs are many, and mostly asked in vain. */
const SMALL_PACK = 4096;
/** Names read at a time: what is looked for lies this near to where even distribution puts it, mostly. */
const BLOCK = 200;
/** Where a block is read to: it is searched at once and forgotten. */
const BLOCK_BYTES = Buffer.allocUnsafeSlow(BLOCK * HASH_BYTES);

/** Bytes of a file: where they begin, how many, and the buffer to use again for them; without one they get their own. */
interface Wanted {
  readonly position: number;
  readonly length: number;
  readonly into?: Buffer;
}

/** Reads bytes of a file. Throws `io_failed` when it ends before, and the system's errors. */
export function readAt(fs: FileSystem, file: number, { position, length, into }: Wanted, path: string): Buffer {
  const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length;) {
    const got = fs.readSync(file, bytes, filled, length - filled, position + filled);
    if (got === 0) throw ioError(new Error("end of file"), "reading", path);
    filled += got;
  }
  return bytes;
}

/**
 * The version-2 index of a pack, as in git's `gitformat-pack`. It is read where it is needed; in memory are its fan-out
 * and the names of a small pack. Its own checksum is not verified, as that would read all of it: what it leads to has
 * its hash checked. Holds one open file; `close` gives it back.
 */
export class PackIndex {
  /** How many objects the pack has. */
  readonly count: number;
  /** The checksum that the pack ends in. */
  readonly packChecksum: Buffer;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #file: number;
  readonly #fanout: Buffer;
  readonly #wideOffsets: number;
  readonly #names: Buffer | null;

  /** Opens an index. Throws `corrupt_object` when it cannot be one, and the system's error when the file is gone. */
  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
    this.#file = fs.openSync(path, "r");
    try {
      const { size } = fs.fstatSync(this.#file);
      if (size < NAMES_START + 2 * HASH_BYTES) throw this.#broken("is cut off");
      const head = this.#read(0, NAMES_START);
      if (head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) !== 2)
        throw this.#broken("is not an index of version 2");
      this.#fanout = head.subarray(FANOUT_START);
      this.count = this.#upTo(255);
      for (let first = 1; first < 256; first++)
        if (this.#upTo(first) < this.#upTo(first - 1)) throw this.#broken("has a fan-out that goes down");
      const wideBytes = size - NAMES_START - this.count * OBJECT_BYTES - 2 * HASH_BYTES;
      if (wideBytes < 0 || wideBytes % 8 !== 0) throw this.#broken("does not have the size of its objects");
      this.#wideOffsets = wideBytes / 8;
      this.packChecksum = this.#read(size - 2 * HASH_BYTES, HASH_BYTES);
      this.#names = this.count <= SMALL_PACK ? this.#read(NAMES_START, this.count * HASH_BYTES) : null;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#fs.closeSync(this.#file);
  }

  /** Where an object begins in the pack, in bytes; null when the pack does not have it. Throws `corrupt_object` or `io_failed`. */
  offsetOf(oid: Oid): number | null {
    const place = this.#find(Buffer.from(oid, "hex"));
    if (place === null) return null;
    const offsets = NAMES_START + this.count * (HASH_BYTES + 4);
    const offset = this.#read(offsets + place * 4, 4).readUInt32BE(0);
    if (offset < WIDE) return offset;
    const wide = offset - WIDE;
    if (wide >= this.#wideOffsets) throw this.#broken(`has no offset for ${oid}`);
    const bytes = this.#read(offsets + this.count * 4 + wide * 8, 8);
    const found = Number(bytes.readBigUInt64BE(0));
    if (!Number.isSafeInteger(found)) throw this.#broken(`has an offset for ${oid} that no file reaches`);
    return found;
  }

  /**
   * The place of a name among all of them. Hashes are evenly distributed, so one block around where the name should be
   * has it mostly; if not, the rest is halved.
   */
  #find(wanted: Buffer): number | null {
    const first = wanted[0] ?? 0;
    let low = first === 0 ? 0 : this.#upTo(first - 1);
    let high = this.#upTo(first);
    let guess = low + Math.floor(((high - low) * wanted.readUIntBE(1, 4)) / 2 ** 32);
    while (low < high) {
      const start = Math.max(low, Math.min(guess, high) - BLOCK / 2);
      const end = Math.min(high, start + BLOCK);
      const names = this.#namesBetween(start, end);
      const place = search(names, wanted);
      if (place.found) return start + place.at;
      if (place.at === 0) high = start;
      else if (place.at === end - start) low = end;
      else return null;
      guess = (low + high) >>> 1;
    }
    return null;
  }

  #namesBetween(start: number, end: number): Buffer {
    const [from, to] = [start * HASH_BYTES, end * HASH_BYTES];
    return this.#names === null
      ? this.#read(NAMES_START + from, to - from, BLOCK_BYTES)
      : this.#names.subarray(from, to);
  }

  /** How many names begin with this byte or a lesser one. */
  #upTo(first: number): number {
    return this.#fanout.readUInt32BE(first * 4);
  }

  #read(position: number, length: number, into?: Buffer): Buffer {
    return readAt(this.#fs, this.#file, { position, length, ...(into === undefined ? {} : { into }) }, this.#path);
  }

  #broken(words: string): RuntreeError {
    const path = this.#path;
    return new RuntreeError("corrupt_object", `${path} ${words}; make it anew with \`git index-pack\`.`, { path });
  }
}

/** The place of a name among sorted ones, or where it would be. */
function search(names: Buffer, wanted: Buffer): { found: boolean; at: number } {
  let low = 0;
  let high = names.length / HASH_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = wanted.compare(names, middle * HASH_BYTES, (middle + 1) * HASH_BYTES);
    if (order === 0) return { found: true, at: middle };
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return { found: false, at: low };
}
