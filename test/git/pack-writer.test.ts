import { randomFillSync } from "node:crypto";
import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EncodedObject, encodeObject, type Oid } from "../../src/git/objects.ts";
import { buildPack, clearUnfinishedPacks, writePack } from "../../src/git/pack-writer.ts";
import { FaultyDisk } from "../support/faulty-disk.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { blobs, emptyRepository, linesOf, openRepository, pipeGit } from "./repositories.ts";

const MIB = 1024 * 1024;

/** Deltas that may follow one another. */
const LONGEST_CHAIN = 24;

function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.alloc(length));
}

/** A blob that is told against another one. */
function onBase(base: EncodedObject, data: Buffer | string): EncodedObject {
  return { ...encodeObject("blob", data), base: base.oid };
}

interface Verified {
  readonly type: string;
  /** How many deltas it is away from an object that is whole. */
  readonly depth: number;
}

/** Writes a pack into a new repository, lets stock git check all of it, and tells what git found in it. */
function verified(objects: readonly EncodedObject[]): { gitDir: string; found: Map<Oid, Verified> } {
  const gitDir = emptyRepository();
  const built = buildPack(objects);
  writePack(fs, gitDir, built)();
  const path = `${gitDir}/objects/pack/pack-${built.name}`;
  const other = `${temporaryFolder()}/pack.idx`;
  expect(git(gitDir, "index-pack", "--strict", "-o", other, `${path}.pack`).trim()).toBe(built.name);
  expect(readFileSync(other).equals(readFileSync(`${path}.idx`))).toBe(true);
  expect(linesOf(git(gitDir, "fsck", "--full", "--strict", "--no-progress", "--no-dangling"))).toEqual([]);
  const lines = linesOf(git(gitDir, "verify-pack", "-v", `${path}.idx`)).map((line) => line.split(/\s+/));
  const found = new Map(
    lines
      .filter(([name = ""]) => /^[0-9a-f]{40}$/.test(name))
      .map(([oid = "", type = "", , , , depth = "0"]) => [oid, { type, depth: Number(depth) }] as const),
  );
  expect([...found.keys()].sort()).toEqual([...new Set(objects.map(({ oid }) => oid))].sort());
  const ours = openRepository(gitDir);
  for (const { oid, type, data } of objects) {
    expect(found.get(oid)?.type).toBe(type);
    const read = ours.read(oid);
    expect(read?.type === type && read.data.equals(data)).toBe(true);
    expect(pipeGit(gitDir, ["cat-file", type, oid]).equals(data)).toBe(true);
  }
  return { gitDir, found };
}

describe("a pack that we write is what git would write", () => {
  test("of one object, and of every kind, empty ones too", () => {
    const [content = blobs([""])[0] as EncodedObject] = blobs(["content"]);
    const tree = encodeObject("tree", Buffer.concat([Buffer.from("100644 name\0"), Buffer.from(content.oid, "hex")]));
    const who = "a <a@example.org> 1700000000 +0000";
    const commit = encodeObject("commit", `tree ${tree.oid}\nauthor ${who}\ncommitter ${who}\n\nwords\n`);
    const tag = encodeObject("tag", `object ${commit.oid}\ntype commit\ntag v1\ntagger ${who}\n\nwords\n`);
    const empty = [encodeObject("blob", ""), encodeObject("tree", "")];
    verified([content]);
    verified([content, tree, commit, tag, ...empty]);
  });

  test("of objects whose lengths need one byte more each, and of large ones", () => {
    const lengths = [0, 1, 15, 16, 17, 2047, 2048, 2049, 262_143, 262_144, 300_000];
    verified([
      ...lengths.map((length) => encodeObject("blob", randomBytes(length))),
      encodeObject("blob", randomBytes(20 * MIB)),
    ]);
  });

  test("of no object at all", () => {
    verified([]);
  });

  test("of objects that come twice, with and without a base: once each", () => {
    const [one, two] = blobs(["one".repeat(100), "two"]) as [EncodedObject, EncodedObject];
    const edited = onBase(one, `${"one".repeat(100)} more`);
    const { found } = verified([one, two, one, edited, { ...edited }, encodeObject("blob", edited.data)]);
    expect(found.size).toBe(3);
  });

  test("of edits, as what differs: only from what came before, of one kind, and chains end at their limit", () => {
    const first = encodeObject("blob", randomBytes(3000));
    const edits: EncodedObject[] = [first];
    for (let edit = 0; edit < 60; edit++) {
      const data = Buffer.from((edits.at(-1) as EncodedObject).data);
      data.writeUInt32BE(edit, 40 * edit);
      edits.push(onBase(edits.at(-1) as EncodedObject, data));
    }
    const elsewhere = onBase(encodeObject("blob", randomBytes(50)), randomBytes(50));
    const { found } = verified([elsewhere, ...edits]);
    const depths = edits.map(({ oid }) => found.get(oid)?.depth ?? -1);
    expect(Math.max(...depths)).toBe(LONGEST_CHAIN);
    expect(depths.filter((depth) => depth === 0)).toHaveLength(3);
    expect(found.get(elsewhere.oid)?.depth).toBe(0);
    const backwards = verified(edits.toReversed()).found;
    expect(Math.max(...[...backwards.values()].map(({ depth }) => depth))).toBe(0);
  });

  test("of edits whose base lies near and far", () => {
    for (const between of [0, 60, 120, 127, 128, 129, 16_300, 16_600, 2_200_000]) {
      const base = encodeObject("blob", randomBytes(400));
      const edited = onBase(base, Buffer.concat([base.data, Buffer.from("more")]));
      const { found } = verified([base, encodeObject("blob", randomBytes(between)), edited]);
      expect(found.get(edited.oid)?.depth).toBe(1);
    }
  });

  test("of edits that leave little, or add to the start, the middle and the end of something long", () => {
    const base = encodeObject("blob", randomBytes(200_000));
    const at = (place: number, piece: Buffer): Buffer =>
      Buffer.concat([base.data.subarray(0, place), piece, base.data.subarray(place)]);
    const results = [
      base.data.subarray(0, 1),
      base.data.subarray(199_999),
      base.data.subarray(0, 65_536),
      base.data.subarray(65_536),
      ...[0, 1, 65_535, 65_536, 100_000, 200_000].map((place) => at(place, randomBytes(300))),
      at(100_000, Buffer.alloc(0)),
    ];
    verified([base, ...results.map((data) => onBase(base, data))]);
  });

  test("of an edit that leaves nothing", () => {
    const [base = encodeObject("blob", "")] = blobs(["content"]);
    verified([base, onBase(base, "")]);
  });

  test("of whatever edits, one on another", () => {
    const edit = fc.record({
      from: fc.nat(1000),
      at: fc.nat(4000),
      cut: fc.nat(600),
      piece: fc.uint8Array({ max: 3, maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.uint8Array({ max: 3, maxLength: 4000 }), fc.array(edit, { maxLength: 60 }), (start, edits) => {
        const objects = [encodeObject("blob", Buffer.from(start))];
        for (const { from, at, cut, piece } of edits) {
          const base = objects[from % objects.length] as EncodedObject;
          const { data } = base;
          objects.push(
            onBase(base, Buffer.concat([data.subarray(0, at), Buffer.from(piece), data.subarray(at + cut)])),
          );
        }
        const folder = temporaryFolder();
        const { name, pack, index } = buildPack(objects);
        writeFileSync(`${folder}/a.pack`, pack);
        expect(git(folder, "index-pack", "--strict", "-o", "b.idx", "a.pack").trim()).toBe(name);
        expect(readFileSync(`${folder}/b.idx`).equals(index)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

function packFiles(gitDir: string): string[] {
  return readdirSync(`${gitDir}/objects/pack`)
    .map((name) => name.replace(/[0-9a-f]{40}/, "NAME"))
    .sort();
}

describe("bringing a pack into a repository", () => {
  test("marks it as kept until its refs are moved: no repack takes its objects for unreachable", () => {
    const gitDir = emptyRepository();
    const objects = blobs(["one", "two"]);
    const release = writePack(fs, gitDir, buildPack(objects));
    expect(packFiles(gitDir)).toEqual(["pack-NAME.idx", "pack-NAME.keep", "pack-NAME.pack"]);
    git(gitDir, "repack", "-a", "-d", "-q");
    git(gitDir, "prune", "--expire=now");
    for (const { oid, data } of objects) expect(git(gitDir, "cat-file", "blob", oid)).toBe(data.toString());
    release();
    release();
    expect(packFiles(gitDir)).toEqual(["pack-NAME.idx", "pack-NAME.pack"]);
    git(gitDir, "repack", "-a", "-d", "-q");
    expect(packFiles(gitDir)).toEqual([]);
  });

  test("takes the mark away though the disk refuses that once", () => {
    const disk = FaultyDisk.holding(emptyRepository(), "/repo.git");
    const release = writePack(disk.fs, "/repo.git", buildPack(blobs(["one"])));
    disk.plant({ at: 1, kind: "error", code: "EIO", sticky: false });
    release();
    expect(disk.failed?.path).toMatch(/\.keep$/);
    expect(disk.paths().filter((path) => path.endsWith(".keep"))).toEqual([]);
  });

  test("twice changes nothing", () => {
    const gitDir = emptyRepository();
    const built = buildPack(blobs(["one", "two"]));
    for (let time = 0; time < 2; time++) writePack(fs, gitDir, built)();
    expect(packFiles(gitDir)).toEqual(["pack-NAME.idx", "pack-NAME.pack"]);
  });

  test("that the disk refuses, at any call, leaves nothing unfinished, and goes through the next time", () => {
    const objects = blobs(Array.from({ length: 40 }, (_, index) => `blob ${index}`));
    const built = buildPack(objects);
    const blank = FaultyDisk.holding(emptyRepository(), "/repo.git");
    const whole = blank.copy();
    whole.plant(null);
    const release = writePack(whole.fs, "/repo.git", built);
    const { length } = whole.calls;
    release();
    expect(length).toBeGreaterThan(10);
    for (let at = 1; at <= length; at++)
      for (const [code, told] of [
        ["ENOSPC", "disk_full"],
        ["EIO", "io_failed"],
      ] as const) {
        const disk = blank.copy();
        disk.plant({ at, kind: "error", code, sticky: false });
        expect(() => writePack(disk.fs, "/repo.git", built)).toThrow(expect.objectContaining({ code: told }));
        expect(disk.paths().filter((path) => /tmp_|\.keep$/.test(path))).toEqual([]);
        writePack(disk.fs, "/repo.git", built)();
        const folder = temporaryFolder();
        disk.writeTo(folder, "/repo.git");
        expect(
          openRepository(folder)
            .read(objects[7]?.oid ?? "")
            ?.data.toString(),
        ).toBe("blob 7");
      }
  });

  test("that a crash cut short is cleared at the next start; what others keep stays kept", () => {
    const gitDir = emptyRepository();
    const folder = `${gitDir}/objects/pack`;
    const built = buildPack(blobs(["one"]));
    writePack(fs, gitDir, built);
    const name = "0123456789abcdef0123456789abcdef01234567";
    for (const kind of ["keep", "pack", "idx"]) writeFileSync(`${folder}/tmp_${kind}_${name}`, "half");
    writeFileSync(`${folder}/pack-${name}.keep`, "a person's");
    writeFileSync(`${folder}/tmp_pack_XXXXXX`, "git's own, at work");
    clearUnfinishedPacks(fs, gitDir);
    expect(packFiles(gitDir)).toEqual(["pack-NAME.idx", "pack-NAME.keep", "pack-NAME.pack", "tmp_pack_XXXXXX"]);
    expect(existsSync(`${folder}/pack-${built.name}.keep`)).toBe(false);
  });
});
