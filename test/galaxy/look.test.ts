import { describe, expect, test } from "vitest";
import { workflowServerFault } from "../../src/domain/workflow-server.ts";
import { INVOCATION_WORDS, JOB_WORDS } from "../../src/galaxy/states.ts";
import { clientOf, saysAt, smallServer } from "./small-server.ts";
import type { InvocationLook } from "../../src/domain/workflow-server.ts";

interface Part {
  readonly state: string;
  readonly jobs?: Readonly<Record<string, number>>;
  readonly populated?: string;
  /** Sub-workflows by id. */
  readonly below?: Readonly<Record<string, Part>>;
  readonly messages?: readonly object[];
  readonly steps?: readonly object[];
}

const ROOT = "aaaa";

/** The answers of a server that has one invocation with whatever is below it, in the words of Galaxy. */
function answers(id: string, part: Part): Record<string, unknown> {
  const { jobs = {}, below = {}, messages = [], populated = "ok" } = part;
  const steps = part.steps ?? [
    { order_index: 1, job_id: Object.keys(jobs).length > 0 ? "ab12" : null, state: null },
    { order_index: 0, workflow_step_label: "Input", job_id: null, state: "scheduled" },
    ...Object.keys(below).map((child, index) => ({ order_index: 2 + index, subworkflow_invocation_id: child })),
  ];
  const times = { create_time: "2026-01-01T10:00:00.123456", update_time: "2026-01-01T10:00:05" };
  return {
    [`/invocations/${id}`]: {
      id,
      state: part.state,
      workflow_id: "cccc",
      history_id: "dddd",
      steps,
      messages,
      ...times,
      outputs: { table: { id: "b1", src: "hda" }, nothing: { id: null, src: "hda" } },
      output_collections: { tables: { id: "b2", src: "hdca" } },
    },
    [`/invocations/${id}/jobs_summary`]: { id, model: "WorkflowInvocation", populated_state: populated, states: jobs },
    ...Object.assign({}, ...Object.entries(below).map(([child, part]) => answers(child, part))),
  };
}

async function lookAt(part: Part): Promise<InvocationLook> {
  const server = await smallServer(saysAt(answers(ROOT, part)));
  return clientOf(server.url).look(ROOT);
}

async function verdict(part: Part): Promise<readonly unknown[]> {
  const { state, ended, succeeded } = await lookAt(part);
  return [state, ended, succeeded];
}

const GOES_ON = ["in_progress", false, false];
const WELL = ["completed", true, true];
const BADLY = ["failed", true, false];

describe("an invocation", () => {
  test.each<[string, Part, readonly unknown[]]>([
    ["new", { state: "new" }, ["queued", false, false]],
    ["waiting for data", { state: "requires_materialization" }, ["queued", false, false]],
    ["ready, whatever its jobs", { state: "ready", jobs: { ok: 2 } }, GOES_ON],
    ["scheduled with a live job", { state: "scheduled", jobs: { ok: 1, running: 1 } }, GOES_ON],
    ["scheduled with no jobs yet", { state: "scheduled", populated: "new" }, GOES_ON],
    ["scheduled with jobs not all known", { state: "scheduled", populated: "new", jobs: { ok: 1 } }, GOES_ON],
    [
      "scheduled with a job that is not counted yet",
      { state: "scheduled", steps: [{ order_index: 0, job_id: "ab12" }] },
      GOES_ON,
    ],
    [
      "scheduled with jobs of a collection that are not counted yet",
      { state: "scheduled", steps: [{ order_index: 0, implicit_collection_jobs_id: "ab12" }] },
      GOES_ON,
    ],
    ["scheduled without a step", { state: "scheduled", steps: [] }, GOES_ON],
    ["scheduled with inputs only", { state: "scheduled" }, WELL],
    ["scheduled with all jobs ok", { state: "scheduled", jobs: { ok: 3 } }, WELL],
    ["scheduled with jobs ok and skipped", { state: "scheduled", jobs: { ok: 1, skipped: 1 } }, WELL],
    ["scheduled with a job in error", { state: "scheduled", jobs: { ok: 1, error: 1 } }, BADLY],
    ["scheduled with a paused job", { state: "scheduled", jobs: { paused: 1 } }, BADLY],
    ["scheduled with jobs that could not be found out", { state: "scheduled", populated: "failed" }, BADLY],
    ["completed", { state: "completed", jobs: { ok: 3 } }, WELL],
    ["completed with a job in error", { state: "completed", jobs: { ok: 2, error: 1 } }, BADLY],
    ["completed with a live job", { state: "completed", jobs: { running: 1 } }, GOES_ON],
    ["failed, whatever its jobs", { state: "failed", jobs: { ok: 1, running: 1 } }, BADLY],
    ["cancelled", { state: "cancelled", jobs: { deleted: 1 } }, ["cancelled", true, false]],
    ["being cancelled", { state: "cancelling", jobs: { ok: 1 } }, [null, false, false]],
    ["in a state nobody knows", { state: "pondering", jobs: { ok: 1 } }, [null, false, false]],
    ["in a state named as something of JavaScript", { state: "toString" }, [null, false, false]],
    ["scheduled with a job in a state nobody knows", { state: "scheduled", jobs: { pondering: 1 } }, GOES_ON],
    ["scheduled with states counted as none", { state: "scheduled", jobs: { ok: 1, running: 0 } }, WELL],
  ])("%s", async (_, part, expected) => {
    expect(await verdict(part)).toEqual(expected);
  });

  test.each<[string, Part, readonly unknown[]]>([
    ["scheduled", { state: "scheduled", jobs: { ok: 1 } }, WELL],
    ["scheduled, its job running", { state: "scheduled", jobs: { running: 1 } }, GOES_ON],
    ["ready", { state: "ready", jobs: { ok: 1 } }, GOES_ON],
    ["new", { state: "new" }, GOES_ON],
    ["in error", { state: "completed", jobs: { error: 1 } }, BADLY],
    ["failed", { state: "failed" }, BADLY],
    ["cancelled", { state: "cancelled" }, BADLY],
    ["well, but what is below it works", { state: "completed", below: { ee: { state: "ready" } } }, GOES_ON],
    ["well, but what is below it failed", { state: "completed", below: { ee: { state: "failed" } } }, BADLY],
  ])("is not done before what is below it: %s", async (_, child, expected) => {
    for (const state of ["scheduled", "completed"])
      expect(await verdict({ state, jobs: { ok: 1 }, below: { bb: child } })).toEqual(expected);
  });

  test("that failed or was cancelled has ended, even while a sub-workflow works", async () => {
    const below = { bb: { state: "ready", jobs: { running: 1 } } };
    expect(await verdict({ state: "failed", below })).toEqual(BADLY);
    expect(await verdict({ state: "cancelled", below })).toEqual(["cancelled", true, false]);
  });

  test("is told with the jobs and messages of all below it, its own steps and outputs", async () => {
    const message = (reason: string): object => ({ reason, workflow_step_id: 2, job_id: "ab12", other: { x: 1 } });
    const grandchild = { state: "scheduled", jobs: { error: 1 }, messages: [message("job_failed")] };
    const child = { state: "scheduled", jobs: { ok: 1 }, below: { ee: grandchild } };
    const seen = await lookAt({
      state: "scheduled",
      jobs: { ok: 2 },
      below: { bb: child },
      messages: [{ reason: "unexpected_failure", details: "no room \ud800" }],
    });
    expect(seen).toEqual({
      id: ROOT,
      galaxy_state: "scheduled",
      workflow_id: "cccc",
      history_id: "dddd",
      created_at: "2026-01-01T10:00:00.123Z",
      updated_at: "2026-01-01T10:00:05.000Z",
      steps: [
        { index: 0, label: "Input", galaxy_state: "scheduled", job_id: null, invocation_id: null },
        { index: 1, label: null, galaxy_state: null, job_id: "ab12", invocation_id: null },
        { index: 2, label: null, galaxy_state: null, job_id: null, invocation_id: "bb" },
      ],
      messages: [
        { invocation_id: ROOT, reason: "unexpected_failure", details: "no room \uFFFD", step: null, job_id: null },
        { invocation_id: "ee", reason: "job_failed", details: null, step: 2, job_id: "ab12" },
      ],
      outputs: [
        { name: "table", src: "hda", id: "b1" },
        { name: "tables", src: "hdca", id: "b2" },
      ],
      state: "failed",
      jobs: { ok: 3, error: 1 },
      ended: true,
      succeeded: false,
    });
  });

  test("that has not begun is asked for once, and any other once with its jobs", async () => {
    const server = await smallServer(saysAt(answers(ROOT, { state: "new" })));
    await clientOf(server.url).look(ROOT);
    expect(server.asked).toEqual([`GET /api/invocations/${ROOT}`]);
    server.answer = saysAt(answers(ROOT, { state: "ready" }));
    await clientOf(server.url).look(ROOT);
    expect(server.asked.slice(1)).toEqual([
      `GET /api/invocations/${ROOT}`,
      `GET /api/invocations/${ROOT}/jobs_summary`,
    ]);
  });

  test("whose answer is the same as before is told by the same steps; what changed is read anew", async () => {
    const going = { state: "scheduled", jobs: { running: 1 } };
    const server = await smallServer(saysAt(answers(ROOT, going)));
    const client = clientOf(server.url);
    const first = await client.look(ROOT);
    const again = await client.look(ROOT);
    expect(again).toEqual(first);
    expect(again.steps).toBe(first.steps);
    server.answer = saysAt(answers(ROOT, { ...going, jobs: { ok: 1 } }));
    expect(await client.look(ROOT)).toMatchObject({ jobs: { ok: 1 }, ended: true });
    server.answer = saysAt(answers(ROOT, { state: "failed" }));
    expect(await client.look(ROOT)).toMatchObject({ galaxy_state: "failed", state: "failed" });
    expect(server.asked).toHaveLength(8);
  });

  test("that is below itself, too deep or too wide is given up", async () => {
    const ring: Part = { state: "ready", steps: [{ order_index: 0, subworkflow_invocation_id: ROOT }] };
    let deep: Part = { state: "ready" };
    for (let depth = 0; depth < 25; depth += 1) deep = { state: "ready", below: { [`d${depth}`]: deep } };
    const children = Array.from({ length: 300 }, (_, index) => [`w${index}`, { state: "new" }] as const);
    const wide: Part = { state: "ready", below: Object.fromEntries(children) };
    for (const part of [ring, deep, wide]) {
      const error: unknown = await lookAt(part).catch((error: unknown) => error);
      expect(workflowServerFault(error)).toMatchObject({ call: "look", reason: "too_large", effect: "none" });
    }
  });

  test("whose sub-workflow cannot be asked for is not told at all", async () => {
    const known = answers(ROOT, { state: "completed", jobs: { ok: 1 }, below: { bb: { state: "completed" } } });
    const { "/invocations/bb/jobs_summary": _, ...less } = known;
    const server = await smallServer(saysAt(less));
    await expect(clientOf(server.url).look(ROOT)).rejects.toMatchObject({
      data: { call: "jobs_summary", status: 404 },
    });
  });

  test.each(["constructor", "__proto__", "prototype", "a b", "", "x".repeat(100)])(
    "with jobs in the state %j cannot be read",
    async (word) => {
      const states = JSON.parse(`{${JSON.stringify(word)}: 1}`) as Record<string, number>;
      await expect(lookAt({ state: "ready", jobs: states })).rejects.toMatchObject({ data: { reason: "unreadable" } });
    },
  );
});

test("jobs are counted with those below, whatever their states are called", async () => {
  const below = { bb: { state: "scheduled", jobs: { toString: 1, ok: 2 } } };
  const { jobs } = await lookAt({ state: "scheduled", jobs: { ok: 1 }, below });
  expect(jobs).toEqual({ ok: 3, toString: 1 });
});

test.each<[string, Part]>([
  ["steps", { state: "ready", steps: Array.from({ length: 10_000 }, (_, at) => ({ order_index: at })) }],
  ["messages", { state: "ready", messages: Array.from({ length: 10_000 }, () => ({ reason: "a" })) }],
  ["states", { state: "ready", jobs: Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`s${at}`, 1])) }],
])(
  "more %s than any invocation has cannot be read, as all of them would be written at each change",
  async (_, part) => {
    const server = await smallServer(saysAt(answers(ROOT, part)));
    const looking = clientOf(server.url, { answerBytes: 10_000_000 }).look(ROOT);
    await expect(looking).rejects.toMatchObject({ data: { reason: "unreadable" } });
  },
);

test("every word of Galaxy has a meaning, and only some of them an end", () => {
  expect(Object.keys(INVOCATION_WORDS)).toHaveLength(8);
  expect(
    Object.entries(JOB_WORDS)
      .flatMap(([word, meaning]) => (meaning === "live" ? [] : [word]))
      .sort(),
  ).toEqual(["ok", "error", "failed", "deleted", "skipped", "paused", "stopped"].sort());
});
