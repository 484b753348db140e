import { createHash } from "node:crypto";
import fs, {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import { type EncodedObject, encodeObject, type GitObject, type Oid } from "../../src/git/objects.ts";
import type { RuntreeError } from "../../src/domain/errors.ts";
import { Pack } from "../../src/git/pack.ts";
import { PackIndex } from "../../src/git/pack-index.ts";
import { Packs } from "../../src/git/packs.ts";
import { temporaryFolder } from "../support/folders.ts";
import { blobs, emptyRepository, openRepository, pipeGit } from "./repositories.ts";

/* Packs that git would not write, or not in a test's time: laid out by hand, after git's `gitformat-pack`. */

interface Placed {
  readonly oid: Oid;
  readonly offset: bigint;
}

function sha1(bytes: Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The bytes of a version-2 index. */
function indexBytes(placed: readonly Placed[], packChecksum: Buffer): Buffer {
  const sorted = placed.toSorted((left, right) => (left.oid < right.oid ? -1 : 1));
  const names = sorted.map(({ oid }) => Buffer.from(oid, "hex"));
  const fanout = Array.from({ length: 256 }, (_, first) =>
    uint32(names.filter((name) => (name[0] ?? 0) <= first).length),
  );
  const wide: Buffer[] = [];
  const offsets = sorted.map(({ offset }) => {
    if (offset < 2n ** 31n) return uint32(Number(offset));
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(offset);
    return uint32(0x80000000 + wide.push(bytes) - 1);
  });
  const start = Buffer.concat([uint32(0xff744f63), uint32(2), ...fanout, ...names]);
  const body = Buffer.concat([start, Buffer.alloc(4 * sorted.length), ...offsets, ...wide, packChecksum]);
  return Buffer.concat([body, sha1(body)]);
}

function packHeader(count: number): Buffer {
  return Buffer.concat([Buffer.from("PACK"), uint32(2), uint32(count)]);
}

/** An entry of a pack: its kind and size, what names a base, and the deflated bytes. */
function entryBytes(kind: number, data: Buffer, base: Buffer = Buffer.alloc(0)): Buffer {
  const head: number[] = [];
  let rest = Math.floor(data.length / 16);
  head.push((kind << 4) | (data.length % 16) | (rest > 0 ? 0x80 : 0));
  for (; rest > 0; rest = Math.floor(rest / 128)) head.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  return Buffer.concat([Buffer.from(head), base, deflateSync(data)]);
}

/** How a difference says how far before it its base begins. */
function distanceBytes(distance: number): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest--;
    bytes.unshift(0x80 | (rest % 128));
  }
  return Buffer.from(bytes);
}

interface Entry {
  readonly oid: Oid;
  readonly bytes: Buffer;
}

/** Writes a pack of these entries, and its index. */
function writePack(path: string, entries: readonly Entry[]): void {
  const placed: Placed[] = [];
  let offset = 12;
  for (const { oid, bytes } of entries) {
    placed.push({ oid, offset: BigInt(offset) });
    offset += bytes.length;
  }
  const body = Buffer.concat([packHeader(entries.length), ...entries.map(({ bytes }) => bytes)]);
  writeFileSync(path, Buffer.concat([body, sha1(body)]));
  writeFileSync(path.replace(/pack$/, "idx"), indexBytes(placed, sha1(body)));
}

/** A pack of these entries in a folder of its own, open until the test has ended. */
function openPack(entries: readonly Entry[]): Pack {
  const path = `${temporaryFolder()}/pack-1.pack`;
  writePack(path, entries);
  return opened(path);
}

function opened(path: string, fileSystem: FileSystem = fs): Pack {
  const pack = new Pack(fileSystem, path);
  onTestFinished(() => pack.close());
  return pack;
}

const nowhere = (): GitObject | null => null;
const corrupt: unknown = expect.objectContaining({ code: "corrupt_object" });

/** A difference of a base that replaces it by few bytes. */
function deltaTo(base: Buffer, data: Buffer): Buffer {
  return Buffer.from([...varint(base.length), ...varint(data.length), data.length, ...data]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [0x80 | (value % 128), ...varint(Math.floor(value / 128))];
}

describe("a pack of more than 4 GiB", () => {
  /** A pack that is a hole but for one object at an offset. */
  function sparsePack(oid: Oid, entry: Buffer, offset: number, pretended = BigInt(offset)): string {
    const path = `${temporaryFolder()}/pack-1.pack`;
    const checksum = Buffer.alloc(20, 7);
    const file = openSync(path, "w");
    writeSync(file, packHeader(1), 0, 12, 0);
    ftruncateSync(file, offset + entry.length + 20);
    writeSync(file, entry, 0, entry.length, offset);
    writeSync(file, checksum, 0, 20, offset + entry.length);
    closeSync(file);
    writeFileSync(path.replace(/pack$/, "idx"), indexBytes([{ oid, offset: pretended }], checksum));
    return path;
  }
  const [{ oid, data } = encodeObject("blob", "")] = blobs(["far away"]);
  const FAR = 5 * 2 ** 30 + 17;

  test("is read beyond 4 GiB", () => {
    const pack = opened(sparsePack(oid, entryBytes(3, data), FAR));
    expect(pack.read(oid, nowhere)).toEqual({ type: "blob", data });
  });

  test("is read between 2 and 4 GiB, where an offset does not fit the narrow table any more", () => {
    const pack = opened(sparsePack(oid, entryBytes(3, data), 3 * 2 ** 30));
    expect(pack.read(oid, nowhere)?.data).toEqual(data);
  });

  test.each([
    ["beyond the end", BigInt(FAR) + 1000n],
    ["at the end, where the checksum is", BigInt(FAR + entryBytes(3, data).length)],
    ["beyond what a number can say", 2n ** 53n + 1n],
    ["at the last place there is", 2n ** 64n - 1n],
    ["in the header", 4n],
  ])("refuses an offset %s", (_, pretended) => {
    const pack = opened(sparsePack(oid, entryBytes(3, data), FAR, pretended));
    expect(() => pack.read(oid, nowhere)).toThrow(corrupt);
  });

  test("refuses an offset that its index does not have", () => {
    const path = sparsePack(oid, entryBytes(3, data), FAR);
    const index = indexBytes([{ oid, offset: BigInt(FAR) }], Buffer.alloc(20, 7));
    index.writeUInt32BE(0x80000001, index.length - 40 - 8 - 4);
    writeFileSync(path.replace(/pack$/, "idx"), index);
    const pack = opened(path);
    expect(() => pack.read(oid, nowhere)).toThrow(corrupt);
  });
});

describe("chains of deltas", () => {
  /** Blobs, each stored as a difference from the one before, by offset or by name. */
  function chain(length: number, byOffset: boolean): { pack: Pack; objects: EncodedObject[] } {
    const objects = blobs(Array.from({ length: length + 1 }, (_, version) => `version ${version}`));
    const entries: Entry[] = [];
    for (const [at, { oid, data }] of objects.entries()) {
      const [before, entry] = [objects[at - 1], entries[at - 1]];
      if (before === undefined || entry === undefined) entries.push({ oid, bytes: entryBytes(3, data) });
      else if (byOffset)
        entries.push({ oid, bytes: entryBytes(6, deltaTo(before.data, data), distanceBytes(entry.bytes.length)) });
      else entries.push({ oid, bytes: entryBytes(7, deltaTo(before.data, data), Buffer.from(before.oid, "hex")) });
    }
    return { pack: openPack(entries), objects };
  }

  test.each([
    ["offset", true],
    ["name", false],
  ])("of 4,096 are read, longer ones are refused (bases by %s)", (_, byOffset) => {
    const { pack, objects } = chain(4097, byOffset);
    const [longest, tooLong] = objects.slice(-2);
    expect(() => pack.read(tooLong?.oid ?? "", nowhere)).toThrow(corrupt);
    expect(pack.read(longest?.oid ?? "", nowhere)?.data).toEqual(longest?.data);
  });

  test("that lead back to where they began are refused", () => {
    const [one, other] = blobs(["one", "other"]);
    if (one === undefined || other === undefined) throw new Error("two blobs");
    const delta = deltaTo(one.data, other.data);
    const pack = openPack([
      { oid: one.oid, bytes: entryBytes(7, delta, Buffer.from(other.oid, "hex")) },
      { oid: other.oid, bytes: entryBytes(7, delta, Buffer.from(one.oid, "hex")) },
    ]);
    expect(() => pack.read(one.oid, nowhere)).toThrow(corrupt);
  });

  test("that lead from one pack to another and back are refused", () => {
    const [one, other] = blobs(["one", "other"]);
    if (one === undefined || other === undefined) throw new Error("two blobs");
    const delta = deltaTo(one.data, other.data);
    const first = openPack([{ oid: one.oid, bytes: entryBytes(7, delta, Buffer.from(other.oid, "hex")) }]);
    const second = openPack([{ oid: other.oid, bytes: entryBytes(7, delta, Buffer.from(one.oid, "hex")) }]);
    const resolve = (oid: Oid): GitObject | null => first.read(oid, resolve) ?? second.read(oid, resolve);
    expect(() => resolve(one.oid)).toThrow(corrupt);
  });

  test("whose base lies elsewhere begin with what is resolved, and are refused where that is missing", () => {
    const [base, made] = blobs(["the base", "made of it"]);
    if (base === undefined || made === undefined) throw new Error("two blobs");
    const bytes = entryBytes(7, deltaTo(base.data, made.data), Buffer.from(base.oid, "hex"));
    const pack = openPack([{ oid: made.oid, bytes }]);
    expect(() => pack.read(made.oid, nowhere)).toThrow(corrupt);
    expect(pack.read(made.oid, (oid) => (oid === base.oid ? base : null))?.data).toEqual(made.data);
  });

  test.each([0, 1, 100_000])("with a base %s bytes away, where nothing begins, are refused", (distance) => {
    const [made = encodeObject("blob", "")] = blobs(["made of nothing"]);
    const pack = openPack([
      { oid: made.oid, bytes: entryBytes(6, deltaTo(made.data, made.data), distanceBytes(distance)) },
    ]);
    expect(() => pack.read(made.oid, nowhere)).toThrow(corrupt);
  });
});

describe("an entry", () => {
  const noise = (size: number): Buffer => {
    const pieces = Array.from({ length: Math.ceil(size / 20) }, (_, at) => sha1(uint32(at)));
    return Buffer.concat(pieces).subarray(0, size);
  };

  test("is read whatever its size, and whether it is deflated well or not at all", () => {
    const sizes = [0, 1, 15, 16, 4070, 4085, 4096, 5000, 70_000, 1_048_500, 3_000_000];
    const objects = blobs(sizes.flatMap((size) => [noise(size), Buffer.alloc(size, "a")]));
    const pack = openPack(objects.map(({ oid, data }) => ({ oid, bytes: entryBytes(3, data) })));
    for (const { oid, data } of objects) expect(pack.read(oid, nowhere)?.data.equals(data)).toBe(true);
  });

  test.each([
    ["more bytes than it says", 299],
    ["fewer bytes than it says", 301],
    ["a size that no memory has", 2 ** 52],
  ])("with %s is refused", (_, size) => {
    const [{ oid, data } = encodeObject("blob", "")] = blobs([noise(300)]);
    const header = Buffer.from([0xb0 | (size % 16), ...varint(Math.floor(size / 16))]);
    const pack = openPack([{ oid, bytes: Buffer.concat([header, deflateSync(data)]) }]);
    expect(() => pack.read(oid, nowhere)).toThrow(corrupt);
  });
});

describe("the last entry of a pack", () => {
  test("is refused when its bytes end too early", () => {
    const [{ oid, data } = encodeObject("blob", "")] = blobs(["cut off at the end"]);
    const pack = openPack([{ oid, bytes: entryBytes(3, data).subarray(0, -10) }]);
    expect(() => pack.read(oid, nowhere)).toThrow(corrupt);
  });
});

describe("the index of a pack", () => {
  test("finds every name and no other, however they are distributed", () => {
    const beginning = fc.constantFrom("", "00", "ff", "7f000000", "7f00000000", "7fffffffff");
    const names = fc.tuple(beginning, fc.integer({ min: 0, max: 20_000 })).map(([beginning, count]) => {
      const made = Array.from({ length: count }, (_, at) => beginning + sha1(uint32(at)).toString("hex"));
      return [...new Set(made.map((name) => name.slice(0, 40)))];
    });
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 3 }), (groups) => {
        const oids = [...new Set(groups.flat())];
        const path = `${temporaryFolder()}/pack-1.idx`;
        writeFileSync(
          path,
          indexBytes(
            oids.map((oid, at) => ({ oid, offset: BigInt(at) })),
            Buffer.alloc(20),
          ),
        );
        const index = new PackIndex(fs, path);
        const step = Math.ceil(oids.length / 500);
        for (let at = 0; at < oids.length; at += step) expect(index.offsetOf(oids[at] ?? "")).toBe(at);
        for (const oid of [
          "0".repeat(40),
          "f".repeat(40),
          `7f${"0".repeat(38)}`,
          sha1(Buffer.from("else")).toString("hex"),
        ])
          expect(index.offsetOf(oid)).toBeNull();
        index.close();
      }),
      { numRuns: 12 },
    );
  });

  test("is refused beside another pack of as many objects, beside a longer one, and where its fan-out goes down", () => {
    const folder = temporaryFolder();
    const object = { oid: "1".repeat(40), offset: 12n };
    const body = Buffer.concat([packHeader(1), entryBytes(3, Buffer.from("a"))]);
    const path = `${folder}/pack-1.pack`;
    writeFileSync(path, Buffer.concat([body, sha1(body)]));
    const good = indexBytes([object], sha1(body));
    const down = Buffer.from(good);
    down.writeUInt32BE(3, 8 + 4 * 100);
    const others = [
      indexBytes([object], sha1(Buffer.from("another"))),
      indexBytes([object, { ...object, oid: "2".repeat(40) }], sha1(body)),
      down,
      good.subarray(0, -4),
    ];
    for (const bytes of others) {
      writeFileSync(path.replace(/pack$/, "idx"), bytes);
      expect(() => new Pack(fs, path)).toThrow(corrupt);
    }
    writeFileSync(path.replace(/pack$/, "idx"), good);
    expect(opened(path).path).toBe(path);
  });
});

/** The real file system, which takes note of the bytes read from each file. */
function counting(): { fileSystem: FileSystem; bytesRead: Map<string, number> } {
  const paths = new Map<number, string>();
  const bytesRead = new Map<string, number>();
  const openSync = (path: string, flags: string): number => {
    const file = fs.openSync(path, flags);
    paths.set(file, path);
    return file;
  };
  const readSync = (file: number, bytes: Buffer, start: number, length: number, position: number): number => {
    const path = paths.get(file) ?? "";
    bytesRead.set(path, (bytesRead.get(path) ?? 0) + length);
    return fs.readSync(file, bytes, start, length, position);
  };
  return { fileSystem: { ...fs, openSync, readSync } as FileSystem, bytesRead };
}

describe("reading a few objects", () => {
  test("reads little of a large pack and its index", () => {
    const gitDir = emptyRepository();
    const objects = blobs(Array.from({ length: 20_000 }, (_, at) => `${at} ${sha1(uint32(at)).toString("hex")}`));
    pipeGit(gitDir, ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"], {
      input: Buffer.concat(objects.map(({ data }) => Buffer.from(`blob\ndata ${data.length}\n${data.toString()}\n`))),
    });
    const { fileSystem, bytesRead } = counting();
    const repository = openRepository(gitDir, fileSystem);
    for (const { oid, data } of objects.slice(0, 10)) expect(repository.read(oid)?.data).toEqual(data);
    for (const [path, bytes] of bytesRead) {
      expect(statSync(path).size).toBeGreaterThan(400_000);
      expect(bytes).toBeLessThan(70_000);
    }
    expect(bytesRead.size).toBe(2);
  });

  test("asks the newest pack first, but before it the one that answered last", () => {
    const gitDir = temporaryFolder();
    mkdirSync(`${gitDir}/objects/pack`, { recursive: true });
    const [shared = encodeObject("blob", ""), ...own] = blobs(["in all of them", "in 0", "in 1", "in 2", "in 3"]);
    const entry = ({ oid, data }: EncodedObject): Entry => ({ oid, bytes: entryBytes(3, data) });
    const paths = own.map((object, age) => {
      const path = `${gitDir}/objects/pack/pack-${(age * 3) % 4}.pack`;
      writePack(path, [entry(shared), entry(object)]);
      utimesSync(path, 1_700_000_000 - age, 1_700_000_000 - age);
      return path;
    });
    const { fileSystem, bytesRead } = counting();
    const faults: RuntreeError[] = [];
    const packs = new Packs(fileSystem, `${gitDir}/objects`, 1024 * 1024);
    onTestFinished(() => packs.close());
    packs.follow(faults);
    const answering = (object: EncodedObject): string[] => {
      bytesRead.clear();
      expect(packs.read(object.oid, nowhere, faults)?.data).toEqual(object.data);
      return [...bytesRead.keys()].filter((path) => path.endsWith(".pack"));
    };
    expect(answering(shared)).toEqual([paths[0]]);
    for (const age of [2, 3, 1, 0]) {
      expect(answering(own[age] ?? shared)).toEqual([paths[age]]);
      expect(answering(shared)).toEqual([paths[age]]);
    }
    expect(faults).toEqual([]);
  });
});
