import { isArray, isObject, type Json, type JsonObject } from "../domain/json.ts";
import { invalid } from "./refused.ts";

export type StepType = "data_input" | "data_collection_input" | "parameter_input" | "pause" | "tool" | "subworkflow";

/** Where an input of a step comes from. */
export interface Source {
  readonly input: string;
  readonly step: number;
  readonly output: string;
  /** The input step of the sub-workflow that it feeds, if it feeds one. */
  readonly inner: number | null;
}

/** A step of a workflow as its file has it. */
export interface Step {
  readonly index: number;
  readonly type: StepType;
  readonly label: string | null;
  readonly uuid: string | null;
  readonly annotation: string | null;
  readonly toolId: string | null;
  readonly toolVersion: string | null;
  /** The state of the tool, or what an input asks for. */
  readonly toolInputs: JsonObject;
  readonly sources: readonly Source[];
  /** Names of its outputs that the workflow gives out, with the labels they have there. */
  readonly outputs: readonly { readonly name: string; readonly label: string | null }[];
  readonly inner: WorkflowFile | null;
}

/** What the stand-in takes from a `.ga` file. */
export interface WorkflowFile {
  readonly name: string;
  readonly uuid: string | null;
  readonly annotation: string | null;
  readonly tags: readonly string[];
  readonly steps: readonly Step[];
}

const TYPES: ReadonlySet<string> = new Set<StepType>([
  "data_input",
  "data_collection_input",
  "parameter_input",
  "pause",
  "tool",
  "subworkflow",
]);

function isStepType(value: Json | undefined): value is StepType {
  return typeof value === "string" && TYPES.has(value);
}

function textOf(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** The state of a tool is JSON in JSON; old files have its values so, too. */
function readToolState(value: Json | undefined): JsonObject {
  if (isObject(value)) return value;
  if (typeof value !== "string") return {};
  try {
    const state = JSON.parse(value) as Json;
    return isObject(state) ? state : {};
  } catch {
    throw invalid("The state of a tool is not JSON.");
  }
}

function readSources(connections: Json | undefined): Source[] {
  if (!isObject(connections)) return [];
  return Object.entries(connections).flatMap(([input, given]) =>
    (isArray(given) ? given : [given]).flatMap((each) => {
      if (!isObject(each) || typeof each["id"] !== "number") return [];
      const inner = each["input_subworkflow_step_id"];
      const output = textOf(each["output_name"]) ?? "output";
      return [{ input, step: each["id"], output, inner: typeof inner === "number" ? inner : null }];
    }),
  );
}

function readOutputs(value: Json | undefined): { name: string; label: string | null }[] {
  return (isArray(value) ? value : []).flatMap((each) => {
    const name = isObject(each) ? textOf(each["output_name"]) : null;
    return name === null || !isObject(each) ? [] : [{ name, label: textOf(each["label"]) }];
  });
}

function readStep(key: string, step: Json): Step {
  if (!isObject(step)) throw invalid(`Step ${key} is not an object.`);
  const type = step["type"] ?? "tool";
  if (!isStepType(type)) throw invalid(`Step ${key} has a type that is not known.`);
  if (type === "subworkflow" && !isObject(step["subworkflow"])) throw invalid(`Step ${key} has no workflow in it.`);
  return {
    index: Number(step["id"] ?? key),
    type,
    label: textOf(step["label"]),
    uuid: textOf(step["uuid"]),
    annotation: textOf(step["annotation"]),
    toolId: type === "tool" ? textOf(step["tool_id"]) : null,
    toolVersion: type === "tool" ? textOf(step["tool_version"]) : null,
    toolInputs: readToolState(step["tool_state"]),
    sources: readSources(step["input_connections"]),
    outputs: readOutputs(step["workflow_outputs"]),
    inner: type === "subworkflow" ? readWorkflowFile(step["subworkflow"]) : null,
  };
}

/** Reads a `.ga` file, sub-workflows too. Refuses what is none, as Galaxy does. */
export function readWorkflowFile(file: Json | undefined): WorkflowFile {
  if (!isObject(file) || file["a_galaxy_workflow"] !== "true" || !isObject(file["steps"]))
    throw invalid("The data content does not appear to be a valid workflow.");
  const steps = Object.entries(file["steps"]).map(([key, step]) => readStep(key, step));
  const tags = isArray(file["tags"]) ? file["tags"].map(String) : [];
  return {
    name: textOf(file["name"]) ?? "Unnamed workflow",
    uuid: textOf(file["uuid"]),
    annotation: textOf(file["annotation"]),
    tags,
    steps: steps.sort((left, right) => left.index - right.index),
  };
}

/** Tells whether a step is what an invocation fills in. */
export function isInput(step: Step): boolean {
  return step.type === "data_input" || step.type === "data_collection_input" || step.type === "parameter_input";
}

/** The name by which `inputs_by: "name"` finds an input; old files have it in the state of the tool. */
export function inputName(step: Step): string | null {
  return step.label ?? textOf(step.toolInputs["name"]);
}

/** Tells whether an invocation may leave an input out. */
export function mayBeLeftOut(step: Step): boolean {
  return step.toolInputs["optional"] === true || (step.toolInputs["default"] ?? null) !== null;
}
