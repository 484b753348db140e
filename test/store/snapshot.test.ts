import fs, { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import { describe, expect, test, vi } from "vitest";
import { putConfiguration } from "../../src/actions/change-settings.ts";
import type { Json } from "../../src/domain/json.ts";
import { Validator } from "../../src/schema/validator.ts";
import { derive } from "../../src/store/derived.ts";
import { SnapshotFile } from "../../src/store/snapshot.ts";
import { Store } from "../../src/store/store.ts";
import { openRepository } from "../git/repositories.ts";
import { CONFIGURATION, finish, merged, open, storeWith } from "../support/situations.ts";
import { openTestStore, type TestStore, TESTER } from "../support/store.ts";
import { dumpOf } from "../../src/store/derived-dump.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A closed data directory with a little of everything and a snapshot from before its last merge. */
async function withSnapshot(): Promise<TestStore & { readonly file: string }> {
  const opened = await storeWith({ studies: { a: { doi: "1" } }, samples: { s: { studies: ["a"] } } });
  await open(opened.store, { studies: { b: {} } });
  await opened.store.writeSnapshot();
  await merged(opened.store, { studies: { c: { doi: "2" } } });
  await opened.close();
  return { ...opened, file: `${opened.data}/index.snapshot` };
}

/** Opens a data directory again: what was reported, and whether it knows what a rebuild knows. */
async function reopened(data: string): Promise<{ readonly reports: string[]; readonly right: boolean }> {
  const reports: string[] = [];
  const { store, gitDir, close } = await openTestStore({ data, report: (message) => reports.push(message) });
  const right =
    JSON.stringify(dumpOf(store.derived)) === JSON.stringify(dumpOf(derive(openRepository(gitDir), store.clock())));
  await close();
  return { reports, right };
}

/** A snapshot's content, changed; its checksum is right. */
function rewrite(file: string, change: (content: Record<string, unknown>) => void): void {
  const content = deserialize(readFileSync(file).subarray(0, -20)) as Record<string, unknown>;
  change(content);
  const payload = serialize(content);
  writeFileSync(file, Buffer.concat([payload, createHash("sha1").update(payload).digest()]));
}

describe("the snapshot of what is derived", () => {
  test("is taken up, and what came since is read", async () => {
    const { data } = await withSnapshot();
    expect(await reopened(data)).toEqual({ reports: [], right: true });
  });

  test("is what a start goes by: one that lies is believed as long as its checksum is right", async () => {
    // This is how the other tests know that the file is read at all.
    const { data, file } = await withSnapshot();
    rewrite(file, ({ state }) => (state as { requests: Map<string, unknown> }).requests.set("made up", {}));
    expect(await reopened(data)).toEqual({ reports: [], right: false });
  });

  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  test.each<[string, (file: string, bytes: Buffer) => void]>([
    ["is empty", (file) => writeFileSync(file, "")],
    ["is shorter than a checksum", (file, bytes) => writeFileSync(file, bytes.subarray(0, 7))],
    ["is cut off", (file, bytes) => writeFileSync(file, bytes.subarray(0, -1))],
    ["is cut off in the middle", (file, bytes) => writeFileSync(file, bytes.subarray(0, bytes.length >> 1))],
    ["has a flipped bit", (file, bytes) => writeFileSync(file, flipped(bytes, bytes.length >> 1))],
    ["has a flipped bit in its checksum", (file, bytes) => writeFileSync(file, flipped(bytes, bytes.length - 1))],
    ["is of another program version", (file) => rewrite(file, (content) => (content["program"] = "0.0.0-other"))],
    ["is of another format", (file) => rewrite(file, (content) => (content["format"] = 0))],
    [
      "is no serialised value",
      (file) => writeFileSync(file, Buffer.concat([Buffer.from("x"), createHash("sha1").update("x").digest()])),
    ],
  ])("that %s is left aside and said so", async (_, damage) => {
    const { data, file } = await withSnapshot();
    damage(file, readFileSync(file));
    const { reports, right } = await reopened(data);
    expect(right).toBe(true);
    expect(reports).toEqual([expect.stringContaining(file)]);
  });

  test("of another repository is left aside", async () => {
    const { data, file } = await withSnapshot();
    const other = await withSnapshot();
    fs.copyFileSync(other.file, file);
    const { reports, right } = await reopened(data);
    expect([right, reports]).toEqual([true, [expect.stringContaining(file)]]);
  });

  test("that is gone is not missed", async () => {
    const { data, file } = await withSnapshot();
    rmSync(file);
    expect(await reopened(data)).toEqual({ reports: [], right: true });
  });

  test("from before the rules changed gives the rules of now", async () => {
    const { store, close, data } = await storeWith({ studies: { a: {} }, samples: { s: { name: "a" } } });
    await store.writeSnapshot();
    const references = [{ from: "samples", at: "/name", to: ["studies"] }];
    const run = await open(store);
    const value = { ...CONFIGURATION, references } as unknown as Json;
    await putConfiguration(store, TESTER, run.record.id, { value, notices: [], precondition: () => undefined });
    await finish(store, run);
    await close();
    expect(await reopened(data)).toEqual({ reports: [], right: true });
    const again = await openTestStore({ data });
    expect(again.store.main.index.referrers("a")).toEqual([
      { collection: "samples", id: "s", pointer: "/name", to: ["studies"] },
    ]);
  });

  test("is written when much was read, by the one writer only, and again when much has happened", async () => {
    const studies = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`st${at}`, { doi: `${at}` }]));
    const { close, data, gitDir } = await storeWith({ studies });
    await close();
    const file = `${data}/index.snapshot`;
    expect(existsSync(file)).toBe(false);

    const reader = new Store({
      repository: openRepository(gitDir),
      validator: new Validator(),
      node: "node",
      clock: () => Date.now(),
      snapshot: new SnapshotFile(fs, data, () => undefined),
    });
    expect(reader.snapshotDue).toBe(true);
    await reader.close();
    expect(existsSync(file)).toBe(false);

    const first = await openTestStore({ data });
    await first.close();
    const { ino } = statSync(file);
    const second = await openTestStore({ data });
    expect(second.store.snapshotDue).toBe(false);
    expect(dumpOf(second.store.derived)).toEqual(dumpOf(derive(openRepository(gitDir), second.store.clock())));
    await merged(second.store, { studies: { st1: { doi: "new" } } });
    await second.close();
    expect(statSync(file).ino).toBe(ino);
  });

  test("that cannot be written is reported, and the older one stays", async () => {
    const { data, file } = await withSnapshot();
    const before = readFileSync(file);
    mkdirSync(`${file}.new`);
    const { store } = await openTestStore({ data });
    await expect(store.writeSnapshot()).rejects.toThrow(expect.objectContaining({ code: "io_failed" }));
    expect(readFileSync(file).equals(before)).toBe(true);
    expect((await merged(store, { studies: { after: {} } })).record.status).toBe("success");
  });

  test("speaks of one moment while work goes on", async () => {
    const { store, data, gitDir, close } = await storeWith({ studies: { a: {} } });
    const work = Array.from({ length: 8 }, (_, at) => merged(store, { studies: { [`w${at}`]: { doi: `${at}` } } }));
    for (let at = 0; at < 4; at++) await Promise.all([store.writeSnapshot(), work[at]]);
    await store.writeSnapshot();
    await Promise.all(work);
    await store.repository.settle();
    const learned = dumpOf(store.derived);
    expect(dumpOf(derive(openRepository(gitDir), store.clock()))).toEqual(learned);
    await close();
    expect(await reopened(data)).toEqual({ reports: [], right: true });
  });
});
