import fs from "node:fs";
import { onTestFinished, describe, expect, test } from "vitest";
import { hasCode } from "../../src/domain/errors.ts";
import { countStorage } from "../../src/git/maintenance.ts";
import { encodeObject, type EncodedObject } from "../../src/git/objects.ts";
import { buildPack, writePack } from "../../src/git/pack-writer.ts";
import { lockMaintenance } from "../../src/store/data-lock.ts";
import { maintain } from "../../src/store/maintain.ts";
import { EVERY_MS, LOOK_MS, Upkeep, type UpkeepParts } from "../../src/store/upkeep.ts";
import { fsck } from "../support/git.ts";
import { open } from "../support/situations.ts";
import { GIT, openTestStore, type TestStore } from "../support/store.ts";

interface Kept extends TestStore {
  readonly upkeep: Upkeep;
  readonly failures: unknown[];
  /** How often the repository was maintained. */
  done(): number;
  /** Lets time pass, and with it the timer; resolves when what it began has ended. */
  pass(ms: number): Promise<void>;
}

/** An open store that is kept up, by a clock that stands still until it is moved. */
async function kept(parts: Partial<UpkeepParts> = {}, prepare = (_: TestStore): void => undefined): Promise<Kept> {
  let now = Date.parse("2026-03-01T12:00:00Z");
  const opened = await openTestStore({ clock: () => now });
  const { store, data, gitDir } = opened;
  prepare(opened);
  const failures: unknown[] = [];
  let done = 0;
  const upkeep = new Upkeep({
    store,
    clock: () => now,
    repeat: () => () => undefined,
    count: () => countStorage(gitDir),
    maintain: async (signal) => {
      await maintain(GIT, data, () => now, signal);
      done++;
    },
    report: () => undefined,
    failed: (error) => failures.push(error),
    ...parts,
  });
  onTestFinished(() => upkeep.close());
  await upkeep.look();
  const pass = async (ms: number): Promise<void> => {
    for (const end = now + ms; now < end; await upkeep.look()) now += LOOK_MS;
  };
  return { ...opened, upkeep, failures, done: () => done, pass };
}

let names = 0;

/** Adds packs of one blob each, which no ref reaches. */
function addPacks(gitDir: string, count: number): EncodedObject[] {
  const blobs = Array.from({ length: count }, () => encodeObject("blob", Buffer.from(`blob ${names++}`)));
  for (const blob of blobs) writePack(fs, gitDir, buildPack([blob]))();
  return blobs;
}

/** The files below a folder that this process has open. */
function filesOpenIn(folder: string): string[] {
  const paths = fs.readdirSync("/proc/self/fd").flatMap((file) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${file}`)];
    } catch {
      return [];
    }
  });
  return paths.filter((path) => path.startsWith(`${folder}/objects/`));
}

describe("a store that is kept up", () => {
  test("is left alone while there is little to do", async () => {
    const { gitDir, done, pass, failures } = await kept();
    addPacks(gitDir, 7);
    const before = fs.readdirSync(gitDir, { recursive: true });
    await pass(3 * EVERY_MS);
    expect([done(), failures]).toEqual([0, []]);
    expect(fs.readdirSync(gitDir, { recursive: true })).toEqual(before);
  });

  test("is maintained every ten minutes when that is worth it, and reads everything afterwards", async () => {
    const { store, gitDir, done, pass } = await kept();
    const blobs = addPacks(gitDir, 8);
    for (const { oid } of blobs) store.repository.read(oid);
    await pass(EVERY_MS - LOOK_MS);
    expect(done()).toBe(0);
    await pass(LOOK_MS);
    expect(done()).toBe(1);
    expect((await countStorage(gitDir)).packs).toBeLessThan(3);
    for (const { oid, data } of blobs) expect(store.repository.read(oid)?.data).toEqual(data);
    await open(store, { study_set: { s1: { title: "After" } } });
    await store.repository.settle();
    expect(fsck(gitDir).filter((line) => !line.startsWith("dangling blob"))).toEqual([]);
    await pass(3 * EVERY_MS);
    expect(done()).toBe(1);
  });

  test("is maintained at once, also at a start, when packs became many", async () => {
    const { gitDir, done, pass } = await kept({}, ({ gitDir: fresh }) => void addPacks(fresh, 51));
    expect(done()).toBe(1);
    addPacks(gitDir, 51);
    await pass(LOOK_MS);
    expect(done()).toBe(2);
  });

  test.runIf(process.platform === "linux")("lets go of the files of packs that went", async () => {
    const { store, gitDir, pass } = await kept();
    for (const { oid } of addPacks(gitDir, 51)) store.repository.read(oid);
    expect(filesOpenIn(gitDir).length).toBeGreaterThan(100);
    await pass(LOOK_MS);
    expect(filesOpenIn(gitDir).filter((path) => path.endsWith(" (deleted)"))).toEqual([]);
  });

  test("tells what failed, and tries it again ten minutes later", async () => {
    const { data, gitDir, done, pass, failures } = await kept();
    const unlock = lockMaintenance(fs, data);
    addPacks(gitDir, 51);
    await pass(EVERY_MS - LOOK_MS);
    expect(failures.map((error) => hasCode(error, "repository_locked"))).toEqual([true]);
    unlock();
    addPacks(gitDir, 10);
    await pass(2 * LOOK_MS);
    expect([done(), failures.length]).toEqual([1, 1]);
  });

  test("has the snapshot of its index written when that is due", async () => {
    const { store, data, pass } = await kept();
    const file = `${data}/index.snapshot`;
    await Promise.all(Array.from({ length: 1000 }, async () => open(store)));
    expect(store.snapshotDue).toBe(true);
    await pass(EVERY_MS - LOOK_MS);
    expect(fs.existsSync(file)).toBe(false);
    await pass(LOOK_MS);
    expect([fs.existsSync(file), store.snapshotDue]).toEqual([true, false]);
  });

  test("does one thing at a time, settled before git begins, and ends it when it is closed", async () => {
    let [begun, settled] = [0, false];
    const { upkeep, store, gitDir, failures } = await kept({
      maintain: (signal) => {
        begun++;
        settled = fs
          .readFileSync(`${gitDir}/runtree/journal/0`)
          .subarray(0, 8)
          .every((byte) => byte === 0);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("told to end"))));
      },
    });
    addPacks(gitDir, 51);
    await Promise.all(Array.from({ length: 40 }, async () => open(store)));
    await store.repository.apply({ objects: addPacks(gitDir, 1), refs: [] });
    const [first, second] = [upkeep.look(), upkeep.look()];
    expect(second).toBe(first);
    await expect.poll(() => begun).toBe(1);
    await upkeep.close();
    await first;
    expect([begun, settled, failures]).toEqual([1, true, []]);
  });
});
