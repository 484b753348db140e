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

/** How much all holes of a mapping are filled with, and how much those with a `*` search, in characters of JSON. */
const MOST_FILLED = 5_000_000;
const MOST_SEARCHED = 50_000_000;

/** Fills the holes of one mapping. */
class Filler {
  readonly #facts: JsonObject;
  #filled = 0;
  #searched = 0;

  constructor(facts: JsonObject) {
    this.#facts = facts;
  }

  fill(value: Json): Json {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return value.map((each) => this.fill(each));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const key = this.#text(name);
        return [typeof key === "string" ? key : JSON.stringify(key), this.fill(each)];
      }),
    );
  }

  /** Fills the holes of a text; one that is a hole and nothing else becomes the value itself. */
  #text(text: string): Json {
    const [whole] = text.matchAll(HOLE);
    if (whole !== undefined && whole[0] === text) return this.#filling(whole[1] ?? "");
    return text.replaceAll(HOLE, (_, pointer: string) => {
      const value = this.#filling(pointer);
      return typeof value === "string" ? value : JSON.stringify(value);
    });
  }

  /** What a hole is filled with: a value, or, where the pointer has a `*`, all values there. */
  #filling(pointer: string): Json {
    const value = this.#valueAt(pointer);
    if (value === undefined)
      throw failed(pointer, `The mapping asks for ${pointer}, which the invocation does not have.`);
    this.#filled += JSON.stringify(value).length;
    if (this.#filled > MOST_FILLED)
      throw failed(pointer, `The mapping would make more than ${MOST_FILLED} characters of the invocation.`);
    return value;
  }

  #valueAt(pointer: string): Json | undefined {
    const path = parsePointer(pointer);
    if (path === null) return undefined;
    const star = path.indexOf("*");
    if (star === -1) return valueAt(this.#facts, path);
    const searched = valueAt(this.#facts, path.slice(0, star));
    this.#searched += searched === undefined ? 0 : JSON.stringify(searched).length;
    if (this.#searched > MOST_SEARCHED)
      throw failed(pointer, "The mapping has too many holes with a * for so much data.");
    return selectAll(this.#facts, path).map(({ value }) => value);
  }
}

function failed(pointer: string, words: string): RuntreeError {
  return new RuntreeError("mapping_failed", words, { pointer });
}

/**
 * Makes a submission of what is known of an invocation: every `${pointer}` in the mapping is replaced by the value at that
 * JSON Pointer of the facts, as it is where the text is nothing else, else as text. Throws `mapping_failed` with the pointer
 * of what is not there, and where it would become too much.
 */
export function mapInvocation(mapping: InvocationMapping, facts: JsonObject): JsonObject {
  return new Filler(facts).fill(mapping) as JsonObject;
}

/** The pointers that a mapping asks for. */
function holesOf(value: Json): string[] {
  if (typeof value === "string") return Array.from(value.matchAll(HOLE), ([, pointer = ""]) => pointer);
  if (Array.isArray(value)) return value.flatMap(holesOf);
  return isObject(value) ? Object.entries(value).flatMap(([name, each]) => [...holesOf(name), ...holesOf(each)]) : [];
}

/** The names of params that mappings ask for. */
export function mappedParams(mappings: readonly InvocationMapping[]): ReadonlySet<string> {
  const paths = mappings.flatMap(holesOf).map((pointer) => parsePointer(pointer) ?? []);
  return new Set(paths.flatMap(([member, name]) => (member === "params" && name !== undefined ? [name] : [])));
}

/** The first hole of a mapping that is no JSON Pointer, or begins with none of some members; null when all do. For a mapping that is only just given. */
export function strangeHole(mapping: InvocationMapping, members: readonly string[]): string | null {
  const known = new Set(members);
  return holesOf(mapping).find((pointer) => !known.has(parsePointer(pointer)?.[0] ?? "")) ?? null;
}
