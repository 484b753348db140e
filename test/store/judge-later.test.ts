import { expect, test, vi } from "vitest";
import { cancelRun } from "../../src/actions/cancel-run.ts";
import { judgeLater } from "../../src/store/judge-later.ts";
import { LaterWork } from "../../src/store/later-work.ts";
import { findRun } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { open, patch, refusal, storeWith } from "../support/situations.ts";
import { openTestStore, TESTER } from "../support/store.ts";

/** Keeps everybody else out of the lane until it is let go. */
function holdLane(store: Store): () => void {
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  void store.lane.take(async () => held);
  return letGo;
}

const statusOf = (store: Store, id: string): string | undefined => findRun(store.repository, id)?.record.status;
const judged = (store: Store, id: string): Promise<unknown> =>
  vi.waitFor(() => expect(statusOf(store, id)).not.toBe("merging"), { timeout: 10_000 });

test("a run is given back as merging, and judged when its turn comes", async () => {
  const { store } = await storeWith();
  const letGo = holdLane(store);
  const { record } = await open(store, { studies: { s: { title: "A" } } }, { done: true, later: true });
  expect([record.status, statusOf(store, record.id)]).toEqual(["merging", "merging"]);
  letGo();
  await judged(store, record.id);
  expect(findRun(store.repository, record.id)).toMatchObject({ place: "merged", record: { status: "success" } });
});

test("what refuses it stands in its record, and it can be mended", async () => {
  const { store } = await storeWith();
  const { record } = await open(store, { studies: { s: { title: 7 } } }, { done: true, later: true });
  await judged(store, record.id);
  const view = findRun(store.repository, record.id);
  expect(view?.record).toMatchObject({ status: "rejected", warnings: [{ pointer: "/title" }] });
  if (view === null) throw new Error("it is there");
  const mended = await patch(store, view, { done: true, body: { studies: { s: { title: "A" } } }, later: true });
  expect(mended.record.status).toBe("merging");
  await judged(store, record.id);
  expect(statusOf(store, record.id)).toBe("success");
});

test("what is submitted meanwhile waits for the verdict", async () => {
  const { store } = await storeWith();
  const letGo = holdLane(store);
  const view = await open(store, { studies: { s: {} } }, { done: true, later: true });
  const late = refusal(patch(store, view, { body: { studies: { s: { title: "B" } } } }));
  letGo();
  expect((await late).code).toBe("run_closed");
});

test("the store's end waits for it", async () => {
  const { store, close, data } = await storeWith();
  const letGo = holdLane(store);
  const { record } = await open(store, { studies: { s: {} } }, { done: true, later: true });
  let ended = false;
  // As slow as a large check, so that an end which does not wait comes first.
  store.later.begin("slow", async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    ended = true;
  });
  const closed = close();
  letGo();
  await closed;
  expect(ended).toBe(true);
  const reports: string[] = [];
  const again = await openTestStore({ data, report: (message) => reports.push(message) });
  expect([statusOf(again.store, record.id), reports]).toEqual(["success", []]);
});

test("where the machine fails it is told and tried again, and the next start does it at the latest", async () => {
  const reports: string[] = [];
  const { store, close, data } = await openTestStore({ report: (message) => reports.push(message) });
  const take = vi.spyOn(store.lane, "take");
  take.mockRejectedValueOnce(new Error("the disk is full"));
  const first = await open(store, undefined, { done: true, later: true });
  await vi.waitFor(() => expect(reports).toHaveLength(1));
  expect(reports[0]).toBe(`run ${first.record.id}: the disk is full; it is tried again in 1 s`);
  expect(statusOf(store, first.record.id)).toBe("merging");
  await judged(store, first.record.id);
  expect(statusOf(store, first.record.id)).toBe("success");

  take.mockRejectedValue(new Error("the disk is full"));
  const second = await open(store, undefined, { done: true, later: true });
  await vi.waitFor(() => expect(reports).toHaveLength(2));
  await close();
  expect(statusOf((await openTestStore({ data })).store, second.record.id)).toBe("success");
});

test("who cancels a run whose verdict the machine still owes gets the verdict", async () => {
  const reports: string[] = [];
  const { store } = await openTestStore({ report: (message) => reports.push(message) });
  vi.spyOn(store.lane, "take").mockRejectedValueOnce(new Error("the disk is full"));
  const { record } = await open(store, undefined, { done: true, later: true });
  await vi.waitFor(() => expect(reports).toHaveLength(1));
  const late = await refusal(cancelRun(store, TESTER, record.id, undefined, () => undefined));
  expect([late.code, late.run.record.status]).toEqual(["run_closed", "success"]);
});

test("asking for it twice judges once", async () => {
  const { store } = await storeWith();
  const letGo = holdLane(store);
  const { record } = await open(store, { studies: { s: {} } }, { done: true, later: true });
  judgeLater(store, TESTER, record.id);
  judgeLater(store, TESTER, record.id);
  letGo();
  await store.later.ended();
  expect(findRun(store.repository, record.id)?.record).toMatchObject({ status: "success", validations: 1 });
});

test("work that fails is not tried again once the end has come", async () => {
  const reports: string[] = [];
  const later = new LaterWork((message) => reports.push(message));
  let fail = (): void => undefined;
  const failing = new Promise<void>((_, reject) => (fail = () => reject(new Error("no"))));
  later.begin("a", async () => failing);
  expect([later.isGoing("a"), later.isGoing("b")]).toEqual([true, false]);
  const ended = later.ended();
  fail();
  await ended;
  expect([later.isGoing("a"), reports]).toEqual([false, ["a: no; it is left as it is"]]);
});
