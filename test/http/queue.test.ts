import { beforeAll, beforeEach, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { enqueue, makeTemplate, readJob, SCRIPTS } from "../support/jobs.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

/** Nothing is dispatched here: there are no slots. */
const STILL = ["--concurrency", "0"];

let server: TestServer;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      await makeTemplate(server, "noop");
    },
    STILL,
    SCRIPTS,
  ),
);

const queued = async (on: TestServer = server): Promise<string[]> =>
  (await call(on, "getQueue", { query: { limit: "500" } })).body.items.map(({ job_id }: { job_id: string }) => job_id);

beforeEach(async () => {
  for (const job_id of await queued()) await call(server, "deleteJob", { params: { job_id } });
});

const several = async (count: number, more: object = {}): Promise<string[]> => {
  const ids: string[] = [];
  while (ids.length < count) ids.push(await enqueue(server, "noop", more));
  return ids;
};

test("the order of dispatch is by priority, then as they came", async () => {
  const [first, second] = await several(2);
  const urgent = await enqueue(server, "noop", { priority: "immediate" });
  const [low, high] = [
    await enqueue(server, "noop", { priority: 24.5 }),
    await enqueue(server, "noop", { priority: 75 }),
  ];
  expect(await queued()).toEqual([urgent, high, first, second, low]);
  expect(await readJob(server, low)).toMatchObject({
    priority: 24.5,
    priority_name: "low",
    position: 0,
    queue_position: 5,
    status: "queued",
    state: "queued",
    run: null,
    type: "noop",
    template_name: "noop",
  });
  expect(await readJob(server, second ?? "")).toMatchObject({ position: 1, queue_position: 4 });
});

test("a job comes in at the position it asks for, the last where there are not so many", async () => {
  const [first, second] = await several(2);
  const between = await enqueue(server, "noop", { position: 1 });
  const last = await enqueue(server, "noop", { position: 99 });
  const front = await enqueue(server, "noop", { position: 0 });
  expect(await queued()).toEqual([front, first, between, second, last]);
});

test("a job is moved among those of its priority, again and again into one place", async () => {
  const ids = await several(5);
  const [a = "", b = "", c = "", d = "", e = ""] = ids;
  const move = async (job_id: string, position: number): Promise<unknown> =>
    (await call(server, "moveJob", { params: { job_id }, body: { position } })).body.position;
  expect(await move(e, 1)).toBe(1);
  expect(await queued()).toEqual([a, e, b, c, d]);
  expect(await move(a, 4)).toBe(4);
  expect(await queued()).toEqual([e, b, c, d, a]);
  expect(await move(c, 2)).toBe(2);
  expect(await queued()).toEqual([e, b, c, d, a]);
  for (const id of [a, b, c, d, e, a, b]) await move(id, 1);
  expect((await queued()).slice(1, 2)).toEqual([b]);
  const high = await enqueue(server, "noop", { priority: "high" });
  expect(await move(high, 3)).toBe(0);
  expect((await queued())[0]).toBe(high);
});

test("another priority puts a job behind those that have it, or where it asks to be", async () => {
  const [a = "", b = "", c = ""] = await several(3);
  const [h] = await several(1, { priority: "high" });
  await call(server, "prioritizeJob", { params: { job_id: c }, body: { priority: "high" } });
  expect(await queued()).toEqual([h, c, a, b]);
  await call(server, "patchJob", { params: { job_id: b }, body: { priority: 75, position: 0 } });
  expect(await queued()).toEqual([b, h, c, a]);
});

test("reorder puts some first, in their order, within their priorities; a job that is named twice is refused", async () => {
  const [a = "", b = "", c = "", d = ""] = await several(4);
  const [h = "", i = ""] = await several(2, { priority: "high" });
  const { body } = await call(server, "reorderQueue", { body: { job_ids: [d, i, b] } });
  expect(body.items.map(({ job_id }: { job_id: string }) => job_id)).toEqual([i, h, d, b, a, c]);
  expect(await queued()).toEqual([i, h, d, b, a, c]);
  await call(server, "reorderQueue", { body: { job_ids: [c, a, d, b] } });
  expect(await queued()).toEqual([i, h, c, a, d, b]);
  const twice = await call(server, "reorderQueue", { body: { job_ids: [a, b, a] } });
  expect([twice.status, twice.body.errors[0].pointer]).toEqual([422, "/job_ids/2"]);
  expect(await queued()).toEqual([i, h, c, a, d, b]);
});

test("moves that come at once each find their own place", async () => {
  const ids = await several(12);
  const moves = ids.map(async (job_id) => call(server, "moveJob", { params: { job_id }, body: { position: 3 } }));
  for (const { status } of await Promise.all(moves)) expect(status).toBe(200);
  expect([...(await queued())].sort()).toEqual([...ids].sort());
  const [some = "", other = ""] = await queued();
  await call(server, "moveJob", { params: { job_id: some }, body: { position: 1 } });
  expect((await queued()).slice(0, 2)).toEqual([other, some]);
});

test("the queue is given page by page, and counted", async () => {
  const ids = await several(5);
  const page = await call(server, "getQueue", { query: { limit: "2", offset: "2" } });
  expect(page.body).toMatchObject({ running: [], reserved: 0, total: 5 });
  expect(page.body.items.map(({ job_id }: { job_id: string }) => job_id)).toEqual(ids.slice(2, 4));
  expect(page.headers.get("link")).toContain('rel="next"');
  const { body } = await call(server, "getQueueStats");
  expect(body).toMatchObject({ queued: 5, running: 0, completed_last_hour: 0, failed_last_hour: 0 });
  expect(body.waiting_ms.max).toBeGreaterThanOrEqual(body.waiting_ms.p50);
});

test("what is queued can be changed, and a job that is taken away stays in the history", async () => {
  const [id = ""] = await several(1, { params: { a: 1, b: { c: 2, d: 3 } }, title: "Before" });
  const params = { job_id: id };
  const patched = await call(server, "patchJob", {
    params,
    body: { title: null, params: { a: null, b: { c: 4 } }, priority: "low" },
  });
  expect(patched.body).toMatchObject({ title: null, params: { b: { c: 4, d: 3 } }, priority: 25 });
  expect((await call(server, "deleteJob", { params })).status).toBe(204);
  expect((await call(server, "getJob", { params })).body.code).toBe("job_not_found");
  await call(server, "getQueue");
  const path = `jobs/${patched.body.created_at.slice(0, 4)}/${patched.body.created_at.slice(5, 10)}`;
  const life = git(server.gitDir, "log", "--format=%s", "refs/runtree/ops", "--", path).trim().split("\n");
  expect(life.slice(0, 3)).toEqual([`Delete job ${id}`, `Change job ${id}`, `Enqueue job ${id}`]);
});

test("order, places and what was asked survive a restart", async () => {
  const first = await startServer({ scripts: SCRIPTS, flags: STILL });
  await makeTemplate(first, "noop", { title: "Nothing" });
  const ids: string[] = [];
  for (const priority of [50, 100, 50, 50]) ids.push(await enqueue(first, "noop", { priority }));
  await call(first, "moveJob", { params: { job_id: ids[3] ?? "" }, body: { position: 0 } });
  const before = await call(first, "getQueue");
  await first.stop();
  const again = await startServer({ data: first.data, flags: STILL });
  expect((await call(again, "getQueue")).body).toEqual(before.body);
  const next = await enqueue(again, "noop");
  expect((await queued(again)).at(-1)).toBe(next);
});

test("jobs for agents are not in the queue, and have no place there", async () => {
  const job_id = (await call(server, "createJob", { body: { executor: "external", priority: "high" } })).body.job_id;
  expect(await readJob(server, job_id)).toMatchObject({ status: "queued", queue_position: null, position: null });
  expect(await queued()).toEqual([]);
  const moved = await call(server, "moveJob", { params: { job_id }, body: { position: 0 } });
  expect([moved.status, moved.body.code]).toEqual([422, "validation_failed"]);
  const told = await call(server, "createJob", { body: { executor: "external", position: 0 } });
  expect([told.status, told.body.warnings.length]).toEqual([201, 1]);
  await call(server, "createTemplate", { body: { template_id: "by-agents", executor: "external" } });
  const placed = await call(server, "createJob", { body: { template_id: "by-agents", position: 0 } });
  expect([placed.status, placed.body.errors[0].pointer]).toEqual([422, "/position"]);
});

test("the older prefix has the same queue, jobs and templates", async () => {
  const [id = ""] = await several(1);
  const prefix = "/scheduler";
  expect((await call(server, "getQueue", { prefix })).body.items[0].job_id).toBe(id);
  expect((await call(server, "getJob", { prefix, params: { job_id: id } })).body.job_id).toBe(id);
  expect((await call(server, "getTemplate", { prefix, params: { template_id: "noop" } })).status).toBe(200);
});
