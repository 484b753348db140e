import { describe, expect, test } from "vitest";
import { makeMemoryDisk } from "../../src/git/memory-disk.ts";
import { writeSynced } from "../../src/git/files.ts";

describe("a disk in memory", () => {
  test("lets a read-only file be written while it is made", () => {
    const disk = makeMemoryDisk();
    writeSynced(disk, "/object", Buffer.from("bytes"), "wx", 0o444);
    expect(disk.readFileSync("/object", "utf8")).toBe("bytes");
    expect(() => writeSynced(disk, "/object", Buffer.from("other"), "wx", 0o444)).toThrow(
      expect.objectContaining({ code: "EEXIST" }),
    );
  });

  test("keeps neither what was renamed over nor what was removed, and its folder can go afterwards", () => {
    const disk = makeMemoryDisk();
    disk.mkdirSync("/refs/heads", { recursive: true });
    const megabyte = Buffer.alloc(1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 200; round++) {
      disk.writeFileSync("/refs/heads/a.lock", megabyte);
      disk.renameSync("/refs/heads/a.lock", "/refs/heads/a");
      disk.writeFileSync("/refs/heads/b", megabyte);
      disk.rmSync("/refs/heads/b", { force: true });
    }
    expect(disk.readdirSync("/refs/heads")).toEqual(["a"]);
    disk.unlinkSync("/refs/heads/a");
    disk.rmdirSync("/refs/heads");
    globalThis.gc?.();
    expect((process.memoryUsage().arrayBuffers - before) / megabyte.length).toBeLessThan(100);
  });

  test("says of a missing file what a kernel says", () => {
    const disk = makeMemoryDisk();
    disk.writeFileSync("/there", "x");
    const missing = expect.objectContaining({ code: "ENOENT" });
    expect(() => disk.renameSync("/missing", "/there")).toThrow(missing);
    expect(disk.readFileSync("/there", "utf8")).toBe("x");
    expect(() => disk.rmSync("/missing")).toThrow(missing);
    disk.rmSync("/missing", { force: true });
  });
});
