import { parentPort, workerData } from "node:worker_threads";
import type { ValidateFunction } from "ajv";
import { isObject, type Json } from "../domain/json.ts";
import { fileAddress, type SchemaSource } from "./closure.ts";
import { ajvFor } from "./drafts.ts";
import { type SchemaProblem, schemaProblem } from "./problem.ts";
import type { CheckAnswer, CheckRequest } from "./validator.ts";

/** Counts the steps taken, so that the other side can tell a slow document from many documents. */
const progress = new Int32Array(workerData as SharedArrayBuffer);
const compiled = new Map<string, ValidateFunction | string>();

function compile(source: SchemaSource): ValidateFunction | string {
  const [start] = source.files;
  try {
    const ajv = ajvFor(isObject(start?.value) ? start.value["$schema"] : undefined);
    for (const file of source.files) ajv.addSchema(file.value as object, fileAddress(file.path));
    return ajv.compile({ $ref: fileAddress(source.reference) });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function answer({ id, key, source, documents }: CheckRequest): CheckAnswer {
  if (source !== null) compiled.set(key, compile(source));
  const validate = compiled.get(key);
  if (validate === undefined) return { id, unknown: true };
  Atomics.add(progress, 0, 1);
  if (typeof validate === "string") return { id, compileError: validate };
  const problems = documents.map((document): SchemaProblem[] => {
    const fits = validate(JSON.parse(document) as Json);
    Atomics.add(progress, 0, 1);
    return fits ? [] : (validate.errors ?? []).map((error) => placed(schemaProblem(error)));
  });
  return { id, problems };
}

/** Names a place in a schema by its file, where ajv gives the address that files have among themselves. */
function placed(problem: SchemaProblem): SchemaProblem {
  const address = fileAddress("");
  if (!problem.schema_pointer.startsWith(address)) return problem;
  return {
    ...problem,
    schema_pointer: problem.schema_pointer.slice(address.length).replace(/\.schema\.json#?\//, ".schema.json#/"),
  };
}

parentPort?.on("message", (request: CheckRequest) => parentPort?.postMessage(answer(request)));
