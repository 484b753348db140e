import { isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { formatPointer, keysOf, memberOf, type Path } from "./pointer.ts";

/** What became of one document: leaf pointers are those of scalars and empty containers that came, went or changed. */
export interface Change {
  readonly collection: string;
  readonly id: string;
  readonly op: "add" | "modify" | "delete";
  readonly pointers: readonly string[];
}

/** The pointers of a value's leaves: scalars and empty containers; none for an absent value. */
export function* leafPointers(value: Json | undefined, path: Path = []): Generator<string> {
  if (value === undefined) return;
  const keys = keysOf(value);
  if (keys.length === 0) yield formatPointer(path);
  for (const key of keys) yield* leafPointers(memberOf(value, key), [...path, key]);
}

function* changedLeaves(before: Json | undefined, after: Json | undefined, path: Path): Generator<string> {
  if (sameJson(before, after)) return;
  const alike = (isObject(before) && isObject(after)) || (isArray(before) && isArray(after));
  const [olds, news] = [keysOf(before), keysOf(after)];
  // A container inside that is empty on one side is a leaf there; a document's root is none.
  if (alike && (path.length === 0 || (olds.length > 0 && news.length > 0))) {
    for (const key of new Set([...olds, ...news]))
      yield* changedLeaves(memberOf(before, key), memberOf(after, key), [...path, key]);
    return;
  }
  yield* leafPointers(before, path);
  yield* leafPointers(after, path);
}

/** The leaf pointers at which two values differ, in the order of the older value, then of the newer one. */
export function changedPointers(before: Json | undefined, after: Json | undefined): string[] {
  return [...new Set(changedLeaves(before, after, []))];
}

/** Room for the pointers of one change, in UTF-16 units; long keys above many members would otherwise fill the memory. */
const POINTER_ROOM = 4_000_000;

/** What became of one document, without where; null when nothing did. Absent is null. */
export function changeOp(before: JsonObject | null, after: JsonObject | null): Change["op"] | null {
  if (sameJson(before ?? undefined, after ?? undefined)) return null;
  return before === null ? "add" : after === null ? "delete" : "modify";
}

/** Describes what became of one document; null when nothing did. Where the pointers would fill the memory, the root stands for all of them. */
export function describeChange(
  collection: string,
  id: string,
  before: JsonObject | null,
  after: JsonObject | null,
): Change | null {
  const op = changeOp(before, after);
  if (op === null) return null;
  const pointers = new Set<string>();
  let room = POINTER_ROOM;
  for (const pointer of changedLeaves(before ?? undefined, after ?? undefined, [])) {
    pointers.add(pointer);
    room -= pointer.length;
    if (room < 0) return { collection, id, op, pointers: [""] };
  }
  return { collection, id, op, pointers: [...pointers] };
}
