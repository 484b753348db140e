import type { Json, JsonObject } from "./json.ts";

/** A value with members, which arrays have by their places; null of scalars. */
function membersOf(value: Json): JsonObject | null {
  return typeof value === "object" ? (value as JsonObject | null) : null;
}

/** How many leaves a value has; what has no members is one. */
function leavesIn(value: Json): number {
  const members = membersOf(value);
  if (members === null) return 1;
  let count = 0;
  if (Array.isArray(members)) for (const member of members as Json[]) count += leavesIn(member);
  else for (const key of Object.keys(members)) count += leavesIn(members[key] as Json);
  return Math.max(1, count);
}

/** How many leaves are the same at the same place in both. */
function sharedBy(left: Json, right: Json): number {
  const [mine, others] = [membersOf(left), membersOf(right)];
  if (mine === null || others === null) return left === right ? 1 : 0;
  if (Array.isArray(mine) !== Array.isArray(others)) return 0;
  let count = 0;
  if (Array.isArray(mine)) {
    const theirs = others as unknown as readonly Json[];
    const both = Math.min(mine.length, theirs.length);
    for (let at = 0; at < both; at++) count += sharedBy(mine[at] as Json, theirs[at] as Json);
    return both === 0 && mine.length === theirs.length ? 1 : count;
  }
  const keys = Object.keys(mine);
  for (const key of keys) if (Object.hasOwn(others, key)) count += sharedBy(mine[key] as Json, others[key] as Json);
  return keys.length === 0 && Object.keys(others).length === 0 ? 1 : count;
}

/**
 * Tells how much other values are like this one, from 0 to 1: the leaves that are the same in both, of all there are
 * (Jaccard). Never quite 1 for values that differ, as arrays in another order do.
 */
export function likenessTo(value: Json): (other: Json) => number {
  const own = leavesIn(value);
  return (other) => {
    const shared = sharedBy(value, other);
    return shared / (own + leavesIn(other) - shared);
  };
}
