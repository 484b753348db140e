import { constants } from "node:buffer";
import { inflateSync } from "node:zlib";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import type { FileSystem } from "./files.ts";
import { ObjectCache } from "./object-cache.ts";
import { type GitObject, hashObject, type ObjectType, type Oid } from "./objects.ts";
import { PackIndex, readAt } from "./pack-index.ts";

const TYPES: Readonly<Record<number, ObjectType>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };
const OFS_DELTA = 6;
const REF_DELTA = 7;
const MAGIC = 0x5041434b;
const HEADER_BYTES = 12;
const HASH_BYTES = 20;

/** Bytes read of an entry before its size is known: the whole of a small document. */
const FIRST_READ = 4096;
/** Where that is read to: an entry is inflated from it before the next is read. */
const FIRST_BYTES = Buffer.allocUnsafeSlow(FIRST_READ);
/** Bytes read of an entry whatever its size says, as the size may be damaged; more when they are used up. */
const LARGE_READ = 1024 * 1024;
/** git itself makes chains of 50, and of 4,095 when it is told to. */
const LONGEST_CHAIN = 4096;
/** How many objects of one pack may wait for bases in other packs. git puts a base into the pack of its difference. */
const DEEPEST_NESTING = 8;

/** An entry of a pack, inflated: an object, or a difference from a base, which is an offset in this pack or a name. */
type PackEntry =
  | { readonly type: ObjectType; readonly data: Buffer }
  | { readonly base: number | Oid; readonly data: Buffer };

/** A difference, and the offset of the entry that it is. */
interface Delta {
  readonly offset: number;
  readonly data: Buffer;
}

/** Bytes of bases that a pack by itself keeps. */
const BASE_BYTES = 16 * 1024 * 1024;

/** A pack and its index, as in git's `gitformat-pack`. Holds two open files and little memory; `close` gives them back. */
export class Pack {
  readonly path: string;
  /** When the pack was last written, in milliseconds since 1970. */
  readonly modified: number;
  readonly #fs: FileSystem;
  readonly #index: PackIndex;
  readonly #file: number;
  /** Where the entries end and the pack's checksum begins. */
  readonly #end: number;
  readonly #bases: ObjectCache;
  /** How many objects of this pack are being read, each but the last waiting for its base in another pack. */
  #reading = 0;

  /** Opens a pack. `bases` are objects that others are told against, by pack and offset. Throws `corrupt_object` when it and its index do not fit, and the system's error when a file is gone. */
  constructor(fs: FileSystem, path: string, bases: ObjectCache = new ObjectCache(BASE_BYTES)) {
    this.#fs = fs;
    this.path = path;
    this.#bases = bases;
    this.#index = new PackIndex(fs, path.replace(/\.pack$/, ".idx"));
    try {
      this.#file = fs.openSync(path, "r");
    } catch (error) {
      this.#index.close();
      throw error;
    }
    try {
      const { size, mtimeMs } = fs.fstatSync(this.#file);
      this.modified = mtimeMs;
      this.#end = size - HASH_BYTES;
      this.#requireIndexFits();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #requireIndexFits(): void {
    const broken = (words: string): RuntreeError =>
      new RuntreeError("corrupt_object", `${this.path} ${words}; run \`git fsck\`.`, { path: this.path });
    if (this.#end < HEADER_BYTES) throw broken("is cut off");
    const header = this.#read(0, HEADER_BYTES);
    const version = header.readUInt32BE(4);
    if (header.readUInt32BE(0) !== MAGIC || (version !== 2 && version !== 3)) throw broken("is not a pack");
    if (
      header.readUInt32BE(8) !== this.#index.count ||
      !this.#read(this.#end, HASH_BYTES).equals(this.#index.packChecksum)
    )
      throw broken("is not the pack that its index was made of");
  }

  close(): void {
    this.#index.close();
    this.#fs.closeSync(this.#file);
  }

  /**
   * Reads an object; null when the pack does not have it. `resolve` finds a delta's base that lies elsewhere. Throws
   * `corrupt_object` when the object cannot be read or does not have the content of its name.
   */
  read(oid: Oid, resolve: (oid: Oid) => GitObject | null): GitObject | null {
    try {
      const offset = this.#index.offsetOf(oid);
      if (offset === null) return null;
      const object = this.#readAt(offset, resolve);
      if (hashObject(object.type, object.data) === oid) return object;
    } catch (error) {
      throw new RuntreeError(
        "corrupt_object",
        `Object ${oid} cannot be read from ${this.path}; run \`git fsck\`.`,
        { oid },
        error,
      );
    }
    throw new RuntreeError(
      "corrupt_object",
      `Object ${oid} in ${this.path} does not have the content its name promises.`,
      { oid },
    );
  }

  #readAt(offset: number, resolve: (oid: Oid) => GitObject | null): GitObject {
    if (this.#reading >= DEEPEST_NESTING) throw new Error("bases lead from pack to pack without an end");
    this.#reading++;
    try {
      return this.#followBases(offset, resolve);
    } finally {
      this.#reading--;
    }
  }

  /** A base in this pack is read here, however long the chain; only what lies elsewhere is asked for. */
  #followBases(offset: number, resolve: (oid: Oid) => GitObject | null): GitObject {
    const deltas: Delta[] = [];
    for (let at = offset; deltas.length <= LONGEST_CHAIN;) {
      const known = this.#bases.get(this.#keyOf(at));
      if (known !== undefined) return this.#withDeltas(known, deltas);
      const entry = this.#entryAt(at);
      if ("type" in entry) {
        if (deltas.length > 0) this.#bases.set(this.#keyOf(at), entry);
        return this.#withDeltas(entry, deltas);
      }
      deltas.push({ offset: at, data: entry.data });
      const base = typeof entry.base === "number" ? entry.base : this.#index.offsetOf(entry.base);
      if (base !== null) {
        at = base;
        continue;
      }
      const elsewhere = resolve(String(entry.base));
      if (elsewhere === null) throw new Error(`delta base ${entry.base} is missing`);
      return this.#withDeltas(elsewhere, deltas);
    }
    throw new Error(`a chain of more than ${LONGEST_CHAIN} deltas, or one that leads to itself`);
  }

  /** Applies deltas to what they all begin from, the last one first. What comes out on the way is often a base again. */
  #withDeltas(from: GitObject, deltas: readonly Delta[]): GitObject {
    return deltas.reduceRight((base: GitObject, { offset, data }) => {
      const object = { type: base.type, data: applyDelta(base.data, data) };
      this.#bases.set(this.#keyOf(offset), object);
      return object;
    }, from);
  }

  #keyOf(offset: number): string {
    return `${this.path}:${offset}`;
  }

  #entryAt(offset: number): PackEntry {
    if (offset < HEADER_BYTES || offset >= this.#end) throw new Error(`there is no entry at ${offset}`);
    const bytes = this.#read(offset, Math.min(FIRST_READ, this.#end - offset), FIRST_BYTES);
    let at = 0;
    const next = (): number => {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("an entry is cut off");
      return byte;
    };
    let byte = next();
    const kind = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; byte & 0x80; factor *= 128) size += ((byte = next()) & 0x7f) * factor;
    if (kind === OFS_DELTA) {
      byte = next();
      let distance = byte & 0x7f;
      while (byte & 0x80) distance = (distance + 1) * 128 + ((byte = next()) & 0x7f);
      if (distance === 0) throw new Error("an entry is its own base");
      return { base: offset - distance, data: this.#inflate(bytes, offset, at, size) };
    }
    if (kind === REF_DELTA) {
      const base = bytes.toString("hex", at, at + HASH_BYTES);
      return { base, data: this.#inflate(bytes, offset, at + HASH_BYTES, size) };
    }
    const type = TYPES[kind];
    if (type === undefined) throw new Error(`unknown kind ${kind}`);
    return { type, data: this.#inflate(bytes, offset, at, size) };
  }

  /** Inflates what begins `skip` bytes behind an offset. `first` are the bytes that were read there already. */
  #inflate(first: Buffer, offset: number, skip: number, size: number): Buffer {
    const available = this.#end - offset;
    let bytes = first;
    for (let length = Math.min(skip + longestDeflated(size), LARGE_READ); ; length *= 4) {
      const wanted = Math.min(length, available);
      if (wanted > bytes.length) bytes = this.#read(offset, wanted);
      try {
        const data = inflate(bytes.subarray(skip), size);
        if (data.length !== size) throw new Error(`an entry has ${data.length} bytes instead of ${size}`);
        return data;
      } catch (error) {
        if (systemCode(error) !== "Z_BUF_ERROR" || wanted === available) throw error;
      }
    }
  }

  #read(position: number, length: number, into?: Buffer): Buffer {
    return readAt(this.#fs, this.#file, { position, length, ...(into === undefined ? {} : { into }) }, this.path);
  }
}

/** How long zlib's output is at most, by its `deflateBound`. */
function longestDeflated(size: number): number {
  return size + Math.ceil(size / 1000) + 64;
}

/** Inflates bytes of which the end may belong to something else. Throws with `Z_BUF_ERROR` when they are too few. */
function inflate(bytes: Buffer, size: number): Buffer {
  const chunkSize = Math.min(Math.max(size + 1, 64), LARGE_READ);
  const maxOutputLength = Math.min(Math.max(size, 1), constants.MAX_LENGTH);
  return inflateSync(bytes, { chunkSize, maxOutputLength });
}

/** Applies git's delta format: copies from the base and literal inserts. Throws when the sizes do not add up. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  let at = 0;
  const size = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = delta[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if ((byte & 0x80) === 0) return value;
    }
  };
  if (size() !== base.length) throw new Error("delta was made for another base");
  // Of its own: it is mostly kept, and a slice of a pool would keep all of that.
  const result = Buffer.allocUnsafeSlow(size());
  let filled = 0;
  const take = (source: Buffer, from: number, length: number): void => {
    if (from + length > source.length || filled + length > result.length)
      throw new Error("delta reaches beyond its ends");
    filled += source.copy(result, filled, from, from + length);
  };
  while (at < delta.length) {
    const op = delta[at++] ?? 0;
    if (op === 0) throw new Error("delta holds an unknown instruction");
    if (op & 0x80) {
      let from = 0;
      let length = 0;
      for (let bit = 0; bit < 4; bit++) if (op & (1 << bit)) from += (delta[at++] ?? 0) * 2 ** (8 * bit);
      for (let bit = 0; bit < 3; bit++) if (op & (16 << bit)) length += (delta[at++] ?? 0) * 2 ** (8 * bit);
      take(base, from, length || 0x10000);
    } else {
      take(delta, at, op);
      at += op;
    }
  }
  if (filled !== result.length || at !== delta.length) throw new Error("delta is cut off");
  return result;
}
