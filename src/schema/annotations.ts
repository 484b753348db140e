import type { CollectionRules } from "../domain/configuration.ts";
import { isArray, isObject, type Json } from "../domain/json.ts";
import type { MergePolicy } from "../domain/merge.ts";
import { formatPointer, type Path } from "../domain/pointer.ts";
import { placeIn, referencedFile, type SchemaFile, type SchemaSource } from "./closure.ts";

/** What a schema says about references, uniqueness and merging with `x-ref`, `x-unique` and `x-merge`. */
export interface Annotations extends Pick<CollectionRules, "references" | "unique" | "policies"> {
  /** False when the schema leads to more places than are looked at; then annotations may be missing. */
  readonly complete: boolean;
  /** The parts of the schema that were looked at. */
  readonly reached: ReadonlySet<Json>;
}

/** How many places of documents are looked at for one collection; schemas that refer to each other in circles have endless ones. */
const MAX_PLACES = 20_000;

function policyOf(value: Json | undefined): MergePolicy | null {
  if (value === "set" || value === "atomic") return value;
  return isObject(value) && typeof value["by"] === "string" ? { by: value["by"] } : null;
}

function namesOf(value: Json | undefined): string[] {
  return (isArray(value) ? value : [value]).filter((name) => typeof name === "string");
}

/** Subschemas that speak of the value itself, and of any of its items. */
const SAME = ["allOf", "anyOf", "oneOf", "if", "then", "else"];
const ITEMS = ["items", "additionalItems", "prefixItems", "contains"];

function subschemas(schema: Json): Json[] {
  return isArray(schema) ? [...schema] : [schema];
}

/** Every part of a schema that has an annotation, with its place in the file. */
export function* annotatedPlaces(schema: Json, at: Path = []): Generator<{ schema: Json; at: Path }> {
  if (
    isObject(schema) &&
    (schema["x-ref"] !== undefined || schema["x-unique"] === true || policyOf(schema["x-merge"]) !== null)
  ) {
    yield { schema, at };
  }
  const members = isArray(schema) ? schema.entries() : Object.entries(isObject(schema) ? schema : {});
  for (const [key, member] of members) yield* annotatedPlaces(member, [...at, String(key)]);
}

/** Collects the annotations of a schema. A schema that contains itself is followed once. */
export function annotationsOf(source: SchemaSource): Annotations {
  const references: { at: Path; to: readonly string[] }[] = [];
  const unique: Path[] = [];
  const policies: { at: Path; policy: MergePolicy }[] = [];
  const reached = new Set<Json>();
  const seen = new Map<string, Set<Json>>();
  let places = 0;

  const resolve = (file: SchemaFile, reference: string): { file: SchemaFile; schema: Json | undefined } | null => {
    const target = referencedFile(source.files, file, reference);
    return target === undefined ? null : { file: target, schema: placeIn(target.value, reference.split("#")[1] ?? "") };
  };
  const visit = (file: SchemaFile, schema: Json | undefined, at: Path, above: readonly Json[]): void => {
    if (!isObject(schema) || above.includes(schema) || places > MAX_PLACES) return;
    const pointer = formatPointer(at);
    const here = seen.get(pointer) ?? new Set<Json>();
    if (here.has(schema)) return;
    seen.set(pointer, here.add(schema));
    reached.add(schema);
    places++;

    const within = [...above, schema];
    const to = namesOf(schema["x-ref"]);
    if (to.length > 0) references.push({ at, to });
    if (schema["x-unique"] === true) unique.push(at);
    const policy = policyOf(schema["x-merge"]);
    if (policy !== null) policies.push({ at, policy });

    const reference = schema["$ref"];
    const target = typeof reference === "string" ? resolve(file, reference) : null;
    if (target !== null) visit(target.file, target.schema, at, within);
    for (const key of SAME) for (const inner of subschemas(schema[key] ?? null)) visit(file, inner, at, within);
    for (const key of ITEMS)
      for (const inner of subschemas(schema[key] ?? null)) visit(file, inner, [...at, "*"], within);
    const { properties, patternProperties, additionalProperties } = schema;
    for (const [name, inner] of Object.entries(isObject(properties) ? properties : {}))
      visit(file, inner, [...at, name], within);
    // `*` is any member, so it says too much where some members are spoken of by name.
    if (properties === undefined && patternProperties === undefined)
      visit(file, additionalProperties, [...at, "*"], within);
  };

  const [start] = source.files;
  const root = start === undefined ? null : resolve(start, `#${source.reference.split("#")[1] ?? ""}`);
  if (root !== null) visit(root.file, root.schema, [], []);
  return { references, unique, policies, complete: places <= MAX_PLACES, reached };
}
