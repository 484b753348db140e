import { RuntreeError } from "./errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { parsePointer, selectAll, valueAt } from "./pointer.ts";

/** Documents to be made of an invocation: `{collection: {id: document}}`, whose texts and names may hold `${pointer}`. */
export type InvocationMapping = JsonObject;

/** What a mapping may speak of. */
export const MAPPED_FACTS = [
  "run_id",
  "job_id",
  "params",
  "dataset_id",
  "dataset",
  "invocation",
  "inputs",
  "outputs",
] as const;

const HOLE = /\$\{(\/[^{}]*)\}/g;

/** What a hole is filled with: a value, or, where the pointer has a `*`, all values there. Throws `mapping_failed` where there is none. */
function filling(facts: JsonObject, pointer: string): Json {
  const path = parsePointer(pointer) ?? [];
  if (path.includes("*")) return selectAll(facts, path).map(({ value }) => value);
  const value = valueAt(facts, path);
  if (value !== undefined) return value;
  const words = `The mapping asks for ${pointer}, which the invocation does not have.`;
  throw new RuntreeError("mapping_failed", words, { pointer });
}

/** Fills the holes of a text; one that is a hole and nothing else becomes the value itself. */
function filledText(facts: JsonObject, text: string): Json {
  const [whole] = text.matchAll(HOLE);
  if (whole !== undefined && whole[0] === text) return filling(facts, whole[1] ?? "");
  return text.replaceAll(HOLE, (_, pointer: string) => {
    const value = filling(facts, pointer);
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}

function filled(facts: JsonObject, value: Json): Json {
  if (typeof value === "string") return filledText(facts, value);
  if (Array.isArray(value)) return value.map((each) => filled(facts, each));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const key = filledText(facts, name);
      return [typeof key === "string" ? key : JSON.stringify(key), filled(facts, each)];
    }),
  );
}

/**
 * Makes a submission of what is known of an invocation: every `${pointer}` in the mapping is replaced by the value at that
 * JSON Pointer of the facts, as it is where the text is nothing else, else as text. Throws `mapping_failed` with the pointer
 * of what is not there.
 */
export function mapInvocation(mapping: InvocationMapping, facts: JsonObject): JsonObject {
  return filled(facts, mapping) as JsonObject;
}

/** The pointers that a mapping asks for. */
function holesOf(mapping: InvocationMapping): string[] {
  return Array.from(JSON.stringify(mapping).matchAll(HOLE), ([, pointer = ""]) => pointer);
}

/** The names of params that mappings ask for. */
export function mappedParams(mappings: readonly InvocationMapping[]): ReadonlySet<string> {
  const paths = mappings.flatMap(holesOf).map((pointer) => parsePointer(pointer) ?? []);
  return new Set(paths.flatMap(([member, name]) => (member === "params" && name !== undefined ? [name] : [])));
}

/** The first hole of a mapping that begins with none of some members; null when all do. For a mapping that is only just given. */
export function strangeHole(mapping: InvocationMapping, members: readonly string[]): string | null {
  const known = new Set(members);
  return holesOf(mapping).find((pointer) => !known.has(pointer.split("/")[1] ?? "")) ?? null;
}
