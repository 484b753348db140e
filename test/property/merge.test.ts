import fc, { type Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";
import { noPolicy, policyLookup } from "../../src/domain/configuration.ts";
import { canonicalJson, isArray, isObject, type Json, type JsonObject, sameJson } from "../../src/domain/json.ts";
import { mergeDocuments, type Merged, mergeValues } from "../../src/domain/merge.ts";
import { applyMergePatch } from "../../src/domain/patch.ts";
import type { FieldConflict } from "../../src/domain/verdict.ts";
import { ATOMIC_MEMBER, KEYED_MEMBER, plainVersions, policyVersions, SET_MEMBER, type Versions } from "./generators.ts";
import { holds } from "./runs.ts";

const policyAt = policyLookup([
  { at: [SET_MEMBER], policy: "set" },
  { at: [KEYED_MEMBER], policy: { by: "id" } },
  { at: [ATOMIC_MEMBER], policy: "atomic" },
]);

const merge = (base: JsonObject, ours: JsonObject, theirs: JsonObject): Merged =>
  mergeDocuments(base, ours, theirs, { policyAt });

/** A keyed array as the map it stands for. */
const byId = (items: readonly Json[]): JsonObject =>
  Object.fromEntries((items as JsonObject[]).map((item) => [String(item["id"]), item]));

/** A set as a map, so that its order does not count. */
const bySelf = (items: readonly Json[]): JsonObject =>
  Object.fromEntries(items.map((item) => [JSON.stringify(item), true]));

/** A value without the orders that a merge may choose: sets and keyed arrays as maps. */
function unordered(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value;
  const { [SET_MEMBER]: tags, [KEYED_MEMBER]: parts, ...plain } = value;
  return {
    ...plain,
    ...(isArray(tags) ? { [SET_MEMBER]: bySelf(tags) } : {}),
    ...(isArray(parts) ? { [KEYED_MEMBER]: byId(parts) } : {}),
  };
}

/** What conflicts say, without order and without the places in keyed arrays, which follow the side that is ours. */
function conflictSet(conflicts: readonly FieldConflict[]): string[] {
  const place = new RegExp(`^/${KEYED_MEMBER}/\\d+`);
  return conflicts
    .map((conflict) => canonicalJson({ ...conflict, pointer: conflict.pointer.replace(place, `/${KEYED_MEMBER}`) }))
    .sort();
}

/** A conflict as the other side sees it. */
function swapped({ ours, theirs, ...rest }: FieldConflict): FieldConflict {
  return {
    ...rest,
    ...(theirs === undefined ? {} : { ours: theirs }),
    ...(ours === undefined ? {} : { theirs: ours }),
  };
}

/** Scalars, arrays and the atomic value of a document by the way to them. */
function leaves(value: Json | undefined, way = ""): Map<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value) || way === `/${ATOMIC_MEMBER}`) return new Map([[way, canonicalJson(value)]]);
  return new Map(Object.entries(value).flatMap(([key, member]) => [...leaves(member, `${way}/${key}`)]));
}

const law = <Value>(title: string, values: Arbitrary<Value>, check: (value: Value) => void): void =>
  test(title, () => holds(values, check));

const clean = (value: Json | undefined): Merged => ({ value, conflicts: [] });

describe("the laws of the merge", () => {
  test("the random documents merge cleanly more often than not, and not always", () => {
    for (const versions of [plainVersions, policyVersions]) {
      const merged = fc.sample(versions, 500).map(({ base, sides: [ours, theirs] }) => merge(base, ours, theirs));
      const cleanOnes = merged.filter(({ conflicts }) => conflicts.length === 0).length;
      expect(cleanOnes).toBeGreaterThanOrEqual(250);
      expect(cleanOnes).toBeLessThan(480);
    }
  });

  law("a side that changed nothing leaves the other as it is", policyVersions, ({ base, sides: [side] }) => {
    expect(merge(base, base, side)).toEqual(clean(side));
    expect(merge(base, side, base)).toEqual(clean(side));
    expect(merge(base, side, structuredClone(side))).toEqual(clean(side));
  });

  law("merging a side again changes nothing", policyVersions, ({ base, sides: [ours, theirs] }) => {
    const { value, conflicts } = merge(base, ours, theirs);
    if (conflicts.length > 0 || !isObject(value)) return;
    for (const again of [merge(base, value, theirs), merge(base, ours, value)]) {
      expect(again.conflicts).toEqual([]);
      expect(unordered(again.value)).toEqual(unordered(value));
    }
  });

  law("it does not matter which side is ours", policyVersions, ({ base, sides: [one, other] }) => {
    const [there, back] = [merge(base, one, other), merge(base, other, one)];
    expect(conflictSet(back.conflicts.map(swapped))).toEqual(conflictSet(there.conflicts));
    if (there.conflicts.length === 0) expect(unordered(back.value)).toEqual(unordered(there.value));
  });

  law("every leaf of the result stands at its place in one of the sides", policyVersions, ({ base, sides }) => {
    const [ours, theirs] = sides;
    const [left, right] = [leaves(unordered(ours)), leaves(unordered(theirs))];
    for (const [pointer, leaf] of leaves(unordered(merge(base, ours, theirs).value))) {
      expect([left.get(pointer), right.get(pointer)]).toContain(leaf);
    }
  });

  law("a clean merge holds every change of both sides", policyVersions, ({ base, sides: [ours, theirs] }) => {
    const { value, conflicts } = merge(base, ours, theirs);
    if (conflicts.length > 0) return;
    const [before, after] = [leaves(unordered(base)), leaves(unordered(value))];
    for (const side of [ours, theirs].map((document) => leaves(unordered(document)))) {
      for (const [pointer, leaf] of side) if (before.get(pointer) !== leaf) expect(after.get(pointer)).toBe(leaf);
      for (const pointer of before.keys()) if (!side.has(pointer)) expect(after.has(pointer)).toBe(false);
    }
  });

  law("a clean merge is our change as a merge patch on theirs", plainVersions, ({ base, sides: [ours, theirs] }) => {
    const { value, conflicts } = mergeDocuments(base, ours, theirs, { policyAt: noPolicy });
    if (conflicts.length === 0) expect(value).toEqual(applyMergePatch(theirs, patchBetween(base, ours) ?? {}));
  });

  law("three sides end alike in whatever order they come", policyVersions, ({ base, sides }) => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ] as const;
    const outcomes = orders.map((order) => {
      const end = mergeInto(
        base,
        order.map((index) => sides[index]),
      );
      return end === null ? "conflict" : unordered(end);
    });
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  });

  law("neither version is changed", policyVersions, ({ base, sides: [ours, theirs] }) => {
    const given = structuredClone([base, ours, theirs] as const);
    merge(...given);
    expect(given).toEqual([base, ours, theirs]);
  });

  law("a document added on both sides is identical or one conflict", policyVersions, ({ sides: [ours, theirs] }) => {
    const { value, conflicts } = mergeDocuments(null, ours, theirs, { policyAt });
    expect(value).toEqual(ours);
    expect(conflicts).toEqual(sameJson(ours, theirs) ? [] : [{ pointer: "", kind: "add/add", ours, theirs }]);
  });
});

describe("the laws of the policies", () => {
  /** The two sides and base of one member, where all three have it. */
  const memberOf = (name: string, { base, sides: [ours, theirs] }: Versions): [Json, Json, Json] | null => {
    const found = [base[name], ours[name], theirs[name]];
    return found.every((value) => value !== undefined) ? (found as [Json, Json, Json]) : null;
  };

  law("a set merges as the map of its items does, without any conflict", policyVersions, (versions) => {
    const found = memberOf(SET_MEMBER, versions) as Json[][] | null;
    if (found === null) return;
    const [base, ours, theirs] = found;
    const { value, conflicts } = mergeValues(base, ours, theirs, { policyAt: () => "set" });
    const maps = found.map(bySelf);
    expect(conflicts).toEqual([]);
    expect(bySelf(value as Json[])).toEqual(mergeValues(maps[0], maps[1], maps[2], { policyAt: noPolicy }).value);
  });

  law("an array by key merges as the map of its items does", policyVersions, (versions) => {
    const found = memberOf(KEYED_MEMBER, versions) as Json[][] | null;
    if (found === null) return;
    const [base, ours, theirs] = found;
    const keyed = mergeValues(base, ours, theirs, {
      policyAt: (path) => (path.length === 0 ? { by: "id" } : undefined),
    });
    const maps = found.map(byId);
    const mapped = mergeValues(maps[0], maps[1], maps[2], { policyAt: noPolicy });
    expect(byId(keyed.value as Json[])).toEqual(mapped.value);
    const sides = ({ pointer: _, ...rest }: FieldConflict): string => canonicalJson(rest);
    expect(keyed.conflicts.map(sides).sort()).toEqual(mapped.conflicts.map(sides).sort());
  });

  law("an atomic object is taken whole", policyVersions, (versions) => {
    const found = memberOf(ATOMIC_MEMBER, versions);
    if (found === null) return;
    const [base, ours, theirs] = found;
    const { value, conflicts } = mergeValues(base, ours, theirs, { policyAt: () => "atomic" });
    expect([ours, theirs]).toContainEqual(value);
    const differ = !sameJson(ours, theirs) && !sameJson(base, ours) && !sameJson(base, theirs);
    expect(conflicts.map(({ pointer }) => pointer)).toEqual(differ ? [""] : []);
  });

  law("an array without a policy is never merged by position", fc.array(smallArray(), threeOf), (arrays) => {
    const [base, ours, theirs] = arrays as [Json, Json, Json];
    const { value, conflicts } = mergeValues(base, ours, theirs, { policyAt: noPolicy });
    expect([ours, theirs]).toContainEqual(value);
    const differ = !sameJson(ours, theirs) && !sameJson(base, ours) && !sameJson(base, theirs);
    expect(conflicts).toEqual(differ ? [{ pointer: "", kind: "array", base, ours, theirs }] : []);
  });
});

const threeOf = { minLength: 3, maxLength: 3 } as const;

function smallArray(): Arbitrary<Json> {
  return fc.array(fc.constantFrom<Json>(1, 2, { id: "a" }), { maxLength: 2 });
}

/** What `main` ends as when each side merges into it in turn; null at the first conflict. */
function mergeInto(base: JsonObject, sides: readonly JsonObject[]): Json | null {
  let main: JsonObject = base;
  for (const side of sides) {
    const { value, conflicts } = merge(base, main, side);
    if (conflicts.length > 0) return null;
    main = value as JsonObject;
  }
  return main;
}

/** The merge patch that turns one null-free value into another; undefined when they are the same. */
function patchBetween(before: Json | undefined, after: Json | undefined): Json | undefined {
  if (sameJson(before, after)) return undefined;
  if (!isObject(before) || !isObject(after)) return after ?? null;
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const own = (value: JsonObject, key: string): Json | undefined =>
    Object.hasOwn(value, key) ? value[key] : undefined;
  const members = [...keys].map((key) => [key, patchBetween(own(before, key), own(after, key))] as const);
  return Object.fromEntries(members.filter((member): member is [string, Json] => member[1] !== undefined));
}
