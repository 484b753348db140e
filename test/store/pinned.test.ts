import { expect, test } from "vitest";
import { ATTIC, MAIN, runRef, RUNS } from "../../src/domain/layout.ts";
import { derive } from "../../src/store/derived.ts";
import { dumpOf } from "../../src/store/derived-dump.ts";
import { PinnedRepository } from "../../src/store/pinned.ts";
import { finish, merged, open, storeWith } from "../support/situations.ts";

test("a pinned repository stays where it was while others write, and takes no writes", async () => {
  const { store } = await storeWith({ studies: { a: {} } });
  const run = await open(store, { studies: { b: {} } });
  const pinned = new PinnedRepository(store.repository);
  const main = store.repository.ref(MAIN);
  const before = dumpOf(derive(pinned, store.clock()));
  await finish(store, run);
  await merged(store, { studies: { c: {} } });
  expect(store.repository.ref(MAIN)).not.toBe(main);
  expect([pinned.ref(MAIN), pinned.ref(ATTIC)]).toEqual([main, null]);
  expect([...pinned.refs(RUNS).keys()]).toEqual([runRef(run.record.id)]);
  expect(dumpOf(derive(pinned, store.clock()))).toEqual(before);
  await expect(pinned.apply({ objects: [], refs: [] })).rejects.toThrow("not written to");
});
