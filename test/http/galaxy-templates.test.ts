import { beforeAll, expect, test } from "vitest";
import { DATASET, dataInput, gaFile, galaxyCaller, type LiveGalaxy, stepAfter } from "../support/galaxy.ts";
import { call } from "../support/http.ts";
import { addDataset, COUNT, galaxyEnvironment, invoke, startCounting } from "../support/invocations.ts";
import {
  chainEnded,
  enqueue,
  jobBegun,
  jobEnded,
  jobUntil,
  makeTemplate,
  readJob,
  runJob,
  runOf,
  SCRIPTS,
  type SeenJob,
} from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

/** Its output has a label, and its second input is optional. */
const TABLE = "Make a table";
/** Its one job fails. */
const FAILS = "Fails";
const OTHER = { src: "hda", id: "f".repeat(16) };

let server: TestServer;
let galaxy: LiveGalaxy;
let dataset_id: string;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      dataset_id = await addDataset(server);
    },
    [],
    SCRIPTS,
    async (until) => {
      const outputs = [{ output_name: "out_file1", label: "table" }];
      const inputs = [dataInput("reads"), dataInput("notes", { optional: true })];
      const table = gaFile(TABLE, [...inputs, stepAfter(0, { workflow_outputs: outputs })]);
      const fails = gaFile(FAILS, [dataInput("reads"), stepAfter(0, { tool_id: "failing" })]);
      galaxy = await startCounting([table, fails], until, { clock: Date, seconds: 0.05 });
      galaxy.galaxy.outcomes = [{ tool_id: "failing", job: "error" }];
      return galaxyEnvironment(galaxy);
    },
  ),
);

let made = 0;
async function template(members: object): Promise<string> {
  const template_id = `made-${++made}`;
  await makeTemplate(server, template_id, { executor: "galaxy", command: undefined, workflow_name: TABLE, ...members });
  return template_id;
}

/** Has a job of such a template done for the dataset. */
async function done(members: object, params: object = {}): Promise<SeenJob> {
  return runJob(server, await template(members), { params: { dataset_id, ...params } });
}

/** A template whose mapping makes a data object. */
const maps = (document: object): object => ({ mapping: { data_object_set: { "${/job_id}": document } } });
const documentOf = async ({ job_id }: SeenJob): ReturnType<typeof call> =>
  call(server, "getDocument", { params: { collection: "data_object_set", id: job_id } });
const asUser = async (path: string): Promise<SeenJob> => galaxyCaller(galaxy)("GET", path);

test("a job of a template goes to its Galaxy while no process may, and holds no slot", async () => {
  await makeTemplate(server, "hang");
  const hangs = await jobBegun(server, await enqueue(server, "hang"));
  expect(await done({})).toMatchObject({ status: "completed", dataset_id, workflow_name: TABLE, jobs: { ok: 1 } });
  expect((await readJob(server, hangs.job_id)).status).toBe("running");
  await call(server, "cancelJob", { params: { job_id: hangs.job_id }, body: {} });
});

test.concurrent("what a template fills inputs with may come from params; a job's own and the dataset's go over it; histories begin as it says", async () => {
  const members = { history_name: "Lake", inputs: { notes: { src: "hda", id: "${/params/more}" } } };
  const job = await done(members, { more: OTHER.id });
  const requestOf = async ({ invocation_id }: SeenJob): Promise<SeenJob> =>
    asUser(`/api/invocations/${invocation_id}/request`);
  const sent = await requestOf(job);
  expect([sent.inputs, sent.parameters]).toEqual([{ "0": DATASET, "1": OTHER }, {}]);
  expect((await asUser(`/api/histories/${sent.history_id}`)).name).toBe(`Lake runtree ${job.run_id}`);
  const over = await done({ inputs: { notes: OTHER, reads: OTHER } }, { notes: DATASET, "2": { depth: 7 } });
  expect(await requestOf(over)).toMatchObject({
    inputs: { "0": DATASET, "1": DATASET },
    parameters: { "2": { depth: 7 } },
  });
});

test.concurrent("what ended well is mapped to documents, which are merged with the run", async () => {
  const mapping = {
    data_object_set: {
      "${/job_id}": {
        name: "table of ${/dataset/title}",
        description: "${/outputs/table/src}, ${/invocation/server}, ${/invocation/state}, ${/params/notes/src}",
        data_object_type: "${/inputs/0/id}",
      },
    },
    datasets: {
      "${/job_id}": { title: "${/run_id}", creators: [{ name: "${/dataset_id}" }], outputs: "${/outputs/*/id}" },
    },
  };
  const job = await done({ mapping }, { notes: OTHER });
  expect(job).toMatchObject({ status: "completed", error: null });
  const { outputs } = await asUser(`/api/invocations/${job.invocation_id}`);
  const { title } = (await call(server, "getDocument", { params: { collection: "datasets", id: dataset_id } })).body;
  expect((await documentOf(job)).body).toMatchObject({
    name: `table of ${title}`,
    description: "hda, default, completed, hda",
    data_object_type: DATASET.id,
  });
  const other = await call(server, "getDocument", { params: { collection: "datasets", id: job.job_id } });
  expect(other.body).toMatchObject({
    title: job.run_id,
    creators: [{ name: dataset_id }],
    outputs: [outputs.table.id],
  });
  expect(await runOf(server, job)).toMatchObject({ status: "success", merge: { commit: expect.any(String) } });
});

test.concurrent.for([
  [
    "a mapping that asks for what the invocation does not have",
    maps({ name: "${/outputs/none/id}" }),
    "mapping_failed",
    "failed",
  ],
  [
    "inputs that ask for what the dataset does not have",
    { inputs: { notes: "${/dataset/none}" } },
    "mapping_failed",
    "failed",
  ],
  ["documents that the gate refuses", maps({ description: "without a name" }), "gate_rejected", "rejected"],
  ["a mapping that is no submission", { mapping: { data_object_set: "text" } }, "output_invalid", "failed"],
] as const)("%s: the job fails, and nothing reaches main", async ([, members, code, status]) => {
  const job = await done(members);
  expect(job).toMatchObject({ status: "failed", error: { code } });
  expect(await runOf(server, job)).toMatchObject({ status });
  expect((await documentOf(job)).status).toBe(404);
});

test.concurrent("what failed in Galaxy is tried again as often as the template says, each time as another invocation", async () => {
  const template_id = await template({ workflow_name: FAILS, retries: 1 });
  const chain = await chainEnded(server, await enqueue(server, template_id, { params: { dataset_id } }));
  expect(chain.map(({ status, error, attempt }) => [status, error.code, attempt])).toEqual([
    ["failed", "galaxy_failed", 1],
    ["failed", "galaxy_failed", 2],
  ]);
  for (const name of ["run_id", "invocation_id"]) expect(new Set(chain.map((job) => job[name])).size).toBe(2);
  expect((await runOf(server, chain[1])).retry_of).toBe(chain[0].run_id);
});

test.concurrent("an invocation that was asked for by itself is tried again by hand, for the same dataset and parameters", async () => {
  const { job_id } = await invoke(server, { dataset_id, parameters: { reads: OTHER } });
  const { dataset_id: _, ...first } = await jobEnded(server, job_id);
  const { status, body } = await call(server, "retryJob", { params: { job_id }, body: {} });
  expect([status, body.retry_of, body.dataset_id, body.workflow_name]).toEqual([201, job_id, dataset_id, COUNT]);
  const again = await jobEnded(server, body.job_id);
  expect(again).toMatchObject({ status: "completed", dataset_id, params: first.params });
  expect(again.invocation_id).not.toBe(first.invocation_id);
});

test.for([
  ["a dataset that is not there", {}, { dataset_id: "none" }, "dataset_not_found"],
  ["a workflow that is not there", { workflow_name: "None" }, {}, "workflow_not_allowed"],
  ["a param that is no input", {}, { raeds: 1 }, "validation_failed"],
  ["no dataset, and so no input", {}, { dataset_id: undefined }, "input_missing"],
] as const)("%s: the job fails without a history in Galaxy", async ([, members, params, code]) => {
  const before = galaxy.traffic.of("create_history");
  const job = await done(members, params);
  expect(job).toMatchObject({ status: "failed", error: { code }, invocation_id: null, state: "failed" });
  expect(galaxy.traffic.of("create_history")).toBe(before);
});

test("a job waits in the queue while its Galaxy wants no requests, and goes on by itself", async () => {
  const template_id = await template({});
  galaxy.faults.add({ operation: "workflows", fault: "status_429", retry_after: "3" });
  const refused = await call(server, "createJob", { body: { dataset_id, workflow_name: TABLE } });
  expect([refused.status, refused.body.code]).toEqual([502, "galaxy_error"]);
  const id = await enqueue(server, template_id, { params: { dataset_id } });
  expect(await readJob(server, id)).toMatchObject({ status: "queued", queue_position: 1, dataset_id, run_id: null });
  const { items, running } = (await call(server, "getQueue")).body;
  expect([items.map((job: SeenJob) => job.job_id), running]).toEqual([[id], []]);
  expect(await jobUntil(server, id, (job) => job.invocation_id !== null)).toMatchObject({ queue_position: null });
  expect((await jobEnded(server, id)).status).toBe("completed");
});

test.for([
  ["a workflow by name and by id", { workflow_id: "x" }, "/workflow_name"],
  ["no workflow", { workflow_name: undefined }, "/workflow_name"],
  ["a command", { command: "noop" }, "/command"],
  ["a time that it may take", { timeout_s: 1 }, "/timeout_s"],
  ["a mapping of what there never is", maps({ name: "${/colour}" }), "/mapping"],
  ["a mapping that is no object", { mapping: [] }, "/mapping"],
  ["members of Galaxy with another executor", { executor: "process", command: "noop" }, "/workflow_name"],
] as const)("a template with %s is refused", async ([, members, pointer]) => {
  const body = { template_id: `made-${++made}`, executor: "galaxy", workflow_name: TABLE, ...members };
  const answer = await call(server, "createTemplate", { body });
  expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
});

test("a template is changed member by member: null takes one away, and what does not fit together is refused", async () => {
  const template_id = await template({
    mapping: { data_object_set: {} },
    history_name: "Lake",
    inputs: { notes: OTHER },
  });
  const patch = async (body: object): ReturnType<typeof call> =>
    call(server, "patchTemplate", { params: { template_id }, body });
  const { body } = await patch({ history_name: null, inputs: { reads: OTHER }, workflow_name: COUNT });
  expect(body).toMatchObject({ history_name: null, inputs: { reads: OTHER }, workflow_name: COUNT, server: null });
  expect((await patch({ workflow_name: null })).body.errors[0].pointer).toBe("/workflow_name");
  expect((await patch({ workflow_name: null, workflow_id: "x" })).body).toMatchObject({ workflow_id: "x" });
  const job = await enqueue(server, template_id, { params: { dataset_id } });
  expect((await jobEnded(server, job)).error.code).toBe("workflow_not_allowed");
});

test("no job is made of a template whose Galaxy is not configured", async () => {
  const template_id = await template({ server: "mars" });
  const { status, body } = await call(server, "createJob", { body: { template_id, params: { dataset_id } } });
  expect([status, body.code]).toEqual([503, "galaxy_not_configured"]);
});
