import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { cancelJob } from "../../src/actions/cancel-job.ts";
import { STALLED_MS } from "../../src/actions/poll-invocations.ts";
import { FAULT_NAMES } from "../../src/galaxy-demo/faults.ts";
import { type GalaxyGround, galaxyGround, type GroundOptions, HASTY, WORKFLOW } from "../support/galaxy-ground.ts";
import { chainFile, dataInput, gaFile, stepAfter } from "../support/galaxy.ts";
import { oneIn } from "../support/sample.ts";
import { TESTER } from "../support/store.ts";

/** How many invocations are swept again and again; 2,000 by `RUNTREE_CRASH_ALL=1`. */
const LIVE = process.env["RUNTREE_CRASH_ALL"] === undefined ? 200 : 2000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes in use, with what nobody needs thrown away. */
function heapUsed(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** A ground with so many invocations that were asked for. */
async function watching(many: number, options: GroundOptions = {}): Promise<GalaxyGround> {
  const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 }, ...options });
  await Promise.all(Array.from({ length: many }, async () => ground.request()));
  return ground;
}

/** What a sweep, after some seconds, appended to the journal and wrote of runs. */
async function costOf(ground: GalaxyGround, seconds: number): Promise<{ appends: number; written: number }> {
  const [{ appends }, { length }] = [ground.opened.journal(), ground.written];
  await ground.sweep(seconds);
  return { appends: ground.opened.journal().appends - appends, written: ground.written.length - length };
}

describe("a sweep", () => {
  test("writes what changed of all invocations at once, and nothing when nothing did", async () => {
    const ground = await watching(40);
    expect(await costOf(ground, 0)).toEqual({ appends: 0, written: 0 });
    const { appends, written } = await costOf(ground, 12);
    expect(written).toBe(40);
    // The journal begins a sync when sixteen writes wait; all others share the next.
    expect(appends).toBeLessThanOrEqual(2);
    expect(await costOf(ground, 0)).toEqual({ appends: 0, written: 0 });
  });

  test("keeps no more after many sweeps than after a few", async () => {
    const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 } });
    ground.demo.galaxy.outcomes = [{ job: "running" }];
    for (let made = 0; made < LIVE; made += 100)
      await Promise.all(Array.from({ length: 100 }, async () => ground.request()));
    const sweep = async (times: number): Promise<number> => {
      for (let sweeps = 0; sweeps < times; sweeps++) await ground.sweep(20);
      return heapUsed();
    };
    const few = await sweep(6);
    expect((await sweep(24)) - few).toBeLessThan(2_000_000);
  });

  test("asks nothing of a server that rests, and goes on when it is back", async () => {
    const ground = await watching(20);
    ground.demo.faults.add({ operation: "show", fault: "status_503", times: null });
    await ground.sweep();
    const asked = ground.demo.traffic.of("show");
    expect(asked).toBeLessThan(40);
    await ground.sweep();
    expect(ground.demo.traffic.of("show")).toBe(asked);
    // One goes ahead, finds it away, and it rests for longer.
    await ground.sweep(1);
    expect(ground.demo.traffic.of("show")).toBe(asked + 1);
    ground.demo.faults.clear();
    await ground.sweep(30);
    expect(ground.demo.traffic.of("show")).toBe(asked + 21);
  });

  test("comes by itself when a rest is over, and never later than 30 seconds after the one before", async () => {
    const ground = await watching(20);
    ground.demo.faults.add({ operation: "show", fault: "status_503", times: null });
    await ground.sweep();
    const waits: number[] = [];
    for (let count = 0; count < 8; count++) waits.push(await ground.wake());
    expect(waits).toEqual(waits.toSorted((left, right) => left - right));
    expect(waits.at(-1)).toBeGreaterThan(20);
    expect(waits.at(-1)).toBeLessThanOrEqual(30);
    ground.demo.faults.clear();
    const asked = ground.demo.traffic.of("show");
    await ground.wake();
    expect(ground.demo.traffic.of("show")).toBe(asked + 20);
    await expect(ground.wake()).rejects.toThrow("nothing is waited for");
  });

  test("leaves a server alone for as long as it asks for", async () => {
    const ground = await watching(1);
    ground.demo.faults.add({ operation: "show", fault: "status_429", retry_after: "120" });
    await ground.sweep();
    const asked = ground.demo.traffic.of("show");
    await ground.sweep(60);
    expect(ground.demo.traffic.of("show")).toBe(asked);
    await ground.sweep(61);
    expect(ground.demo.traffic.of("show")).toBe(asked + 1);
  });

  test("writes later what the disk refused", async () => {
    const ground = await watching(1);
    await ground.sweep();
    const { id } = ground.onlyRun();
    const { repository } = ground.store;
    const apply = repository.apply.bind(repository);
    repository.apply = async () => {
      throw new TypeError("unforeseen");
    };
    await ground.sweep(12);
    expect(ground.invocationOf(id).galaxy_state).toBe("new");
    repository.apply = apply;
    await ground.sweep();
    expect(ground.invocationOf(id).galaxy_state).toBe("ready");
  });

  test("looks at the others when one run cannot be read", async () => {
    const ground = await watching(3);
    const [broken = "", ...others] = ground.store.runs.openOn("default");
    const { view } = ground.store.runs;
    ground.store.runs.view = (id) => {
      if (id === broken) throw new TypeError("unforeseen");
      return view.call(ground.store.runs, id);
    };
    await ground.sweep(12);
    for (const id of others) expect(ground.invocationOf(id).galaxy_state).toBe("ready");
  });

  test.each([
    ["that the server is not to be had, and is back", "status_401", 2],
    ["which runs it refuses", "status_404", 3],
  ] as const)("tells once %s", async (_, fault, reports) => {
    const ground = await watching(3);
    ground.demo.faults.add({ operation: "show", fault, times: null });
    for (let sweeps = 0; sweeps < 3; sweeps++) await ground.sweep();
    ground.demo.faults.clear();
    for (let sweeps = 0; sweeps < 2; sweeps++) await ground.sweep();
    expect(ground.reports).toHaveLength(reports);
  });

  test("submits what ended well once, though the gate refuses it", async () => {
    const mapping = { results: { "${/job_id}": { untitled: true } } };
    const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 }, template: { mapping } });
    const { id } = await ground.enqueue();
    await ground.sweepUntil(() => ground.job(id).ended !== undefined);
    expect(ground.job(id).ended).toMatchObject({ status: "failed", error: { code: "gate_rejected" } });
    const { length } = ground.written;
    for (let sweeps = 0; sweeps < 3; sweeps++) await ground.sweep(20);
    await ground.restart();
    await ground.sweep(20);
    expect(ground.written).toHaveLength(length);
  });
});

test.each(oneIn(3, FAULT_NAMES))("a look that fails by %s changes no state, and the next goes on", async (fault) => {
  const ground = await galaxyGround({ limits: HASTY });
  const { id = "", run_id = "" } = await ground.request();
  await ground.sweepUntil(() => ground.invocationOf(run_id).state === "in_progress", 5);
  for (const operation of ["show", "summary"] as const) ground.demo.faults.add({ operation, fault, ms: 50 });
  await ground.sweep(1);
  await ground.sweep(1);
  expect(ground.run(run_id)).toMatchObject({ status: "running", invocation: { state: "in_progress" } });
  await ground.sweepUntil(() => ground.job(id).ended !== undefined);
  expect(ground.job(id).ended).toMatchObject({ status: "completed" });
});

test("a state that nobody knows is kept beside ours", async () => {
  const ground = await watching(1);
  const { id } = ground.onlyRun();
  await ground.sweepUntil(() => ground.invocationOf(id).state === "in_progress", 5);
  ground.demo.faults.add({ operation: "show", fault: "unknown_state" });
  await ground.sweep(1);
  expect(ground.invocationOf(id)).toMatchObject({ state: "in_progress", galaxy_state: "hibernating" });
});

describe("an invocation of which there is no news", () => {
  /** One that waits behind a pause for ever. */
  async function paused(): Promise<GalaxyGround> {
    const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 } });
    const steps = [
      dataInput("reads"),
      { type: "pause", input_connections: { input: { id: 0, output_name: "output" } } },
    ];
    ground.demo.galaxy.workflows.import(gaFile("Paused", [...steps, stepAfter(1)]), ground.clock.now());
    await ground.request({ workflow_name: "Paused" });
    await ground.sweep(60);
    return ground;
  }
  const STALLED = STALLED_MS / 1000;

  test("gets a notice after a day, once, and is not failed", async () => {
    const ground = await paused();
    await ground.sweep(STALLED - 60);
    expect(ground.onlyRun().notices).toEqual([]);
    expect(await costOf(ground, 60)).toEqual({ appends: 1, written: 1 });
    expect(ground.onlyRun()).toMatchObject({ status: "running", notices: [{ code: "galaxy_stalled" }] });
    expect(await costOf(ground, 60)).toEqual({ appends: 0, written: 0 });
    expect(await costOf(ground, STALLED)).toEqual({ appends: 0, written: 0 });
    await ground.restart();
    expect(await costOf(ground, STALLED)).toEqual({ appends: 0, written: 0 });
  });

  test("gets it also when the server starts again in between", async () => {
    const ground = await paused();
    await ground.sweep(STALLED / 2);
    await ground.restart();
    await ground.sweep(STALLED / 2);
    expect(ground.onlyRun().notices).toMatchObject([{ code: "galaxy_stalled" }]);
  });

  test("gets it also where Galaxy does not know it any more", async () => {
    const ground = await paused();
    ground.demo.faults.add({ operation: "show", fault: "status_404", times: null });
    await ground.sweep(STALLED - 60);
    expect(ground.onlyRun().notices).toEqual([]);
    await ground.sweep(60);
    await ground.sweep(STALLED);
    expect(ground.onlyRun()).toMatchObject({ status: "running", notices: [{ code: "galaxy_stalled" }] });
  });
});

test.each(["25.1", "26.0"])("on Galaxy %s an invocation has ended when the last sub-workflow has", async (version) => {
  const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 }, version });
  const inner = stepAfter(0, { type: "subworkflow", tool_id: null, subworkflow: chainFile("Inner", 2) });
  ground.demo.galaxy.workflows.import(gaFile("Outer", [dataInput("reads"), inner]), ground.clock.now());
  const { id, run_id = "" } = await ground.request({ workflow_name: "Outer" });
  const words: string[] = [];
  await ground.sweepUntil(() => {
    words.push(`${ground.invocationOf(run_id).galaxy_state} ${ground.invocationOf(run_id).state}`);
    return ground.job(id).ended !== undefined;
  }, 5);
  expect(words).toContain("scheduled in_progress");
  expect(ground.run(run_id)).toMatchObject({ status: "success", invocation: { state: "completed", jobs: { ok: 2 } } });
  expect(ground.job(id).ended).toMatchObject({ status: "completed" });
});

test("an invocation that is completed with a job in error has failed", async () => {
  const ground = await watching(0);
  ground.demo.galaxy.outcomes = [{ workflow: WORKFLOW, job: "error" }];
  const { id } = await ground.request();
  await ground.sweepUntil(() => ground.job(id).ended !== undefined);
  expect(ground.job(id).ended).toMatchObject({ status: "failed", error: { code: "galaxy_failed" } });
});

describe("an invocation that Galaxy fails at for ever", () => {
  /** One after a time in which Galaxy was away, with jobs that were asked for later. */
  async function broken(more: number): Promise<{ readonly ground: GalaxyGround; readonly others: readonly string[] }> {
    const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 } });
    const { run_id = "" } = await ground.request();
    const others = [];
    for (let made = 0; made < more; made++) others.push((await ground.request()).id);
    ground.demo.faults.add({ operation: "*", fault: "status_502", times: null });
    for (let sweeps = 0; sweeps < 6; sweeps++) await ground.sweep(31);
    ground.demo.faults.clear();
    const { invocation_id: id = "" } = ground.invocationOf(run_id);
    ground.demo.faults.add({ operation: "show", fault: "status_500", id, times: null });
    return { ground, others };
  }

  test("keeps no other from its end", async () => {
    const { ground, others } = await broken(2);
    await ground.sweepUntil(() => others.every((id) => ground.job(id).ended !== undefined), 31, 10);
    expect(others.map((id) => ground.job(id).ended?.status)).toEqual(["completed", "completed"]);
  });

  test("keeps no workflow from being invoked", async () => {
    const { ground } = await broken(0);
    const job = await ground.enqueue();
    await ground.sweepUntil(() => ground.job(job.id).ended !== undefined, 31, 10);
    expect(ground.job(job.id).ended?.status).toBe("completed");
  });
});

test("what is to be cancelled waits for no look that hangs", async () => {
  const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 2000 } });
  const [givenUp] = [await ground.request(), await ground.request()];
  await cancelJob(ground.store, TESTER, givenUp.id, undefined);
  ground.demo.faults.add({ operation: "show", fault: "timeout_before" });
  const sweep = ground.sweep();
  await ground.demo.traffic.reach("cancel", 1);
  // A look that failed is told.
  expect(ground.reports).toEqual([]);
  await sweep;
  expect(ground.reports).toHaveLength(1);
  expect(ground.live()).toHaveLength(1);
});

describe("a run that is cancelled while Galaxy is away", () => {
  /** Begun some days before. */
  async function cancelled(days: number): Promise<GalaxyGround> {
    const ground = await galaxyGround({ limits: { ...HASTY, answerMs: 10_000 } });
    ground.demo.galaxy.outcomes = [{ job: "running" }];
    await ground.request();
    await ground.sweep(days * 86_400);
    ground.demo.faults.add({ operation: "*", fault: "status_502", times: null });
    await cancelJob(ground.store, TESTER, ground.onlyRun().job_id, undefined);
    expect(ground.onlyRun().status).toBe("cancelled");
    for (let sweeps = 0; sweeps < 4; sweeps++) await ground.sweep(31);
    expect(ground.live()).toHaveLength(1);
    ground.demo.faults.clear();
    return ground;
  }

  test("is cancelled there when it is back, once", async () => {
    const ground = await cancelled(0);
    await ground.sweep(31);
    expect(ground.live()).toEqual([]);
    const asked = ground.demo.traffic.of("cancel");
    await ground.sweep(31);
    expect(ground.demo.traffic.of("cancel")).toBe(asked);
  });

  test.each([0, 3])("is cancelled there by the next server, begun %i days before", async (days) => {
    const ground = await cancelled(days);
    await ground.restart();
    expect(ground.live()).toEqual([]);
  });
});

test.each(["status_403", "status_404"] as const)(
  "a run that is cancelled is cancelled in Galaxy also when that does not tell of its history: %s",
  async (fault) => {
    const ground = await watching(1);
    ground.demo.faults.add({ operation: "list", fault, times: null });
    await cancelJob(ground.store, TESTER, ground.onlyRun().job_id, undefined);
    await ground.sweep(1);
    expect(ground.live()).toEqual([]);
  },
);

test("a request that Galaxy answers with an error of its own has failed, and what it did all the same is cancelled", async () => {
  const ground = await galaxyGround();
  ground.demo.faults.add({ operation: "invoke", fault: "status_502", effect: true });
  const error = await ground.refusal();
  const { id, job_id } = ground.onlyRun();
  expect(error).toMatchObject({ code: "galaxy_error", data: { status: 502, effect: "unknown", run_id: id, job_id } });
  expect(ground.job(job_id).ended).toMatchObject({ status: "failed", error: { code: "galaxy_error" } });
  expect(ground.run(id).status).toBe("failed");
  expect(ground.live()).toHaveLength(1);
  await ground.sweep();
  expect(ground.live()).toEqual([]);
});

test("what such a request did late is cancelled, too, also by the next server", async () => {
  const ground = await galaxyGround();
  ground.demo.faults.add({ operation: "invoke", fault: "status_504" });
  await ground.refusal();
  await ground.sweep(20);
  await ground.restart();
  await ground.sweep(20);
  await ground.invokeInto(ground.onlyRun().id);
  await ground.sweep(1);
  expect(ground.live()).toEqual([]);
});

test("a job of a template that Galaxy answers with an error of its own stays open, and adopts what was done", async () => {
  const ground = await galaxyGround();
  ground.demo.faults.add({ operation: "invoke", fault: "status_500", effect: true });
  const { id } = await ground.enqueue();
  await ground.sweep();
  await ground.sweep();
  expect(ground.onlyRun()).toMatchObject({ status: "running", invocation: { invocation_id: ground.live()[0] } });
  await ground.sweepUntil(() => ground.job(id).ended !== undefined);
  expect(ground.job(id).ended).toMatchObject({ status: "completed" });
  expect(ground.invoked()).toHaveLength(1);
});

test("a server that is away keeps no other from being asked", async () => {
  const ground = await galaxyGround({ others: { gone: "http://127.0.0.1:1" }, template: {} });
  const refused = await ground.refusal({ server: "gone" });
  expect(refused).toMatchObject({ code: "galaxy_error", data: { server: "gone" } });
  const { id } = await ground.request();
  await ground.sweepUntil(() => ground.job(id).ended !== undefined);
  expect(ground.job(id).ended).toMatchObject({ status: "completed" });
});
