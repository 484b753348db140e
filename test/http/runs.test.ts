import { beforeAll, describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started)));

let count = 0;
/** An id that no other test uses. */
const fresh = (): string => `id-${++count}`;
const study = (id: string, more: object = {}): object => ({ study_set: { [id]: { title: "A study", ...more } } });

async function start(body: object, job = "custom"): Promise<{ id: string; status: string; head: string }> {
  return (await call(server, "startRun", { params: { job_id: job }, body })).body;
}

const finish = (id: string): ReturnType<typeof call> =>
  call(server, "patchRun", { params: { run_id: id }, body: { done: true } });

describe("the examples of the first seed", () => {
  test("registering a run of a workflow job, and submitting metadata for it", async () => {
    const job = await call(server, "createJob", {
      body: { executor: "external", title: "Assemble", params: { k: 1 } },
    });
    expect(job.body).toMatchObject({
      executor: "external",
      title: "Assemble",
      status: "queued",
      params: { k: 1 },
      run: null,
    });
    expect(job.headers.get("location")).toBe(`/jobs/${job.body.job_id}`);
    const { body: run, headers } = await call(server, "startRun", {
      params: { job_id: job.body.job_id },
      body: { body: study(fresh()) },
    });
    expect(run).toMatchObject({ done: false, status: "waiting", job_id: job.body.job_id, branch: `runs/${run.id}` });
    expect(headers.get("location")).toBe(`/runs/${run.id}`);
    expect((await call(server, "getJob", { params: { job_id: job.body.job_id } })).body).toMatchObject({
      status: "running",
      run: { run_id: run.id, status: "started" },
    });
    await finish(run.id);
    const ended = await call(server, "getJob", { params: { job_id: job.body.job_id } });
    expect(ended.body).toMatchObject({ status: "completed", run_id: run.id, run: { status: "completed" } });
  });

  test("submitting metadata for a run and marking it done", async () => {
    const id = fresh();
    const run = await start({});
    const { body } = await call(server, "patchRun", {
      params: { run_id: run.id },
      body: { done: true, body: study(id) },
    });
    expect(body).toMatchObject({ done: true, status: "success", id: run.id });
    expect(body.merge.commit).toBe(body.merge.verdict.main_after);
    expect(body.completed_at).toBe(body.finished_at);
  });

  test("a one-off custom submission", async () => {
    expect(await start({ done: true, body: study(fresh()) })).toMatchObject({ done: true, status: "success" });
  });

  test("a custom submission in several steps, valid only at the end", async () => {
    const id = fresh();
    const run = (
      await call(server, "startRun", { params: { job_id: "custom" }, body: { body: { study_set: { [id]: {} } } } })
    ).body;
    expect(run).toMatchObject({ status: "waiting", validations: 1, submissions: 1 });
    expect(run.warnings).toMatchObject([{ code: "schema", collection: "study_set", id, pointer: "/title" }]);
    const done = await call(server, "patchRun", { params: { run_id: run.id }, body: { done: true, body: study(id) } });
    expect(done.body).toMatchObject({ status: "success", warnings: [], submissions: 2 });
  });
});

test("the routes are there under /api/v2, too, and links stay there", async () => {
  const { id } = await start({});
  expect((await call(server, "getRun", { params: { run_id: id }, prefix: "/api/v2" })).body.id).toBe(id);
  const { headers } = await call(server, "listRuns", { query: { limit: "1" }, prefix: "/api/v2" });
  expect(headers.get("link")).toContain("</api/v2/runs?limit=1&offset=0>");
});

describe("a run's status", () => {
  test.each(["failed", "cancelled", "skipped"])("%s closes it without a merge", async (status) => {
    const { id, head } = await start({ body: study(fresh()) });
    const closed = await call(server, "patchRun", {
      params: { run_id: id },
      body: { status, error: { message: "why" } },
    });
    expect(closed.body).toMatchObject({ status, done: false, error: { code: status, message: "why" } });
    expect(closed.body.head).not.toBe(head);
    expect((await call(server, "getRun", { params: { run_id: id } })).body).toEqual(closed.body);
    expect((await finish(id)).body).toMatchObject({ status: 409, code: "run_closed", run: { id, status } });
  });

  test("running is said once, and a submission alone never changes it", async () => {
    const { id } = await start({});
    const running = await call(server, "patchRun", { params: { run_id: id }, body: { status: "running" } });
    expect(running.body.started_at).toBe(running.body.updated_at);
    const submitted = await call(server, "patchRun", { params: { run_id: id }, body: { body: study(fresh()) } });
    expect(submitted.body).toMatchObject({ status: "running", started_at: running.body.started_at });
  });

  test("done again on a merged run is answered again, anything else is refused", async () => {
    const { id } = await start({ done: true, body: study(fresh()) });
    expect((await finish(id)).status).toBe(200);
    const more = await call(server, "patchRun", { params: { run_id: id }, body: { done: true, metadata: {} } });
    expect(more.body.code).toBe("run_closed");
  });

  test("cannot be asked for together with done, nor out of order", async () => {
    const { id } = await start({});
    const both = await call(server, "patchRun", { params: { run_id: id }, body: { done: true, status: "failed" } });
    expect(both.body).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/status" }] });
    await call(server, "patchRun", { params: { run_id: id }, body: { body: { study_set: { [fresh()]: {} } } } });
    expect((await finish(id)).body.code).toBe("validation_failed");
    const skipped = await call(server, "patchRun", { params: { run_id: id }, body: { status: "skipped" } });
    expect(skipped.body.errors).toMatchObject([{ pointer: "/status" }]);
  });

  test("cancelled with a reason, keeps its work in the attic", async () => {
    const id = fresh();
    const run = await start({ body: study(id) });
    const { body } = await call(server, "cancelRun", { params: { run_id: run.id }, body: { reason: "a typo" } });
    expect(body).toMatchObject({ status: "cancelled", error: { code: "cancelled", message: "a typo" } });
    const kept = await call(server, "getDocument", {
      params: { collection: "study_set", id },
      query: { at: `run:${run.id}` },
    });
    expect(kept.body).toEqual({ id, title: "A study" });
    expect((await call(server, "cancelRun", { params: { run_id: run.id } })).body.code).toBe("run_closed");
  });

  test("metadata is a merge patch, and nothing asked for changes nothing", async () => {
    const { id } = await start({ metadata: { a: 1, b: { c: 2 } } });
    const patched = await call(server, "patchRun", {
      params: { run_id: id },
      body: { metadata: { a: null, b: { d: 3 } } },
    });
    expect(patched.body.metadata).toEqual({ b: { c: 2, d: 3 } });
    const nothing = await call(server, "patchRun", { params: { run_id: id }, body: {} });
    expect(nothing.body.head).toBe(patched.body.head);
  });
});

describe("a run's story", () => {
  test("its diff, commits and validations, open and merged", async () => {
    const id = fresh();
    const run = await start({ body: { study_set: { [id]: {} } } });
    expect((await finish(run.id)).status).toBe(422);
    await call(server, "patchRun", { params: { run_id: run.id }, body: { done: true, body: study(id) } });
    const params = { run_id: run.id };

    const { body: diff } = await call(server, "runDiff", { params });
    expect(diff.changes).toEqual([
      { collection: "study_set", id, op: "add", pointers: ["/id", "/title"], after: { id, title: "A study" } },
    ]);

    const { body: commits } = await call(server, "runCommits", { params });
    expect(commits.items.map(({ changes }: { changes: { op: string }[] }) => changes.map(({ op }) => op))).toEqual([
      ["modify"],
      [],
      [],
      ["add"],
    ]);
    expect(commits.items.at(-1)).toMatchObject({ author: "local", subject: `Start run ${run.id} of custom` });

    const { body: validations } = await call(server, "runValidations", { params });
    expect(validations.items.map(({ status }: { status: string }) => status)).toEqual(["passed", "failed", "warned"]);
    expect(validations.items[2]).toMatchObject({ violation_count: 1, violations: [{ pointer: "/title" }] });
    expect((await call(server, "getRun", { params })).body.validations).toBe(3);
  });

  test("a preview names changed schemas, too", async () => {
    const run = await start({});
    await call(server, "putSchema", { params: { run_id: run.id, name: "extra" }, body: { type: "object" } });
    const { body } = await call(server, "previewRun", { params: { run_id: run.id } });
    expect(body.changes).toEqual([
      { collection: "$config", id: "schemas/extra.schema.json", op: "add", pointers: ["/type"] },
    ]);
  });

  test("a preview says what the gate would, and writes nothing", async () => {
    const id = fresh();
    const run = await start({ body: study(id) });
    const good = await call(server, "previewRun", { params: { run_id: run.id } });
    expect(good.body).toMatchObject({ mergeable: true, changes: [{ collection: "study_set", id, op: "add" }] });
    const bad = await start({ body: { biosample_set: { [fresh()]: { associated_studies: ["nowhere"] } } } });
    const refused = await call(server, "previewRun", { params: { run_id: bad.id } });
    expect(refused.body).toMatchObject({ mergeable: false, violations: [{ code: "reference_missing" }] });
    expect((await call(server, "getRun", { params: { run_id: bad.id } })).body.head).toBe(bad.head);
    await finish(run.id);
    expect((await call(server, "previewRun", { params: { run_id: run.id } })).body.code).toBe("run_closed");
  });
});

test("a leap second in a filter is the beginning of the next minute", async () => {
  const total = async (query: Record<string, string>): Promise<number> =>
    (await call(server, "listRuns", { query })).body.total;
  expect(await total({ end_date: "2999-06-30T23:59:60Z" })).toBe(await total({}));
  expect(await total({ start_date: "2999-06-30T23:59:60Z" })).toBe(0);
});

describe("a conflict", () => {
  async function conflicting(): Promise<{ id: string; run: string; main: string }> {
    const id = fresh();
    await start({ done: true, body: study(id, { description: "base" }) });
    const run = await start({ body: { study_set: { [id]: { description: "theirs", title: "T" } } } });
    const ours = await call(server, "startRun", {
      params: { job_id: "custom" },
      body: { done: true, body: { study_set: { [id]: { description: "ours" } } } },
    });
    return { id, run: run.id, main: ours.body.merge.commit };
  }
  const at = (id: string): object => ({ collection: "study_set", id, pointer: "/description" });

  test("refuses the merge with both sides, and is resolved by taking one", async () => {
    const { id, run, main } = await conflicting();
    const refused = await finish(run);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: "merge_conflict",
      conflicts: [{ ...at(id), base: "base", ours: "ours", theirs: "theirs" }],
      run: { status: "rejected" },
    });
    const params = { run_id: run };
    const resolved = await call(server, "resolveRun", {
      params,
      body: { main, resolutions: [{ ...at(id), take: "theirs" }] },
    });
    expect(resolved.body).toMatchObject({ status: "rejected", base: main });
    expect((await call(server, "runDiff", { params })).body.changes).toMatchObject([{ id, op: "modify" }]);
    expect((await finish(run)).body.status).toBe("success");
    const { body } = await call(server, "getDocument", { params: { collection: "study_set", id } });
    expect(body).toEqual({ id, description: "theirs", title: "T" });
  });

  test.each([
    ["ours", { take: "ours" }, "ours"],
    ["base", { take: "base" }, "base"],
    ["a value of one's own", { value: "mine" }, "mine"],
  ])("is resolved by %s", async (_, word, description) => {
    const { id, run } = await conflicting();
    await call(server, "resolveRun", { params: { run_id: run }, body: { resolutions: [{ ...at(id), ...word }] } });
    const { body: commits } = await call(server, "runCommits", { params: { run_id: run } });
    expect(commits.items[0].changes).toMatchObject([{ id, op: "modify" }]);
    await finish(run);
    const { body } = await call(server, "getDocument", { params: { collection: "study_set", id } });
    expect(body.description).toBe(description);
  });

  test("left over, beside the point, or against another main, leaves the run alone", async () => {
    const { id, run } = await conflicting();
    const params = { run_id: run };
    const left = await call(server, "resolveRun", { params, body: { resolutions: [] } });
    expect(left.body).toMatchObject({ code: "merge_conflict", conflicts: [at(id)] });
    const beside = await call(server, "resolveRun", {
      params,
      body: { resolutions: [{ ...at(id), pointer: "/title", take: "ours" }] },
    });
    expect(beside.body).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/resolutions/0" }] });
    const stale = await call(server, "resolveRun", {
      params,
      body: { main: "0".repeat(40), resolutions: [{ ...at(id), take: "ours" }] },
    });
    expect(stale.status).toBe(412);
    const both = await call(server, "resolveRun", {
      params,
      body: { resolutions: [{ ...at(id), take: "ours", value: 1 }] },
    });
    expect(both.status).toBe(422);
    expect((await call(server, "runCommits", { params })).body.items).toHaveLength(1);
  });
});

describe("lists of runs", () => {
  test("by job, newest first, a page at a time, with links", async () => {
    const { body: job } = await call(server, "createJob", { body: { executor: "external" } });
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.unshift((await start({}, job.job_id)).id);
    const params = { job_id: job.job_id };
    const { body, headers } = await call(server, "listJobRuns", { params, query: { limit: "2", offset: "2" } });
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual(ids.slice(2, 4));
    expect(body).toMatchObject({ total: 5, limit: 2, offset: 2, runs: body.items });
    expect(headers.get("link")).toBe(
      ['offset=0>; rel="first"', 'offset=0>; rel="prev"', 'offset=4>; rel="next"', 'offset=4>; rel="last"']
        .map((end) => `</jobs/${job.job_id}/runs?limit=2&${end}`)
        .join(", "),
    );
  });

  test("by every filter", async () => {
    const contract = fresh();
    const made = await start({
      contract_id: contract,
      pipeline_name: "nightly",
      pipeline_id: "p-1",
      body: { study_set: { [fresh()]: {} } },
    });
    const other = await start({ contract_id: contract, pipeline_name: "weekly" });
    await call(server, "patchRun", { params: { run_id: other.id }, body: { status: "running" } });
    const found = async (query: Record<string, string>): Promise<string[]> =>
      (await call(server, "listRuns", { query: { contract_id: contract, ...query } })).body.items.map(
        ({ id }: { id: string }) => id,
      );
    expect(await found({})).toEqual([other.id, made.id]);
    expect(await found({ pipeline_name: "nightly" })).toEqual([made.id]);
    expect(await found({ status: "running" })).toEqual([other.id]);
    expect(await found({ has_warnings: "true" })).toEqual([made.id]);
    expect(await found({ has_warnings: "false" })).toEqual([other.id]);
    expect(await found({ job_id: "custom" })).toHaveLength(2);
    for (const name of ["job_id", "template_id", "dataset_id", "mode"])
      expect(await found({ [name]: "none" })).toEqual([]);
    expect(await found({ start_date: "2999-01-01T00:00:00Z" })).toEqual([]);
    expect(await found({ start_date: "2020-01-01T00:00:00Z", end_date: "2999-01-01T00:00:00+02:00" })).toHaveLength(2);
  });
});
