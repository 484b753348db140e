import { describe, expect, test } from "vitest";
import { clientOf, says, saysAt, smallServer } from "./small-server.ts";

const ID = "f2db41e1fa331b3e";
const NAMES = { workflow_id: "cccc", history_id: ID };

function invocation(id: string, more: object = {}): object {
  return { id, state: "new", ...NAMES, create_time: "2026-01-01T10:00:00.5", update_time: "x", ...more };
}

test("a call carries the key, wants JSON, and goes below the path of the server's address", async () => {
  const headers: unknown[] = [];
  const server = await smallServer((request, response) => {
    headers.push(request.headers);
    says({ version_major: "26.1", version_minor: "rc1" })(request, response);
  });
  expect(await clientOf(`${server.url}/galaxy/`).version()).toBe("26.1.rc1");
  expect(server.asked).toEqual(["GET /galaxy/api/version"]);
  expect(headers).toEqual([expect.objectContaining({ "x-api-key": "a-key", accept: "application/json" })]);
});

test("connections are used again, and there are never more than the limit", async () => {
  const sockets = new Set<unknown>();
  const server = await smallServer((request, response) => {
    sockets.add(request.socket);
    says({ version_major: "26.1", version_minor: null })(request, response);
  });
  const client = clientOf(server.url, { connections: 3, answerMs: 5000 });
  for (let round = 0; round < 3; round += 1) await Promise.all(Array.from({ length: 20 }, () => client.version()));
  expect(server.asked).toHaveLength(60);
  expect(sockets.size).toBeLessThanOrEqual(3);
});

test("a hundred megabytes are given up after the limit, not after the last byte", async () => {
  let sent = 0;
  const server = await smallServer((_request, response) => {
    const chunk = Buffer.alloc(65_536, " ");
    const more = (): void => {
      do sent += chunk.length;
      while (sent < 100_000_000 && response.write(chunk));
    };
    response.on("drain", more);
    more();
  });
  await expect(clientOf(server.url, { answerMs: 5000 }).version()).rejects.toMatchObject({
    data: { reason: "too_large" },
  });
  expect(sent).toBeLessThan(20_000_000);
});

describe("workflows", () => {
  const named = (id: string, name: string): object => ({ id, name, owner: "ann", update_time: "2026-01-01T10:00:00" });

  test("are found by exactly their name, all of them", async () => {
    const server = await smallServer(
      says([named("a1", "QC"), named("a2", "QC"), named("a3", "qc"), named("a4", "QC 2")]),
    );
    const found = await clientOf(server.url).workflowsNamed("QC");
    expect(found).toEqual(
      ["a1", "a2"].map((id) => ({ id, name: "QC", owner: "ann", updated_at: "2026-01-01T10:00:00.000Z" })),
    );
    const asked = new URL(server.asked[0]?.slice("GET ".length) ?? "", server.url);
    expect(asked.searchParams.get("search")).toBe("name:'QC'");
  });

  test("are asked for again when the server lists another time, or nothing was listed", async () => {
    const shown = (update_time: string): object => ({
      ...named("a1", "QC"),
      update_time,
      version: 1,
      inputs: {},
      steps: {},
    });
    const server = await smallServer(says(shown("2026-01-01T10:00:00")));
    const client = clientOf(server.url);
    const first = await client.workflow("a1", "2026-01-01T10:00:00.000Z");
    expect(await client.workflow("a1", "2026-01-01T10:00:00.000Z")).toBe(first);
    expect(server.asked).toHaveLength(1);
    server.answer = says(shown("2026-01-01T11:00:00"));
    const changed = await client.workflow("a1", "2026-01-01T11:00:00.000Z");
    expect(changed.updated_at).toBe("2026-01-01T11:00:00.000Z");
    await client.workflow("a1");
    await client.workflow("a1", null);
    expect(server.asked).toHaveLength(4);
  });

  test("are looked for page by page where the name holds what a search cannot", async () => {
    const many = Array.from({ length: 200 }, (_, index) => named(`b${index}`, "other"));
    const server = await smallServer((request, response) =>
      says(request.url?.includes("offset=0") === true ? many : [named("a1", "Ann's QC")])(request, response),
    );
    expect((await clientOf(server.url).workflowsNamed("Ann's QC")).map(({ id }) => id)).toEqual(["a1"]);
    expect(server.asked).toHaveLength(2);
    expect(server.asked.join()).not.toContain("search");
  });

  test("are told with their inputs by index, in our words for types", async () => {
    const steps = {
      "10": { type: "parameter_input", tool_inputs: { parameter_type: "integer", optional: false, default: 3 } },
      "0": { type: "data_input", tool_inputs: { optional: false } },
      "1": { type: "data_collection_input", tool_inputs: { optional: true, collection_type: "list" } },
      "2": { type: "parameter_input", tool_inputs: { parameter_type: "text", optional: false } },
      "3": { type: "parameter_input", tool_inputs: null },
      "4": { type: "tool", tool_inputs: '{"x": 1}' },
      "5": { type: "holographic_input" },
    };
    const inputs = Object.fromEntries(
      ["10", "0", "1", "2", "3", "5"].map((index) => [
        index,
        { label: index === "3" ? null : `in ${index}`, value: "" },
      ]),
    );
    const server = await smallServer(
      saysAt({ [`/workflows/${ID}`]: { ...named(ID, "QC"), version: 4, steps, inputs } }),
    );
    const { version, inputs: read } = await clientOf(server.url).workflow(ID);
    expect(version).toBe(4);
    expect(read).toEqual([
      { index: "0", label: "in 0", optional: false, type: "dataset" },
      { index: "1", label: "in 1", optional: true, type: "collection" },
      { index: "2", label: "in 2", optional: false, type: "text" },
      { index: "3", label: null, optional: false, type: "text" },
      { index: "5", label: "in 5", optional: false, type: "holographic_input" },
      { index: "10", label: "in 10", optional: true, type: "integer" },
    ]);
  });
});

describe("histories", () => {
  const history = (id: string, name: string): object => ({ id, name, update_time: "2026-01-01T10:00:00", size: 0 });

  test("are made by name", async () => {
    const server = await smallServer(says({ ...history("a1", "runtree 01"), contents_url: "/x" }));
    const made = await clientOf(server.url).createHistory("runtree 01");
    expect(made).toEqual({ id: "a1", name: "runtree 01", updated_at: "2026-01-01T10:00:00.000Z" });
    expect([server.asked, server.bodies]).toEqual([["POST /api/histories"], [{ name: "runtree 01" }]]);
  });

  test("are found by exactly their name", async () => {
    const server = await smallServer(says([history("a1", "runtree 01"), history("a2", "runtree 011")]));
    expect((await clientOf(server.url).historiesNamed("runtree 01")).map(({ id }) => id)).toEqual(["a1"]);
    expect(server.asked).toEqual(["GET /api/histories?q=name&qv=runtree+01"]);
  });
});

describe("invocations", () => {
  test.each([
    ["an object", (one: object) => one],
    ["a list of one", (one: object) => [one]],
  ])("are begun with inputs by index, and answered with %s", async (_, form) => {
    const server = await smallServer(says(form(invocation("a1", { steps: [] }))));
    const inputs = { "0": { src: "hda", id: "b1" }, "2": 5 };
    const begun = await clientOf(server.url).invoke(ID, { history_id: ID, inputs, parameters: { "3": { x: 1 } } });
    expect(begun).toEqual({
      id: "a1",
      galaxy_state: "new",
      ...NAMES,
      created_at: "2026-01-01T10:00:00.500Z",
      updated_at: null,
    });
    expect(server.asked).toEqual([`POST /api/workflows/${ID}/invocations`]);
    expect(server.bodies).toEqual([
      {
        history_id: ID,
        inputs,
        inputs_by: "step_index",
        parameters: { "3": { x: 1 } },
        require_exact_tool_versions: true,
      },
    ]);
  });

  test.each([[[]], [[invocation("a1"), invocation("a2")]]])(
    "begun with %j for an answer are not known",
    async (answer) => {
      const server = await smallServer(says(answer));
      await expect(clientOf(server.url).invoke(ID, { history_id: ID, inputs: {} })).rejects.toMatchObject({
        code: "galaxy_timeout",
        data: { reason: "unreadable", effect: "unknown" },
      });
    },
  );

  test("of a history are listed with the oldest first, and without those of sub-workflows or other histories", async () => {
    const at = (hour: string): object => ({ create_time: `2026-01-01T${hour}:00:00` });
    const server = await smallServer(
      says([
        invocation("a3", at("12")),
        invocation("a1", { ...at("10"), steps: [{ order_index: 0, subworkflow_invocation_id: "a2" }] }),
        invocation("a2", at("11")),
        invocation("a4", { ...at("09"), history_id: "eeee" }),
      ]),
    );
    expect((await clientOf(server.url).invocationsIn(ID)).map(({ id }) => id)).toEqual(["a1", "a3"]);
    const asked = new URL(server.asked[0]?.slice("GET ".length) ?? "", server.url);
    expect(asked.pathname).toBe("/api/invocations");
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      history_id: ID,
      include_nested_invocations: "false",
    });
  });

  test("are shown by themselves, also by servers that know no messages", async () => {
    const more = { steps: [], outputs: {}, output_collections: {} };
    const server = await smallServer(saysAt({ "/invocations/a1": invocation("a1", more) }));
    expect(await clientOf(server.url).invocation("a1")).toMatchObject({
      id: "a1",
      steps: [],
      messages: [],
      outputs: [],
    });
  });

  test("are cancelled, and may take their time", async () => {
    const server = await smallServer(says(invocation("a1", { state: "cancelling" })));
    expect((await clientOf(server.url).cancel("a1")).galaxy_state).toBe("cancelling");
    expect(server.asked).toEqual(["DELETE /api/invocations/a1"]);
  });

  test("have their jobs summed up, and no state that nothing is in", async () => {
    const summary = { id: "a1", model: "WorkflowInvocation", populated_state: "ok", states: { ok: 2, error: 0 } };
    const server = await smallServer(saysAt({ "/invocations/a1/jobs_summary": summary }));
    expect(await clientOf(server.url).jobsSummary("a1")).toEqual({ populated_state: "ok", jobs: { ok: 2 } });
  });
});

test("a dataset is told with its name, state and kind", async () => {
  const dataset = { id: "a1", name: "table", state: "ok", extension: "tabular", peek: "1\t2" };
  const server = await smallServer(saysAt({ "/datasets/a1": dataset }));
  expect(await clientOf(server.url).dataset("a1")).toEqual({
    id: "a1",
    name: "table",
    galaxy_state: "ok",
    extension: "tabular",
  });
});

test("answers that are asked for often are remembered, but not more than fits into memory", async () => {
  const summary = JSON.stringify({ populated_state: "ok", states: { ok: 1 } });
  const server = await smallServer((_request, response) => response.end(summary + " ".repeat(10_000_000)));
  const client = clientOf(server.url, { answerBytes: 20_000_000 });
  const first = await client.jobsSummary("i0");
  expect(await client.jobsSummary("i0")).toBe(first);
  for (let at = 1; at < 8; at += 1) await client.jobsSummary(`i${at}`);
  expect(await client.jobsSummary("i0")).not.toBe(first);
});

test.each(["+275760-09-13T00:00:00", "-000001-01-01T00:00:00", "soon", 7])(
  "a time such as %j, that cannot be written down, is none",
  async (time) => {
    const server = await smallServer(says(invocation(ID, { create_time: time })));
    const made = await clientOf(server.url).invoke(ID, { history_id: ID, inputs: {} });
    expect(made.created_at).toBeNull();
  },
);
