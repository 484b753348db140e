import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";
import { makeDelta } from "./delta.ts";
import {
  type FileSystem,
  ioError,
  listFolder,
  makeFolder,
  readFileOrNull,
  removeQuietly,
  syncPath,
  writeSynced,
} from "./files.ts";
import type { EncodedObject, ObjectType, Oid } from "./objects.ts";

const TYPE_NUMBERS: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const OFS_DELTA = 6;

/** How many deltas may lie between an object and one that is whole; git's own default is 50. */
const MAX_CHAIN = 24;

/** The largest offset that an index can hold without its table of 64-bit offsets. */
const MAX_OFFSET = 0x7fffffff;

/** A pack and its index, ready to be written, and the name that git gives such a pair. */
export interface BuiltPack {
  readonly name: string;
  readonly pack: Buffer;
  readonly index: Buffer;
}

interface Entry {
  readonly oid: Oid;
  readonly offset: number;
  readonly crc: number;
  /** Deltas below it. */
  readonly chain: number;
  readonly object: EncodedObject;
}

/** The start of a pack entry: its kind, and the length of what it inflates to. */
function entryHeader(kind: number, length: number): Buffer {
  const bytes = [(kind << 4) | (length & 0x0f)];
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

/** How far back a delta's base begins, in git's variable-length form. */
function baseDistance(distance: number): Buffer {
  const bytes = [distance & 0x7f];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift((rest & 0x7f) | 0x80);
  }
  return Buffer.from(bytes);
}

/** Bodies up to this length are not worth setting a compressor up for. */
const MOST_STORED = 512;

/** Trees are mostly ids, which nothing compresses; git does what is to be gained when it packs anew. */
function levelOf(type: ObjectType): number {
  return type === "tree" ? 0 : 1;
}

/** A zlib stream (RFC 1950) of one stored block (RFC 1951 §3.2.4). */
function storedStream(body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(body.length + 11);
  bytes.writeUInt16BE(0x7801, 0);
  bytes[2] = 1;
  bytes.writeUInt16LE(body.length, 3);
  bytes.writeUInt16LE(~body.length & 0xffff, 5);
  body.copy(bytes, 7);
  let [low, high] = [1, 0];
  for (const byte of body) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  bytes.writeUInt16BE(high, body.length + 7);
  bytes.writeUInt16BE(low, body.length + 9);
  return bytes;
}

/**
 * Builds a pack that needs no other (gitformat-pack, version 2). Each object goes in once; one whose `base` came before
 * it in the list is kept as what differs. Throws when the pack would pass 2 GiB.
 */
export function buildPack(objects: Iterable<EncodedObject>): BuiltPack {
  const entries = new Map<Oid, Entry>();
  const pieces: Buffer[] = [Buffer.alloc(12)];
  let offset = 12;
  for (const object of objects) {
    if (entries.has(object.oid)) continue;
    const base = object.base === undefined ? undefined : entries.get(object.base);
    const delta =
      base === undefined || base.chain >= MAX_CHAIN || base.object.type !== object.type
        ? null
        : (object.delta ?? makeDelta(base.object.data, object.data));
    const body = delta ?? object.data;
    const head =
      base === undefined || delta === null
        ? entryHeader(TYPE_NUMBERS[object.type], body.length)
        : Buffer.concat([entryHeader(OFS_DELTA, body.length), baseDistance(offset - base.offset)]);
    const bytes = body.length <= MOST_STORED ? storedStream(body) : deflateSync(body, { level: levelOf(object.type) });
    entries.set(object.oid, {
      oid: object.oid,
      offset,
      crc: crc32(bytes, crc32(head)),
      chain: base === undefined || delta === null ? 0 : base.chain + 1,
      object,
    });
    pieces.push(head, bytes);
    offset += head.length + bytes.length;
    if (offset > MAX_OFFSET) throw new RangeError("a pack of more than 2 GiB");
  }
  const header = pieces[0] as Buffer;
  header.write("PACK", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(entries.size, 8);
  const hash = createHash("sha1");
  for (const piece of pieces) hash.update(piece);
  const checksum = hash.digest();
  return {
    name: checksum.toString("hex"),
    pack: Buffer.concat([...pieces, checksum]),
    index: buildIndex([...entries.values()], checksum),
  };
}

/** The index of a pack, version 2: fan-out, ids in order, checksums, offsets. */
function buildIndex(entries: Entry[], checksum: Buffer): Buffer {
  entries.sort((left, right) => (left.oid < right.oid ? -1 : 1));
  const count = entries.length;
  const index = Buffer.alloc(8 + 1024 + count * 28 + 40);
  index.writeUInt32BE(0xff744f63, 0);
  index.writeUInt32BE(2, 4);
  for (const [at, { oid, crc, offset }] of entries.entries()) {
    const first = Number.parseInt(oid.slice(0, 2), 16);
    index.writeUInt32BE(at + 1, 8 + first * 4);
    index.write(oid, 1032 + at * 20, "hex");
    index.writeUInt32BE(crc, 1032 + count * 20 + at * 4);
    index.writeUInt32BE(offset, 1032 + count * 24 + at * 4);
  }
  for (let byte = 1; byte < 256; byte++) {
    if (index.readUInt32BE(8 + byte * 4) === 0) index.writeUInt32BE(index.readUInt32BE(4 + byte * 4), 8 + byte * 4);
  }
  checksum.copy(index, index.length - 40);
  createHash("sha1")
    .update(index.subarray(0, index.length - 20))
    .digest()
    .copy(index, index.length - 20);
  return index;
}

/** What a `.keep` file of ours says; the marks that a crash left are known by it. */
const KEEP_REASON = "runtree: its refs are being moved\n";

/**
 * Brings a pack into a repository, durably, marked `.keep` so that no `git repack` takes its objects for unreachable
 * before their refs have moved. Returns what takes the mark away. Throws `disk_full`, `io_failed`.
 */
export function writePack(fs: FileSystem, gitDir: string, { name, pack, index }: BuiltPack): () => void {
  const folder = `${gitDir}/objects/pack`;
  const path = `${folder}/pack-${name}`;
  const files: [string, Buffer][] = [
    ["keep", Buffer.from(KEEP_REASON)],
    ["pack", pack],
    ["idx", index],
  ];
  try {
    makeFolder(fs, folder);
    for (const [kind, bytes] of files) writeSynced(fs, `${folder}/tmp_${kind}_${name}`, bytes, "w", 0o444);
    for (const [kind] of files) fs.renameSync(`${folder}/tmp_${kind}_${name}`, `${path}.${kind}`);
    syncPath(fs, folder);
  } catch (error) {
    for (const [kind] of files) removeQuietly(fs, `${folder}/tmp_${kind}_${name}`);
    removeQuietly(fs, `${path}.keep`);
    throw ioError(error, "writing", `${path}.pack`);
  }
  return () => removeQuietly(fs, `${path}.keep`);
}

/** Removes what a crash between a pack and its refs left: unfinished files, and marks that nothing would take away. */
export function clearUnfinishedPacks(fs: FileSystem, gitDir: string): void {
  const folder = `${gitDir}/objects/pack`;
  for (const { name } of listFolder(fs, folder)) {
    const path = `${folder}/${name}`;
    const ours = name.endsWith(".keep") && readFileOrNull(fs, path)?.toString("utf8") === KEEP_REASON;
    if (ours || /^tmp_(keep|pack|idx)_[0-9a-f]{40}$/.test(name)) removeQuietly(fs, path);
  }
}
