import { describe, expect, test } from "vitest";
import {
  askGalaxy,
  chainFile,
  DATASET,
  dataInput,
  gaFile,
  galaxyCaller,
  type LiveGalaxy,
  type MadeStep,
  startGalaxy,
  stepAfter,
} from "../support/galaxy.ts";
import type { JsonObject } from "../../src/domain/json.ts";

interface Invoked {
  readonly id: string;
  /** The state and the states of the jobs. */
  look(id?: string): Promise<readonly [state: string, states: object]>;
  /** Every pair of the two that there was in so many seconds. */
  life(seconds: number): Promise<unknown[]>;
  step(at: number): Promise<Readonly<Record<string, unknown>>>;
}

/** Imports a workflow and invokes it. */
async function invoked(demo: LiveGalaxy, file: JsonObject, inputs: object = { 0: DATASET }): Promise<Invoked> {
  const ask = galaxyCaller(demo);
  const { id: workflow } = await ask("POST", "/api/workflows", { workflow: file });
  const { id } = await ask("POST", `/api/workflows/${workflow}/invocations`, { inputs });
  const look = async (of = id): Promise<readonly [string, object]> => {
    const { state } = await ask("GET", `/api/invocations/${of}`);
    const { states } = await ask("GET", `/api/invocations/${of}/jobs_summary`);
    return [state, states];
  };
  const life = async (seconds: number): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for (let second = 0; second < seconds; second++) {
      const now = await look();
      if (JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now);
      demo.clock.pass(1);
    }
    return seen;
  };
  const step = async (at: number): Promise<Readonly<Record<string, unknown>>> => {
    const { steps } = await ask("GET", `/api/invocations/${id}?step_details=true&legacy_job_state=true`);
    return (steps as Readonly<Record<string, unknown>>[])[at] ?? {};
  };
  return { id, look, life, step };
}

/** A sub-workflow of one tool, fed by the first step. */
function innerStep(more: readonly MadeStep[] = []): MadeStep {
  const subworkflow = gaFile("inside", [dataInput("in"), stepAfter(0), ...more]);
  const fed = { id: 0, output_name: "output", input_subworkflow_step_id: 0 };
  return { type: "subworkflow", subworkflow, input_connections: { in: fed } };
}

test("an invocation goes from new to completed, and its jobs from none to ok", async () => {
  const { life, step } = await invoked(await startGalaxy(), chainFile("chain"));
  expect(await life(12)).toEqual([
    ["new", {}],
    ["ready", {}],
    ["scheduled", { queued: 1 }],
    ["scheduled", { running: 1 }],
    ["scheduled", { ok: 1 }],
    ["completed", { ok: 1 }],
  ]);
  expect(await step(1)).toMatchObject({ order_index: 1, state: "ok", jobs: [{ state: "ok", exit_code: 0 }] });
});

test("it fetches its data first where that takes time", async () => {
  const demo = await startGalaxy({ pace: { materialize: 2000 } });
  const { life } = await invoked(demo, chainFile("chain"));
  expect((await life(4)).map((each) => (each as string[])[0])).toEqual(["new", "requires_materialization", "ready"]);
});

test("a job waits for the one before it, and is paused when that ends in error; completed is not success", async () => {
  const demo = await startGalaxy();
  const waits = await invoked(demo, chainFile("waits", 2));
  demo.clock.pass(5);
  expect(await waits.look()).toEqual(["scheduled", { running: 1, new: 1 }]);

  demo.galaxy.outcomes = [{ workflow: "breaks", step: 1, job: "error" }];
  const breaks = await invoked(demo, chainFile("breaks", 2));
  demo.clock.pass(20);
  expect(await breaks.look()).toEqual(["completed", { error: 1, paused: 1 }]);
  expect(await waits.look()).toEqual(["completed", { ok: 2 }]);
});

test("a job may stay as it is for ever, and an invocation may fail", async () => {
  const demo = await startGalaxy();
  demo.galaxy.outcomes = [
    { workflow: "stuck", job: "running" },
    { workflow: "fails", failed: true },
  ];
  const [stuck, fails] = [await invoked(demo, chainFile("stuck", 2)), await invoked(demo, chainFile("fails"))];
  demo.clock.pass(1e6);
  expect(await stuck.look()).toEqual(["scheduled", { running: 1, new: 1 }]);
  expect(await fails.look()).toEqual(["failed", {}]);
  expect(await galaxyCaller(demo)("GET", `/api/invocations/${fails.id}`)).toMatchObject({
    messages: [{ reason: "unexpected_failure" }],
  });
});

test("before 26.0 nothing is ever completed, and completion is null", async () => {
  const demo = await startGalaxy({ version: "25.0" });
  const { id, look } = await invoked(demo, chainFile("chain"));
  demo.clock.pass(1e6);
  expect(await look()).toEqual(["scheduled", { ok: 1 }]);
  expect(await askGalaxy(demo, "GET", `/api/invocations/${id}/completion`)).toEqual({ status: 200, body: null });
});

describe("a sub-workflow", () => {
  test("has an invocation of its own, which is still scheduled when the outer one is completed", async () => {
    const demo = await startGalaxy();
    const { id, look, step } = await invoked(demo, gaFile("outer", [dataInput("reads"), innerStep()]));
    expect(await step(1)).toEqual({});
    demo.clock.pass(2);
    const inner = String((await step(1))["subworkflow_invocation_id"]);
    expect([await look(), await look(inner)]).toEqual([
      ["scheduled", {}],
      ["new", {}],
    ]);
    const pairs: unknown[] = [];
    for (let second = 0; second < 14; second++, demo.clock.pass(1))
      pairs.push((await Promise.all([look(), look(inner)])).map(([state]) => state));
    expect(pairs).toContainEqual(["completed", "scheduled"]);
    expect([await look(), await look(inner)]).toEqual([
      ["completed", {}],
      ["completed", { ok: 1 }],
    ]);
    expect((await askGalaxy(demo, "GET", `/api/invocations/${id}/completion`)).body).toMatchObject({
      job_state_summary: { ok: 1 },
    });
  });

  test("whose jobs end in error keeps what is behind it from running", async () => {
    const demo = await startGalaxy();
    demo.galaxy.outcomes = [{ workflow: "inside", job: "error" }];
    const { look } = await invoked(demo, gaFile("outer", [dataInput("reads"), innerStep(), stepAfter(1)]));
    demo.clock.pass(30);
    expect(await look()).toEqual(["completed", { paused: 1 }]);
  });

  test("is cancelled with the outer one, and is not there when that was cancelled before", async () => {
    const demo = await startGalaxy();
    const file = gaFile("outer", [dataInput("reads"), innerStep()]);
    const [late, early] = [await invoked(demo, file), await invoked(demo, file)];
    await galaxyCaller(demo)("DELETE", `/api/invocations/${early.id}`);
    demo.clock.pass(4);
    const inner = String((await late.step(1))["subworkflow_invocation_id"]);
    expect((await early.step(1))["subworkflow_invocation_id"]).toBe(null);
    await galaxyCaller(demo)("DELETE", `/api/invocations/${late.id}`);
    expect((await late.look(inner))[0]).toBe("cancelling");
    demo.clock.pass(2);
    expect(await late.look(inner)).toEqual(["cancelled", { deleted: 1 }]);
  });
});

test("behind a pause an invocation stays ready for ever", async () => {
  const demo = await startGalaxy();
  const pause = stepAfter(1, { type: "pause", tool_id: null });
  const { look, step } = await invoked(demo, gaFile("pauses", [dataInput("reads"), stepAfter(0), pause, stepAfter(2)]));
  demo.clock.pass(1e6);
  expect(await look()).toEqual(["ready", { ok: 1 }]);
  expect(await step(3)).toMatchObject({ job_id: null, state: null });
});

describe("a cancel", () => {
  test("goes through cancelling to cancelled, and takes the jobs that live with it", async () => {
    const demo = await startGalaxy();
    const { id, look, life } = await invoked(demo, chainFile("chain", 2));
    demo.clock.pass(10);
    expect(await look()).toEqual(["scheduled", { ok: 1, running: 1 }]);
    const answer = await galaxyCaller(demo)("DELETE", `/api/invocations/${id}`);
    expect(answer).toMatchObject({ state: "cancelling", messages: [{ reason: "user_request" }] });
    await galaxyCaller(demo)("DELETE", `/api/invocations/${id}`);
    expect(await life(100)).toEqual([
      ["cancelling", { ok: 1, deleting: 1 }],
      ["cancelled", { ok: 1, deleted: 1 }],
    ]);
  });

  test("before anything was handed out leaves no jobs", async () => {
    const demo = await startGalaxy();
    const { id, life } = await invoked(demo, chainFile("chain"));
    await galaxyCaller(demo)("DELETE", `/api/invocations/${id}`);
    expect(await life(50)).toEqual([
      ["cancelling", {}],
      ["cancelled", {}],
    ]);
  });

  test("of what has ended is refused", async () => {
    const demo = await startGalaxy();
    const { id } = await invoked(demo, chainFile("chain"));
    demo.clock.pass(50);
    expect(await askGalaxy(demo, "DELETE", `/api/invocations/${id}`)).toMatchObject({
      status: 400,
      body: { err_code: 0 },
    });
  });
});

test("a tool that takes a collection has a job for each dataset in it", async () => {
  const demo = await startGalaxy();
  const { id, look, step } = await invoked(demo, chainFile("maps", 2), { 0: { ...DATASET, src: "hdca" } });
  demo.clock.pass(5);
  expect(await look()).toEqual(["scheduled", { running: 2, new: 2 }]);
  const { implicit_collection_jobs_id: collection } = await step(1);
  expect(await step(1)).toMatchObject({ job_id: null, output_collections: { out_file1: { src: "hdca" } } });
  const { body } = await askGalaxy(demo, "GET", `/api/invocations/${id}/step_jobs_summary`);
  expect((body as object[])[0]).toEqual({
    id: collection,
    model: "ImplicitCollectionJobs",
    populated_state: "ok",
    states: { running: 2 },
  });
});

test("times are UTC without a zone, and tell the last change", async () => {
  const demo = await startGalaxy();
  const { id } = await invoked(demo, chainFile("chain"));
  demo.clock.pass(2.5);
  expect(await galaxyCaller(demo)("GET", `/api/invocations/${id}`)).toMatchObject({
    create_time: "2026-01-01T00:00:00.000000",
    update_time: "2026-01-01T00:00:02.000000",
  });
});
