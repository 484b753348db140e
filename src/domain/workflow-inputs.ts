import { RuntreeError } from "./errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { formatPointer } from "./pointer.ts";
import { doorViolation } from "./verdict.ts";
import type { InvokeRequest, Workflow, WorkflowInput } from "./workflow-server.ts";

/** What an invocation is given, each by label or index of an input; what comes first goes over what comes later. */
export interface GivenInputs {
  /** As asked for; what names no input is for the steps. */
  readonly parameters: JsonObject;
  /** Names of parameters that somebody else asks for, so that they need name no input. */
  readonly otherwiseUsed?: ReadonlySet<string>;
  /** Of the dataset, then of the template. */
  readonly fallbacks: readonly JsonObject[];
}

/** What a workflow is sent: inputs by index, and parameters of its steps. */
export type FilledInputs = Required<Pick<InvokeRequest, "inputs" | "parameters">>;

function nameOf({ label, index }: WorkflowInput): string {
  return label ?? index;
}

function inputNamed({ inputs }: Workflow, name: string): WorkflowInput | undefined {
  return inputs.find(({ label }) => label === name) ?? inputs.find(({ index }) => index === name);
}

/**
 * Settles what is given to which input of a workflow, and what to its steps. Throws `validation_failed` for what names
 * neither an input nor holds parameters of a step, `input_missing` with a violation for each required input that nothing fills.
 */
export function fillInputs(
  workflow: Workflow,
  { parameters, fallbacks, otherwiseUsed = new Set() }: GivenInputs,
): FilledInputs {
  const inputs: Record<string, Json> = {};
  const steps: Record<string, Readonly<Record<string, Json>>> = {};
  for (const given of fallbacks.toReversed())
    for (const [name, value] of Object.entries(given)) {
      const input = inputNamed(workflow, name);
      if (input !== undefined) inputs[input.index] = value;
    }
  for (const [name, value] of Object.entries(parameters)) {
    const input = inputNamed(workflow, name);
    if (input !== undefined) inputs[input.index] = value;
    else if (otherwiseUsed.has(name)) continue;
    else if (isObject(value)) steps[name] = value;
    else throw notAnInput(workflow, name);
  }
  const missing = workflow.inputs.filter(({ index, optional }) => !optional && !Object.hasOwn(inputs, index));
  if (missing.length > 0) throw inputsMissing(workflow, missing);
  return { inputs, parameters: steps };
}

function notAnInput(workflow: Workflow, name: string): RuntreeError {
  const known = workflow.inputs.map((input) => JSON.stringify(nameOf(input))).join(", ");
  const words = `Workflow ${JSON.stringify(workflow.name)} has no input ${JSON.stringify(name)}${known === "" ? "" : `, but ${known}`}; parameters of a step are an object.`;
  const errors = [doorViolation("schema", formatPointer(["parameters", name]), words)];
  return new RuntreeError("validation_failed", words, { errors });
}

function inputsMissing(workflow: Workflow, missing: readonly WorkflowInput[]): RuntreeError {
  const names = missing.map((input) => JSON.stringify(nameOf(input))).join(", ");
  const words = `Workflow ${JSON.stringify(workflow.name)} needs ${names}: give it in parameters, or in galaxy_inputs of the dataset.`;
  const errors = missing.map((input) =>
    doorViolation(
      "schema",
      formatPointer(["parameters", nameOf(input)]),
      `The input ${JSON.stringify(nameOf(input))} (${input.type}) is required.`,
    ),
  );
  return new RuntreeError("input_missing", words, { errors });
}
