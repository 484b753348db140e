import { beforeAll, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { enqueue, jobBegun, jobEnded, jobUntil, makeTemplate, readJob, SCRIPTS } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      for (const name of Object.keys(SCRIPTS)) await makeTemplate(server, name);
    },
    [],
    SCRIPTS,
  ),
);

const post = async (body: object): ReturnType<typeof call> => call(server, "createJob", { body });
const cancel = async (job_id: string, body: object = {}): ReturnType<typeof call> =>
  call(server, "cancelJob", { params: { job_id }, body });
const retry = async (job_id: string): ReturnType<typeof call> =>
  call(server, "retryJob", { params: { job_id }, body: {} });
const external = async (more: object = {}): Promise<string> =>
  (await post({ executor: "external", ...more })).body.job_id;
const startRun = async (job_id: string, body: object = {}): Promise<string> =>
  (await call(server, "startRun", { params: { job_id }, body })).body.id;

test("a job is done by its command: a run, merged, and a life that a steward reads", async () => {
  const id = await enqueue(server, "noop", { title: "Nothing", params: { a: 1 } });
  const job = await jobEnded(server, id);
  expect(job).toMatchObject({
    status: "completed",
    state: "completed",
    executor: "process",
    exit_code: 0,
    error: null,
    attempt: 1,
    retry_of: null,
    queue_position: null,
    run: { run_id: job.run_id, status: "completed", exit_code: 0, pid: job.pid },
  });
  expect(Date.parse(job.finished_at)).toBeGreaterThanOrEqual(Date.parse(job.started_at));
  const run = (await call(server, "getRun", { params: { run_id: job.run_id } })).body;
  expect(run).toMatchObject({
    origin: "executor",
    executor: "process",
    job_id: id,
    template_id: "noop",
    params: { a: 1 },
    status: "success",
    exit_code: 0,
    pid: job.pid,
    log_path: job.log_path,
    attempt: 1,
  });
  const at = new Date(job.created_at).toISOString();
  const path = `jobs/${at.slice(0, 4)}/${at.slice(5, 10)}/${at.slice(11, 13)}/${id}.json`;
  await call(server, "getReadiness");
  const life = git(server.gitDir, "log", "--reverse", "--format=%s", "refs/runtree/ops", "--", path);
  expect(life.trim().split("\n")).toEqual([`Enqueue job ${id}`, `Dispatch job ${id}`, `End job ${id} as completed`]);
});

test("a job that fails says why, and is tried again by hand as a new one with the same params", async () => {
  const id = await enqueue(server, "fails", { params: { n: 1 }, priority: 75, title: "Fails" });
  const failed = await jobEnded(server, id);
  expect(failed).toMatchObject({ status: "failed", exit_code: 3, error: { code: "exit_code" } });
  expect((await call(server, "getRunLog", { params: { run_id: failed.run_id } })).body).toBe("oops\n");
  const { body: second, headers } = await retry(id);
  expect(second).toMatchObject({ retry_of: id, attempt: 2, params: { n: 1 }, priority: 75, title: "Fails" });
  const { items } = (await call(server, "listJobs", { query: { retry_of: id } })).body;
  expect(items.map((job: { job_id: string }) => job.job_id)).toEqual([second.job_id]);
  expect(headers.get("location")).toBe(`/jobs/${second.job_id}`);
  const third = (await retry((await jobEnded(server, second.job_id)).job_id)).body;
  await jobEnded(server, third.job_id);
  const jobs = [id, second.job_id, third.job_id];
  const chain = await Promise.all(jobs.map(async (job) => (await readJob(server, job)).run_id));
  for (const job_id of jobs) {
    const { body } = await call(server, "listJobRuns", { params: { job_id } });
    expect(body.items.map((run: { id: string }) => run.id)).toEqual([...chain].reverse());
    expect([body.runs, body.total]).toEqual([body.items, 3]);
  }
  const page = await call(server, "listJobRuns", { params: { job_id: id }, query: { limit: "1", offset: "1" } });
  expect(page.body.items[0].id).toBe(chain[1]);
  expect((await call(server, "getRun", { params: { run_id: chain[1] ?? "" } })).body.retry_of).toBe(chain[0]);
});

test("a running job is cancelled: its process is ended before the answer, its run is closed", async () => {
  const id = await enqueue(server, "hang");
  const { pid, run_id } = await jobBegun(server, id);
  expect((await call(server, "monitorJob", { params: { job_id: id } })).body).toMatchObject({ status: "running", pid });
  expect((await call(server, "monitorJobs")).body.items.map((job: { job_id: string }) => job.job_id)).toContain(id);
  for (const refused of [await retry(id), await call(server, "deleteJob", { params: { job_id: id } })])
    expect(refused.status).toBe(409);
  const { body } = await cancel(id, { reason: "enough of it" });
  expect(body).toMatchObject({ status: "cancelled", error: { code: "cancelled", message: "enough of it" }, pid });
  expect(() => process.kill(pid, 0)).toThrow();
  expect((await call(server, "getRun", { params: { run_id } })).body.status).toBe("cancelled");
  expect((await cancel(id)).body.status).toBe("cancelled");
  expect((await retry(id)).status).toBe(201);
  const again = await jobUntil(server, id, () => true);
  expect(again.status).toBe("cancelled");
  const [next] = (await call(server, "listJobs", { query: { template_id: "hang" } })).body.items;
  await cancel(next.job_id);
});

test("a queued job is cancelled where it waits, and one that ended otherwise cannot be", async () => {
  const blocks = await enqueue(server, "hang");
  await jobBegun(server, blocks);
  const waits = await enqueue(server, "noop");
  expect((await cancel(waits)).body).toMatchObject({ status: "cancelled", run: null, queue_position: null });
  await cancel(blocks);
  const done = await enqueue(server, "noop");
  await jobEnded(server, done);
  expect((await cancel(done)).body.code).toBe("job_not_queued");
  expect((await call(server, "patchJob", { params: { job_id: done }, body: { title: "x" } })).body.code).toBe(
    "job_not_queued",
  );
});

test("the evergreen job cannot be changed, cancelled, deleted or tried again", async () => {
  const params = { job_id: "custom" };
  for (const answer of [
    await cancel("custom"),
    await call(server, "patchJob", { params, body: { title: "x" } }),
    await call(server, "deleteJob", { params }),
  ])
    expect([answer.status, answer.body.code]).toEqual([409, "job_not_queued"]);
  expect((await retry("custom")).status).toBe(422);
  const { body } = await call(server, "listJobs", { query: { limit: "500" } });
  expect(body.items.map((job: { job_id: string }) => job.job_id)).not.toContain("custom");
});

test("a job for agents follows its runs, and goes on after it was cancelled", async () => {
  const id = await external();
  const status = async (): Promise<string> => (await readJob(server, id)).status;
  const listed = async (): Promise<string> =>
    (await call(server, "listJobs", { query: { executor: "external" } })).body.items.find(
      (job: { job_id: string }) => job.job_id === id,
    ).status;
  expect([await status(), await listed()]).toEqual(["queued", "queued"]);
  const first = await startRun(id);
  const second = await startRun(id);
  expect([await status(), await listed()]).toEqual(["running", "running"]);
  await call(server, "patchRun", { params: { run_id: second }, body: { status: "failed" } });
  expect(await status()).toBe("running");
  await call(server, "patchRun", { params: { run_id: first }, body: { done: true } });
  expect([await status(), await listed()]).toEqual(["failed", "failed"]);
  const third = await startRun(id);
  expect((await cancel(id)).body.status).toBe("cancelled");
  expect((await call(server, "getRun", { params: { run_id: third } })).body.status).toBe("cancelled");
  await startRun(id, { done: true });
  expect([await status(), await listed()]).toEqual(["completed", "completed"]);
});

test("a job for agents that nobody began is cancelled, changed or taken away", async () => {
  const id = await external({ title: "Before", job_id: "for-agents" });
  const patched = await call(server, "patchJob", { params: { job_id: id }, body: { title: "After", priority: "low" } });
  expect(patched.body).toMatchObject({ title: "After", priority: 25, priority_name: "low" });
  expect((await call(server, "deleteJob", { params: { job_id: id } })).status).toBe(204);
  const other = await external();
  expect((await cancel(other)).body).toMatchObject({ status: "cancelled", run: null });
});

test("jobs are listed, newest first, in three ways of paging, with how many wait and run", async () => {
  const ids = [await external(), await external(), await external()];
  const { body } = await call(server, "listJobs", { query: { limit: "3" } });
  expect(body.items.map((job: { job_id: string }) => job.job_id)).toEqual([...ids].reverse());
  expect(body.jobs).toEqual(body.items);
  const count = async (status: string): Promise<number> =>
    (await call(server, "listJobs", { query: { status } })).body.total;
  expect([body.queued_count, body.running_count]).toEqual([await count("queued"), await count("running")]);
  const first = await call(server, "listJobs", { query: { cursor: "", limit: "2" } });
  const second = await call(server, "listJobs", { query: { cursor: first.body.next_cursor, limit: "1" } });
  expect(second.body.items[0].job_id).toBe(ids[0]);
  expect((await call(server, "listJobs", { query: { page: "2", page_size: "1" } })).body.items[0].job_id).toBe(ids[1]);
});

test("statuses are asked for in either vocabulary, in any case; other words are refused", async () => {
  await jobEnded(server, await enqueue(server, "noop"));
  const total = async (status: string): Promise<number> =>
    (await call(server, "listJobs", { query: { status } })).body.total;
  const completed = await total("completed");
  expect(completed).toBeGreaterThan(0);
  for (const word of ["COMPLETED", "succeeded", "Success"])
    expect([word, await total(word)]).toEqual([word, completed]);
  for (const word of ["created", "started"]) expect(await total(word)).toBeGreaterThanOrEqual(0);
  expect((await call(server, "listJobs", { query: { status: "nonsense" } })).body.code).toBe("bad_request");
});

test("what no job has yet finds none", async () => {
  for (const name of ["schedule_id", "group_id", "dataset_id", "workflow_name"])
    expect((await call(server, "listJobs", { query: { [name]: "x" } })).body.total).toBe(0);
});

test.for([
  ["two kinds", { executor: "external", template_id: "noop" }],
  ["none", { title: "x" }],
  ["an executor that only templates have", { executor: "process" }],
] as const)("a request for %s is ambiguous", async ([, body]) => {
  const { status, body: answer } = await post(body);
  expect([status, answer.code]).toEqual([422, "ambiguous_job"]);
});

test("members that are not known are ignored with a warning; ids that are taken or reserved are refused", async () => {
  const { body } = await post({ executor: "external", job_id: "taken", nonsense: 1, webhook_url: "http://x" });
  expect(body.warnings).toHaveLength(2);
  for (const job_id of ["taken", "custom", "batch", "monitor", "a/b", ""]) {
    const { status, body: refused } = await post({ executor: "external", job_id });
    expect([job_id, status, refused.errors[0].pointer]).toEqual([job_id, 422, "/job_id"]);
  }
});

test("a job is compared with others of its template, its own retries left out", async () => {
  // Of a job that is at work the answer changes meanwhile.
  const endedJob = async (id: string): Promise<string> => (await jobEnded(server, id)).job_id;
  const check = async (job_id: string): Promise<object> => {
    const got = await call(server, "dedupCheck", { params: { job_id } });
    expect((await call(server, "postDedupCheck", { params: { job_id } })).body).toEqual(got.body);
    return got.body;
  };
  const first = await jobEnded(server, await enqueue(server, "brings", { params: { a: 1, b: [1, { c: 2 }] } }));
  expect(await check(first.job_id)).toMatchObject({ signal: "LOW", similarity_score: 0, duplicate_of: null });
  const again = await endedJob((await retry(first.job_id)).body.job_id);
  expect(await check(again)).toMatchObject({ signal: "LOW", duplicate_of: null });
  const same = await endedJob(await enqueue(server, "brings", { params: { b: [1, { c: 2 }], a: 1 } }));
  const duplicate = await check(same);
  expect(duplicate).toMatchObject({ job_id: same, signal: "HIGH", similarity_score: 1 });
  expect(await check(first.job_id)).toMatchObject({
    has_artifact: true,
    artifact_path: "art.txt",
    duplicate_of: { job_id: same },
  });
  const alike = await check(await endedJob(await enqueue(server, "brings", { params: { a: 2, b: [1, { c: 2 }] } })));
  expect(alike).toMatchObject({ signal: "MEDIUM", similarity_score: 0.5, duplicate_of: null });
  expect(await check(await external())).toMatchObject({ signal: "LOW", similarity_score: 0, has_artifact: false });
});

test("files that a job brought along are listed and read", async () => {
  const { run_id, artifacts } = await jobEnded(server, await enqueue(server, "brings"));
  expect(artifacts).toEqual(["art.txt"]);
  const { body } = await call(server, "listRunArtifacts", { params: { run_id } });
  expect(body.items).toEqual([{ path: "art.txt", size: 4, oid: expect.any(String) }]);
  const file = await call(server, "getRunArtifact", { params: { run_id, path: "art.txt" } });
  expect([file.body, file.headers.get("etag")]).toEqual(["art\n", `"${body.items[0].oid}"`]);
  await call(server, "getReadiness");
  expect(git(server.gitDir, "ls-tree", "-r", "--name-only", "main", "artifacts/")).toContain(`${run_id}/art.txt`);
});

test("a repeated request is answered as the job is now, not done again", async () => {
  const once = { "idempotency-key": "job-once" };
  const request = { headers: once, body: { template_id: "noop", params: { once: true } } };
  const { body } = await call(server, "createJob", request);
  await jobEnded(server, body.job_id);
  const again = await call(server, "createJob", request);
  expect([again.status, again.body.job_id, again.body.status]).toEqual([201, body.job_id, "completed"]);
  const retried = async (): ReturnType<typeof call> =>
    call(server, "retryJob", { params: { job_id: body.job_id }, headers: { "idempotency-key": "retry" }, body: {} });
  const { job_id } = (await retried()).body;
  expect((await retried()).body.job_id).toBe(job_id);
  await jobEnded(server, job_id);
});

test("a rehearsal answers as the real call, and nothing comes of it", async () => {
  const ops = async (): Promise<string> => {
    await call(server, "getReadiness");
    return git(server.gitDir, "rev-parse", "refs/runtree/ops");
  };
  const before = await ops();
  const query = { dryRun: "true" };
  const { body, status } = await call(server, "createJob", { query, body: { template_id: "noop" } });
  expect([status, body.status, body.executor]).toEqual([201, "queued", "process"]);
  expect((await call(server, "getJob", { params: { job_id: body.job_id } })).body.code).toBe("job_not_found");
  const id = await external();
  const after = await ops();
  expect((await call(server, "cancelJob", { query, params: { job_id: id }, body: {} })).body.status).toBe("cancelled");
  expect((await readJob(server, id)).status).toBe("queued");
  expect([await ops(), before === after]).toEqual([after, false]);
});
