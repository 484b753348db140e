import { parentPort, workerData } from "node:worker_threads";
import type { Ajv, ValidateFunction } from "ajv";
import { LRUCache } from "lru-cache";
import { isObject, type Json } from "../domain/json.ts";
import { fileAddress, type SchemaFile } from "./closure.ts";
import { ajvFor } from "./drafts.ts";
import { type SchemaProblem, schemaProblem } from "./problem.ts";
import type { CheckAnswer, CheckRequest } from "./validator.ts";

/** How many sets of schema files stay compiled: those of `main` and of a few runs that change them. */
const SETS = 16;

/** Counts the steps taken, so that the other side can tell a slow document from many documents. */
const progress = new Int32Array(workerData as SharedArrayBuffer);

/** What is compiled of one set of files. Collections under one file share an ajv, which compiles what they have in common once. */
interface CompiledSet {
  readonly ajv: Ajv;
  readonly compiled: Map<string, ValidateFunction>;
}

const sets = new LRUCache<string, CompiledSet>({ max: SETS });

function makeSet(files: readonly SchemaFile[]): CompiledSet {
  const [start] = files;
  const ajv = ajvFor(isObject(start?.value) ? start.value["$schema"] : undefined);
  for (const file of files) ajv.addSchema(file.value as object, fileAddress(file.path));
  return { ajv, compiled: new Map() };
}

/** The check of one place in a set of files. Throws what ajv throws when it does not compile. */
function compile({ ajv, compiled }: CompiledSet, reference: string): ValidateFunction {
  const validate = compiled.get(reference) ?? ajv.compile({ $ref: fileAddress(reference) });
  compiled.set(reference, validate);
  return validate;
}

function answer({ filesKey, files, reference, documents }: CheckRequest): CheckAnswer {
  let validate: ValidateFunction;
  try {
    const set = sets.get(filesKey) ?? (files === null ? null : makeSet(files));
    if (set === null) return { unknown: true };
    sets.set(filesKey, set);
    validate = compile(set, reference);
  } catch (error) {
    return { compileError: error instanceof Error ? error.message : String(error) };
  }
  Atomics.add(progress, 0, 1);
  const problems = documents.map((document): SchemaProblem[] => {
    const fits = validate(documentIn(document));
    Atomics.add(progress, 0, 1);
    return fits ? [] : (validate.errors ?? []).map((error) => placed(schemaProblem(error)));
  });
  return { problems };
}

/** A number that may be too large for a double, which would read as infinite. */
const OVERFLOWING = /[\s:,[]-?[0-9.]+[eE]\+?[0-9]{3}|[0-9]{200}/;

/** Reads a document as it will be in the canonical form, which has null for what is infinite. */
function documentIn(text: string): Json {
  const document = JSON.parse(text) as Json;
  return OVERFLOWING.test(text) ? (JSON.parse(JSON.stringify(document)) as Json) : document;
}

/** ajv gives the place below the schema it was compiled from, with the address of the file only now and then. */
function placed(problem: SchemaProblem): SchemaProblem {
  const { schema_pointer } = problem;
  if (!schema_pointer.startsWith(fileAddress(""))) return problem;
  return { ...problem, schema_pointer: schema_pointer.replace(/^.*?\.schema\.json#?/, "#") };
}

parentPort?.on("message", (requests: readonly CheckRequest[]) => parentPort?.postMessage(requests.map(answer)));
