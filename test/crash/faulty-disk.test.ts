import real, { constants } from "node:fs";
import { describe, expect, test } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import type { DataFate, EntryFate } from "../support/disk-model.ts";
import { FaultyDisk } from "../support/faulty-disk.ts";
import { temporaryFolder } from "../support/folders.ts";
import { randomOf } from "../support/sample.ts";

/** A disk with a folder that is safe. */
function diskWithFolder(): FaultyDisk {
  const disk = new FaultyDisk();
  disk.fs.mkdirSync("/d");
  return disk.copy();
}

function syncPath(fs: FileSystem, path: string): void {
  const fd = fs.openSync(path, "r");
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** Writes a file whose bytes are safe; its name is not. */
function writeSafely(fs: FileSystem, path: string, text: string): void {
  fs.writeFileSync(path, text);
  syncPath(fs, path);
}

/** What is at a path after the power went; null for nothing. */
function found(disk: FaultyDisk, path: string, data: DataFate, entries: EntryFate): string | null {
  const { fs } = disk.afterPowerCut({ data, entries });
  return fs.existsSync(path) ? fs.readFileSync(path, "utf8") : null;
}

/** What a path may hold after the power went, over many tries. */
function foundAfterMany(disk: FaultyDisk, ...paths: readonly string[]): Set<string> {
  const random = randomOf(1);
  const all = Array.from({ length: 200 }, () => {
    const { fs } = disk.afterPowerCut({ data: "mixed", entries: "mixed", random });
    return paths.map((path) => (fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "-")).join(" ");
  });
  return new Set(all);
}

describe("bytes that a power cut may take", () => {
  test("of a new file that nobody synced: all, none, zeros, or the first half; and its name", () => {
    const disk = diskWithFolder();
    disk.fs.writeFileSync("/d/f", "12345678");
    const fates = (["kept", "dropped", "zeroed", "torn"] as const).map((data) => found(disk, "/d/f", data, "kept"));
    expect(fates).toEqual(["12345678", "", "\0".repeat(8), "1234"]);
    expect(found(disk, "/d/f", "kept", "dropped")).toBeNull();
  });

  test("written since the last sync go; those before stay", () => {
    const disk = diskWithFolder();
    const fd = disk.fs.openSync("/d/f", "w");
    disk.fs.writeSync(fd, "safe");
    disk.fs.fdatasyncSync(fd);
    syncPath(disk.fs, "/d");
    disk.fs.writeSync(fd, "more");
    disk.fs.writeSync(fd, "last");
    const fates = (["kept", "dropped", "zeroed", "torn"] as const).map((data) => found(disk, "/d/f", data, "dropped"));
    expect(fates).toEqual(["safemorelast", "safe", `safe${"\0".repeat(8)}`, "safemorela"]);
  });

  test("written over safe ones leave these where they are lost", () => {
    const disk = diskWithFolder();
    writeSafely(disk.fs, "/d/f", "12345678");
    syncPath(disk.fs, "/d");
    const fd = disk.fs.openSync("/d/f", "r+");
    disk.fs.writeSync(fd, Buffer.from("abcd"), 0, 4, 2);
    const fates = (["kept", "dropped", "zeroed", "torn"] as const).map((data) => found(disk, "/d/f", data, "kept"));
    expect(fates).toEqual(["12abcd78", "12345678", "12345678", "12ab5678"]);
    disk.fs.ftruncateSync(fd, 3);
    expect([found(disk, "/d/f", "kept", "kept"), found(disk, "/d/f", "dropped", "kept")]).toEqual(["12a", "12345678"]);
    disk.fs.fsyncSync(fd);
    expect(found(disk, "/d/f", "dropped", "kept")).toBe("12a");
  });

  test("go with the file that is emptied before it is written anew", () => {
    const disk = diskWithFolder();
    writeSafely(disk.fs, "/d/f", "old");
    syncPath(disk.fs, "/d");
    disk.fs.writeFileSync("/d/f", "newer");
    const fates = (["kept", "dropped", "zeroed"] as const).map((data) => found(disk, "/d/f", data, "kept"));
    expect(fates).toEqual(["newer", "old", "\0".repeat(5)]);
  });

  test("that are written through are safe at once", () => {
    const disk = diskWithFolder();
    syncPath(disk.fs, "/d");
    const fd = disk.fs.openSync("/d/f", constants.O_CREAT | constants.O_RDWR | constants.O_DSYNC);
    disk.fs.writeSync(fd, "safe");
    syncPath(disk.fs, "/d");
    expect(found(disk, "/d/f", "dropped", "dropped")).toBe("safe");
  });

  test("stay in doubt after a sync that failed, whatever later ones say", () => {
    const disk = diskWithFolder();
    const fd = disk.fs.openSync("/d/f", "w");
    syncPath(disk.fs, "/d");
    disk.fs.writeSync(fd, "doubt");
    disk.plant({ at: 1, kind: "error", code: "EIO", sticky: false });
    expect(() => disk.fs.fsyncSync(fd)).toThrow("EIO");
    disk.fs.writeSync(fd, "safe");
    disk.fs.fsyncSync(fd);
    const fates = (["kept", "dropped"] as const).map((data) => found(disk, "/d/f", data, "dropped"));
    expect(fates).toEqual(["doubtsafe", `${"\0".repeat(5)}safe`]);
  });
});

describe("names that a power cut may take", () => {
  test("are those of files that are synced themselves, as long as their folder is not", () => {
    const disk = diskWithFolder();
    writeSafely(disk.fs, "/d/f", "safe");
    expect([found(disk, "/d/f", "kept", "kept"), found(disk, "/d/f", "dropped", "dropped")]).toEqual(["safe", null]);
    syncPath(disk.fs, "/d");
    expect(found(disk, "/d/f", "dropped", "dropped")).toBe("safe");
  });

  test("of a file that took another one's place: the new or the old, each with its own bytes", () => {
    const disk = diskWithFolder();
    writeSafely(disk.fs, "/d/f", "old");
    syncPath(disk.fs, "/d");
    disk.fs.writeFileSync("/d/f.tmp", "new");
    disk.fs.renameSync("/d/f.tmp", "/d/f");
    const both = (["kept", "dropped"] as const).flatMap((entries) =>
      (["kept", "dropped"] as const).map((data) => found(disk, "/d/f", data, entries)),
    );
    expect(both).toEqual(["new", "", "old", "old"]);
    expect(disk.fs.readdirSync("/d")).toEqual(["f"]);
  });

  test("come back when they were removed", () => {
    const disk = diskWithFolder();
    writeSafely(disk.fs, "/d/f", "safe");
    syncPath(disk.fs, "/d");
    disk.fs.unlinkSync("/d/f");
    expect([found(disk, "/d/f", "kept", "kept"), found(disk, "/d/f", "kept", "dropped")]).toEqual([null, "safe"]);
  });

  test("of a whole folder go with the folder's own", () => {
    const disk = diskWithFolder();
    disk.fs.mkdirSync("/d/e");
    writeSafely(disk.fs, "/d/e/f", "safe");
    syncPath(disk.fs, "/d/e");
    expect(found(disk, "/d/e/f", "dropped", "dropped")).toBeNull();
    syncPath(disk.fs, "/d");
    expect(found(disk, "/d/e/f", "dropped", "dropped")).toBe("safe");
  });

  test("are kept in the order of their folder; a move to another folder may be half kept", () => {
    const disk = diskWithFolder();
    disk.fs.mkdirSync("/e");
    syncPath(disk.fs, "/");
    writeSafely(disk.fs, "/d/f", "f");
    syncPath(disk.fs, "/d");
    disk.fs.renameSync("/d/f", "/e/f");
    expect(foundAfterMany(disk, "/d/f", "/e/f")).toEqual(new Set(["f -", "- f", "f f", "- -"]));
    writeSafely(disk.fs, "/d/1", "1");
    writeSafely(disk.fs, "/d/2", "2");
    expect(foundAfterMany(disk, "/d/1", "/d/2")).toEqual(new Set(["- -", "1 -", "1 2"]));
  });

  test("may be two of one file", () => {
    const disk = diskWithFolder();
    disk.fs.writeFileSync("/d/f", "1");
    disk.fs.linkSync("/d/f", "/d/g");
    const copy = disk.copy();
    copy.fs.appendFileSync("/d/f", "2");
    expect([copy.fs.readFileSync("/d/g", "utf8"), found(copy, "/d/g", "dropped", "kept")]).toEqual(["12", "1"]);
    expect(disk.fs.readFileSync("/d/g", "utf8")).toBe("1");
  });
});

test("a killed process leaves what it did not sync as it was: there, and not safe", () => {
  const disk = diskWithFolder();
  writeSafely(disk.fs, "/d/f", "safe");
  syncPath(disk.fs, "/d");
  disk.fs.appendFileSync("/d/f", " or not");
  disk.fs.linkSync("/d/f", "/d/g");
  const next = disk.afterKill();
  expect([next.fs.readFileSync("/d/f", "utf8"), next.fs.readFileSync("/d/g", "utf8")]).toEqual([
    "safe or not",
    "safe or not",
  ]);
  expect([found(next, "/d/f", "dropped", "dropped"), found(next, "/d/g", "dropped", "dropped")]).toEqual([
    "safe",
    null,
  ]);
  syncPath(next.fs, "/d/g");
  expect([found(next, "/d/f", "dropped", "dropped"), found(disk, "/d/f", "dropped", "dropped")]).toEqual([
    "safe or not",
    "safe",
  ]);
});

describe("the gate", () => {
  /** Everything that changes a disk, each in one call. */
  const changes: readonly [string, (fs: FileSystem) => unknown][] = [
    ["open", (fs) => fs.openSync("/d/new", "w")],
    ["open with promises", async (fs) => fs.promises.open("/d/new", "wx")],
    ["mkdir", (fs) => fs.mkdirSync("/d/new")],
    ["mkdir with promises", async (fs) => fs.promises.mkdir("/d/new", { recursive: true })],
    ["rename", (fs) => fs.renameSync("/d/f", "/d/g")],
    ["rename with promises", async (fs) => fs.promises.rename("/d/f", "/d/g")],
    ["unlink", (fs) => fs.unlinkSync("/d/f")],
    ["rm", (fs) => fs.rmSync("/d/f")],
    ["rm with promises", async (fs) => fs.promises.rm("/d/f", { force: true })],
    ["link", (fs) => fs.linkSync("/d/f", "/d/g")],
    ["rmdir", (fs) => fs.rmdirSync("/d/empty")],
    ["chmod", (fs) => fs.chmodSync("/d/f", 0o600)],
  ];

  test.each(changes)("counts %s, and lets it fail without effect", async (_, change) => {
    const disk = diskWithFolder();
    disk.fs.writeFileSync("/d/f", "1");
    disk.fs.mkdirSync("/d/empty");
    const before = disk.fs.readdirSync("/d");
    disk.plant({ at: 1, kind: "error", code: "ENOSPC", sticky: false });
    await expect((async () => change(disk.fs))()).rejects.toMatchObject({ code: "ENOSPC" });
    expect([disk.calls.length, disk.fs.readdirSync("/d")]).toEqual([1, before]);
    await change(disk.fs);
    expect(disk.calls).toHaveLength(2);
  });

  test("counts what is done to an open file in every form; a write that fails has written half", async () => {
    const disk = diskWithFolder();
    const { fs } = disk;
    const handle = await fs.promises.open("/d/f", "w");
    const { fd } = handle;
    const called = async (call: (done: (error: Error | null) => void) => void): Promise<void> =>
      new Promise((resolve, reject) => call((error) => (error === null ? resolve() : reject(error))));
    const writes: readonly (() => unknown)[] = [
      () => fs.writeSync(fd, "ab"),
      () => fs.writevSync(fd, [Buffer.from("a"), Buffer.from("b")]),
      async () => called((done) => fs.write(fd, Buffer.from("xab"), 1, 2, null, done)),
      async () => handle.write("ab"),
      async () => handle.writeFile("ab"),
      async () => handle.appendFile("ab"),
      () => fs.appendFileSync(fd, "ab"),
    ];
    for (const write of writes) {
      fs.ftruncateSync(fd, 0);
      const at = disk.calls.length;
      await write();
      expect(disk.calls.slice(at)).toEqual([{ doing: "write", path: "/d/f", changes: true }]);
    }
    for (const sync of [
      () => fs.fsyncSync(fd),
      () => fs.fdatasyncSync(fd),
      async () => called((done) => fs.fdatasync(fd, done)),
      async () => handle.sync(),
      async () => handle.datasync(),
    ]) {
      const at = disk.calls.length;
      await sync();
      expect(disk.calls.slice(at)).toEqual([{ doing: "sync", path: "/d/f", changes: true }]);
    }
    fs.ftruncateSync(fd, 0);
    disk.plant({ at: 1, kind: "error", code: "EIO", sticky: true });
    expect(() => fs.writeSync(fd, Buffer.from("abcd"), 0, 4, 0)).toThrow("EIO");
    expect(() => fs.mkdirSync("/d/e")).toThrow("EIO");
    disk.plant(null);
    expect(fs.readFileSync("/d/f", "utf8")).toBe("ab");
    await handle.close();
  });

  test("is shut once the power is gone: nothing changes, nothing is read", async () => {
    const disk = diskWithFolder();
    disk.fs.writeFileSync("/d/f", "1");
    disk.plant({ at: 2, kind: "cut" });
    disk.fs.mkdirSync("/d/e");
    for (const [, change] of changes)
      await expect((async () => change(disk.fs))()).rejects.toMatchObject({ code: "EIO" });
    expect(() => disk.fs.readFileSync("/d/f")).toThrow("EIO");
    await expect(disk.fs.promises.stat("/d/f")).rejects.toMatchObject({ code: "EIO" });
    expect(disk.paths()).toEqual(["/d/f"]);
  });

  test("does not pass what only reads", async () => {
    const disk = diskWithFolder();
    disk.fs.writeFileSync("/d/f", "1234");
    disk.plant(null);
    const handle = await disk.fs.promises.open("/d/f", "r");
    const bytes = Buffer.alloc(2);
    expect([disk.fs.readSync(handle.fd, bytes, 0, 2, 2), bytes.toString()]).toEqual([2, "34"]);
    expect(await handle.read(bytes, 0, 2)).toMatchObject({ bytesRead: 2, buffer: Buffer.from("12") });
    expect([await handle.readFile("utf8"), (await handle.stat()).size]).toEqual(["34", 4]);
    expect(disk.calls.filter(({ changes }) => changes)).toEqual([]);
  });
});

describe("a disk that lies", () => {
  test.each([
    ["files", ""],
    ["folders", null],
    [null, "safe"],
  ] as const)("about %s loses what it said was safe", (lie, expected) => {
    const disk = diskWithFolder().copy(lie);
    writeSafely(disk.fs, "/d/f", "safe");
    syncPath(disk.fs, "/d");
    expect(found(disk, "/d/f", "dropped", "dropped")).toBe(expected);
  });
});

test("a disk takes a real folder in and gives it back, with who may run what", () => {
  const [from, to] = [temporaryFolder(), temporaryFolder()];
  real.mkdirSync(`${from}/hooks`);
  real.writeFileSync(`${from}/hooks/run`, "#!/bin/sh\n", { mode: 0o755 });
  FaultyDisk.holding(from, "/data/repo.git").copy().writeTo(`${to}/copy`, "/data/repo.git");
  expect(real.readFileSync(`${to}/copy/hooks/run`, "utf8")).toBe("#!/bin/sh\n");
  expect(real.statSync(`${to}/copy/hooks/run`).mode & 0o777).toBe(0o755);
});
