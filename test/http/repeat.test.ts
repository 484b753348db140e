import { describe, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { type Answer, call } from "../support/http.ts";
import { startServer, type TestServer } from "../support/server.ts";

const study = (id: string, title: unknown = "A study"): object => ({ study_set: { [id]: { title } } });
const key = (text: string): { headers: Record<string, string> } => ({ headers: { "idempotency-key": text } });
const start = (
  server: TestServer,
  body: object,
  headers: Record<string, string> = {},
  query: Record<string, string> = {},
): Promise<Answer> => call(server, "startRun", { params: { job_id: "custom" }, body, headers, query });
const patch = (server: TestServer, id: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  call(server, "patchRun", { params: { run_id: id }, body, headers });
const commits = (server: TestServer): string => git(server.gitDir, "rev-list", "--all", "--count").trim();

describe("an idempotency key", () => {
  test("makes a repeated request harmless: the first status, the run as it is now, also after a restart", async () => {
    const first = await startServer();
    const made = await start(first, { body: study("a") }, key("k1").headers);
    const job = await call(first, "createJob", { body: { executor: "external" }, ...key("k2") });
    await patch(first, made.body.id, { status: "running" }, key("k3").headers);
    const refused = await start(first, { done: true, body: study("b", 1) }, key("k4").headers);
    const before = commits(first);
    for (const server of [first, null]) {
      const now = server ?? (await first.stop(), await startServer({ data: first.data }));
      const again = await start(now, { body: study("a") }, key("k1").headers);
      expect([again.status, again.body.id, again.body.status]).toEqual([201, made.body.id, "running"]);
      expect(again.headers.get("location")).toBe(`/runs/${made.body.id}`);
      const sameJob = await call(now, "createJob", { body: { executor: "external" }, ...key("k2") });
      expect([sameJob.status, sameJob.body.job_id]).toEqual([201, job.body.job_id]);
      expect(sameJob.headers.get("location")).toBe(job.headers.get("location"));
      expect((await patch(now, made.body.id, { status: "running" }, key("k3").headers)).status).toBe(200);
      const stillRefused = await start(now, { done: true, body: study("b", 1) }, key("k4").headers);
      expect([stillRefused.status, stillRefused.body.run.id]).toEqual([422, refused.body.run.id]);
      expect(stillRefused.body.errors).toEqual(refused.body.errors);
      expect(commits(now)).toBe(before);
    }
  });

  test("belongs to one body, and to one operation", async () => {
    const server = await startServer();
    const made = await start(server, { body: study("a") }, key("k").headers);
    const other = await start(server, { body: study("b") }, key("k").headers);
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
    expect((await patch(server, made.body.id, { body: study("b") }, key("k").headers)).status).toBe(200);
  });

  test("belongs to one body also where nothing was there to write", async () => {
    const server = await startServer();
    const { body: run } = await start(server, {});
    expect((await patch(server, run.id, {}, key("k").headers)).body.head).toBe(run.head);
    expect((await patch(server, run.id, {}, key("k").headers)).status).toBe(200);
    expect((await patch(server, run.id, { metadata: { a: 1 } }, key("k").headers)).body.code).toBe(
      "idempotency_key_reused",
    );
  });

  test("of a request that was refused before a commit is judged anew", async () => {
    const server = await startServer();
    const id = "01arz3ndektsv4rrffq69g5fav";
    expect((await patch(server, id, { metadata: {} }, key("k").headers)).status).toBe(404);
    await start(server, { run_id: id });
    expect((await patch(server, id, { metadata: { a: 1 } }, key("k").headers)).status).toBe(200);
  });

  test("of a request that is still at work is told so, and carried out once", async () => {
    const server = await startServer();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => start(server, { done: true, body: study("a") }, key("k").headers)),
    );
    const codes = answers.map(({ status, body }) => (status === 201 ? 201 : body.code));
    expect(codes.filter((code) => code !== 201 && code !== "request_in_progress")).toEqual([]);
    expect(codes).toContain(201);
    expect((await call(server, "listRuns")).body.total).toBe(1);
  });
});

describe("entity tags", () => {
  test("of a run hold its tip and status, and spare a repeated read", async () => {
    const server = await startServer();
    const { body: run, headers } = await start(server, {});
    const tag = `"${run.head}.waiting"`;
    expect(headers.get("etag")).toBe(tag);
    const params = { run_id: run.id };
    expect((await call(server, "getRun", { params, headers: { "if-none-match": tag } })).status).toBe(304);
    await patch(server, run.id, { status: "running" });
    const changed = await call(server, "getRun", { params, headers: { "if-none-match": tag } });
    expect([changed.status, changed.headers.get("etag")]).toEqual([200, `"${changed.body.head}.running"`]);
  });

  test("a stale If-Match is refused with nothing written, a fresh one passes", async () => {
    const server = await startServer();
    const { body: run } = await start(server, {});
    const moved = await patch(server, run.id, { metadata: { a: 1 } }, { "if-match": `"${run.head}.waiting"` });
    expect(moved.status).toBe(200);
    const before = commits(server);
    const stale = await patch(server, run.id, { metadata: { a: 2 } }, { "if-match": `"${run.head}.waiting"` });
    expect([stale.status, stale.body.code]).toEqual([412, "precondition_failed"]);
    const params = { run_id: run.id, name: "study" };
    expect(
      (await call(server, "putSchema", { params, body: {}, headers: { "if-match": `"${run.head}"` } })).status,
    ).toBe(412);
    for (const id of ["cancelRun", "resolveRun"] as const) {
      const body = id === "resolveRun" ? { resolutions: [] } : {};
      const late = await call(server, id, {
        params: { run_id: run.id },
        body,
        headers: { "if-match": `"${run.head}"` },
      });
      expect([id, late.status]).toEqual([id, 412]);
    }
    expect(commits(server)).toBe(before);
    for (const tag of ["*", `"${moved.body.head}"`, `W/"x", "${moved.body.head}.waiting"`]) {
      expect((await patch(server, run.id, {}, { "if-match": tag })).status).toBe(200);
    }
  });
});

describe("a rehearsal", () => {
  test("answers as the real call would and writes nothing", async () => {
    const server = await startServer();
    const dry = { dryRun: "true" };
    const before = commits(server);
    const merged = await start(server, { done: true, body: study("a") }, {}, dry);
    expect([merged.status, merged.body.status, merged.body.merge.verdict.outcome]).toEqual([201, "success", "merged"]);
    expect(merged.body.merge.commit).toBe(merged.body.merge.verdict.main_after);
    const refused = await start(server, { done: true, body: study("a", 7) }, {}, dry);
    expect([refused.status, refused.body.errors[0].pointer, refused.body.run.status]).toEqual([
      422,
      "/title",
      "rejected",
    ]);
    await call(server, "createJob", { body: { executor: "external", job_id: "j" }, query: dry });
    expect((await call(server, "getJob", { params: { job_id: "j" } })).status).toBe(404);
    expect((await call(server, "getRun", { params: { run_id: merged.body.id } })).status).toBe(404);
    expect((await call(server, "listRuns")).body.total).toBe(0);
    expect(commits(server)).toBe(before);
    expect(git(server.gitDir, "count-objects", "-v")).toContain("garbage: 0");
  });

  test("of a patch, a settlement and a cancellation leaves the run as it was", async () => {
    const server = await startServer();
    const { body: run } = await start(server, { body: study("a") });
    const params = { run_id: run.id };
    const query = { dryRun: "true" };
    expect((await call(server, "patchRun", { params, query, body: { done: true } })).body.status).toBe("success");
    expect((await call(server, "cancelRun", { params, query })).body.status).toBe("cancelled");
    expect(
      (await call(server, "putSchema", { params: { ...params, name: "study" }, query, body: { type: "object" } }))
        .status,
    ).toBe(200);
    expect((await call(server, "resolveRun", { params, query, body: { resolutions: [] } })).status).toBe(200);
    expect((await call(server, "getRun", { params })).body).toEqual(run);
  });
});
