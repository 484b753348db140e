import { expect, test } from "vitest";
import { readCommit } from "../../src/git/commit.ts";
import { BareRepository } from "../../src/git/bare-repository.ts";
import type { FileSystem } from "../../src/git/files.ts";
import { moveRefs } from "../../src/git/refs.ts";
import { readerWith } from "../../src/git/repository.ts";
import { walkFiles } from "../../src/git/tree.ts";
import type { PowerCut } from "../support/disk-model.ts";
import type { FaultyDisk } from "../support/faulty-disk.ts";
import { blankDisk, GIT_DIR, openOn } from "../support/faulty-store.ts";
import { randomOf, SEED } from "../support/sample.ts";
import { SCENARIOS } from "./scenarios.ts";

/** Work that is settled as loose objects, and work that is settled as a pack. */
const WORKS = ["submit and finish at once", "five runs at once, from start to end"];

/** What a disk may hold besides what is there: what was not synced is gone, or there in part. */
const CUTS: readonly PowerCut[] = [
  { data: "dropped", entries: "dropped" },
  { data: "dropped", entries: "kept" },
  ...[1, 2, 3].map((nth) => ({ data: "mixed", entries: "mixed", random: randomOf(SEED + nth) }) as const),
];

/** What is missing behind the refs of a disk, as stock git would find it: nobody looks into the journal first. */
function missingIn(fs: FileSystem): string[] {
  const disk = new BareRepository(fs, GIT_DIR);
  const read = readerWith(disk);
  const seen = new Set<string>();
  const missing: string[] = [];
  try {
    for (const [ref, tip] of disk.refs("refs/"))
      for (const open = [tip]; open.length > 0;) {
        const oid = open.pop() ?? "";
        if (seen.has(oid)) continue;
        seen.add(oid);
        const { tree, parents } = readCommit(read, oid);
        open.push(...parents);
        for (const { path, entry } of walkFiles(read, tree)) {
          if (!seen.has(entry.oid) && read(entry.oid) === null) missing.push(`${ref}: ${path}`);
          seen.add(entry.oid);
        }
      }
  } catch (error) {
    missing.push(String(error));
  }
  void disk.close();
  return missing;
}

/** The requests of a scenario on a disk that loses power at a call; it is asked and closed in vain. */
async function cutAt(base: FaultyDisk, name: string, at: number): Promise<FaultyDisk> {
  const disk = base.copy();
  const { ask, close } = await openOn(disk.fs);
  disk.plant({ at, kind: "cut" });
  for (const group of SCENARIOS.find((scenario) => scenario.name === name)?.groups ?? [])
    await Promise.all(group.map(async (request) => ask(request)));
  await close().catch(() => undefined);
  return disk;
}

async function begun(name: string): Promise<FaultyDisk> {
  const disk = await blankDisk();
  const { ask, close } = await openOn(disk.fs);
  for (const request of SCENARIOS.find((scenario) => scenario.name === name)?.before ?? []) await ask(request);
  await close();
  return disk;
}

test.each(WORKS)(
  `no ref is ever without its objects for stock git, whenever the power goes: %s (RUNTREE_TEST_SEED=${SEED})`,
  async (name) => {
    const base = await begun(name);
    const { calls } = await cutAt(base, name, Infinity);
    const moves = calls.filter(({ doing, path }) => doing === "rename" && path.includes("/refs/")).length;
    expect(moves).toBeGreaterThan(0);
    for (const [index, { changes }] of calls.entries()) {
      if (!changes) continue;
      const disk = await cutAt(base, name, index + 1);
      for (const fs of [disk.afterKill().fs, ...CUTS.map((cut) => disk.afterPowerCut(cut).fs)])
        expect(missingIn(fs), `call ${index + 1}`).toEqual([]);
    }
  },
);

test("a ref without its objects would be found", async () => {
  const disk = await blankDisk();
  expect(missingIn(disk.fs)).toEqual([]);
  await moveRefs(disk.fs, GIT_DIR, [{ ref: "refs/heads/early", from: null, to: "1".repeat(40) }]);
  expect(missingIn(disk.fs)).toEqual([expect.stringContaining("1".repeat(40))]);
});
