import { beforeAll, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import {
  askGalaxy,
  chainFile,
  DATASET,
  dataInput,
  gaFile,
  galaxyCaller,
  type LiveGalaxy,
  stepAfter,
} from "../support/galaxy.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { addDataset, COUNT, galaxyEnvironment, invoke, startCounting } from "../support/invocations.ts";
import { jobEnded, jobUntil, readJob, runOf, type SeenJob } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

const COMPARE = "Compare";
const TWICE = "Twice";
const reference = (digit: number): Json => ({ src: "hda", id: String(digit).repeat(16) });

const compare = gaFile(COMPARE, [
  dataInput("reads"),
  dataInput("genome"),
  dataInput("notes", { optional: true }),
  stepAfter(0, { label: "align" }),
]);

let server: TestServer;
let galaxy: LiveGalaxy;
beforeAll(() =>
  startServerForFile(
    (started) => void (server = started),
    [],
    {},
    async (until) => {
      galaxy = await startCounting([compare, chainFile(TWICE), chainFile(TWICE)], until);
      return galaxyEnvironment(galaxy);
    },
  ),
);

type Asked = Parameters<typeof call>[2];
const post = async (body: object, more: Asked = {}): ReturnType<typeof call> =>
  call(server, "createJob", { ...more, body });
const invocation = async (invocation_id: string): Promise<SeenJob> =>
  (await call(server, "getInvocation", { params: { invocation_id } })).body;
const listed = async (query: Record<string, string>): Promise<SeenJob[]> =>
  (await call(server, "listInvocations", { query })).body.items;
const invoked = (): number => galaxy.traffic.of("invoke");
/** What Galaxy was sent. */
const sent = async ({ invocation_id }: SeenJob): Promise<Record<string, unknown>> =>
  galaxyCaller(galaxy)("GET", `/api/invocations/${invocation_id}/request`);

/** What may not change where nothing is to be done: commits here, and histories and invocations there. */
async function everything(): Promise<unknown> {
  await call(server, "getReadiness");
  const commits = git(server.gitDir, "rev-list", "--all", "--count").trim();
  return [commits, galaxy.traffic.of("create_history"), invoked()];
}

async function ended(job: SeenJob): Promise<SeenJob> {
  galaxy.clock.pass(60);
  return jobEnded(server, job.job_id);
}

test("a workflow is invoked before the answer, into a history of its own, and its job ends as Galaxy's jobs do", async () => {
  const dataset_id = await addDataset(server);
  const { status, body: job, headers } = await post({ dataset_id, workflow_name: COUNT });
  expect([status, headers.get("location")]).toEqual([201, `/jobs/${job.job_id}`]);
  expect(job).toMatchObject({
    executor: "galaxy",
    status: "running",
    state: "queued",
    galaxy_state: "new",
    dataset_id,
    workflow_name: COUNT,
    queue_position: null,
    attempts: 1,
    warnings: [],
  });
  const shown = await invocation(job.invocation_id);
  expect(shown).toMatchObject({ job_id: job.job_id, run_id: job.run_id, server: "default", finished_at: null });
  const history = await galaxyCaller(galaxy)("GET", `/api/histories/${shown.history_id}`);
  expect(history["name"]).toBe(`runtree ${job.run_id}`);
  expect(await sent(job)).toMatchObject({ inputs: { "0": DATASET }, parameters: {} });

  expect(await ended(job)).toMatchObject({ status: "completed", state: "completed", jobs: { ok: 1 }, error: null });
  const after = await invocation(job.invocation_id);
  expect(after).toMatchObject({ state: "completed", galaxy_state: "completed", jobs: { ok: 1 }, messages: [] });
  expect(Date.parse(after.polled_at)).toBeGreaterThanOrEqual(Date.parse(after.created_at));
  expect(await runOf(server, job)).toMatchObject({ status: "success", executor: "galaxy", origin: "executor" });
  expect(fsck(server.gitDir)).toEqual([]);
});

test("the same is asked for in the query, with parameters as the body, and a dataset by a number", async () => {
  const body = { done: true, body: { datasets: { "42": { title: "The answer" } } } };
  await call(server, "startRun", { params: { job_id: "custom" }, body });
  const parameters = { reads: reference(1) };
  const inQuery = { dataset_id: "42", workflow_name: COUNT, overwrite: "true", server: "default" };
  for (const request of [
    { query: inQuery, body: parameters },
    { body: { dataset_id: 42, workflow_name: COUNT, parameters } },
  ]) {
    const { status, body: job } = await call(server, "createJob", request);
    expect([status, job.dataset_id, job.params]).toEqual([201, "42", parameters]);
    expect(await sent(job)).toMatchObject({ inputs: { "0": reference(1) } });
  }
  expect((await listed({ dataset_id: "42" })).map(({ superseded_by }) => superseded_by)).toEqual([null, null]);
});

test.for([
  ["as members", (dataset_id: string) => ({ body: { dataset_id, workflow_name: COUNT } })],
  ["in the query", (dataset_id: string) => ({ query: { dataset_id, workflow_name: COUNT }, body: {} })],
] as const)("a rehearsal, asked for %s, writes and invokes nothing, here or there", async ([, asks]) => {
  const request: Asked = asks(await addDataset(server));
  const before = await everything();
  const { status, body } = await call(server, "createJob", {
    ...request,
    query: { ...request.query, dryRun: "true" },
  });
  expect([status, body.workflow_name, body.invocation_id]).toEqual([201, COUNT, null]);
  const gone = await call(server, "getJob", { params: { job_id: body.job_id } });
  expect(gone.body.code).toBe("job_not_found");
  expect(await everything()).toEqual(before);
});

test("a request that is sent again under its key invokes nothing again, even where the first had no answer", async () => {
  const dataset_id = await addDataset(server);
  const asked = { dataset_id, workflow_name: COUNT };
  const headers = { "idempotency-key": "invoke-once" };
  const before = invoked();
  const first = await post(asked, { headers });
  const again = await post(asked, { headers });
  expect([again.status, again.body.job_id, again.body.invocation_id]).toEqual([
    201,
    first.body.job_id,
    first.body.invocation_id,
  ]);
  expect(invoked()).toBe(before + 1);

  galaxy.faults.add({ operation: "invoke", fault: "cut_after" });
  const lost = { headers: { "idempotency-key": "lost" } };
  const { status, body } = await post(asked, lost);
  expect([status, body.code]).toEqual([504, "galaxy_timeout"]);
  expect((await post(asked, lost)).body).toMatchObject({ job_id: body.job_id, run_id: body.run_id, status: "running" });
  expect(invoked()).toBe(before + 2);
});

test("an invocation whose answer was lost is found by the sweeps, and invoked once", async () => {
  const before = invoked();
  galaxy.faults.add({ operation: "invoke", fault: "cut_after" });
  const { body } = await post({ dataset_id: await addDataset(server), workflow_name: COUNT });
  expect(await readJob(server, body.job_id)).toMatchObject({ status: "running", invocation_id: null });
  const found = await jobUntil(server, body.job_id, ({ invocation_id }) => invocation_id !== null);
  const { history_id } = await invocation(found.invocation_id);
  const { body: there } = await askGalaxy(galaxy, "GET", `/api/invocations?history_id=${history_id}`);
  expect(there).toMatchObject([{ id: found.invocation_id }]);
  expect(invoked()).toBe(before + 1);
});

test("what Galaxy refuses is told in its words, with the job and the run, which have failed", async () => {
  galaxy.faults.add({ operation: "invoke", fault: "status_403" });
  const { status, body } = await post({ dataset_id: await addDataset(server), workflow_name: COUNT });
  expect([status, body.code]).toEqual([422, "galaxy_error"]);
  expect(body.galaxy).toEqual({ status: 403, code: expect.any(Number), message: expect.any(String) });
  const job = await readJob(server, body.job_id);
  expect(job).toMatchObject({ status: "failed", error: { code: "galaxy_error" }, run_id: body.run_id });
  expect(job.error.message).toContain(body.galaxy.message);
  expect(await runOf(server, job)).toMatchObject({ status: "failed", error: { code: "galaxy_error" } });
});

test("parameters go to inputs by label or index, over what the dataset says, and to steps", async () => {
  const filled = { reads: reference(1), "1": reference(2), unheard: reference(9) };
  const dataset_id = await addDataset(server, { galaxy_inputs: filled });
  const asked = { dataset_id, workflow_name: COMPARE };
  const inputsFor = async (parameters: object): Promise<unknown> => {
    const { inputs, parameters: steps } = await sent(await invoke(server, { ...asked, parameters }));
    return { inputs, steps };
  };
  const own = { "0": reference(1), "1": reference(2) };
  expect(await inputsFor({})).toMatchObject({ inputs: own, steps: {} });
  expect(await inputsFor({ "0": reference(3) })).toMatchObject({ inputs: { ...own, "0": reference(3) } });
  expect(await inputsFor({ genome: reference(4), notes: reference(5) })).toMatchObject({
    inputs: { ...own, "1": reference(4), "2": reference(5) },
  });
  expect(await inputsFor({ "3": { depth: 7 } })).toMatchObject({ inputs: own, steps: { "3": { depth: 7 } } });
});

test.for([
  ["a dataset that is not there", { dataset_id: "none" }, 404, "dataset_not_found", null],
  ["no dataset", { dataset_id: undefined }, 422, "validation_failed", "/dataset_id"],
  ["a workflow that is not there", { workflow_name: "None" }, 422, "workflow_not_allowed", "/workflow_name"],
  ["an id that is none", { workflow_name: undefined, workflow_id: "x" }, 422, "workflow_not_allowed", "/workflow_id"],
  ["a name of two workflows", { workflow_name: TWICE }, 409, "ambiguous", null],
  ["an input that is not filled", { workflow_name: COMPARE }, 422, "input_missing", "/parameters/genome"],
  [
    "more parameters than a job may have",
    { parameters: { reads: "x".repeat(300_000) } },
    422,
    "validation_failed",
    "/parameters",
  ],
  ["a parameter that is no input", { parameters: { raeds: 1 } }, 422, "validation_failed", "/parameters/raeds"],
  ["a Galaxy that is not configured", { server: "mars" }, 503, "galaxy_not_configured", null],
  ["another kind of job as well", { executor: "external" }, 422, "ambiguous_job", ""],
] as const)("%s is refused, and leaves nothing here or there", async ([, more, status, code, pointer]) => {
  const asked = { dataset_id: await addDataset(server), workflow_name: COUNT, ...more };
  const before = await everything();
  const { body, ...answer } = await post(asked);
  expect([answer.status, body.code]).toEqual([status, code]);
  if (pointer !== null) expect(body.errors[0].pointer).toBe(pointer);
  expect(await everything()).toEqual(before);
});

test("of workflows of one name, workflow_id says which; a name that is another's is refused", async () => {
  const dataset_id = await addDataset(server);
  const { body } = await askGalaxy(galaxy, "GET", "/api/workflows");
  const ids = (body as SeenJob[]).filter(({ name }) => name === TWICE).map(({ id }) => id);
  for (const workflow_id of ids) {
    const job = await invoke(server, { dataset_id, workflow_id });
    expect([job.workflow_name, (await invocation(job.invocation_id)).workflow_id]).toEqual([TWICE, workflow_id]);
  }
  const other = await post({ dataset_id, workflow_id: ids[0], workflow_name: COUNT });
  expect(other.body.code).toBe("workflow_not_allowed");
});

test("members that are not known are ignored with a warning", async () => {
  const { body } = await post({
    dataset_id: await addDataset(server),
    workflow_name: COUNT,
    params: {},
    colour: "red",
  });
  expect(body.warnings).toHaveLength(2);
  expect(body.warnings.join()).toMatch(/params.*colour/);
});

test("agents make no runs of such a job", async () => {
  const { job_id } = await invoke(server);
  const { status, body } = await call(server, "startRun", { params: { job_id }, body: {} });
  expect([status, body.code]).toEqual([409, "job_not_external"]);
});
