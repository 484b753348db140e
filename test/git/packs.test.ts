import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EncodedObject, Oid } from "../../src/git/objects.ts";
import { applyDelta } from "../../src/git/pack.ts";
import { fsck, git } from "../support/git.ts";
import {
  blobs,
  disturbed,
  emptyRepository,
  importBlobs,
  linesOf,
  once,
  openRepository,
  pipeGit,
} from "./repositories.ts";

/** How many objects of the packs are stored as differences. */
function deltasIn(gitDir: string): number {
  return packsOf(gitDir).flatMap((pack) => {
    const listed = linesOf(git(gitDir, "verify-pack", "-v", pack));
    return listed.filter((line) => /^[0-9a-f]{40} \S+ +\d+ \d+ \d+ \d+ [0-9a-f]{40}$/.test(line));
  }).length;
}

function packsOf(gitDir: string): string[] {
  const folder = `${gitDir}/objects/pack`;
  return readdirSync(folder)
    .filter((name) => name.endsWith(".pack"))
    .map((name) => `${folder}/${name}`);
}

function indexOf(pack: string): string {
  return pack.replace(/pack$/, "idx");
}

/** Keeps objects from being dropped by maintenance: a tree names them all, and a commit the tree. */
function keep(gitDir: string, objects: readonly EncodedObject[], branch = "main"): void {
  const lines = objects.map(({ oid }, index) => `100644 blob ${oid}\tfile-${index}\n`);
  const tree = pipeGit(gitDir, ["mktree"], { input: lines.join("") })
    .toString()
    .trim();
  const commit = pipeGit(gitDir, ["commit-tree", tree], { input: "keep" }).toString().trim();
  git(gitDir, "update-ref", `refs/heads/${branch}`, commit);
}

/** Reads objects in a repository opened anew and returns the ids of those that are not there as they were written. */
function wrongIn(gitDir: string, objects: readonly EncodedObject[]): Oid[] {
  const repository = openRepository(gitDir);
  const wrong = objects.filter(({ oid, type, data }) => {
    const object = repository.read(oid);
    return object?.type !== type || !object.data.equals(data);
  });
  return wrong.map(({ oid }) => oid);
}

/** Versions of one large text, each a small change of the one before: git stores them as chains of differences. */
function versions(count: number, size = 20_000): EncodedObject[] {
  let text = Array.from({ length: size / 20 }, (_, line) => `line ${line} of ${(line * 7919) % 10_007}\n`);
  return blobs(
    Array.from({ length: count }, (_, version) => {
      text = text.with((version * 37) % text.length, `version ${version}\n`);
      return text.join("");
    }),
  );
}

/** All objects of a repository, trees and commits included. */
function everyOid(gitDir: string): Oid[] {
  return linesOf(git(gitDir, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"));
}

describe("packs made by git", () => {
  const pieces = fc.uint8Array({ minLength: 200, maxLength: 4000 });
  const edits = fc.record({ at: fc.nat(3000), remove: fc.nat(300), insert: fc.uint8Array({ maxLength: 300 }) });

  test("give back any set of blobs byte by byte, small ones and large ones that resemble each other", () => {
    let deltas = 0;
    fc.assert(
      fc.property(
        fc.array(pieces, { minLength: 1, maxLength: 4 }),
        fc.array(edits, { maxLength: 10 }),
        fc.boolean(),
        (originals, edits, byOffset) => {
          const gitDir = emptyRepository();
          const contents = originals.map((bytes) => Buffer.from(bytes));
          for (const [index, { at, remove, insert }] of edits.entries()) {
            const from = contents[(index * 7) % contents.length] ?? Buffer.alloc(0);
            contents.push(Buffer.concat([from.subarray(0, at), insert, from.subarray(at + remove)]));
          }
          const objects = blobs(contents);
          importBlobs(gitDir, objects);
          keep(gitDir, objects);
          git(gitDir, "-c", `repack.useDeltaBaseOffset=${byOffset}`, "repack", "-adfq", "--depth=50");
          expect(git(gitDir, "count-objects")).toMatch(/^0 objects/);
          expect(wrongIn(gitDir, objects)).toEqual([]);
          deltas += deltasIn(gitDir);
        },
      ),
      { numRuns: 15 },
    );
    expect(deltas).toBeGreaterThan(3);
  });

  test.each([
    ["by offset", "true"],
    ["by name", "false"],
  ])("give back the ends of long chains of differences whose bases are named %s", (_, byOffset) => {
    const gitDir = emptyRepository();
    const objects = versions(40);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "-c", `repack.useDeltaBaseOffset=${byOffset}`, "repack", "-adfq", "--depth=60", "--window=60");
    expect(deltasIn(gitDir)).toBeGreaterThan(30);
    expect(wrongIn(gitDir, objects)).toEqual([]);
  });

  test("are read with an index whose offsets are wide", () => {
    const gitDir = emptyRepository();
    const objects = versions(10);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "repack", "-adfq");
    const [pack = ""] = packsOf(gitDir);
    rmSync(indexOf(pack));
    git(gitDir, "index-pack", "--index-version=2,0x40", pack);
    expect(wrongIn(gitDir, objects)).toEqual([]);
  });

  test("with an index of the first version are refused, not misread", () => {
    const gitDir = emptyRepository();
    const objects = versions(2);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "-c", "pack.indexVersion=1", "repack", "-adfq");
    expect(() => wrongIn(gitDir, objects)).toThrow(expect.objectContaining({ code: "corrupt_object" }));
  });

  test("hold trees, commits and tags, too", () => {
    const gitDir = emptyRepository();
    const objects = versions(3);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "tag", "-a", "-m", "words", "v1", "main");
    git(gitDir, "gc", "--quiet");
    const repository = openRepository(gitDir);
    const types = everyOid(gitDir).map((oid) => repository.read(oid)?.type);
    expect(types.sort()).toEqual(["blob", "blob", "blob", "commit", "tag", "tree"]);
  });
});

describe("a repository that git maintains while we have it open", () => {
  test("answers the same with its objects loose, packed, packed twice, and mixed", async () => {
    const gitDir = emptyRepository();
    const objects = versions(12);
    const repository = openRepository(gitDir);
    await repository.apply({ objects, refs: [] });
    keep(gitDir, objects);
    const steps = [
      ["repack", "-q"],
      ["prune-packed"],
      ["repack", "-adfq"],
      ["gc", "--quiet", "--prune=now"],
      ["multi-pack-index", "write"],
    ];
    for (const [step, args] of steps.entries()) {
      git(gitDir, ...args);
      const more = blobs([`step ${step}`]);
      await repository.apply({ objects: more, refs: [] });
      keep(gitDir, [...objects, ...more], `step-${step}`);
      objects.push(...more);
      expect(wrongIn(gitDir, objects)).toEqual([]);
    }
    expect(fsck(gitDir)).toEqual([]);
  });

  test("finds what is only in packs made after it was opened, and goes on when their predecessors are gone", () => {
    const gitDir = emptyRepository();
    const objects = versions(10);
    const repository = openRepository(gitDir);
    for (const [index, object] of objects.entries()) {
      importBlobs(gitDir, [object]);
      keep(gitDir, objects.slice(0, index + 1));
      git(gitDir, "repack", "-adq");
      expect(repository.read(object.oid)?.data.equals(object.data)).toBe(true);
      expect(packsOf(gitDir)).toHaveLength(1);
    }
    expect(wrongIn(gitDir, objects)).toEqual([]);
  });

  test("reads an object whose pack is replaced at the moment it looks", () => {
    const gitDir = emptyRepository();
    const objects = versions(6);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "repack", "-adq");
    const more = blobs(["one more"]);
    const replacePack = once(() => {
      importBlobs(gitDir, more);
      keep(gitDir, [...objects, ...more]);
      git(gitDir, "repack", "-adfq");
    });
    const repository = openRepository(
      gitDir,
      disturbed({ beforeReadingFile: (path) => path.endsWith(".idx") && replacePack() }),
    );
    for (const { oid, data } of [...objects, ...more]) expect(repository.read(oid)?.data.equals(data)).toBe(true);
  });

  test("recovers when a pack that it could not open is gone again", () => {
    const gitDir = emptyRepository();
    const objects = versions(4);
    importBlobs(gitDir, objects);
    keep(gitDir, objects);
    git(gitDir, "repack", "-adq");
    const repository = openRepository(gitDir);
    const [{ oid: first = "" } = {}, { oid: second = "", data = null } = {}] = objects;
    repository.read(first);
    const [pack = ""] = packsOf(gitDir);
    for (const path of [pack, indexOf(pack)]) renameSync(path, path.replace("/pack/", "/"));
    const broken = `${gitDir}/objects/pack/pack-${"0".repeat(40)}`;
    for (const ending of ["pack", "idx"]) writeFileSync(`${broken}.${ending}`, "not a pack at all");
    expect(() => repository.read("1".repeat(40))).toThrow(expect.objectContaining({ code: "corrupt_object" }));
    for (const ending of ["pack", "idx"]) rmSync(`${broken}.${ending}`);
    for (const path of [pack, indexOf(pack)]) renameSync(path.replace("/pack-", "/../pack-"), path);
    expect(repository.read("1".repeat(40))).toBeNull();
    expect(repository.read(second)?.data).toEqual(data);
  });
});

/** A repository with one pack full of differences. */
function packed(byOffset = true): { gitDir: string; objects: EncodedObject[]; pack: string } {
  const gitDir = emptyRepository();
  const objects = versions(8, 2000);
  importBlobs(gitDir, objects);
  keep(gitDir, objects);
  git(gitDir, "-c", `repack.useDeltaBaseOffset=${byOffset}`, "repack", "-adfq");
  return { gitDir, objects, pack: packsOf(gitDir)[0] ?? "" };
}

/** Reads every object; what comes back is right or refused as `corrupt_object`. Says how many were refused or not found. */
function refusedOf(gitDir: string, objects: readonly EncodedObject[]): number {
  let repository = openRepository(gitDir);
  let refused = 0;
  for (const { oid, data } of objects) {
    try {
      const object = repository.read(oid);
      if (object === null) refused++;
      else expect(object.type === "blob" && object.data.equals(data)).toBe(true);
    } catch (error) {
      expect(error).toMatchObject({ code: "corrupt_object" });
      refused++;
      repository = openRepository(gitDir);
    }
  }
  return refused;
}

describe("a damaged pack", () => {
  test.each([
    ["offset", true],
    ["name", false],
  ])("gives right bytes or none at all, whichever byte is flipped (bases by %s)", (_, byOffset) => {
    const { gitDir, objects, pack } = packed(byOffset);
    const good = readFileSync(pack);
    let refused = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        overwrite(pack, good.with(at, (good[at] ?? 0) ^ flip));
        refused += refusedOf(gitDir, objects);
      }),
      { numRuns: 80 },
    );
    expect(refused).toBeGreaterThan(80);
  });

  test("gives right bytes or none at all, wherever it is cut off", () => {
    const { gitDir, objects, pack } = packed();
    const good = readFileSync(pack);
    for (let length = good.length - 1; length > 0; length -= Math.ceil(good.length / 40)) {
      overwrite(pack, good.subarray(0, length));
      expect(refusedOf(gitDir, objects)).toBeGreaterThanOrEqual(length < good.length - 40 ? 1 : 0);
    }
  });

  test("gives right bytes or none at all, whichever byte of its index is flipped", () => {
    const { gitDir, objects, pack } = packed();
    const good = readFileSync(indexOf(pack));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        overwrite(indexOf(pack), good.with(at, (good[at] ?? 0) ^ flip));
        refusedOf(gitDir, objects);
      }),
      { numRuns: 80 },
    );
  });

  test.each([
    ["empty", 0],
    ["cut off in its header", 6],
    ["cut off in its fan-out", 500],
    ["cut off in its names", 1100],
  ])("is refused when its index is %s", (_, length) => {
    const { gitDir, objects, pack } = packed();
    overwrite(indexOf(pack), readFileSync(indexOf(pack)).subarray(0, length));
    expect(refusedOf(gitDir, objects)).toBe(objects.length);
  });
});

/** Puts bytes where a read-only file is. */
function overwrite(path: string, bytes: Uint8Array): void {
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
}

describe("a difference", () => {
  const base = Buffer.from("0123456789");

  test("copies from its base and inserts", () => {
    expect(applyDelta(base, Buffer.from([10, 7, 0x91, 2, 3, 2, 0x61, 0x62, 0x91, 8, 2])).toString()).toBe("234ab89");
  });

  test("copies 65,536 bytes where it says nothing of the length", () => {
    const large = Buffer.alloc(70_000, "abcdefg");
    const delta = Buffer.from([0xf0, 0xa2, 0x04, 0x80, 0x80, 0x04, 0x80]);
    expect(applyDelta(large, delta)).toEqual(large.subarray(0, 65_536));
  });

  test.each([
    ["made for another base", [9, 1, 0x91, 0, 1]],
    ["shorter than it says", [10, 5, 0x91, 0, 1]],
    ["longer than it says", [10, 1, 0x91, 0, 5]],
    ["copying beyond its base", [10, 5, 0x91, 8, 5]],
    ["copying from beyond its base", [10, 1, 0x91, 20, 1]],
    ["cut off inside an insert", [10, 5, 5, 0x61]],
    ["empty", []],
  ])("%s is refused", (_, bytes) => {
    expect(() => applyDelta(base, Buffer.from(bytes))).toThrow();
  });
});
