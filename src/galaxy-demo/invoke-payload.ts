import { isArray, isObject, type Json, type JsonObject } from "../domain/json.ts";
import { decodable } from "./ids.ts";
import { invalid, uncoded } from "./refused.ts";
import { inputName, isInput, mayBeLeftOut, type Step } from "./workflow-file.ts";
import type { StoredWorkflow } from "./workflows.ts";

/** Where an invocation goes: into a history that is there, or a new one of a name. */
export type Target = { readonly id: string } | { readonly name: string };

/** What an invocation is asked to do, understood. */
export interface Asked {
  readonly target: Target;
  /** By the index of their steps. */
  readonly inputs: ReadonlyMap<number, Json>;
  readonly parameters: JsonObject;
  readonly useCachedJob: boolean;
}

const SOURCES: ReadonlySet<string> = new Set(["hda", "hdca", "ldda", "ld", "uuid", "url"]);

function textMember(body: JsonObject, name: string): string | null {
  const value = body[name] ?? null;
  if (value !== null && typeof value !== "string") throw invalid(`${name}: Input should be a valid string`);
  return value;
}

function objectMember(body: JsonObject, name: string): JsonObject {
  const value = body[name] ?? {};
  if (!isObject(value)) throw invalid(`${name}: Input should be a valid dictionary`);
  return value;
}

function targetOf(body: JsonObject): Target {
  const [id, name, either] = ["history_id", "new_history_name", "history"].map((each) => textMember(body, each));
  const ways = [id, name, either].filter((way) => way != null);
  if (ways.length > 1) throw invalid("Specified workflow target history multiple ways.");
  if (id != null) return { id };
  if (either?.startsWith("hist_id=") === true) return { id: either.slice("hist_id=".length) };
  return { name: name ?? either ?? "Unnamed history" };
}

/** The words that may name an input, in the ways that were asked for; of several the last counts. */
function keysOf(step: Step, by: string): string[] {
  return by.split("|").flatMap((way): string[] => {
    if (way === "step_index") return [String(step.index)];
    if (way === "step_uuid") return step.uuid === null ? [] : [step.uuid];
    // The number of its row, which nobody outside can know here.
    if (way === "step_id") return [];
    if (way === "name") return [inputName(step) ?? "None"];
    throw uncoded("Workflow cannot be run because unexpected inputs_by value specified.");
  });
}

function checkedInput(step: Step, value: Json): Json {
  if (step.type === "parameter_input") return value;
  if (!isObject(value) || typeof value["src"] !== "string")
    throw invalid(`Not input source type defined for input '${JSON.stringify(value)}'.`);
  if (typeof value["id"] !== "string" && value["src"] !== "url")
    throw invalid(`Not input id defined for input '${JSON.stringify(value)}'.`);
  if (!SOURCES.has(value["src"])) throw invalid(`Unknown workflow input source '${value["src"]}' specified.`);
  if (typeof value["id"] === "string" && value["src"] !== "uuid") decodable(value["id"]);
  return value;
}

function inputsOf(workflow: StoredWorkflow, body: JsonObject): Map<number, Json> {
  const given = isObject(body["inputs"]) ? body["inputs"] : objectMember(body, "ds_map");
  if ((body["inputs"] ?? null) !== null) objectMember(body, "inputs");
  const by = textMember(body, "inputs_by") ?? "step_index|step_uuid";
  const inputs = new Map<number, Json>();
  for (const step of workflow.file.steps.filter(isInput)) {
    const key = keysOf(step, by).findLast((each) => Object.hasOwn(given, each));
    const value = key === undefined ? null : (given[key] ?? null);
    if (value !== null) inputs.set(step.index, checkedInput(step, value));
    else if (!mayBeLeftOut(step)) {
      const words = `input step '${workflow.number * 100 + step.index}' (${step.label ?? "None"})`;
      throw uncoded(`Workflow cannot be run because ${words} is not optional and no input provided.`);
    }
  }
  return inputs;
}

function batchOf(body: JsonObject): JsonObject[] {
  const parameters = objectMember(body, "parameters");
  for (const [step, values] of Object.entries(parameters))
    if (!isObject(values)) throw invalid(`parameters.${step}: Input should be a valid dictionary`);
  if (body["batch"] !== true) return [parameters];
  const lists = Object.values(parameters)
    .flatMap((values) => (isObject(values) ? Object.values(values) : []))
    .flatMap((value) => (isObject(value) && isArray(value["values"]) ? [value["values"].length] : []));
  const pick = (value: Json, at: number): Json =>
    isObject(value) && isArray(value["values"]) ? (value["values"][at % value["values"].length] ?? null) : value;
  return Array.from({ length: Math.max(1, ...lists) }, (_, at) =>
    Object.fromEntries(
      Object.entries(parameters).map(([step, values]) => [
        step,
        Object.fromEntries(Object.entries(isObject(values) ? values : {}).map(([key, each]) => [key, pick(each, at)])),
      ]),
    ),
  );
}

/** Understands the body of an invoke: one invocation, or with `batch` as many as it has values. */
export function understandInvoke(workflow: StoredWorkflow, body: Json | undefined): Asked[] {
  if (!isObject(body)) throw invalid("Input should be a valid dictionary");
  const target = targetOf(body);
  const batch = batchOf(body);
  const inputs = body["batch"] === true ? new Map<number, Json>() : inputsOf(workflow, body);
  const useCachedJob = body["use_cached_job"] === true;
  return batch.map((parameters) => ({ target, inputs, parameters, useCachedJob }));
}
