import { isArray, isObject, type Json } from "./json.ts";
import { formatPointer } from "./pointer.ts";

/** The leaves of a value as texts: each pointer with what is there. */
function* leavesOf(value: Json, path: readonly string[] = []): Generator<string> {
  const members = isArray(value) ? value.entries() : isObject(value) ? Object.entries(value) : null;
  let empty = true;
  for (const [key, member] of members ?? []) {
    empty = false;
    yield* leavesOf(member, [...path, String(key)]);
  }
  if (members === null || empty) yield `${formatPointer(path)} ${JSON.stringify(value)}`;
}

/**
 * How much two values are alike, from 0 to 1: the leaves that are the same in both, of all there are (Jaccard). Never
 * quite 1 for values that differ, as arrays in another order do.
 */
export function likeness(left: Json, right: Json): number {
  const [mine, others] = [new Set(leavesOf(left)), new Set(leavesOf(right))];
  const shared = [...mine].filter((leaf) => others.has(leaf)).length;
  return shared / (mine.size + others.size - shared);
}
