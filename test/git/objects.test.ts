import { deflateSync } from "node:zlib";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeObject, hashObject, isOid, type ObjectType } from "../../src/git/objects.ts";
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

const CONTENTS = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 12 });

/** Reads objects by one `git cat-file --batch`. */
function catFile(gitDir: string, oids: readonly string[]): { oid: string; type: string; data: Buffer }[] {
  const printed = pipeGit(gitDir, ["cat-file", "--batch"], { input: oids.map((oid) => `${oid}\n`).join("") });
  let at = 0;
  return oids.map(() => {
    const end = printed.indexOf("\n", at);
    const [oid = "", type = "", size = ""] = printed.toString("latin1", at, end).split(" ");
    const data = printed.subarray(end + 1, end + 1 + Number(size));
    at = end + 1 + Number(size) + 1;
    return { oid, type, data };
  });
}

describe("objects", () => {
  test("have the ids that git hash-object gives, for any bytes", () => {
    const gitDir = emptyRepository();
    fc.assert(
      fc.property(CONTENTS, (contents) => {
        const paths = contents.map((content, index) => {
          writeFileSync(`${gitDir}/content-${index}`, content);
          return `content-${index}\n`;
        });
        const printed = pipeGit(gitDir, ["hash-object", "--no-filters", "--stdin-paths"], { input: paths.join("") });
        expect(blobs(contents.map((content) => Buffer.from(content))).map(({ oid }) => oid)).toEqual(linesOf(printed));
      }),
      { numRuns: 40 },
    );
  });

  test("have the ids of git for trees and tags, too", () => {
    const gitDir = emptyRepository();
    const tag = "object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype tree\ntag t\ntagger a <a@b> 1 +0000\n\nwords\n";
    for (const [type, text] of [
      ["tree", ""],
      ["tag", tag],
    ] as const satisfies [ObjectType, string][]) {
      const expected = pipeGit(gitDir, ["hash-object", "-t", type, "--stdin"], { input: text }).toString().trim();
      expect(encodeObject(type, text).oid).toBe(expected);
    }
  });

  test("a text is stored as its UTF-8 bytes", () => {
    expect(encodeObject("blob", "é\u{1f9ec}").data).toEqual(Buffer.from([0xc3, 0xa9, 0xf0, 0x9f, 0xa7, 0xac]));
  });

  test("an id is 40 lower-case hex digits and nothing else", () => {
    const oid = hashObject("blob", Buffer.alloc(0));
    expect(oid).toBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    expect([oid, oid.toUpperCase(), oid.slice(1), `${oid}\n`, `${oid}0`, ""].map(isOid)).toEqual([
      true,
      ...Array(5).fill(false),
    ]);
  });

  test("what we write, git and a fresh reader of ours read byte by byte", async () => {
    const gitDir = emptyRepository();
    await fc.assert(
      fc.asyncProperty(CONTENTS, async (contents) => {
        const written = blobs(contents.map((content) => Buffer.from(content)));
        await openRepository(gitDir).apply({ objects: written, refs: [] });
        const oids = written.map(({ oid }) => oid);
        expect(catFile(gitDir, oids)).toEqual(written);
        const fresh = openRepository(gitDir);
        expect(oids.map((oid) => fresh.read(oid))).toEqual(written.map(({ type, data }) => ({ type, data })));
      }),
      { numRuns: 20 },
    );
    expect(fsck(gitDir).filter((line) => !line.startsWith("dangling"))).toEqual([]);
  });

  test("what git writes loose, at any compression, we read", () => {
    const gitDir = emptyRepository();
    const written = blobs(["", "one\n", "x".repeat(100_000)]);
    for (const [index, { data }] of written.entries()) {
      const level = ["0", "1", "9"][index] ?? "";
      pipeGit(gitDir, ["-c", `core.compression=${level}`, "hash-object", "-w", "--stdin"], { input: data });
    }
    const repository = openRepository(gitDir);
    for (const { oid, type, data } of written) expect(repository.read(oid)).toEqual({ type, data });
  });

  test("an object that is not there is null, not an error", () => {
    expect(openRepository(emptyRepository()).read("1".repeat(40))).toBeNull();
  });

  test("leave no temporary file behind and cannot be written to", async () => {
    const gitDir = emptyRepository();
    const written = blobs(["some content"]);
    await openRepository(gitDir).apply({ objects: written, refs: [] });
    expect(git(gitDir, "count-objects", "-v")).toContain("garbage: 0\n");
    const [oid = ""] = written.map((object) => object.oid);
    expect(statSync(`${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`).mode & 0o222).toBe(0);
  });
});

/** A repository with one blob in a loose file. */
function withLooseBlob(): { gitDir: string; oid: string; data: Buffer; path: string } {
  const gitDir = emptyRepository();
  const written = blobs([Buffer.from("a document of some length, so that there is something to flip. ".repeat(4))]);
  importBlobs(gitDir, written);
  const [{ oid, data } = { oid: "", data: Buffer.alloc(0) }] = written;
  return { gitDir, oid, data, path: `${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}` };
}

describe("a loose object that is not whole", () => {
  test("is refused or right, whatever byte is flipped, and never wrong", () => {
    const { gitDir, oid, data, path } = withLooseBlob();
    const good = readFileSync(path);
    let refused = 0;
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      replace(path, bad);
      try {
        expect(openRepository(gitDir).read(oid)?.data).toEqual(data);
      } catch (error) {
        expect(error).toMatchObject({ code: "corrupt_object" });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(good.length / 2);
  });

  test.each([
    ["cut off", (good: Buffer) => good.subarray(0, -8)],
    ["cut off after its first byte", (good: Buffer) => good.subarray(0, 1)],
    ["empty", () => Buffer.alloc(0)],
    ["filled with zeros", (good: Buffer) => Buffer.alloc(good.length)],
    ["another object's", () => deflateSync("blob 5\0other")],
    ["without a header", () => deflateSync("no header here")],
  ])("is refused when it is %s", (_, damage) => {
    const { gitDir, oid, path } = withLooseBlob();
    replace(path, damage(readFileSync(path)));
    expect(() => openRepository(gitDir).read(oid)).toThrow(expect.objectContaining({ code: "corrupt_object" }));
  });

  test("is mended by writing the same object again", async () => {
    const { gitDir, oid, data, path } = withLooseBlob();
    replace(path, Buffer.alloc(0));
    const repository = openRepository(gitDir);
    await repository.apply({ objects: [encodeObject("blob", data)], refs: [] });
    expect(openRepository(gitDir).read(oid)?.data).toEqual(data);
    expect(fsck(gitDir)).toEqual([`dangling blob ${oid}`]);
  });

  test("does not hide a good copy in a pack, whichever was looked at first", () => {
    const { gitDir, oid, data, path } = withLooseBlob();
    git(gitDir, "tag", "keep", oid);
    git(gitDir, "repack", "-a", "-q");
    replace(path, readFileSync(path).subarray(0, -8));
    expect(git(gitDir, "cat-file", "blob", oid)).toBe(data.toString());
    expect(openRepository(gitDir).read(oid)?.data).toEqual(data);
  });
});

describe("the folder of a loose object", () => {
  test("may be taken away by git's maintenance just before the object is written", async () => {
    const gitDir = emptyRepository();
    const written = blobs(["content"]);
    const folder = `${gitDir}/objects/${written[0]?.oid.slice(0, 2)}`;
    const prune = once(() => git(gitDir, "prune-packed"));
    const repository = openRepository(
      gitDir,
      disturbed({ beforeOpening: (path) => path.startsWith(folder) && prune() }),
    );
    await repository.apply({ objects: written, refs: [] });
    expect(
      openRepository(gitDir)
        .read(written[0]?.oid ?? "")
        ?.data.toString(),
    ).toBe("content");
  });
});

/** Puts bytes where a read-only file is. */
function replace(path: string, bytes: Buffer): void {
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
}
