import { isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { formatPointer, keysOf, memberOf, type Path } from "./pointer.ts";

/** What became of one document: leaf pointers are those of scalars and empty containers that came, went or changed. */
export interface Change {
  readonly collection: string;
  readonly id: string;
  readonly op: "add" | "modify" | "delete";
  readonly pointers: readonly string[];
}

/** The pointers of a value's leaves; none for an absent value. */
function leafPointers(value: Json | undefined, path: Path): string[] {
  if (value === undefined) return [];
  const keys = keysOf(value);
  return keys.length === 0
    ? [formatPointer(path)]
    : keys.flatMap((key) => leafPointers(memberOf(value, key), [...path, key]));
}

/** The leaf pointers at which two values differ, in the order of the older value, then of the newer one. */
export function changedPointers(before: Json | undefined, after: Json | undefined, path: Path = []): string[] {
  if (sameJson(before, after)) return [];
  const alike = (isObject(before) && isObject(after)) || (isArray(before) && isArray(after));
  const [olds, news] = [keysOf(before), keysOf(after)];
  // A container inside that is empty on one side is a leaf there; a document's root is none.
  if (alike && (path.length === 0 || (olds.length > 0 && news.length > 0))) {
    return [...new Set([...olds, ...news])].flatMap((key) =>
      changedPointers(memberOf(before, key), memberOf(after, key), [...path, key]),
    );
  }
  return [...new Set([...leafPointers(before, path), ...leafPointers(after, path)])];
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
