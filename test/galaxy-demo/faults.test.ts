import { describe, expect, test } from "vitest";
import { FAULT_NAMES, type FaultName, type FaultRule } from "../../src/galaxy-demo/faults.ts";
import type { OperationName } from "../../src/galaxy-demo/operations.ts";
import { askGalaxy, chainFile, DATASET, galaxyCaller, type LiveGalaxy, startGalaxy } from "../support/galaxy.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** One good call of each operation of the fault matrix, on an invocation whose job runs. */
async function calls(demo: LiveGalaxy): Promise<Readonly<Partial<Record<OperationName, Call>>>> {
  const ask = galaxyCaller(demo);
  const { id: workflow } = await ask("POST", "/api/workflows", { workflow: chainFile("chain") });
  const invoke = { method: "POST", path: `/api/workflows/${workflow}/invocations`, body: { inputs: { 0: DATASET } } };
  const { id } = await ask(invoke.method, invoke.path, invoke.body);
  demo.clock.pass(5);
  return {
    list: { method: "GET", path: "/api/invocations" },
    invoke,
    show: { method: "GET", path: `/api/invocations/${id}` },
    summary: { method: "GET", path: `/api/invocations/${id}/jobs_summary` },
    cancel: { method: "DELETE", path: `/api/invocations/${id}` },
  };
}

const ENOUGH_BYTES = 1024 * 1024;

/** What a client makes of an answer: its status and text, as far as it reads, or why there was none. */
async function outcome(
  demo: LiveGalaxy,
  call: Call,
  signal?: AbortSignal,
): Promise<{ status: number; text: string; retry: string | null }> {
  const reply = await fetch(demo.url + call.path, {
    method: call.method,
    headers: { "x-api-key": demo.key },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  let text = "";
  for await (const piece of reply.body ?? []) {
    text += Buffer.from(piece).toString("utf8");
    if (text.length > ENOUGH_BYTES) break;
  }
  return { status: reply.status, text, retry: reply.headers.get("retry-after") };
}

/** What an answer is to a client, in a word. */
async function met(demo: LiveGalaxy, call: Call, signal?: AbortSignal): Promise<string> {
  try {
    const { status, text, retry } = await outcome(demo, call, signal);
    if (status !== 200) return `${status} ${retry ?? "-"}`;
    if (text === "") return "nothing";
    if (text.length > ENOUGH_BYTES) return "too much";
    if (text.startsWith("<html>")) return "a page";
    try {
      return Array.isArray(JSON.parse(text)) ? "a list" : "an object";
    } catch {
      return "half of it";
    }
  } catch {
    return signal?.aborted === true ? "silence" : "an end";
  }
}

/** How long (ms) what has arrived may stay unanswered before a client leaves. */
const PATIENCE_MS = 50;

/** Plays a fault to a call; a client that gets no answer leaves when its request has arrived. */
async function metWith(demo: LiveGalaxy, operation: OperationName, fault: FaultName, call: Call): Promise<string> {
  demo.faults.add({ operation, fault });
  if (!["timeout_before", "timeout_after", "slow"].includes(fault)) return met(demo, call);
  const patience = new AbortController();
  const word = met(demo, call, patience.signal);
  await demo.traffic.reach(operation, demo.traffic.of(operation) + 1);
  setTimeout(() => patience.abort(), PATIENCE_MS);
  return word;
}

const MET: Readonly<Record<Exclude<FaultName, "other_shape" | "unknown_state" | "backwards">, string>> = {
  timeout_before: "silence",
  timeout_after: "silence",
  cut_before: "an end",
  cut_after: "an end",
  status_401: "401 -",
  status_403: "403 -",
  status_404: "404 -",
  status_409: "409 -",
  status_429: "429 1",
  status_429_bad: "429 in a while",
  status_429_bare: "429 -",
  status_500: "500 -",
  status_502: "502 -",
  status_503: "503 -",
  status_504: "504 -",
  html: "a page",
  empty: "nothing",
  truncated: "half of it",
  huge: "too much",
  slow: "silence",
};

describe("every fault", () => {
  test.each(["list", "invoke", "show", "summary", "cancel"] as const)("can be met by %s", async (operation) => {
    const demo = await startGalaxy();
    const call = (await calls(demo))[operation];
    if (call === undefined) throw new Error(operation);
    const found: [string, string][] = [];
    for (const fault of Object.keys(MET) as FaultName[]) {
      found.push([fault, await metWith(demo, operation, fault, call)]);
    }
    expect(Object.fromEntries(found)).toEqual(MET);
    expect(await met(demo, call)).toBe(operation === "list" ? "a list" : "an object");
    demo.faults.add({ operation, fault: "other_shape" });
    expect(await met(demo, call)).toBe(operation === "list" ? "an object" : "a list");
    for (const [fault, state] of [
      ["unknown_state", "hibernating"],
      ["backwards", "new"],
    ] as const) {
      demo.faults.add({ operation, fault });
      const { text } = await outcome(demo, call);
      const first = [JSON.parse(text) as unknown].flat()[0];
      expect(first).toMatchObject(operation === "summary" ? { populated_state: state } : { state });
    }
    expect(FAULT_NAMES).toHaveLength(Object.keys(MET).length + 3);
  });

  test("says whether the invoke it spoils has had its effect", async () => {
    const demo = await startGalaxy();
    const { invoke } = await calls(demo);
    if (invoke === undefined) throw new Error("invoke");
    const count = async (): Promise<number> =>
      ((await askGalaxy(demo, "GET", "/api/invocations")).body as unknown[]).length;
    const effects: string[] = [];
    for (const fault of FAULT_NAMES) {
      const before = await count();
      await metWith(demo, "invoke", fault, invoke);
      if ((await count()) > before) effects.push(fault);
    }
    expect(effects.toSorted()).toEqual(
      ["timeout_after", "cut_after", "empty", "truncated", "huge", "slow"]
        .concat("unknown_state", "backwards", "other_shape")
        .toSorted(),
    );
    const before = await count();
    demo.faults.add({ operation: "invoke", fault: "status_504", effect: true });
    expect([await met(demo, invoke), await count()]).toEqual(["504 -", before + 1]);
    demo.faults.add({ operation: "invoke", fault: "truncated", effect: false });
    expect([await met(demo, invoke), await count()]).toEqual(["half of it", before + 1]);
  });
});

async function metInTurn(demo: LiveGalaxy, call: Call | undefined, times: number): Promise<string[]> {
  if (call === undefined) throw new Error("no call");
  const found: string[] = [];
  for (let at = 0; at < times; at++) found.push(await met(demo, call));
  return found;
}

test("a fault is met so many times, after so many good answers, and by one id only", async () => {
  const demo = await startGalaxy();
  const { show, summary } = await calls(demo);
  demo.faults.add({ operation: "show", fault: "status_502", times: 2, skip: 1 });
  expect(await metInTurn(demo, summary, 1)).toEqual(["an object"]);
  expect(await metInTurn(demo, show, 4)).toEqual(["an object", "502 -", "502 -", "an object"]);

  demo.faults.add({ operation: "*", fault: "status_503", times: null, retry_after: "7" });
  expect([...(await metInTurn(demo, show, 3)), ...(await metInTurn(demo, summary, 1))]).toEqual(
    Array.from({ length: 4 }, () => "503 7"),
  );
  demo.faults.clear();

  demo.faults.add({ operation: "show", fault: "empty", id: "0123456789abcdef" });
  expect(await metInTurn(demo, show, 1)).toEqual(["an object"]);
  expect(demo.faults.rules).toHaveLength(1);
});

test("requests are counted by operation, those with faults too; whoever waits for one hears when it had its effect", async () => {
  const demo = await startGalaxy();
  const { invoke } = await calls(demo);
  if (invoke === undefined) throw new Error("invoke");
  demo.faults.add({ operation: "invoke", fault: "timeout_after" });
  const patience = new AbortController();
  const lost = met(demo, invoke, patience.signal);
  await demo.traffic.reach("invoke", 2);
  expect(((await askGalaxy(demo, "GET", "/api/invocations")).body as unknown[]).length).toBe(2);
  patience.abort();
  expect(await lost).toBe("silence");
  expect([demo.traffic.of("invoke"), demo.traffic.of("list"), demo.traffic.of("cancel")]).toEqual([2, 1, 0]);
});

test("a slow answer comes whole to whoever waits", async () => {
  const demo = await startGalaxy();
  demo.faults.add({ operation: "version", fault: "slow", ms: 1 });
  expect((await askGalaxy(demo, "GET", "/api/version")).body).toMatchObject({ version_major: "26.0" });
});

test("closing ends what still waits for an answer", async () => {
  const demo = await startGalaxy();
  demo.faults.add({ operation: "version", fault: "timeout_before" });
  const waits = fetch(`${demo.url}/api/version`).catch(() => "ended");
  await demo.traffic.reach("version", 1);
  await demo.close();
  expect(await waits).toBe("ended");
});

describe("from outside", () => {
  async function control(demo: LiveGalaxy, path: string, body: unknown): Promise<{ status: number; body: unknown }> {
    return askGalaxy(demo, "PUT", `/_demo/${path}`, body);
  }

  test("faults, ends of jobs and the clock are set over HTTP", async () => {
    const demo = await startGalaxy();
    const faults: FaultRule[] = [{ operation: "show", fault: "status_500" }];
    expect(await control(demo, "faults", faults)).toMatchObject({ status: 200, body: { faults } });
    const outcomes = [{ workflow: "chain", job: "error" }];
    expect(await control(demo, "outcomes", outcomes)).toMatchObject({ status: 200, body: { outcomes } });
    const { show, summary } = await calls(demo);
    expect(await metInTurn(demo, show, 2)).toEqual(["500 -", "an object"]);
    await control(demo, "forward", { seconds: 60 });
    expect(await galaxyCaller(demo)("GET", summary?.path ?? "")).toMatchObject({ states: { error: 1 } });
    expect((await askGalaxy(demo, "GET", "/_demo")).body).toMatchObject({
      now: "2026-01-01T00:01:05.000Z",
      requests: { show: 2, invoke: 1 },
    });
  });

  test.each([
    ["faults", {}],
    ["faults", [{ operation: "show", fault: "odd" }]],
    ["faults", [{ operation: "odd", fault: "empty" }]],
    ["outcomes", ["x"]],
    ["forward", { seconds: -1 }],
    ["forward", undefined],
  ])("what is no %s is refused: %j", async (path, body) => {
    expect(await control(await startGalaxy(), path, body)).toMatchObject({ status: 400, body: { err_code: 400008 } });
  });
});
