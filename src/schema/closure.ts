import { createHash } from "node:crypto";
import { isArray, isObject, type Json } from "../domain/json.ts";
import { parsePointer, valueAt } from "../domain/pointer.ts";

/** A schema file of the repository: its path, its blob, its value. */
export interface SchemaFile {
  readonly path: string;
  readonly oid: string;
  readonly value: Json;
}

/** One schema ready to be compiled: the file and pointer it starts at, and every file its references reach. */
export interface SchemaSource {
  /** The same for the same content, whatever the commit: the files of the closure by content, and the pointer. */
  readonly key: string;
  /** The same for all pointers into the same files. */
  readonly filesKey: string;
  /** As in `runtree.json`: `schemas/<name>.schema.json#/pointer`. */
  readonly reference: string;
  readonly files: readonly SchemaFile[];
}

/** Schema files know each other by their place below this address; nothing is ever fetched from it. */
const BASE = "https://runtree.invalid/";

/** The address under which a schema file is known to the others. */
export function fileAddress(path: string): string {
  return BASE + path;
}

function ownAddress(file: SchemaFile): string {
  const id = isObject(file.value) ? file.value["$id"] : undefined;
  if (typeof id !== "string" || !URL.canParse(id, fileAddress(file.path))) return fileAddress(file.path);
  return new URL(id, fileAddress(file.path)).href.replace(/#$/, "");
}

/** Pairs of files that others could mean by one address: the same `$id`, or one's `$id` and the other's place, whatever the case. */
export function sharedAddresses(files: readonly SchemaFile[]): [string, string][] {
  const owners = new Map<string, string>();
  return files.flatMap((file): [string, string][] => {
    // In lower case, as some checkouts do not tell `Study` from `study`.
    const addresses = new Set([fileAddress(file.path), ownAddress(file)].map((address) => address.toLowerCase()));
    const others = new Set(
      Array.from(addresses, (address) => owners.get(address)).filter((owner) => owner !== undefined),
    );
    for (const address of addresses) owners.set(address, file.path);
    return Array.from(others, (other) => [file.path, other]);
  });
}

function* referencesIn(value: Json): Generator<string> {
  if (isArray(value)) for (const item of value) yield* referencesIn(item);
  else if (isObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      if ((key === "$ref" || key === "$dynamicRef" || key === "$recursiveRef") && typeof member === "string")
        yield member;
      else yield* referencesIn(member);
    }
  }
}

/** Finds the file that a `$ref` of another file names, by its place or by its `$id`; undefined when none does. */
export function referencedFile(
  files: readonly SchemaFile[],
  from: SchemaFile,
  reference: string,
): SchemaFile | undefined {
  if (reference.startsWith("#")) return from;
  for (const base of [ownAddress(from), fileAddress(from.path)]) {
    if (!URL.canParse(reference, base)) continue;
    const target = new URL(reference, base).href.split("#", 1)[0];
    const found = files.find((file) => fileAddress(file.path) === target || ownAddress(file) === target);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The part of a schema that a reference's fragment names; undefined when there is none. */
export function placeIn(schema: Json, fragment: string): Json | undefined {
  let pointer: string;
  try {
    pointer = decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
  const path = parsePointer(pointer);
  return path === null ? undefined : valueAt(schema, path);
}

/** Collects the schema of a collection with everything it refers to; null when its file, or the place in it, does not exist. */
export function schemaSource(files: readonly SchemaFile[], reference: string): SchemaSource | null {
  const [path, fragment = ""] = reference.split("#");
  const start = files.find((file) => file.path === path);
  if (start === undefined || placeIn(start.value, fragment) === undefined) return null;
  const closure = new Set([start]);
  for (const file of closure) {
    for (const target of referencesIn(file.value)) {
      const found = referencedFile(files, file, target);
      if (found !== undefined) closure.add(found);
    }
  }
  const digest = (...parts: readonly string[]): string => createHash("sha1").update(parts.join("\n")).digest("hex");
  const filesKey = digest(start.path, ...Array.from(closure, (file) => `${file.path} ${file.oid}`).sort());
  return { key: digest(filesKey, reference), filesKey, reference, files: [...closure] };
}
