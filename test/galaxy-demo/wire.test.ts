import type { GalaxyApiPaths } from "@galaxyproject/galaxy-api-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { OPERATIONS, type OperationName } from "../../src/galaxy-demo/operations.ts";
import {
  askGalaxy,
  chainFile,
  DATASET,
  dataInput,
  gaFile,
  galaxyCaller,
  type LiveGalaxy,
  startGalaxy,
} from "../support/galaxy.ts";

/** What Galaxy says that it answers well. */
type Published<
  Path extends keyof GalaxyApiPaths,
  Method extends keyof GalaxyApiPaths[Path],
> = GalaxyApiPaths[Path][Method] extends { responses: { 200: { content: { "application/json": infer Body } } } }
  ? Body
  : never;

type Answered<Name extends OperationName> = ReturnType<(typeof OPERATIONS)[Name]["answer"]>;

test("every answer is of the type that Galaxy publishes for it", () => {
  type Invocation = "/api/invocations/{invocation_id}";
  expectTypeOf<Answered<"version">>().toExtend<Published<"/api/version", "get">>();
  expectTypeOf<Answered<"user">>().toExtend<Published<"/api/users/{user_id}", "get">>();
  expectTypeOf<Answered<"workflow">>().toExtend<Published<"/api/workflows/{workflow_id}", "get">>();
  expectTypeOf<Answered<"create_history">>().toExtend<Published<"/api/histories", "post">>();
  expectTypeOf<Answered<"histories">>().toExtend<Published<"/api/histories", "get">>();
  expectTypeOf<Answered<"history">>().toExtend<Published<"/api/histories/{history_id}", "get">>();
  expectTypeOf<Answered<"delete_history">>().toExtend<Published<"/api/histories/{history_id}", "delete">>();
  expectTypeOf<Answered<"invoke">>().toExtend<Published<"/api/workflows/{workflow_id}/invocations", "post">>();
  expectTypeOf<Answered<"list">>().toExtend<Published<"/api/invocations", "get">>();
  expectTypeOf<Answered<"show">>().toExtend<Published<Invocation, "get">>();
  expectTypeOf<Answered<"cancel">>().toExtend<Published<Invocation, "delete">>();
  expectTypeOf<Answered<"summary">>().toExtend<Published<`${Invocation}/jobs_summary`, "get">>();
  expectTypeOf<Answered<"step_summary">>().toExtend<Published<`${Invocation}/step_jobs_summary`, "get">>();
  expectTypeOf<Answered<"completion">>().toExtend<Published<`${Invocation}/completion`, "get">>();
  expectTypeOf<Answered<"request">>().toExtend<Published<`${Invocation}/request`, "get">>();
  // A type that is not there would let everything pass.
  expectTypeOf<Published<Invocation, "get">>().not.toBeNever();
  expectTypeOf<string>().not.toExtend<Published<Invocation, "get">>();
});

/** The status and Galaxy's code of what is refused. */
async function refused(demo: LiveGalaxy, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await askGalaxy(demo, method, path, body);
  return [answer.status, (answer.body as { err_code?: number }).err_code];
}

async function imported(demo: LiveGalaxy, file: object): Promise<string> {
  return (await galaxyCaller(demo)("POST", "/api/workflows", { workflow: file })).id;
}

async function names(demo: LiveGalaxy, path: string): Promise<string[]> {
  return ((await askGalaxy(demo, "GET", path)).body as { name: string }[]).map(({ name }) => name);
}

test("only the version is told without the key", async () => {
  const demo = await startGalaxy({ version: "25.1" });
  expect((await askGalaxy({ ...demo, key: "" }, "GET", "/api/version")).body).toMatchObject({ version_major: "25.1" });
  expect(await refused({ ...demo, key: "" }, "GET", "/api/users/current")).toEqual([403, 403001]);
  expect(await refused({ ...demo, key: "another" }, "GET", "/api/users/current")).toEqual([401, 401001]);
  expect((await askGalaxy(demo, "GET", "/api/users/current")).body).toMatchObject({ username: "demo" });
});

test("what is not there and what cannot be an id are refused as Galaxy refuses them", async () => {
  const demo = await startGalaxy();
  for (const path of ["invocations", "workflows", "histories"]) {
    expect(await refused(demo, "GET", `/api/${path}/0123456789abcdef`)).toEqual([404, 404001]);
    expect(await refused(demo, "GET", `/api/${path}/none`)).toEqual([400, 400009]);
  }
  expect(await refused(demo, "GET", "/api/nothing")).toEqual([404, 404001]);
});

describe("workflows", () => {
  test("are found by a name exactly, in quotes, or by a part of it; names are not unique", async () => {
    const demo = await startGalaxy();
    for (const name of ["RNA quality", "RNA quality 2", "RNA quality", "other"]) await imported(demo, chainFile(name));
    const search = async (words: string): Promise<string[]> =>
      names(demo, `/api/workflows?search=${encodeURIComponent(words)}`);
    expect(await search("name:'RNA quality'")).toEqual(["RNA quality", "RNA quality"]);
    expect(await search("name:'rna quality'")).toHaveLength(2);
    expect(await search("name:RNA")).toHaveLength(3);
    expect(await search("quality 2")).toEqual(["RNA quality 2"]);
    expect(await names(demo, "/api/workflows?limit=1&offset=3")).toEqual(["RNA quality"]);
  });

  test("show the labels of their inputs, and which may be left out", async () => {
    const demo = await startGalaxy();
    const nameless = { type: "data_input", tool_state: "{}" };
    const number = {
      type: "parameter_input",
      tool_state: '{"name": "n", "parameter_type": "integer", "default": 3}',
    };
    const file = gaFile("inputs", [dataInput("reads"), dataInput("more", { optional: true }), nameless, number]);
    const shown = await galaxyCaller(demo)("GET", `/api/workflows/${await imported(demo, file)}`);
    const labels = Object.values(shown["inputs"] as object).map(({ label }: { label: string }) => label);
    expect(labels).toEqual(["reads", "more", "Input Dataset", "n"]);
    expect(shown["steps"]).toMatchObject({
      1: { tool_inputs: { optional: true } },
      3: { tool_inputs: { default: 3 } },
    });
  });

  test.each([{}, { workflow: {} }, { workflow: { a_galaxy_workflow: "true", steps: { 0: { type: "odd" } } } }, []])(
    "that are none are not imported: %j",
    async (body) => {
      expect(await refused(await startGalaxy(), "POST", "/api/workflows", body)).toEqual([
        400,
        expect.toSatisfy((code) => code === 400007 || code === 400008),
      ]);
    },
  );
});

test("histories are found by their name exactly, and deleted ones only when asked for", async () => {
  const demo = await startGalaxy();
  const ask = galaxyCaller(demo);
  const made = [];
  for (const name of ["runtree 1", "runtree 12", "runtree 1"]) made.push(await ask("POST", "/api/histories", { name }));
  const find = async (query: string): Promise<string[]> => names(demo, `/api/histories?${query}`);
  expect(await find("q=name&qv=runtree%201")).toHaveLength(2);
  expect(await find("q=name-contains&qv=runtree")).toHaveLength(3);
  await ask("DELETE", `/api/histories/${made[0]?.id}`);
  expect(await find("q=name&qv=runtree%201")).toHaveLength(1);
  expect(await find("q=name&qv=runtree%201&q=deleted&qv=True")).toHaveLength(1);
  expect(await refused(demo, "GET", "/api/histories?q=odd&qv=1")).toEqual([400, 400008]);
});

describe("invoking", () => {
  const file = gaFile("asks", [
    { ...dataInput("reads"), uuid: "11111111-2222-4333-8444-555555555555" },
    dataInput("more", { optional: true }),
    { type: "parameter_input", label: "lines", tool_state: '{"parameter_type": "integer", "optional": false}' },
  ]);

  async function workflowOf(demo: LiveGalaxy): Promise<string> {
    return `/api/workflows/${await imported(demo, file)}/invocations`;
  }

  test.each([
    [undefined, { 0: DATASET, 2: 5 }],
    ["step_index", { 0: DATASET, 2: 5 }],
    ["name", { reads: DATASET, lines: 5 }],
    ["step_index|step_uuid|name", { "11111111-2222-4333-8444-555555555555": DATASET, lines: 5 }],
  ])("takes inputs by %s", async (inputs_by, inputs) => {
    const demo = await startGalaxy();
    const made = await galaxyCaller(demo)("POST", await workflowOf(demo), { inputs, inputs_by });
    expect(made).toMatchObject({
      state: "new",
      steps: [],
      inputs: { 0: { id: DATASET.id, label: "reads" } },
      input_step_parameters: { lines: { parameter_value: 5 } },
    });
    expect((await askGalaxy(demo, "GET", `/api/invocations/${made.id}/request`)).body).toMatchObject({
      inputs: { 0: DATASET, 2: 5 },
    });
  });

  test.each([
    ["without a required input", { inputs: { 0: DATASET } }, 0],
    ["with null for one", { inputs: { 0: null, 2: 5 } }, 0],
    ["by a way that is not known", { inputs: { 0: DATASET, 2: 5 }, inputs_by: "luck" }, 0],
    ["with an input without a source", { inputs: { 0: { id: DATASET.id }, 2: 5 } }, 400008],
    ["with an odd source", { inputs: { 0: { ...DATASET, src: "x" }, 2: 5 } }, 400008],
    ["with an odd id", { inputs: { 0: { ...DATASET, id: "x" }, 2: 5 } }, 400009],
    ["with inputs that are a list", { inputs: [] }, 400008],
    ["with parameters that are not by step", { inputs: { 0: DATASET, 2: 5 }, parameters: { 1: "x" } }, 400008],
    ["into two histories", { inputs: { 0: DATASET, 2: 5 }, history: "new", new_history_name: "other" }, 400008],
  ])("is refused %s, and nothing comes of it", async (_, body, code) => {
    const demo = await startGalaxy();
    expect(await refused(demo, "POST", await workflowOf(demo), body)).toEqual([400, code]);
    expect([await names(demo, "/api/invocations"), await names(demo, "/api/histories")]).toEqual([[], []]);
  });

  test("goes into a history that is there, or into a new one, and is listed by it", async () => {
    const demo = await startGalaxy();
    const ask = galaxyCaller(demo);
    const [path, inputs] = [await workflowOf(demo), { 0: DATASET, 2: 5 }];
    const history = await ask("POST", "/api/histories", { name: "ours" });
    const first = await ask("POST", path, { inputs, history: `hist_id=${history.id}` });
    const second = await ask("POST", path, { inputs, history_id: history.id });
    const third = await ask("POST", path, { inputs, new_history_name: "another" });
    const listed = (await askGalaxy(demo, "GET", `/api/invocations?history_id=${history.id}`)).body as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(third["history_id"]).not.toBe(history.id);
    expect(await names(demo, "/api/histories")).toEqual(["another", "ours"]);
    expect(await refused(demo, "POST", path, { inputs, history_id: "0123456789abcdef" })).toEqual([404, 404001]);
  });

  test("names the workflow by the id of its instance, which is asked for as one", async () => {
    const demo = await startGalaxy();
    const ask = galaxyCaller(demo);
    const { workflow_id: instance } = await ask("POST", await workflowOf(demo), { inputs: { 0: DATASET, 2: 5 } });
    expect(await refused(demo, "GET", `/api/workflows/${String(instance)}`)).toEqual([404, 404001]);
    expect(await ask("GET", `/api/workflows/${String(instance)}?instance=true`)).toMatchObject({ name: "asks" });
  });

  test("as a batch is answered with a list", async () => {
    const demo = await startGalaxy();
    const parameters = { 0: { input: { batch: true, values: [DATASET, DATASET] } } };
    const answer = await askGalaxy(demo, "POST", await workflowOf(demo), { batch: true, parameters });
    expect(answer.body).toHaveLength(2);
  });
});
