import { isArray, isObject, type Json } from "../domain/json.ts";
import type { CollectionRules } from "../domain/configuration.ts";
import type { MergePolicy } from "../domain/merge.ts";
import type { Path } from "../domain/pointer.ts";
import { placeIn, referencedFile, type SchemaFile, type SchemaSource } from "./closure.ts";

/** What a schema says about references, uniqueness and merging with `x-ref`, `x-unique` and `x-merge`. */
export type Annotations = Pick<CollectionRules, "references" | "unique" | "policies">;

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

/** Collects the annotations of a schema. A schema that contains itself is followed once. */
export function annotationsOf(source: SchemaSource): Annotations {
  const references: { at: Path; to: readonly string[] }[] = [];
  const unique: Path[] = [];
  const policies: { at: Path; policy: MergePolicy }[] = [];

  const resolve = (file: SchemaFile, reference: string): { file: SchemaFile; schema: Json | undefined } | null => {
    const target = referencedFile(source.files, file, reference);
    return target === undefined ? null : { file: target, schema: placeIn(target.value, reference.split("#")[1] ?? "") };
  };
  const visit = (file: SchemaFile, schema: Json | undefined, at: Path, above: readonly Json[]): void => {
    if (!isObject(schema) || above.includes(schema)) return;
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
  return { references, unique, policies };
}
