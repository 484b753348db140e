import { describe, expect, onTestFinished, test } from "vitest";
import { afterSeeing, hasEnded, type InvocationState } from "../../src/domain/invocation-state.ts";
import { workflowServerFault } from "../../src/domain/workflow-server.ts";
import type { FaultName } from "../../src/galaxy-demo/faults.ts";
import type { OperationName } from "../../src/galaxy-demo/operations.ts";
import { GalaxyClient } from "../../src/galaxy/galaxy-client.ts";
import {
  chainFile,
  DATASET,
  dataInput,
  GALAXY_IS_HERE,
  GALAXY_TITLE,
  gaFile,
  type LiveGalaxy,
  realWorkflow,
  startGalaxy,
  stepAfter,
} from "../support/galaxy.ts";
import type { Json, JsonObject } from "../../src/domain/json.ts";

/** A client of a stand-in, without rests of its own. */
function clientOf({ url, key }: LiveGalaxy, answerMs = 10_000): GalaxyClient {
  const limits = { answerMs, retries: 0, failures: 1000, answerBytes: 1_000_000 };
  const client = new GalaxyClient({ name: "stand-in", url, key, clock: Date.now, random: Math.random, limits });
  onTestFinished(() => client.close());
  return client;
}

interface Ground {
  readonly demo: LiveGalaxy;
  readonly client: GalaxyClient;
  readonly workflow: string;
  readonly history: string;
  readonly invoke: () => Promise<{ readonly id: string }>;
}

async function ground(file: Json = chainFile("chain"), inputs: JsonObject = { "0": DATASET }): Promise<Ground> {
  const demo = await startGalaxy();
  const client = clientOf(demo);
  const imported = demo.galaxy.workflows.import(file, demo.galaxy.now());
  const { id: history } = await client.createHistory("runtree 01");
  const [workflow] = await client.workflowsNamed(imported.file.name);
  const id = workflow?.id ?? "";
  return { demo, client, workflow: id, history, invoke: () => client.invoke(id, { history_id: history, inputs }) };
}

/** What five calls of the stand-in come to under a fault: all of them, or those that read and those that act. */
type Cell = "answered" | `${string} ${"unsent" | "sent"} ${"none" | "unknown"}`;
type Row = Cell | readonly [reads: Cell, acts: Cell];

const REFUSED = "galaxy_error refused sent none";
const MAYBE = ["galaxy_error refused sent none", "galaxy_error refused sent unknown"] as const;
const LOST = (reason: string): Row => [`galaxy_timeout ${reason} sent none`, `galaxy_timeout ${reason} sent unknown`];

/** The compiler wants every fault here. */
const MATRIX: Readonly<Record<FaultName, Row>> = {
  timeout_before: LOST("timeout"),
  timeout_after: LOST("timeout"),
  cut_before: LOST("broken"),
  cut_after: LOST("broken"),
  status_401: REFUSED,
  status_403: REFUSED,
  status_404: REFUSED,
  status_409: REFUSED,
  status_429: REFUSED,
  status_429_bad: REFUSED,
  status_429_bare: REFUSED,
  status_500: MAYBE,
  status_502: MAYBE,
  status_503: MAYBE,
  status_504: MAYBE,
  html: LOST("unreadable"),
  empty: LOST("unreadable"),
  truncated: LOST("unreadable"),
  huge: LOST("too_large"),
  slow: LOST("timeout"),
  other_shape: LOST("unreadable"),
  unknown_state: "answered",
  backwards: "answered",
};

const CALLS = ["list", "show", "summary", "invoke", "cancel"] as const satisfies readonly OperationName[];

function cellOf(fault: FaultName, call: (typeof CALLS)[number]): Cell {
  // A list of one invocation is taken for it.
  if (fault === "other_shape" && call === "invoke") return "answered";
  const row = MATRIX[fault];
  if (typeof row === "string") return row;
  return row[call === "invoke" || call === "cancel" ? 1 : 0];
}

/** Whether what was asked may have been done under a fault: a 4xx says no, an answer yes, and of the rest nobody knows. */
function effectsOf(fault: FaultName): readonly boolean[] {
  if (MATRIX[fault] === REFUSED) return [false];
  return MATRIX[fault] === "answered" || fault === "other_shape" ? [true] : [false, true];
}

const CELLS = (Object.keys(MATRIX) as FaultName[]).flatMap((fault) =>
  CALLS.flatMap((call) => effectsOf(fault).map((effect) => [fault, call, effect, cellOf(fault, call)] as const)),
);

describe("the matrix of faults", () => {
  test.each(CELLS)("%s at %s (done: %s): %s", async (fault, call, effect, cell) => {
    const { demo, client, workflow, history, invoke } = await ground();
    const { id } = await invoke();
    demo.faults.add({ fault, operation: call, effect });
    const asking = clientOf(demo, cell.includes(" timeout ") ? 100 : 10_000);
    const calls = {
      list: () => asking.invocationsIn(history),
      show: () => asking.invocation(id),
      summary: () => asking.jobsSummary(id),
      invoke: () => asking.invoke(workflow, { history_id: history, inputs: { "0": DATASET } }),
      cancel: () => asking.cancel(id),
    };
    const before = demo.traffic.of(call);
    const came = await calls[call]().then(
      () => "answered",
      (error: unknown) => {
        const { reason, sent, effect } = workflowServerFault(error) ?? {};
        return `${(error as { code: string }).code} ${reason} ${sent === true ? "sent" : "unsent"} ${effect}`;
      },
    );
    expect(came).toBe(cell);
    // Nothing is asked twice here: of what acts a second would be a second invocation.
    expect(demo.traffic.of(call) - before).toBe(1);
    expect(demo.faults.rules).toEqual([]);
    // Whoever asks next finds what was done in spite of the fault.
    const found = await client.invocationsIn(history);
    expect(found).toHaveLength(effect && call === "invoke" ? 2 : 1);
  });
});

test("a refusal tells Galaxy's status, number and words", async () => {
  const { client, invoke } = await ground(chainFile("chain"), {});
  await expect(client.workflow("0123456789abcdef")).rejects.toMatchObject({
    code: "galaxy_error",
    data: { status: 404, err_code: 404_001, effect: "none" },
  });
  await expect(invoke()).rejects.toMatchObject({ data: { call: "invoke", status: 400, effect: "none" } });
});

/** What was seen of an invocation in so many seconds, each thing once: its word, our state, its jobs. */
async function life({ demo, client }: Ground, id: string, seconds: number): Promise<string[]> {
  const seen: string[] = [];
  let state: InvocationState = "queued";
  for (let second = 0; second < seconds; second += 1) {
    const look = await client.look(id);
    const next = afterSeeing(state, look.state);
    // What ended stays so, and what is said to have ended has.
    expect(hasEnded(next)).toBe(look.ended);
    state = next;
    const line = `${look.galaxy_state} ${state} ${JSON.stringify(look.jobs)}`;
    if (line !== seen.at(-1)) seen.push(line);
    demo.clock.pass(1);
  }
  return seen;
}

function inner(): JsonObject & { readonly type: string } {
  const fed = { id: 0, output_name: "output", input_subworkflow_step_id: 0 };
  const subworkflow = gaFile("inside", [dataInput("in"), stepAfter(0)]);
  return { type: "subworkflow", subworkflow, input_connections: { in: fed } };
}

describe("a whole life", () => {
  test("goes from queued to completed, which is not before the last job", async () => {
    const at = await ground();
    const { id } = await at.invoke();
    expect(await life(at, id, 14)).toEqual([
      "new queued {}",
      "ready in_progress {}",
      'scheduled in_progress {"queued":1}',
      'scheduled in_progress {"running":1}',
      'scheduled completed {"ok":1}',
      'completed completed {"ok":1}',
    ]);
  });

  test("ends with its sub-workflow, whose jobs are counted", async () => {
    const at = await ground(gaFile("outer", [dataInput("reads"), inner()]));
    const { id } = await at.invoke();
    const seen = await life(at, id, 25);
    expect(seen.at(-1)).toBe('completed completed {"ok":1}');
    const ended = seen.findIndex((line) => line.includes(" completed "));
    expect(seen.slice(0, ended).join()).toContain('scheduled in_progress {"running":1}');
    expect(seen.slice(ended).every((line) => line.endsWith('{"ok":1}'))).toBe(true);
  });

  test("ends badly when a job does, though Galaxy says completed", async () => {
    const at = await ground(gaFile("outer", [dataInput("reads"), inner()]));
    at.demo.galaxy.outcomes = [{ workflow: "inside", job: "error" }];
    const { id } = await at.invoke();
    expect((await life(at, id, 25)).at(-1)).toBe('completed failed {"error":1}');
  });

  test("ends badly when the invocation fails, with what Galaxy says about it", async () => {
    const at = await ground();
    at.demo.galaxy.outcomes = [{ failed: true }];
    const { id } = await at.invoke();
    expect((await life(at, id, 8)).at(-1)).toBe("failed failed {}");
    expect((await at.client.look(id)).messages).toMatchObject([{ reason: "unexpected_failure" }]);
  });

  test("does not end while a job runs for ever", async () => {
    const at = await ground();
    at.demo.galaxy.outcomes = [{ job: "running" }];
    const { id } = await at.invoke();
    at.demo.clock.pass(1e6);
    expect(await at.client.look(id)).toMatchObject({ state: "in_progress", ended: false });
  });

  test("ends cancelled when it is cancelled", async () => {
    const at = await ground();
    const { id } = await at.invoke();
    at.demo.clock.pass(3);
    await at.client.cancel(id);
    expect((await life(at, id, 10)).at(-1)).toMatch(/^cancelled cancelled /);
  });

  test("does not go back when a server says things from before, nor on when it says what nobody knows", async () => {
    const at = await ground();
    const { id } = await at.invoke();
    at.demo.clock.pass(60);
    expect((await at.client.look(id)).state).toBe("completed");
    at.demo.faults.add({ fault: "backwards", operation: "show" });
    expect(afterSeeing("completed", (await at.client.look(id)).state)).toBe("completed");
    for (const operation of ["show", "summary"] as const) {
      at.demo.faults.add({ fault: "unknown_state", operation });
      const look = await at.client.look(id);
      expect([look.ended, look.succeeded]).toEqual([false, false]);
      expect(afterSeeing("completed", look.state)).toBe("completed");
    }
  });
});

test("a history holds the invocations of sub-workflows, too, which are not listed", async () => {
  const at = await ground(gaFile("outer", [dataInput("reads"), inner()]));
  const first = await at.invoke();
  at.demo.clock.pass(1);
  const second = await at.invoke();
  at.demo.clock.pass(60);
  expect((await at.client.invocationsIn(at.history)).map(({ id }) => id)).toEqual([first.id, second.id]);
  expect((await at.client.historiesNamed("runtree 01")).map(({ id }) => id)).toEqual([at.history]);
});

test("workflows of one name are all found", async () => {
  const { demo, client } = await ground(chainFile("Ann's chain"));
  demo.galaxy.workflows.import(chainFile("Ann's chain"), demo.galaxy.now());
  demo.galaxy.workflows.import(chainFile("Ann's chain 2"), demo.galaxy.now());
  expect(await client.workflowsNamed("Ann's chain")).toHaveLength(2);
  expect(await client.workflowsNamed("Ann")).toEqual([]);
});

describe(GALAXY_TITLE, () => {
  test.runIf(GALAXY_IS_HERE)("have their inputs told by index, label and type", async () => {
    const told = async (name: string): Promise<unknown> => {
      const { client, workflow } = await ground(realWorkflow(name));
      return (await client.workflow(workflow)).inputs;
    };
    expect(await told("paste_columns_subworkflow")).toEqual([
      { index: "0", label: "Input Dataset", optional: false, type: "dataset" },
    ]);
    expect(await told("workflow_with_parameter_input")).toContainEqual(
      expect.objectContaining({ type: "text", optional: false }),
    );
  });
});
