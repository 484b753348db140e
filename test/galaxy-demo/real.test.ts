import { describe, expect, test } from "vitest";
import { isObject } from "../../src/domain/json.ts";
import {
  askGalaxy,
  DATASET,
  GALAXY_IS_HERE,
  GALAXY_TITLE,
  galaxyCaller,
  type LiveGalaxy,
  realWorkflow,
  type Shown,
  startGalaxy,
} from "../support/galaxy.ts";

/** The calls that BioBlend makes to import a workflow, find its inputs by their labels and invoke it into a new history. */
async function play(demo: LiveGalaxy, file: string, values: readonly unknown[]): Promise<Shown> {
  const ask = galaxyCaller(demo);
  const made = await ask("POST", "/api/workflows", { workflow: realWorkflow(file), publish: false });
  const workflow = await ask("GET", `/api/workflows/${made.id}`);
  const history = await ask("POST", "/api/histories", { name: `for ${file}` });
  const inputs = isObject(workflow["inputs"]) ? Object.keys(workflow["inputs"]) : [];
  expect(inputs).toHaveLength(values.length);
  return ask("POST", `/api/workflows/${made.id}/invocations`, {
    inputs: Object.fromEntries(inputs.map((index, at) => [index, values[at]])),
    inputs_by: "step_index|step_uuid",
    history: `hist_id=${history.id}`,
    allow_tool_state_corrections: true,
  });
}

async function statesAfter(demo: LiveGalaxy, { id }: Shown, seconds: number): Promise<unknown> {
  demo.clock.pass(seconds);
  const ask = galaxyCaller(demo);
  const { state } = await ask("GET", `/api/invocations/${id}?step_details=True`);
  return [state, (await ask("GET", `/api/invocations/${id}/jobs_summary`)).states];
}

describe.skipIf(!GALAXY_IS_HERE)(GALAXY_TITLE, () => {
  test.each([
    ["paste_columns", [DATASET, DATASET], ["completed", { ok: 1 }]],
    ["select_x_random_lines", [7, DATASET], ["completed", { ok: 1 }]],
    ["workflow_with_parameter_input", ["text", DATASET], ["completed", { ok: 1 }]],
    // Its one tool is in the sub-workflow.
    ["paste_columns_subworkflow", [DATASET], ["completed", {}]],
    ["test_workflow_pause", [DATASET], ["ready", { ok: 1 }]],
  ])("%s is imported and goes its way", async (file, values, end) => {
    const demo = await startGalaxy();
    expect(await statesAfter(demo, await play(demo, file, values), 60)).toEqual(end);
  });

  test("inputs are known by label, and by the name that old files have", async () => {
    const demo = await startGalaxy();
    const ask = galaxyCaller(demo);
    const invokeBy = async (file: string, inputs: object): Promise<number> => {
      const { id } = await ask("POST", "/api/workflows", { workflow: realWorkflow(file) });
      const body = { inputs, inputs_by: "name" };
      return (await askGalaxy(demo, "POST", `/api/workflows/${id}/invocations`, body)).status;
    };
    expect(await invokeBy("select_x_random_lines", { how_many: 7, from_what: DATASET })).toBe(200);
    expect(await invokeBy("select_x_random_lines", { how_many: 7 })).toBe(400);
    expect(await invokeBy("paste_columns", { "Input 1": DATASET, "Input 2": DATASET })).toBe(200);
    // These inputs have neither; what is shown for them is no name.
    expect(await invokeBy("workflow_with_parameter_input", { "Input Parameter": "a", "Input Dataset": DATASET })).toBe(
      400,
    );
  });

  test("a sub-workflow's invocation is found from its step and in the list of the history", async () => {
    const demo = await startGalaxy();
    const ask = galaxyCaller(demo);
    const { id, history_id: history } = await play(demo, "paste_columns_subworkflow", [DATASET]);
    await statesAfter(demo, { id, state: "", states: {} }, 60);
    const { steps } = await ask("GET", `/api/invocations/${id}`);
    const [inner] = (steps as { subworkflow_invocation_id: string | null }[]).flatMap(
      (step) => step.subworkflow_invocation_id ?? [],
    );
    expect(await ask("GET", `/api/invocations/${inner}/jobs_summary`)).toMatchObject({ states: { ok: 1 } });
    const listed = async (more: string): Promise<string[]> =>
      (
        (await askGalaxy(demo, "GET", `/api/invocations?history_id=${String(history)}${more}`)).body as { id: string }[]
      ).map((each) => each.id);
    expect(await listed("")).toEqual([inner, id]);
    expect(await listed("&include_nested_invocations=False")).toEqual([id]);
    expect(await listed("&include_terminal=False")).toEqual([]);
  });
});
