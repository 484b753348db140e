import { expect, test } from "vitest";
import { cancelJob } from "../../src/actions/cancel-job.ts";
import { cancelRun } from "../../src/actions/cancel-run.ts";
import { deleteJob, patchJob } from "../../src/actions/change-job.ts";
import { createTemplate } from "../../src/actions/change-template.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { reorderQueue } from "../../src/actions/order-queue.ts";
import { startRun } from "../../src/actions/start-run.ts";
import type { Commands } from "../../src/domain/commands.ts";
import { compareInQueue } from "../../src/domain/queue-order.ts";
import type { Store } from "../../src/store/store.ts";
import { refusal } from "../support/situations.ts";
import { openTestStore, TESTER } from "../support/store.ts";

const COMMANDS: Commands = new Map([["noop", { name: "noop", argv: ["true"], cwd: "/", env: {}, timeout_s: null }]]);

/** A store where nothing is dispatched, with a template of each kind. */
async function jobStore(): Promise<Store> {
  const { store } = await openTestStore({ commands: COMMANDS });
  await createTemplate(store, TESTER, { template_id: "noop", executor: "process", command: "noop" });
  return store;
}

const enqueue = async (store: Store, more: object = {}): Promise<string> =>
  (await createJob(store, TESTER, { template_id: "noop", ...more })).id;
const forAgents = async (store: Store): Promise<string> => (await createJob(store, TESTER, {})).id;
const start = async (store: Store, job_id: string): Promise<string> =>
  (await startRun(store, TESTER, { job_id, done: true, notices: [] })).record.id;
const queued = (store: Store): string[] => store.jobs.queue.map(({ id }) => id);
const statusOf = (store: Store, id: string): string | null => {
  const row = store.jobs.row(id);
  return row === null ? null : store.jobs.statusOf(row);
};

/** The code that something was refused with; null when it was not. */
const codeOf = async (work: Promise<unknown>): Promise<string | null> =>
  work.then(
    () => null,
    async (error: unknown) => (await refusal(Promise.reject(error))).code,
  );

test("of a run that is started and its job that is deleted at once, the one that comes later is refused", async () => {
  const store = await jobStore();
  const id = await forAgents(store);
  const [deleted, late] = await Promise.all([codeOf(deleteJob(store, TESTER, id)), codeOf(start(store, id))]);
  expect([deleted, late, statusOf(store, id)]).toEqual([null, "job_not_found", null]);
  const other = await forAgents(store);
  const [first, second, refused] = await Promise.all([
    codeOf(start(store, other)),
    codeOf(start(store, other)),
    codeOf(deleteJob(store, TESTER, other)),
  ]);
  expect([first, second, refused, statusOf(store, other)]).toEqual([null, null, "job_not_queued", "completed"]);
});

test("runs of one job are opened side by side", async () => {
  const store = await jobStore();
  const id = await forAgents(store);
  const opened = Array.from({ length: 3 }, async () => start(store, id));
  await opened[0];
  const done = store.main.history.length;
  await Promise.all(opened);
  expect(store.main.history.length).toBe(done);
});

test("a run that is started as its job is cancelled is closed with it, or comes after", async () => {
  const store = await jobStore();
  const id = await forAgents(store);
  const open = startRun(store, TESTER, { job_id: id, notices: [] });
  await cancelJob(store, TESTER, id, undefined);
  expect(store.runs.view((await open).record.id)?.record.status).toBe("cancelled");
  const other = await forAgents(store);
  const cancelled = cancelJob(store, TESTER, other, undefined);
  const after = await start(store, other);
  expect([(await cancelled).ended?.status, store.runs.view(after)?.record.status]).toEqual(["cancelled", "success"]);
});

test("a job whose run its agent closes meanwhile is cancelled all the same", async () => {
  const store = await jobStore();
  const id = await forAgents(store);
  const { record } = await startRun(store, TESTER, { job_id: id, notices: [] });
  const closed = cancelRun(store, TESTER, record.id, "enough", () => undefined);
  expect((await cancelJob(store, TESTER, id, undefined)).ended?.status).toBe("cancelled");
  await closed;
});

test("what is put first is before what comes in meanwhile", async () => {
  const store = await jobStore();
  const [first, second] = [await enqueue(store), await enqueue(store)];
  const coming = [enqueue(store), enqueue(store)];
  await reorderQueue(store, TESTER, [second, first]);
  const came = await Promise.all(coming);
  expect(queued(store)).toEqual([second, first, ...came]);
  const more = enqueue(store, { priority: "high" });
  const front = enqueue(store, { priority: "high", position: 0 });
  expect(queued(store).slice(0, 2)).not.toContain(await front);
  expect([await more, queued(store).slice(0, 2)]).toEqual([await more, [await front, await more]]);
});

test("ranks stay short however often jobs are moved into one place, and each keeps its own", async () => {
  const store = await jobStore();
  const expected: string[] = [];
  while (expected.length < 4) expected.push(await enqueue(store));
  const high = await enqueue(store, { priority: "high" });
  for (let time = 0; time < 400; time++) {
    const id = expected.splice(2, 1)[0] ?? "";
    expected.splice(1, 0, id);
    await patchJob(store, TESTER, id, { position: 1 });
  }
  const coming = enqueue(store);
  for (let time = 0; time < 100; time++) {
    const id = await enqueue(store, { position: 1 });
    await deleteJob(store, TESTER, id);
  }
  expect(queued(store)).toEqual([high, ...expected, await coming]);
  expect(Math.max(...store.jobs.queue.map(({ rank }) => rank.length))).toBeLessThanOrEqual(64);
  expect(store.jobs.queue.toSorted(compareInQueue)).toEqual(store.jobs.queue);
  for (const row of store.jobs.queue) expect(store.jobs.read(row).rank).toBe(row.rank);
});
