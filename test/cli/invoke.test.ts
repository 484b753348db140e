import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { DATASET, dataInput, gaFile, galaxyCaller, type LiveGalaxy, stepAfter } from "../support/galaxy.ts";
import { temporaryFolder } from "../support/folders.ts";
import { addDataset, COUNT, galaxyEnvironment, startCounting } from "../support/invocations.ts";
import { jobEnded, jobUntil, type SeenJob } from "../support/jobs.ts";
import { runtree } from "../support/program.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

const COMPARE = "Compare";
const OTHER = { src: "hda", id: "f".repeat(16) };

let server: TestServer;
let galaxy: LiveGalaxy;
let at: Terminal;
let dataset: string;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      at = terminal("--url", server.url);
      dataset = await addDataset(server);
    },
    [],
    {},
    async (until) => {
      const compare = gaFile(COMPARE, [dataInput("reads"), dataInput("genome"), stepAfter(0)]);
      galaxy = await startCounting([compare], until);
      return galaxyEnvironment(galaxy);
    },
  ),
);

const sent = async ({ invocation_id }: SeenJob): Promise<SeenJob> =>
  galaxyCaller(galaxy)("GET", `/api/invocations/${invocation_id}/request`);

function file(value: unknown): string {
  const path = `${temporaryFolder()}/file.json`;
  writeFileSync(path, JSON.stringify(value));
  return path;
}

describe("runtree invoke", () => {
  test("has a workflow invoked for a dataset, and says what came of it", async () => {
    const job = await at.json("invoke", COUNT, dataset);
    expect(job).toMatchObject({ executor: "galaxy", dataset_id: dataset, workflow_name: COUNT, status: "running" });
    const text = await at.text("job", "show", job.job_id);
    expect(text).toMatch(
      new RegExp(`^dataset +${dataset}\nworkflow +${COUNT}\ngalaxy +default\ninvocation +\\w+\nstate `, "m"),
    );
    expect(await at.text("job", "list", "--executor", "galaxy")).toContain(job.job_id);
    galaxy.clock.pass(60);
    await jobEnded(server, job.job_id);
    expect(await at.text("job", "show", job.job_id)).toMatch(/^state +completed \(completed\)\nits jobs +1 ok$/m);
  });

  test("single params go over a file's; a workflow may be told by its id, and earlier invocations be overwritten", async () => {
    const params = ["--params", file({ reads: OTHER, genome: DATASET }), "--param", `reads=${JSON.stringify(DATASET)}`];
    const first = await at.json("invoke", COMPARE, dataset, ...params, "--server", "default");
    expect((await sent(first)).inputs).toEqual({ "0": DATASET, "1": DATASET });
    const again = ["--workflow-id", "--overwrite", "--idempotency-key", "k-1", ...params];
    const second = await at.json("invoke", first.workflow_id, dataset, ...again);
    expect(second.workflow_name).toBe(COMPARE);
    expect((await at.json("invoke", first.workflow_id, dataset, ...again)).job_id).toBe(second.job_id);
    expect((await at.json("job", "show", first.job_id)).superseded_by).toBe(second.invocation_id);
  });

  test.each([
    ["completed", [], 0],
    ["failed", [{ workflow: COUNT, job: "error" as const }], 1],
  ])("--wait waits until it is %s, tells so by the exit code, and the job before", async (status, outcomes, code) => {
    galaxy.galaxy.outcomes = outcomes;
    const before = galaxy.traffic.of("invoke");
    const waits = at.start("invoke", COUNT, dataset, "--wait", "--json");
    await galaxy.traffic.reach("invoke", before + 1);
    galaxy.galaxy.outcomes = [];
    galaxy.clock.pass(60);
    const { out, ...ended } = await waits.ended;
    const job = JSON.parse(out) as SeenJob;
    expect([ended.code, job.status]).toEqual([code, status]);
    expect(JSON.parse(ended.err)).toEqual({ note: expect.stringContaining(job.job_id) });
  });

  test.each([
    ["a dataset that is not there", [COUNT, "none"], 6, "dataset_not_found"],
    ["a workflow that is not there", ["None", "$"], 3, "workflow_not_allowed"],
    ["an input that is not filled", [COMPARE, "$"], 3, "input_missing"],
    ["a Galaxy that is not configured", [COUNT, "$", "--server", "mars"], 1, "galaxy_not_configured"],
    ["a time without a wait", [COUNT, "$", "--timeout", "1"], 2, "bad_request"],
  ])("%s is refused", async (_, args, exit, code) => {
    const words = args.map((word) => (word === "$" ? dataset : word));
    expect(await at.refusal("invoke", ...words)).toEqual([exit, code]);
  });

  test("tells how one of several workflows of a name is invoked", async () => {
    const twice = gaFile("Twice", [dataInput("reads"), stepAfter(0)]);
    for (let made = 0; made < 2; made++) galaxy.galaxy.workflows.import(twice, galaxy.galaxy.now());
    const { code, err } = await at.run("invoke", "Twice", dataset);
    expect([code, err]).toEqual([4, expect.stringContaining(`runtree invoke ID ${dataset} --workflow-id`)]);
  });

  test("tells the job of a request whose answer was lost, and what Galaxy said where it refused", async () => {
    galaxy.faults.add({ operation: "invoke", fault: "cut_after" });
    const lost = await at.run("invoke", COUNT, dataset, "--json");
    const { error } = JSON.parse(lost.err) as SeenJob;
    expect([lost.code, error.code]).toEqual([7, "galaxy_timeout"]);
    await jobUntil(server, error.job_id, ({ invocation_id }) => invocation_id !== null);
    galaxy.faults.add({ operation: "invoke", fault: "status_403" });
    const { code, err } = await at.run("invoke", COUNT, dataset);
    expect([code, err]).toEqual([3, expect.stringMatching(/answered 403.*\n {2}job \w{26}$/m)]);
  });

  test("needs a server: a repository alone knows no Galaxy", async () => {
    const data = temporaryFolder();
    await runtree(["init", "--data", data]);
    const here = terminal("--data", data);
    expect(await here.refusal("invoke", COUNT, dataset)).toEqual([1, "galaxy_not_configured"]);
    expect(await here.refusal("status", "--watch")).toEqual([2, "bad_request"]);
  });
});

test("runtree status --watch shows what is open, with states and numbers of jobs, and again when they change", async () => {
  const [people, programs] = [at.start("status", "--watch"), at.start("status", "--watch", "--json")];
  await Promise.all([
    people.until((line) => line.startsWith("JOB ")),
    programs.until((line) => line.includes('"jobs"')),
  ]);
  const job = await at.json("invoke", COUNT, dataset);
  const shown = (line: string): boolean => line.startsWith(job.job_id);
  await people.until(
    (line) => shown(line) && new RegExp(`galaxy +running +${COUNT} +${dataset} +queued \\(new\\)`).test(line),
  );
  galaxy.clock.pass(4);
  await people.until((line) => shown(line) && /in_progress \(scheduled\) +1 running$/.test(line));
  await programs.until((line) =>
    (JSON.parse(line) as SeenJob).jobs.some((each: SeenJob) => each.job_id === job.job_id && each.jobs.running === 1),
  );
  galaxy.clock.pass(60);
  await jobEnded(server, job.job_id);
  const isGone = (line: string): boolean => !line.includes(job.job_id);
  await programs.until((line) => programs.lines.indexOf(line) > 1 && isGone(line));
  expect(new Set(programs.lines).size).toBe(programs.lines.length);
  for (const { process: child } of [people, programs]) child.kill("SIGINT");
  expect([(await people.ended).code, (await programs.ended).code]).toEqual([0, 0]);
});

test("a template of a Galaxy workflow has what the flags say, each of which can be changed and taken away", async () => {
  const mapping = { data_object_set: { "${/job_id}": { name: "x" } } };
  const files = ["--inputs", file({ reads: OTHER }), "--mapping", file(mapping)];
  const made = await at.json("template", "create", "t-count", "--workflow", COUNT, ...files, "--history-name", "Lake");
  expect(made).toMatchObject({
    executor: "galaxy",
    workflow_name: COUNT,
    workflow_id: null,
    inputs: { reads: OTHER },
    mapping,
    history_name: "Lake",
    server: null,
  });
  expect(await at.text("template", "show", "t-count")).toMatch(/^workflow +Count reads\nhistories +Lake\ninputs /m);
  expect(await at.text("template", "list", "--executor", "galaxy")).toMatch(/^t-count +active +galaxy +Count reads/m);
  const without = ["inputs", "mapping", "history-name", "workflow"].flatMap((name) => ["--without", name]);
  const changed = await at.json("template", "edit", "t-count", "--workflow-id", "x", "--server", "eu", ...without);
  expect(changed).toMatchObject({ workflow_name: null, workflow_id: "x", server: "eu", inputs: null, mapping: null });
  expect(await at.refusal("template", "create", "t-x", "--workflow", "a", "--command", "b")).toEqual([
    2,
    "bad_request",
  ]);
});
