import { crc32 } from "node:zlib";
import { RuntreeError } from "../domain/errors.ts";
import { makeDelta } from "./delta.ts";
import { type EncodedObject, type ObjectType, type Oid, type ReadObject } from "./objects.ts";
import { applyDelta } from "./pack.ts";
import type { RefMove } from "./refs.ts";
import type { WriteGroup } from "./repository.ts";

/** The bytes before a record's body: its length, its checksum, its sequence number. */
export const RECORD_HEADER = 16;

const OID_BYTES = 20;
const NO_OID = Buffer.alloc(OID_BYTES);
const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];
/** Added to an object's type where its bytes are a delta against another object. */
const AS_DELTA = 0x10;

/** Writes numbers, ids and bytes one behind another, behind the place of a record's header. */
class Writer {
  readonly bytes: Buffer;
  #at = RECORD_HEADER;

  constructor(length: number) {
    this.bytes = Buffer.allocUnsafe(length);
  }

  number(value: number, width: 1 | 4): void {
    this.#at = this.bytes.writeUIntBE(value, this.#at, width);
  }

  oid(oid: Oid | null): void {
    if (oid === null) this.bytes.fill(0, this.#at, this.#at + OID_BYTES);
    else this.bytes.write(oid, this.#at, "hex");
    this.#at += OID_BYTES;
  }

  /** A length and so many bytes. */
  sized(piece: Buffer): void {
    this.number(piece.length, 4);
    this.#at += piece.copy(this.bytes, this.#at);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(width: 1 | 4): number {
    this.#at += width;
    return this.#bytes.readUIntBE(this.#at - width, width);
  }

  bytes(length: number): Buffer {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("a record is shorter than it says");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  oid(): Oid | null {
    const bytes = this.bytes(OID_BYTES);
    return bytes.equals(NO_OID) ? null : bytes.toString("hex");
  }
}

/** What makes an object from its base; null when it has none that can be read. */
function deltaOf({ type, data, base, delta }: EncodedObject, read: ReadObject): Buffer | null {
  if (base === undefined) return null;
  if (delta !== undefined) return delta;
  const below = read(base);
  return below?.type === type ? makeDelta(below.data, data) : null;
}

/** A record, but for its header: ref moves with their names in plain text, then objects; an edited tree as a delta. `read` finds the objects deltas are made against. */
export function encodeRecord({ refs, objects }: WriteGroup, read: ReadObject): Buffer {
  const moves = refs.map(({ ref, from, to }) => ({ name: Buffer.from(ref, "utf8"), from, to }));
  const entries = objects.map((object) => {
    const { oid, type, data, base } = object;
    const delta = deltaOf(object, read);
    return { kind: TYPES.indexOf(type), oid, base: delta === null ? null : (base ?? null), body: delta ?? data };
  });
  const writer = new Writer(
    RECORD_HEADER +
      8 +
      moves.reduce((sum, { name }) => sum + 4 + name.length + 2 * OID_BYTES, 0) +
      entries.reduce((sum, { base, body }) => sum + 5 + (base === null ? 1 : 2) * OID_BYTES + body.length, 0),
  );
  writer.number(moves.length, 4);
  for (const { name, from, to } of moves) {
    writer.sized(name);
    writer.oid(from);
    writer.oid(to);
  }
  writer.number(entries.length, 4);
  for (const { kind, oid, base, body } of entries) {
    writer.number(base === null ? kind : kind | AS_DELTA, 1);
    writer.oid(oid);
    if (base !== null) writer.oid(base);
    writer.sized(body);
  }
  return writer.bytes;
}

/** Reads the body of a record. `read` finds the bases of deltas that no earlier object of the same record brings. Throws `corrupt_object`. */
export function decodeGroup(body: Buffer, read: ReadObject): WriteGroup {
  const reader = new Reader(body);
  const refs: RefMove[] = [];
  for (let left = reader.number(4); left > 0; left--) {
    const ref = reader.bytes(reader.number(4)).toString("utf8");
    refs.push({ ref, from: reader.oid(), to: reader.oid() });
  }
  const objects = new Map<Oid, EncodedObject>();
  for (let left = reader.number(4); left > 0; left--) {
    const kind = reader.number(1);
    const type = TYPES[kind & ~AS_DELTA] ?? "blob";
    const oid = reader.oid() ?? "";
    const base = (kind & AS_DELTA) === 0 ? null : reader.oid();
    const bytes = reader.bytes(reader.number(4));
    if (base === null) {
      objects.set(oid, { oid, type, data: bytes });
      continue;
    }
    const below = objects.get(base) ?? read(base);
    if (below === null) {
      const words = `Object ${base}, which object ${oid} in the journal is told against, is missing; run \`git fsck\`.`;
      throw new RuntreeError("corrupt_object", words, { oid, base });
    }
    objects.set(oid, { oid, type, data: applyDelta(below.data, bytes), base, delta: bytes });
  }
  return { refs, objects: [...objects.values()] };
}

/**
 * Completes a record with its header and returns its checksum. That goes on from the checksum of the record before it
 * (the segment's own for the first), so that bytes which an earlier life of the file left never continue a newer one.
 */
export function completeRecord(record: Buffer, sequence: number, before: number): number {
  record.writeUInt32BE(record.length - RECORD_HEADER, 0);
  record.writeBigUInt64BE(BigInt(sequence), 8);
  const checksum = checksumOf(record, before);
  record.writeUInt32BE(checksum, 4);
  return checksum;
}

function checksumOf(record: Buffer, before: number): number {
  return crc32(record.subarray(8), crc32(record.subarray(0, 4), before));
}

/** A record found in a segment: its body, and where the next one begins. */
export interface FoundRecord {
  readonly sequence: number;
  readonly body: Buffer;
  readonly end: number;
  readonly checksum: number;
}

/** Reads the record at a place of a segment; null where the records end. */
export function readRecord(segment: Buffer, at: number, before: number): FoundRecord | null {
  if (at + RECORD_HEADER > segment.length) return null;
  const end = at + RECORD_HEADER + segment.readUInt32BE(at);
  if (end > segment.length) return null;
  const record = segment.subarray(at, end);
  const checksum = checksumOf(record, before);
  if (record.readUInt32BE(4) !== checksum) return null;
  return { sequence: Number(record.readBigUInt64BE(8)), body: record.subarray(RECORD_HEADER), end, checksum };
}
