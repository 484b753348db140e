import { expect, test } from "vitest";
import { reshardCollection } from "../../src/actions/reshard-collection.ts";
import { documentPath } from "../../src/domain/layout.ts";
import type { Oid } from "../../src/git/objects.ts";
import type { Store } from "../../src/store/store.ts";
import { documentsIn } from "../../src/store/documents.ts";
import type { PowerCut } from "../support/disk-model.ts";
import type { FaultyDisk } from "../support/faulty-disk.ts";
import { type Asked, blankDisk, openOn } from "../support/faulty-store.ts";
import { complaintsOfGit, derivedOf, differences } from "./oracle.ts";

const COUNT = 40;

/** A disk whose repository has some samples. */
async function diskWithSamples(): Promise<FaultyDisk> {
  const disk = await blankDisk();
  const { ask, close } = await openOn(disk.fs);
  const samples = Object.fromEntries(Array.from({ length: COUNT }, (_, at) => [`s${at}`, { depth: at }]));
  const body = { done: true, body: { samples } };
  const request: Asked = { operation: "startRun", params: { job_id: "custom" }, body, key: null };
  expect(await ask(request)).toMatchObject({ run: "success" });
  await close();
  return disk.copy();
}

async function reshard(store: Store): Promise<Oid | null> {
  return (await reshardCollection(store, "local", "samples", 2)).commit;
}

/** How many levels of folders the documents lie in, all of them. */
function levelsOf(store: Store): number | undefined {
  const shards = store.main.rules.collections.get("samples")?.shards ?? -1;
  const found = [...documentsIn(store.reader(), store.main.tree, "samples")];
  const inPlace = found.filter(({ id, path }) => path === documentPath("samples", id, shards));
  return inPlace.length === COUNT && found.length === COUNT ? shards : undefined;
}

const CUTS: readonly (PowerCut | "killed")[] = [
  { data: "dropped", entries: "dropped" },
  { data: "zeroed", entries: "kept" },
  "killed",
];

test("the power may go, or the process die, whenever it will: documents lie in the old folders or in the new ones", async () => {
  const base = await diskWithSamples();
  const whole = base.copy();
  const reference = await openOn(whole.fs);
  const before = reference.store.main.commit;
  whole.plant(null);
  const after = await reshard(reference.store);
  await reference.close();
  const calls = whole.calls.length;
  expect(calls).toBeGreaterThan(20);

  const seen = new Set<number>();
  for (let at = 1; at <= calls; at++) {
    for (const cut of CUTS) {
      const disk = base.copy();
      const open = await openOn(disk.fs);
      disk.plant({ at, kind: "cut" });
      const told = await reshard(open.store).catch(() => null);
      await open.close().catch(() => undefined);
      const found = cut === "killed" ? disk.afterKill() : disk.afterPowerCut(cut);
      const again = await openOn(found.fs);
      const { store } = again;
      expect([before, after]).toContain(store.main.commit);
      const levels = store.main.commit === after ? 2 : 1;
      seen.add(levels);
      expect([at, cut, levelsOf(store)]).toEqual([at, cut, levels]);
      if (told !== null) expect(store.main.commit).toBe(told);
      expect(await reshard(store)).toBe(levels === 2 ? null : after);
      const derived = derivedOf(store, []);
      await again.close();
      const anew = await openOn(found.copy().fs);
      expect(differences("derived", derivedOf(anew.store, []), derived)).toEqual([]);
      await anew.close();
      if (at % 8 === 0) expect(complaintsOfGit(found)).toEqual([]);
    }
  }
  expect([...seen].sort()).toEqual([1, 2]);
}, 120_000);
