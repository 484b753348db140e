import { isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { formatPointer, type Path } from "./pointer.ts";
import type { ConflictKind, FieldConflict } from "./verdict.ts";

/** How a value merges that is not simply a scalar: `atomic` is one value, `set` and `by` give arrays a meaning. */
export type MergePolicy = "atomic" | "set" | { readonly by: string };

/** The policy at a path of a document; undefined where none is stated. */
export type PolicyAt = (path: Path) => MergePolicy | undefined;

/** How to merge: the policies, and what settles a conflict before it counts (null: nothing does; an undefined value is absent). */
export interface MergeWay {
  readonly policyAt: PolicyAt;
  readonly settle?: (conflict: FieldConflict) => { readonly value: Json | undefined } | null;
}

/** The merged value (undefined is absent) and what stood in the way; with conflicts the value holds ours there. */
export interface Merged {
  readonly value: Json | undefined;
  readonly conflicts: readonly FieldConflict[];
}

const clean = (value: Json | undefined): Merged => ({ value, conflicts: [] });

function typeOf(value: Json): string {
  return value === null ? "null" : isArray(value) ? "array" : typeof value;
}

function kindOf(base: Json | undefined, ours: Json | undefined, theirs: Json | undefined): ConflictKind {
  if (ours === undefined || theirs === undefined) return "delete/modify";
  if (typeOf(ours) !== typeOf(theirs)) return "type";
  if (isArray(ours)) return "array";
  return base === undefined ? "add/add" : "modify/modify";
}

function conflict(
  way: MergeWay,
  path: Path,
  base: Json | undefined,
  ours: Json | undefined,
  theirs: Json | undefined,
): Merged {
  const sides = Object.fromEntries(Object.entries({ base, ours, theirs }).filter(([, value]) => value !== undefined));
  const found: FieldConflict = { pointer: formatPointer(path), kind: kindOf(base, ours, theirs), ...sides };
  const settled = way.settle?.(found) ?? null;
  return settled === null ? { value: ours, conflicts: [found] } : clean(settled.value);
}

/**
 * Merges three versions of a value (undefined is absent) field by field: `facts/reliability.md` §merge, that is
 * the three-way merge of RFC 7396 members with arrays atomic unless a policy says otherwise.
 */
export function mergeValues(
  base: Json | undefined,
  ours: Json | undefined,
  theirs: Json | undefined,
  way: MergeWay,
  path: Path = [],
): Merged {
  if (sameJson(ours, theirs) || sameJson(base, theirs)) return clean(ours);
  if (sameJson(base, ours)) return clean(theirs);
  const policy = way.policyAt(path);
  if (isArray(ours) && isArray(theirs) && (base === undefined || isArray(base))) {
    const arrays = { base: base ?? [], ours, theirs };
    const merged =
      policy === "set"
        ? mergeSets(arrays)
        : typeof policy === "object"
          ? mergeByKey(arrays, policy.by, way, path)
          : null;
    if (merged !== null) return merged;
  }
  const mergeable = isObject(ours) && isObject(theirs) && (base === undefined || isObject(base)) && policy !== "atomic";
  return mergeable ? mergeMembers(base ?? {}, ours, theirs, way, path) : conflict(way, path, base, ours, theirs);
}

function mergeMembers(base: JsonObject, ours: JsonObject, theirs: JsonObject, way: MergeWay, path: Path): Merged {
  const members: Record<string, Json> = {};
  const conflicts: FieldConflict[] = [];
  const own = (side: JsonObject, key: string): Json | undefined => (Object.hasOwn(side, key) ? side[key] : undefined);
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const merged = mergeValues(own(base, key), own(ours, key), own(theirs, key), way, [...path, key]);
    for (const found of merged.conflicts) conflicts.push(found);
    // Defined, not assigned: a tree that stock git wrote may hold a member called __proto__.
    if (merged.value !== undefined) {
      Object.defineProperty(members, key, {
        value: merged.value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  }
  return { value: members, conflicts };
}

interface Arrays {
  readonly base: readonly Json[];
  readonly ours: readonly Json[];
  readonly theirs: readonly Json[];
}

/** Union of what both sides added, less what either removed: ours in its order, then theirs' new ones. Null: not sets of scalars. */
function mergeSets({ base, ours, theirs }: Arrays): Merged | null {
  for (const side of [base, ours, theirs]) {
    if (side.some((item) => typeof item === "object" && item !== null) || new Set(side).size !== side.length)
      return null;
  }
  const [had, left, right] = [new Set(base), new Set(ours), new Set(theirs)];
  const kept = ours.filter((item) => right.has(item) || !had.has(item));
  return clean([...kept, ...theirs.filter((item) => !left.has(item) && !had.has(item))]);
}

/** The items of an array by the text of their key member, in order; null when one has none or two have the same. */
function itemsByKey(items: readonly Json[], key: string): Map<string, Json> | null {
  const found = new Map<string, Json>();
  for (const item of items) {
    const name = isObject(item) && Object.hasOwn(item, key) ? item[key] : undefined;
    if (name === undefined || (typeof name === "object" && name !== null)) return null;
    const text = JSON.stringify(name);
    if (found.has(text)) return null;
    found.set(text, item);
  }
  return found;
}

/** Merges arrays of objects as maps by a member. Null (so: atomic) when a key is missing or stands twice. */
function mergeByKey(arrays: Arrays, key: string, way: MergeWay, path: Path): Merged | null {
  const base = itemsByKey(arrays.base, key);
  const ours = itemsByKey(arrays.ours, key);
  const theirs = itemsByKey(arrays.theirs, key);
  if (base === null || ours === null || theirs === null) return null;

  const common = new Set([...base.keys()].filter((name) => ours.has(name) && theirs.has(name)));
  const orderIn = (side: Map<string, Json>): string => [...side.keys()].filter((name) => common.has(name)).join();
  const [oldOrder, ourOrder, theirOrder] = [base, ours, theirs].map(orderIn);
  if (ourOrder !== oldOrder && theirOrder !== oldOrder && ourOrder !== theirOrder) {
    return conflict(way, path, arrays.base, arrays.ours, arrays.theirs);
  }
  const [first, second] = ourOrder === oldOrder && theirOrder !== oldOrder ? [theirs, ours] : [ours, theirs];

  // Ours, then theirs' new items: a place of its own for each, also for one that a side removed.
  const places = new Map([...new Set([...ours.keys(), ...theirs.keys()])].map((name, index) => [name, String(index)]));
  const items: Json[] = [];
  const conflicts: FieldConflict[] = [];
  for (const name of new Set([...first.keys(), ...second.keys()])) {
    const place = [...path, places.get(name) ?? ""];
    const merged = mergeValues(base.get(name), ours.get(name), theirs.get(name), way, place);
    for (const found of merged.conflicts) conflicts.push(found);
    if (merged.value !== undefined) items.push(merged.value);
  }
  return { value: items, conflicts };
}

/**
 * Merges three versions of a whole document (null is absent). A document that both sides added is never merged by
 * members: it is identical, or an `add/add` conflict at the root, or two samples under one id would fuse.
 */
export function mergeDocuments(
  base: JsonObject | null,
  ours: JsonObject | null,
  theirs: JsonObject | null,
  way: MergeWay,
): Merged {
  if (base === null && ours !== null && theirs !== null && !sameJson(ours, theirs)) {
    return conflict(way, [], undefined, ours, theirs);
  }
  return mergeValues(base ?? undefined, ours ?? undefined, theirs ?? undefined, way);
}
