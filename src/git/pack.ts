import { createHash } from "node:crypto";
import { constants, inflateSync } from "node:zlib";
import { RuntreeError } from "../domain/errors.ts";
import { type FileSystem, ioError } from "./files.ts";
import { type GitObject, hashObject, type ObjectType, type Oid } from "./objects.ts";

const TYPES: Readonly<Record<number, ObjectType>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };
const OFS_DELTA = 6;
const REF_DELTA = 7;
const IDX_MAGIC = 0xff744f63;
const HASH_BYTES = 20;
const FANOUT = 8;
const NAMES = FANOUT + 256 * 4;

/** A pack and its version-2 index, as in git's `gitformat-pack`. Holds one open file; `close` gives it back. */
export class Pack {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #index: Buffer;
  readonly #count: number;
  readonly #file: number;
  /** Offsets in ascending order, so that an entry's length is known before it is read. */
  readonly #ends: Float64Array;

  /** Opens a pack. Throws `corrupt_object` when its index is not whole, and the system's error when a file is gone. */
  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.path = path;
    this.#index = readIndex(fs, path.replace(/\.pack$/, ".idx"));
    this.#count = this.#index.readUInt32BE(NAMES - 4);
    const offsets = new Float64Array(this.#count + 1);
    for (let at = 0; at < this.#count; at++) offsets[at] = this.#offset(at);
    this.#file = fs.openSync(path, "r");
    offsets[this.#count] = fs.fstatSync(this.#file).size - HASH_BYTES;
    this.#ends = offsets.sort();
  }

  close(): void {
    this.#fs.closeSync(this.#file);
  }

  /** Reads an object; null when the pack does not have it. `resolve` finds a delta's base that lies elsewhere. */
  read(oid: Oid, resolve: (oid: Oid) => GitObject | null): GitObject | null {
    const position = this.#find(oid);
    if (position < 0) return null;
    try {
      const object = this.#readAt(this.#offset(position), resolve);
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

  #find(oid: Oid): number {
    const wanted = Buffer.from(oid, "hex");
    const first = wanted[0] ?? 0;
    let low = first === 0 ? 0 : this.#index.readUInt32BE(FANOUT + (first - 1) * 4);
    let high = this.#index.readUInt32BE(FANOUT + first * 4) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const start = NAMES + middle * 20;
      const order = this.#index.compare(wanted, 0, 20, start, start + 20);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #offset(position: number): number {
    const offsets = NAMES + this.#count * 24;
    const small = this.#index.readUInt32BE(offsets + position * 4);
    if ((small & 0x80000000) === 0) return small;
    return Number(this.#index.readBigUInt64BE(offsets + this.#count * 4 + (small & 0x7fffffff) * 8));
  }

  #bytesAt(offset: number): Buffer {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    const bytes = Buffer.allocUnsafe((this.#ends[low] ?? offset) - offset);
    let filled = 0;
    while (filled < bytes.length) {
      const got = this.#fs.readSync(this.#file, bytes, filled, bytes.length - filled, offset + filled);
      if (got === 0) throw ioError(new Error("end of file"), "reading", this.path);
      filled += got;
    }
    return bytes;
  }

  #readAt(offset: number, resolve: (oid: Oid) => GitObject | null): GitObject {
    const bytes = this.#bytesAt(offset);
    let at = 0;
    let byte = bytes[at++] ?? 0;
    const kind = (byte >> 4) & 7;
    while (byte & 0x80) byte = bytes[at++] ?? 0;
    if (kind === OFS_DELTA) {
      byte = bytes[at++] ?? 0;
      let distance = byte & 0x7f;
      while (byte & 0x80) {
        byte = bytes[at++] ?? 0;
        distance = (distance + 1) * 128 + (byte & 0x7f);
      }
      const base = this.#readAt(offset - distance, resolve);
      return { type: base.type, data: applyDelta(base.data, inflate(bytes.subarray(at))) };
    }
    if (kind === REF_DELTA) {
      const name = bytes.toString("hex", at, at + 20);
      const base = this.read(name, resolve) ?? resolve(name);
      if (base === null) throw new Error(`delta base ${name} is missing`);
      return { type: base.type, data: applyDelta(base.data, inflate(bytes.subarray(at + 20))) };
    }
    const type = TYPES[kind];
    if (type === undefined) throw new Error(`unknown kind ${kind}`);
    return { type, data: inflate(bytes.subarray(at)) };
  }
}

/** Reads the index of a pack and checks that it is whole. */
function readIndex(fs: FileSystem, path: string): Buffer {
  const index = fs.readFileSync(path);
  const broken = (words: string): RuntreeError =>
    new RuntreeError("corrupt_object", `${path} ${words}; make it anew with \`git index-pack\`.`, { path });
  if (index.length < NAMES + 2 * HASH_BYTES) throw broken("is cut off");
  if (index.readUInt32BE(0) !== IDX_MAGIC || index.readUInt32BE(4) !== 2) throw broken("is not an index of version 2");
  const end = index.length - HASH_BYTES;
  const sum = createHash("sha1").update(index.subarray(0, end)).digest();
  if (!sum.equals(index.subarray(end))) throw broken("does not have the content its checksum promises");
  return index;
}

function inflate(bytes: Buffer): Buffer {
  return inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
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
  const result = Buffer.allocUnsafe(size());
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
