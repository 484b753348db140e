import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Answer, call, type Request } from "../support/http.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started)));

const PREFER = { prefer: "respond-async" };
const study = (id: string, title: unknown = "A study"): object => ({ study_set: { [id]: { title } } });
const start = (body: object, more: Request = { headers: PREFER }, on: TestServer = server): Promise<Answer> =>
  call(on, "startRun", { params: { job_id: "custom" }, body, ...more });
const read = async (id: string, on: TestServer = server): Promise<Answer["body"]> =>
  (await call(on, "getRun", { params: { run_id: id } })).body;
const judged = async (id: string, on: TestServer = server): Promise<Answer["body"]> => {
  await vi.waitFor(async () => expect((await read(id, on)).status).not.toBe("merging"), { timeout: 20_000 });
  return read(id, on);
};

/** A schema that the validator takes two seconds to give up on, and a document for it. */
async function startSlowRun(headers: Record<string, string> = {}, on: TestServer = server): Promise<Answer> {
  const { body: run } = await start({}, {}, on);
  const params = { run_id: run.id, name: "study" };
  const schema = { type: "object", properties: { title: { type: "string", pattern: "^(a+)+$" } } };
  await call(on, "putSchema", { params, body: schema });
  const body = { done: true, body: study("st-slow", `${"a".repeat(40)}!`) };
  return call(on, "patchRun", { params, body, headers: { ...PREFER, ...headers } });
}

test("a run that is started and done is answered at once as merging, and judged afterwards", async () => {
  const answer = await start({ done: true, body: study("st-1") });
  expect([answer.status, answer.body.status, answer.body.done, answer.body.merge]).toEqual([
    202,
    "merging",
    true,
    null,
  ]);
  expect(answer.headers.get("location")).toBe(`/runs/${answer.body.id}`);
  expect(answer.headers.get("preference-applied")).toBe("respond-async");
  expect(answer.headers.get("etag")).toBe(`"${answer.body.head}.merging"`);
  expect((await judged(answer.body.id)).merge.verdict.outcome).toBe("merged");
});

test("so is a patch, a JSON Patch, and a run that takes another back", async () => {
  const { body: run } = await start({ body: study("st-2") }, {});
  const params = { run_id: run.id };
  const patched = await call(server, "patchRun", { params, body: { done: true }, headers: PREFER });
  expect([patched.status, patched.body.id, patched.body.status]).toEqual([202, run.id, "merging"]);
  expect((await judged(run.id)).status).toBe("success");

  const reverted = await call(server, "revertRun", { params, body: { done: true }, headers: PREFER });
  expect([reverted.status, reverted.body.status]).toEqual([202, "merging"]);
  expect(reverted.headers.get("location")).toBe(`/runs/${reverted.body.id}`);
  expect((await judged(reverted.body.id)).status).toBe("success");

  const { body: other } = await start({}, {});
  const byOperations = await call(server, "patchRun", {
    params: { run_id: other.id },
    query: { done: "true" },
    body: [{ op: "add", path: "/study_set/st-3", value: { title: "C" } }],
    headers: { ...PREFER, "content-type": "application/json-patch+json" },
  });
  expect(byOperations.status).toBe(202);
  expect((await judged(other.id)).status).toBe("success");
});

test("a refusal by the gate is read from the run", async () => {
  const { status, body } = await start({ done: true, body: study("st-4", 7) });
  expect(status).toBe(202);
  expect(await judged(body.id)).toMatchObject({ status: "rejected", warnings: [{ pointer: "/title" }] });
});

describe("the preference is passed over", () => {
  test("where done is not said, and where nothing is to be written", async () => {
    const { status, body } = await start({ body: study("st-5") });
    expect([status, body.status]).toEqual([201, "waiting"]);
    const dry = { query: { dryRun: "true" }, headers: PREFER };
    expect((await start({ done: true, body: study("st-5") }, dry)).body.status).toBe("success");
    const params = { run_id: body.id };
    for (const asked of [{}, { done: false }, { status: "running" }])
      expect((await call(server, "patchRun", { params, body: asked, headers: PREFER })).status).toBe(200);
  });

  test("where it is another one", async () => {
    for (const prefer of ["return=minimal", 'x="respond-async, y"', "respond-asynchronously", "", "wait=10"])
      expect([prefer, (await start({ done: true }, { headers: { prefer } })).status]).toEqual([prefer, 201]);
    for (const prefer of [
      "Respond-Async",
      "wait=10, respond-async",
      "respond-async; x=1",
      'a="b\\", c", respond-async',
    ])
      expect([prefer, (await start({ done: true }, { headers: { prefer } })).status]).toEqual([prefer, 202]);
  });

  test("where the door refuses, or the run is merged already", async () => {
    expect((await start({ done: true, body: { study_set: null } })).status).toBe(422);
    const { body: run } = await start({ done: true }, {});
    const params = { run_id: run.id };
    const again = await call(server, "patchRun", { params, body: { done: true }, headers: PREFER });
    expect([again.status, again.body.status]).toEqual([200, "success"]);
  });
});

test("a request that is repeated with its key gives the run as it is then, first merging, later judged", async () => {
  const key = { "idempotency-key": "slow" };
  const first = await startSlowRun(key);
  expect([first.status, first.body.status]).toEqual([202, "merging"]);
  const params = { run_id: first.body.id };
  const body = { done: true, body: study("st-slow", `${"a".repeat(40)}!`) };
  const asked = { params, body, headers: { ...PREFER, ...key } };
  const again = await call(server, "patchRun", asked);
  expect([again.status, again.body.status, again.body.head]).toEqual([202, "merging", first.body.head]);
  expect((await judged(first.body.id)).status).toBe("rejected");
  const after = await call(server, "patchRun", asked);
  expect([after.status, after.body.status]).toEqual([202, "rejected"]);
  const waiting = await call(server, "patchRun", { ...asked, headers: key });
  expect([waiting.status, waiting.body.code]).toEqual([422, "validation_failed"]);
  expect(waiting.body.run.status).toBe("rejected");
});

test("a server that is told to stop judges first", { tags: "trial" }, async () => {
  const mine = await startServer();
  const { body } = await startSlowRun({}, mine);
  expect(await mine.stop()).toBe(0);
  const next = await startServer({ data: mine.data });
  expect((await read(body.id, next)).status).toBe("rejected");
  expect(next.log()).not.toContain("judged run");
});

test("a run that a crash left merging is judged by the next start", { tags: "trial" }, async () => {
  const mine = await startServer();
  const { body } = await startSlowRun({}, mine);
  await mine.kill();
  const next = await startServer({ data: mine.data });
  expect((await judged(body.id, next)).status).toBe("rejected");
  await vi.waitFor(() => expect(next.log()).toContain(`judged run ${body.id} again`));
});
