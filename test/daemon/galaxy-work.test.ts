import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { cancelJob } from "../../src/actions/cancel-job.ts";
import { readDocument } from "../../src/actions/read-documents.ts";
import { historyName } from "../../src/domain/invocation.ts";
import type { RunRecord } from "../../src/domain/run.ts";
import type { FaultName } from "../../src/galaxy-demo/faults.ts";
import type { OperationName } from "../../src/galaxy-demo/operations.ts";
import { type GalaxyGround, galaxyGround, HASTY } from "../support/galaxy-ground.ts";
import { oneIn } from "../support/sample.ts";
import { TESTER } from "../support/store.ts";

/** Time-outs that do not come within a test. */
const PATIENT = { ...HASTY, answerMs: 20_000 };

type Kind = "a request that waits" | "a job of a template";

const KINDS: readonly Kind[] = ["a request that waits", "a job of a template"];

/** Has a workflow invoked, and lets it fail. */
async function ask(ground: GalaxyGround, kind: Kind): Promise<void> {
  if (kind === "a request that waits") await ground.request().catch(() => null);
  else {
    await ground.enqueue();
    // Until it was dispatched.
    await ground.sweep();
  }
}

/** The run of the only invocation that there is to be, when its job has ended well: it was never another's, and nothing else works. */
async function endedOnce(ground: GalaxyGround, kind: Kind): Promise<RunRecord> {
  const { job_id } = ground.onlyRun();
  await ground.sweepUntil(() => ground.job(job_id).ended !== undefined);
  expect(ground.job(job_id).ended).toMatchObject({ status: "completed" });
  const run = ground.onlyRun();
  const adopted = ground.written.map(({ invocation }) => invocation?.invocation_id);
  expect(new Set(adopted.filter((id) => id !== undefined))).toEqual(new Set([run.invocation?.invocation_id]));
  if (kind === "a job of a template") {
    const { bytes } = readDocument(ground.store, "results", job_id, undefined);
    expect(JSON.parse(bytes.toString("utf8"))).toMatchObject({ of: run.invocation?.invocation_id });
  }
  return run;
}

/** Where a server can stop, by the request that is under way then; null: none is. */
const STOPS: Readonly<Record<string, readonly [OperationName, FaultName] | null>> = {
  "the run is written down": ["create_history", "timeout_before"],
  "its history is made": ["create_history", "timeout_after"],
  "the history is written down": ["invoke", "timeout_before"],
  "the workflow is invoked": ["invoke", "timeout_after"],
  "the invocation is written down": null,
};

describe.each(KINDS)("for %s", (kind) => {
  test.each(oneIn(2, Object.entries(STOPS)))("a stop after %s leaves one invocation", async (_, stop) => {
    const ground = await galaxyGround({ limits: PATIENT });
    const { faults, traffic } = ground.demo;
    if (stop !== null) faults.add({ operation: stop[0], fault: stop[1] });
    const asked = ask(ground, kind);
    await (stop === null ? traffic.reach("invoke", 1).then(() => asked) : traffic.reach(stop[0], 1));
    if (stop === null) await ground.sweepUntil(() => ground.onlyRun().invocation?.invocation_id !== undefined);
    await ground.restart();
    await asked;
    await endedOnce(ground, kind);
    expect(ground.invoked()).toHaveLength(1);
    const name = historyName(ground.onlyRun().id);
    expect(ground.demo.galaxy.histories.list([["name", name]])).toHaveLength(1);
  });

  test("two stops, before and after a second try, leave one invocation", async () => {
    const ground = await galaxyGround({ limits: PATIENT });
    const { faults, traffic } = ground.demo;
    faults.add({ operation: "invoke", fault: "timeout_before" });
    faults.add({ operation: "invoke", fault: "timeout_after" });
    const asked = ask(ground, kind);
    await traffic.reach("invoke", 1);
    await ground.restart();
    const swept = ground.sweep(61);
    await traffic.reach("invoke", 2);
    await ground.restart();
    await Promise.all([asked, swept]);
    expect(await endedOnce(ground, kind)).toMatchObject({ invocation: { attempts: 2 } });
    expect(ground.invoked()).toHaveLength(1);
  });

  test.each([
    ["create_history", "cut_before", 1],
    ["create_history", "cut_after", 1],
    ["create_history", "empty", 1],
    ["invoke", "cut_before", 2],
    ["invoke", "cut_after", 1],
    ["invoke", "timeout_after", 1],
    ["invoke", "truncated", 1],
    ["invoke", "html", 2],
  ] as const)("a lost answer to %s (%s) leaves one invocation, in one history", async (operation, fault, attempts) => {
    const ground = await galaxyGround();
    ground.demo.faults.add({ operation, fault });
    await ask(ground, kind);
    await ground.sweep();
    expect(await endedOnce(ground, kind)).toMatchObject({ status: "success", invocation: { attempts } });
    expect(ground.invoked()).toHaveLength(1);
    const name = historyName(ground.onlyRun().id);
    expect(ground.demo.galaxy.histories.list([["name", name]])).toHaveLength(1);
  });

  test("nothing is invoked again within a minute, and then once", async () => {
    const ground = await galaxyGround();
    ground.demo.faults.add({ operation: "invoke", fault: "cut_before" });
    await ask(ground, kind);
    for (let passed = 0; passed < 50; passed += 10) await ground.sweep(10);
    expect(ground.demo.traffic.of("invoke")).toBe(1);
    expect(ground.onlyRun()).toMatchObject({ status: "running", invocation: { attempts: 1, state: "queued" } });
    await ground.sweep(10);
    await ground.sweep(10);
    expect(ground.demo.traffic.of("invoke")).toBe(2);
    expect(await endedOnce(ground, kind)).toMatchObject({ invocation: { attempts: 2 } });
  });

  test("what is invoked late, after another was, is cancelled", async () => {
    const ground = await galaxyGround();
    ground.demo.faults.add({ operation: "invoke", fault: "cut_before" });
    await ask(ground, kind);
    await ground.sweep(61);
    const { id, invocation } = ground.onlyRun();
    await ground.sweep(1);
    const late = await ground.invokeInto(id);
    expect(ground.live()).toHaveLength(2);
    await ground.sweep(5);
    expect(ground.live()).toEqual([invocation?.invocation_id]);
    expect(late).not.toBe(invocation?.invocation_id);
    await endedOnce(ground, kind);
  });
});

test("a request whose answer was lost is answered with the job and the run, which stays open", async () => {
  const ground = await galaxyGround();
  ground.demo.faults.add({ operation: "invoke", fault: "timeout_after" });
  const error = await ground.refusal();
  const { id, job_id } = ground.onlyRun();
  expect(error).toMatchObject({ code: "galaxy_timeout", data: { job_id, run_id: id, effect: "unknown" } });
  expect(ground.onlyRun()).toMatchObject({ status: "running" });
  await ground.sweep();
  expect(ground.invocationOf(id).invocation_id).toBe(ground.live()[0]);
});

/** A run whose answer was lost, in whose history so many invocations turned up since, the oldest first. */
async function withSeveral(many: number): Promise<{ ground: GalaxyGround; run: string; ids: readonly string[] }> {
  const ground = await galaxyGround();
  ground.demo.faults.add({ operation: "invoke", fault: "cut_before" });
  await ground.refusal();
  const { id: run } = ground.onlyRun();
  const ids: string[] = [];
  for (let made = 0; made < many; made++) {
    ground.clock.pass(1);
    ids.push(await ground.invokeInto(run));
  }
  return { ground, run, ids };
}

test("of several invocations in a run's history the oldest is adopted, and the rest are cancelled", async () => {
  const { ground, run, ids } = await withSeveral(3);
  await ground.sweep();
  expect(ground.run(run)).toMatchObject({
    invocation: { invocation_id: ids[0], attempts: 1 },
    notices: [{ code: "galaxy_adopted" }],
  });
  expect(ground.live()).toEqual([ids[0]]);
  expect(await endedOnce(ground, "a request that waits")).toMatchObject({ status: "success" });
});

test.each(["the same process", "the next"])(
  "a second invocation that cannot be cancelled at once is cancelled later, by %s",
  async (process) => {
    const { ground, ids } = await withSeveral(2);
    ground.demo.faults.add({ operation: "cancel", fault: "status_500", times: 2 });
    await ground.sweep();
    expect(ground.live()).toHaveLength(2);
    if (process === "the next") await ground.restart();
    await ground.sweep(1);
    await ground.sweep(1);
    expect(ground.live()).toEqual([ids[0]]);
  },
);

test("a second invocation that cannot be cancelled keeps nothing else from being cancelled", async () => {
  const { ground, ids } = await withSeveral(4);
  ground.demo.faults.add({ operation: "cancel", fault: "status_404", id: ids[1] ?? "", times: null });
  ground.demo.faults.add({ operation: "cancel", fault: "status_500", id: ids[2] ?? "", times: null });
  await ground.sweep();
  expect(ground.live().toSorted()).toEqual(ids.slice(0, 3).toSorted());
});

test.each([
  ["create_history", "slow"],
  ["invoke", "slow"],
] as const)("sweeps while %s is under way for many runs invoke each of them once", async (operation, fault) => {
  const ground = await galaxyGround({ limits: PATIENT });
  ground.demo.faults.add({ operation, fault, times: null, ms: 1 });
  const requests = Array.from({ length: 6 }, async () => ground.request());
  const under = new Set(requests);
  for (const request of requests) void request.then(() => under.delete(request));
  let sweeps = 0;
  for (; under.size > 0; sweeps++) {
    await ground.sweep(61);
    await pause(5);
  }
  expect(sweeps).toBeGreaterThan(3);
  expect(ground.demo.traffic.of("invoke")).toBe(6);
  const histories = ground.invoked().map(({ historyId }) => historyId);
  expect(new Set(histories).size).toBe(6);
});

test("a sweep that fails for one run is over when the next begins, so that no other is invoked twice", async () => {
  const ground = await galaxyGround({ limits: PATIENT });
  const { faults, traffic } = ground.demo;
  faults.add({ operation: "create_history", fault: "cut_before", times: 2 });
  await Promise.all([ground.refusal(), ground.refusal()]);
  const [broken = ""] = ground.store.runs.openOn("default");
  // What nobody foresaw goes wrong with one of them, while the other is under way.
  const { view } = ground.store.runs;
  ground.store.runs.view = (id) => {
    if (id === broken) throw new TypeError("unforeseen");
    return view.call(ground.store.runs, id);
  };
  faults.add({ operation: "invoke", fault: "slow", ms: 2, times: null });
  const first = ground.sweep();
  await traffic.reach("invoke", 1);
  await Promise.all([first, ground.sweep()]);
  await ground.sweep(61);
  expect(ground.invoked()).toHaveLength(1);
  expect(ground.reports.join("\n")).toContain("unforeseen");
});

test("a run that is cancelled while it is invoked has nothing at work in Galaxy in the end", async () => {
  const ground = await galaxyGround({ limits: PATIENT });
  ground.demo.faults.add({ operation: "invoke", fault: "slow", ms: 1 });
  const asked = ground.request();
  await ground.demo.traffic.reach("invoke", 1);
  const { id, job_id } = ground.onlyRun();
  await cancelJob(ground.store, TESTER, job_id, undefined);
  await ground.sweep();
  await asked;
  await ground.sweep();
  expect(ground.run(id).status).toBe("cancelled");
  expect(ground.invoked()).toHaveLength(1);
  expect(ground.live()).toEqual([]);
});
