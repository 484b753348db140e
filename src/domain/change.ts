import { isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { formatPointer, keysOf, memberOf, type Path } from "./pointer.ts";

/** What became of one document: leaf pointers are those of scalars and empty containers that came, went or changed. */
export interface Change {
  readonly collection: string;
  readonly id: string;
  readonly op: "add" | "modify" | "delete";
  readonly pointers: readonly string[];
}

/** The leaf pointers at which two values differ, in document order: ours first, then what only `after` has. */
export function changedPointers(before: Json | undefined, after: Json | undefined, path: Path = []): string[] {
  if (sameJson(before, after)) return [];
  const alike = (isObject(before) && isObject(after)) || (isArray(before) && isArray(after));
  const inside = (value: Json | undefined): boolean => keysOf(value).length > 0;
  if (!alike && before !== undefined && after !== undefined) {
    return inside(after) ? changedPointers(undefined, after, path) : [formatPointer(path)];
  }
  if (!inside(before) && !inside(after)) return [formatPointer(path)];
  const keys = new Set([...keysOf(before), ...keysOf(after)]);
  return [...keys].flatMap((key) => changedPointers(memberOf(before, key), memberOf(after, key), [...path, key]));
}

/** Describes what became of one document; null when nothing did. Absent is null. */
export function describeChange(
  collection: string,
  id: string,
  before: JsonObject | null,
  after: JsonObject | null,
): Change | null {
  if (sameJson(before ?? undefined, after ?? undefined)) return null;
  const op = before === null ? "add" : after === null ? "delete" : "modify";
  return { collection, id, op, pointers: changedPointers(before ?? undefined, after ?? undefined) };
}
