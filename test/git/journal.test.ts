import fs, { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import { Journal } from "../../src/git/journal.ts";
import { RECORD_HEADER } from "../../src/git/journal-record.ts";
import { clearJournal, journalFolder, leftRecords, readRange, SEGMENT_HEADER } from "../../src/git/journal-segments.ts";
import type { PowerCut } from "../support/disk-model.ts";
import { FaultyDisk } from "../support/faulty-disk.ts";
import { temporaryFolder } from "../support/folders.ts";

const MIB = 1024 * 1024;

const GIT_DIR = "/repo.git";

/** Records that have still to be completed, told from one another by their text. */
function records(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.concat([Buffer.alloc(RECORD_HEADER), Buffer.from(text)]));
}

/** A record with a body of many bytes that begins with a word. */
function large(word: string, bytes: number): Buffer {
  return Buffer.concat([...records(word), Buffer.alloc(bytes - word.length, 0x2e)]);
}

function openJournal(gitDir: string, fileSystem: FileSystem = fs): Journal {
  const journal = new Journal(fileSystem, gitDir);
  onTestFinished(() => journal.close());
  return journal;
}

/** The texts of the records that a next life of the journal would find. */
function leftIn(gitDir: string, fileSystem: FileSystem = fs): string[] {
  return leftRecords(fileSystem, gitDir).map(({ body }) => body.toString());
}

function segment(gitDir: string, name: "0" | "1" = "0"): string {
  return `${journalFolder(gitDir)}/${name}`;
}

/** The bytes of a journal that holds these records, each appended by itself, without the zeros behind them. */
async function filled(...texts: readonly string[]): Promise<Buffer> {
  const gitDir = temporaryFolder();
  const journal = openJournal(gitDir);
  let end = 0;
  for (const record of records(...texts)) end = (await journal.append([record]))?.end ?? 0;
  return readFileSync(segment(gitDir)).subarray(0, end);
}

/** A repository whose journal is one segment of these bytes. */
function repositoryWith(bytes: Buffer): string {
  const gitDir = temporaryFolder();
  mkdirSync(journalFolder(gitDir), { recursive: true });
  writeFileSync(segment(gitDir), bytes);
  return gitDir;
}

test("what was settled while an append was under way is freed by the next one", async () => {
  const gitDir = temporaryFolder();
  const journal = openJournal(gitDir);
  await journal.append(records("a"));
  const under = journal.append(records("b"));
  journal.retire(2);
  await under;
  expect((await journal.append(records("c")))?.start).toBe(SEGMENT_HEADER);
});

describe("what is appended", () => {
  test("is found by the next life in order, whether it came alone or together, and empty bodies too", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    expect(leftIn(gitDir)).toEqual([]);
    await journal.append(records("one"));
    await journal.append(records("two", "", "four"));
    expect(leftIn(gitDir)).toEqual(["one", "two", "", "four"]);
    expect(leftRecords(fs, gitDir).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(journal.sequence).toBe(4);
  });

  test("is read back by the range that appending gave, and by no other checksum or number", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    await journal.append(records("one"));
    const range = await journal.append(records("two", "three"));
    if (range === null) throw new Error("nothing was appended");
    expect(readRange(fs, range).map(({ body }) => body.toString())).toEqual(["two", "three"]);
    for (const wrong of [{ checksum: range.checksum + 1 }, { sequence: 1 }, { end: range.end + 1 }, { end: 2 * MIB }])
      expect(() => readRange(fs, { ...range, ...wrong })).toThrow(expect.objectContaining({ code: "io_failed" }));
  });

  test("costs one sync, however many records it is, and none before it is written", async () => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    disk.plant(null);
    await journal.append(records("one", "two", "three"));
    expect(disk.calls.map(({ doing }) => doing)).toEqual(["write", "sync"]);
  });

  test("is safe from a power cut, with its names", async () => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    await journal.append(records("one", "two"));
    expect(leftIn(GIT_DIR, disk.afterPowerCut({ data: "dropped", entries: "dropped" }).fs)).toEqual(["one", "two"]);
  });

  test("may be larger than a segment, and is found whole", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    const huge = large("huge", 40 * MIB);
    const range = await journal.append([huge]);
    await journal.append(records("after"));
    expect(leftRecords(fs, gitDir).map(({ body }) => body.length)).toEqual([40 * MIB, 5]);
    expect(range !== null && readRange(fs, range)[0]?.body.equals(huge.subarray(RECORD_HEADER))).toBe(true);
  });
});

describe("what a crash tore", () => {
  test("at any byte of the last record is not found; what came before is", async () => {
    const whole = await filled("one", "two", "the last one");
    const last = whole.length - RECORD_HEADER - "the last one".length;
    for (let length = last; length < whole.length; length++) {
      const torn = whole.subarray(0, length);
      const zeroed = Buffer.concat([torn, Buffer.alloc(MIB)]);
      for (const bytes of [torn, zeroed]) expect(leftIn(repositoryWith(bytes)), `${length}`).toEqual(["one", "two"]);
    }
    expect(leftIn(repositoryWith(whole))).toEqual(["one", "two", "the last one"]);
  });

  test("at any byte ends the journal there: one that is flipped hides its record and what follows, no more", async () => {
    const texts = ["one", "two", "three"];
    const whole = await filled(...texts);
    const ends = [SEGMENT_HEADER];
    for (const text of texts) ends.push((ends.at(-1) ?? 0) + RECORD_HEADER + text.length);
    expect(ends.at(-1)).toBe(whole.length);
    for (let at = 0; at < whole.length; at++)
      for (const bit of [0x01, 0x80]) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ bit;
        const before = ends.filter((end) => end <= at).length - 1;
        expect(leftIn(repositoryWith(bytes)), `byte ${at}`).toEqual(texts.slice(0, Math.max(0, before)));
      }
  });

  test("in the header of the segment leaves nothing to be found, and no error", async () => {
    const whole = await filled("one");
    for (let length = 0; length < SEGMENT_HEADER + RECORD_HEADER; length++)
      expect(leftIn(repositoryWith(whole.subarray(0, length)))).toEqual([]);
  });

  test("is not continued by what an earlier filling of the file left behind it, with the very numbers that would follow", async () => {
    const gitDir = temporaryFolder();
    await openJournal(gitDir).append(records("old 1", "old 2", "old 3"));
    clearJournal(fs, gitDir);
    const next = openJournal(gitDir);
    await next.append(records("new 1"));
    expect(readFileSync(segment(gitDir)).includes("old 2")).toBe(true);
    expect(leftIn(gitDir)).toEqual(["new 1"]);
    next.retire(next.sequence);
    await next.append(records("new 2"));
    expect(leftIn(gitDir)).toEqual(["new 2"]);
  });
});

describe("two segments", () => {
  test("take turns: a full one is left for one that is free, and records are found in their order", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    const pathOf = async (record: Buffer): Promise<string | undefined> => (await journal.append([record]))?.path;
    const [first, second] = [segment(gitDir, "0"), segment(gitDir, "1")];
    expect(await pathOf(large("one", 15 * MIB))).toBe(first);
    expect(await pathOf(large("two", 2 * MIB))).toBe(second);
    expect(await pathOf(large("three", 15 * MIB))).toBe(second);
    journal.retire(1);
    expect(await pathOf(large("four", 2 * MIB))).toBe(first);
    const left = (): string[] => leftIn(gitDir).map((text) => text.replace(/\.+$/, ""));
    expect(left()).toEqual(["two", "three", "four"]);
    journal.retire(2);
    expect(left()).toEqual(["two", "three", "four"]);
    journal.retire(3);
    expect(left()).toEqual(["four"]);
    journal.retire(4);
    expect(left()).toEqual([]);
  });

  test("give room back that a large record took, and keep what is usual", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    await journal.append(records("small"));
    journal.retire(1);
    expect(statSync(segment(gitDir)).size).toBe(MIB);
    await journal.append([large("huge", 40 * MIB)]);
    journal.retire(1);
    expect(statSync(segment(gitDir)).size).toBeGreaterThan(40 * MIB);
    journal.retire(2);
    expect(statSync(segment(gitDir)).size).toBe(0);
    await journal.append(records("small again"));
    expect(leftIn(gitDir)).toEqual(["small again"]);
  });

  test("are emptied, durably, when what they held is settled at a start", async () => {
    const disk = new FaultyDisk();
    await openJournal(GIT_DIR, disk.fs).append(records("one"));
    clearJournal(disk.fs, GIT_DIR);
    expect(leftIn(GIT_DIR, disk.fs)).toEqual([]);
    expect(leftIn(GIT_DIR, disk.afterPowerCut({ data: "dropped", entries: "dropped" }).fs)).toEqual([]);
  });

  test("that are free again stay so after a power cut, when the other one is in use", async () => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    await journal.append([large("one", 17 * MIB)]);
    await journal.append(records("two"));
    journal.retire(2);
    await journal.append(records("three"));
    expect(leftIn(GIT_DIR, disk.fs)).toEqual(["three"]);
    expect(leftIn(GIT_DIR, disk.afterPowerCut({ data: "dropped", entries: "kept" }).fs)).toEqual(["three"]);
  });

  test.each([
    ["its header cannot be erased whole", 1, records("one")],
    ["it cannot be cut off", 2, [large("one", 33 * MIB)]],
  ])("of which one cannot be freed, as %s, keeps what is appended next", async (_, at, before) => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    await journal.append(before);
    disk.plant({ at, kind: "error", code: "EIO", sticky: false });
    journal.retire(1);
    disk.plant(null);
    await journal.append(records("two"));
    expect(leftIn(GIT_DIR, disk.fs)).toContain("two");
    expect(leftIn(GIT_DIR, disk.afterPowerCut({ data: "dropped", entries: "dropped" }).fs)).toContain("two");
  });

  test("is not retired while it is appended to", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    await journal.append(records("one"));
    const appended = journal.append(records("two"));
    journal.retire(1);
    await appended;
    expect(leftIn(gitDir)).toEqual(["one", "two"]);
  });
});

/** What a disk may hold after a power cut; also all but the very last write. */
const CUTS: readonly PowerCut[] = [
  ...(["kept", "dropped", "zeroed", "torn"] as const).flatMap((data) =>
    (["kept", "dropped"] as const).map((entries) => ({ data, entries })),
  ),
  { data: "torn", entries: "kept", random: () => 0 },
];

/** What is left on the disk as it is, and after each kind of power cut. */
function leftAnyhow(disk: FaultyDisk): string[][] {
  return [disk.fs, ...CUTS.map((cut) => disk.afterPowerCut(cut).fs)].map((fileSystem) => leftIn(GIT_DIR, fileSystem));
}

describe("an append that the disk refuses", () => {
  test.each([
    ["at the write", "ENOSPC", 1, "disk_full"],
    ["at the write", "EIO", 1, "io_failed"],
    ["at the sync", "EIO", 2, "io_failed"],
    ["at the sync", "ENOSPC", 2, "disk_full"],
  ])("%s (%s) is told as such, none of it is found later, and the next one goes through", async (_, code, at, told) => {
    for (const before of [[], ["before"]]) {
      const disk = new FaultyDisk();
      const journal = openJournal(GIT_DIR, disk.fs);
      if (before.length > 0) await journal.append(records(...before));
      disk.plant({ at, kind: "error", code, sticky: false });
      await expect(journal.append(records("failed 1", "failed 2"))).rejects.toMatchObject({ code: told });
      expect(new Set(leftAnyhow(disk).map(String))).toEqual(new Set([String(before)]));
      await journal.append(records("after"));
      expect(new Set(leftAnyhow(disk).map(String))).toEqual(new Set([String([...before, "after"])]));
    }
  });

  test.each([
    ["what was acknowledged stays", false, ["before,after"]],
    ["what is settled meanwhile is freed then", true, ["after"]],
  ])("by a disk that fails on is refused until the disk is well; %s", async (_, settled, left) => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    await journal.append(records("before"));
    disk.plant({ at: 2, kind: "error", code: "EIO", sticky: true });
    for (const text of ["one", "two"])
      await expect(journal.append(records(text))).rejects.toMatchObject({ code: "io_failed" });
    if (settled) journal.retire(journal.sequence);
    disk.plant(null);
    await journal.append(records("after"));
    expect(new Set(leftAnyhow(disk).map(String))).toEqual(new Set(left));
  });

  test("before the segments can be opened is no journal", () => {
    const disk = new FaultyDisk();
    disk.plant({ at: 1, kind: "error", code: "EIO", sticky: false });
    expect(() => new Journal(disk.fs, GIT_DIR)).toThrow(expect.objectContaining({ code: "io_failed" }));
  });
});

describe("confirming", () => {
  test("is asked when the records can be read by others and are not synced yet", async () => {
    const disk = new FaultyDisk();
    const journal = openJournal(GIT_DIR, disk.fs);
    disk.plant(null);
    const seen: unknown[] = [];
    const confirm = (): boolean => {
      seen.push(leftIn(GIT_DIR, disk.fs), disk.calls.filter(({ doing }) => doing === "sync").length);
      return true;
    };
    await journal.append(records("one"), confirm);
    expect(seen).toEqual([["one"], 0]);
  });

  test("that says no takes all of it back, and neither a number nor a place is lost", async () => {
    for (const before of [[], ["before"]]) {
      const gitDir = temporaryFolder();
      const journal = openJournal(gitDir);
      if (before.length > 0) await journal.append(records(...before));
      const { sequence } = journal;
      expect(await journal.append(records("no 1", "no 2"), () => false)).toBeNull();
      expect([journal.sequence, leftIn(gitDir)]).toEqual([sequence, before]);
      await journal.append(records("yes"));
      expect(leftIn(gitDir)).toEqual([...before, "yes"]);
    }
  });

  test("that fails takes all of it back", async () => {
    const gitDir = temporaryFolder();
    const journal = openJournal(gitDir);
    const failing = (): boolean => {
      throw new Error("no answer");
    };
    await expect(journal.append(records("one"), failing)).rejects.toMatchObject({ code: "io_failed" });
    expect(leftIn(gitDir)).toEqual([]);
    await journal.append(records("two"));
    expect(leftIn(gitDir)).toEqual(["two"]);
  });
});
