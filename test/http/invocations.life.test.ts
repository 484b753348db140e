import { beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import {
  askGalaxy,
  DATASET,
  dataInput,
  gaFile,
  GALAXY_IS_HERE,
  GALAXY_TITLE,
  galaxyCaller,
  type LiveGalaxy,
  realWorkflow,
  stepAfter,
} from "../support/galaxy.ts";
import { call } from "../support/http.ts";
import { addDataset, COUNT, galaxiesByName, galaxyEnvironment, invoke, startCounting } from "../support/invocations.ts";
import { jobEnded, jobUntil, readJob, type SeenJob, writeScripts } from "../support/jobs.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

const COMPARE = "Compare";

let server: TestServer;
let galaxy: LiveGalaxy;
beforeAll(() =>
  startServerForFile(
    (started) => void (server = started),
    [],
    {},
    async (until) => {
      const compare = gaFile(COMPARE, [dataInput("reads"), dataInput("genome"), stepAfter(0)]);
      galaxy = await startCounting([compare], until);
      return galaxyEnvironment(galaxy);
    },
  ),
);

const invocation = async (invocation_id: string): Promise<SeenJob> =>
  (await call(server, "getInvocation", { params: { invocation_id } })).body;
const listed = async (query: Record<string, string>): Promise<SeenJob[]> =>
  (await call(server, "listInvocations", { query })).body.items;

test("with overwrite, earlier invocations of the same dataset and workflow are superseded", async () => {
  const dataset_id = await addDataset(server, { galaxy_inputs: { reads: DATASET, genome: DATASET } });
  const [first, second, other] = [
    await invoke(server, { dataset_id }),
    await invoke(server, { dataset_id }),
    await invoke(server, { dataset_id, workflow_name: COMPARE }),
  ];
  const supersededBy = async (): Promise<unknown[]> =>
    Promise.all([first, second, other].map(async (job) => (await readJob(server, job.job_id)).superseded_by));
  expect(await supersededBy()).toEqual([null, null, null]);
  const third = await invoke(server, { dataset_id, overwrite: true });
  expect(await supersededBy()).toEqual([third.invocation_id, third.invocation_id, null]);
  const fourth = await invoke(server, { dataset_id, overwrite: true });
  expect(await supersededBy()).toEqual([third.invocation_id, third.invocation_id, null]);
  const items = await listed({ dataset_id });
  expect(items.map((each) => [each.invocation_id, each.superseded_by])).toEqual([
    [fourth.invocation_id, null],
    [third.invocation_id, fourth.invocation_id],
    [other.invocation_id, null],
    [second.invocation_id, third.invocation_id],
    [first.invocation_id, third.invocation_id],
  ]);
});

test("jobs are listed by dataset and workflow, with what is known of their invocations; so are invocations, in pages", async () => {
  const dataset_id = await addDataset(server, { galaxy_inputs: { reads: DATASET, genome: DATASET } });
  const made = [
    await invoke(server, { dataset_id }),
    await invoke(server, { dataset_id, workflow_name: COMPARE }),
    await invoke(server, { dataset_id }),
  ];
  const jobs = async (query: Record<string, string>): Promise<SeenJob[]> =>
    (await call(server, "listJobs", { query })).body.items;
  const ids = made.map(({ job_id }) => job_id).toReversed();
  const found = await jobs({ dataset_id });
  expect(found.map(({ job_id }) => job_id)).toEqual(ids);
  for (const job of found) {
    const {
      run_id: _,
      created_at: __,
      polled_at: ___,
      started_at: ____,
      ...members
    } = await invocation(job.invocation_id);
    expect(job).toMatchObject(members);
  }
  expect((await jobs({ dataset_id, workflow_name: COMPARE })).map(({ job_id }) => job_id)).toEqual([ids[1]]);
  expect(await jobs({ dataset_id, workflow_name: "None" })).toEqual([]);
  const pageIds = async (query: Record<string, string>): Promise<unknown[]> =>
    (await listed({ dataset_id, ...query })).map(({ job_id }) => job_id);
  expect(await pageIds({})).toEqual(ids);
  expect(await pageIds({ limit: "1", offset: "1" })).toEqual(ids.slice(1, 2));
  expect(await pageIds({ page: "2", page_size: "2" })).toEqual(ids.slice(2));
  const first = await call(server, "listInvocations", { query: { dataset_id, cursor: "", limit: "2" } });
  expect(first.headers.get("link")).toContain('rel="next"');
  expect(await pageIds({ cursor: first.body.next_cursor })).toEqual(ids.slice(2));
  expect(await pageIds({ server: "none" })).toEqual([]);
  expect((await call(server, "listInvocations", { query: { cursor: "x" } })).body.code).toBe("bad_request");
});

test("a job, an invocation or a run is cancelled at once, and then Galaxy is told", async () => {
  const [byJob, byInvocation, byRun, kept] = [
    await invoke(server),
    await invoke(server),
    await invoke(server),
    await invoke(server),
  ];
  const told = galaxy.traffic.of("cancel");
  const body = { reason: "enough" };
  await call(server, "cancelJob", { params: { job_id: byJob.job_id }, body });
  const { invocation_id } = byInvocation;
  const answer = await call(server, "cancelInvocation", { params: { invocation_id }, body });
  expect([answer.status, answer.body.state]).toEqual([200, "cancelled"]);
  await call(server, "cancelRun", { params: { run_id: byRun.run_id }, body });
  for (const job of [byJob, byInvocation, byRun])
    expect(await jobEnded(server, job.job_id)).toMatchObject({
      status: "cancelled",
      state: "cancelled",
      error: { code: "cancelled", message: "enough" },
      run: { status: "failed" },
    });
  expect((await call(server, "cancelInvocation", { params: { invocation_id }, body })).status).toBe(200);
  await galaxy.traffic.reach("cancel", told + 3);
  galaxy.clock.pass(60);
  const states = [byJob, byInvocation, byRun, kept].map(async (job) => {
    const { state } = await galaxyCaller(galaxy)("GET", `/api/invocations/${job.invocation_id}`);
    return state;
  });
  expect(await Promise.all(states)).toEqual(["cancelled", "cancelled", "cancelled", "completed"]);
  expect((await jobEnded(server, kept.job_id)).status).toBe("completed");
});

test("what ends badly in Galaxy fails the job with Galaxy's words, and what is cancelled there is cancelled", async () => {
  galaxy.galaxy.outcomes = [{ workflow: COUNT, failed: true }];
  const failed = await invoke(server);
  galaxy.galaxy.outcomes = [{ workflow: COUNT, job: "error" }];
  const erring = await invoke(server);
  galaxy.galaxy.outcomes = [];
  const cancelled = await invoke(server);
  await galaxyCaller(galaxy)("DELETE", `/api/invocations/${cancelled.invocation_id}`);
  galaxy.clock.pass(60);
  const after = await jobEnded(server, failed.job_id);
  expect(after).toMatchObject({ status: "failed", state: "failed", error: { code: "galaxy_failed" } });
  expect(after.messages).toEqual([expect.stringContaining("unexpected_failure")]);
  expect(after.error.message).toContain(after.messages[0]);
  expect(await jobEnded(server, erring.job_id)).toMatchObject({
    status: "failed",
    jobs: { error: 1 },
    error: { code: "galaxy_failed" },
  });
  expect(await jobEnded(server, cancelled.job_id)).toMatchObject({ status: "cancelled", state: "cancelled" });
});

test.for([
  ["as failed", { status: "failed" }, { status: "failed", state: "failed", error: { code: "closed" } }],
  ["as skipped", { status: "skipped" }, { status: "skipped", state: "cancelled" }],
  ["as done", { done: true }, { status: "completed", state: "cancelled" }],
] as const)(
  "a run that is closed by hand %s ends its job, is not tried again, and Galaxy is told",
  async ([, body, after]) => {
    const told = galaxy.traffic.of("cancel");
    const { job_id, run_id, dataset_id } = await invoke(server);
    await call(server, "patchRun", { params: { run_id }, body });
    await galaxy.traffic.reach("cancel", told + 1);
    expect(await jobEnded(server, job_id)).toMatchObject(after);
    const { items } = (await call(server, "listJobs", { query: { dataset_id } })).body;
    expect(items).toHaveLength(1);
  },
);

test("of several Galaxies a request names one, and ids that two of them gave are told apart", async () => {
  const [eu, us] = [await startCounting(), await startCounting()];
  const { galaxy: named, env } = galaxiesByName({ eu, us });
  const data = temporaryFolder();
  writeScripts(data, {}, { galaxy: named });
  const both = await startServer({ data, env });
  const dataset_id = await addDataset(both);
  const [here, there] = [
    await invoke(both, { dataset_id, server: "eu" }),
    await invoke(both, { dataset_id, server: "us" }),
  ];
  expect([eu, us].map(({ traffic }) => traffic.of("invoke"))).toEqual([1, 1]);
  const { invocation_id } = here;
  expect(there.invocation_id).toBe(invocation_id);
  const params = { invocation_id };
  const { status, body } = await call(both, "getInvocation", { params });
  expect([status, body.code]).toEqual([409, "ambiguous"]);
  for (const [name, job] of [
    ["eu", here],
    ["us", there],
  ] as const) {
    const found = await call(both, "getInvocation", { params, query: { server: name } });
    expect([found.body.server, found.body.job_id]).toEqual([name, job.job_id]);
    const { items } = (await call(both, "listInvocations", { query: { server: name } })).body;
    expect(items.map((each: SeenJob) => each.job_id)).toEqual([job.job_id]);
  }
  await call(both, "cancelInvocation", { params, query: { server: "us" }, body: {} });
  await us.traffic.reach("cancel", 1);
  expect([(await readJob(both, there.job_id)).state, eu.traffic.of("cancel")]).toEqual(["cancelled", 0]);
  eu.clock.pass(60);
  expect(await jobEnded(both, here.job_id)).toMatchObject({ status: "completed", superseded_by: null });
  const unnamed = await call(both, "createJob", { body: { dataset_id, workflow_name: COUNT } });
  expect([unnamed.status, unnamed.body.code]).toEqual([503, "galaxy_not_configured"]);
});

test("only workflows that the operator allows are invoked, by name or by id", async () => {
  const other = await startCounting();
  const env = { ...galaxyEnvironment(other), RUNTREE_GALAXY_WORKFLOWS: `${COUNT}, Another` };
  const strict = await startServer({ env });
  const [known] = (await askGalaxy(other, "GET", "/api/workflows")).body as SeenJob[];
  expect((await invoke(strict, { workflow_id: known.id })).workflow_name).toBe(COUNT);
  const made = await galaxyCaller(other)("POST", "/api/workflows", { workflow: gaFile(COMPARE, [dataInput("reads")]) });
  const dataset_id = await addDataset(strict);
  for (const asked of [{ workflow_name: COMPARE }, { workflow_id: made.id }]) {
    const refused = await call(strict, "createJob", { body: { dataset_id, ...asked } });
    expect([refused.status, refused.body.code]).toEqual([422, "workflow_not_allowed"]);
  }
});

describe.skipIf(!GALAXY_IS_HERE)(GALAXY_TITLE, () => {
  const REAL: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
    paste_columns: { "0": DATASET, "1": DATASET },
    select_x_random_lines: { "0": 7, "1": DATASET },
    workflow_with_parameter_input: { "0": "text", "1": DATASET },
    paste_columns_subworkflow: { "0": DATASET },
    test_workflow_pause: { "0": DATASET },
  };

  test("each is invoked, and ends with its jobs, those of sub-workflows too, or waits where it pauses", async () => {
    const jobs: Record<string, SeenJob> = {};
    for (const [file, galaxy_inputs] of Object.entries(REAL)) {
      const made = await galaxyCaller(galaxy)("POST", "/api/workflows", { workflow: realWorkflow(file) });
      jobs[file] = await invoke(server, {
        workflow_id: made.id,
        dataset_id: await addDataset(server, { galaxy_inputs }),
      });
    }
    galaxy.clock.pass(60);
    const { test_workflow_pause: paused, ...others } = jobs;
    for (const job of Object.values(others))
      expect(await jobEnded(server, job.job_id)).toMatchObject({ status: "completed", jobs: { ok: 1 }, messages: [] });
    const waits = await jobUntil(server, paused.job_id, ({ state }) => state === "in_progress");
    expect(waits).toMatchObject({ status: "running", galaxy_state: "ready", jobs: { ok: 1 } });
  });
});
