import { describe, expect, test } from "vitest";
import { noPolicy, policyLookup } from "../../src/domain/configuration.ts";
import type { Json, JsonObject } from "../../src/domain/json.ts";
import { mergeDocuments, type Merged, type MergePolicy, mergeValues } from "../../src/domain/merge.ts";
import { parsePointer } from "../../src/domain/pointer.ts";
import type { FieldConflict } from "../../src/domain/verdict.ts";

type Versions = readonly [base: JsonObject | null, ours: JsonObject | null, theirs: JsonObject | null];

/** Merges documents under the policies named, by pointer. */
function merge([base, ours, theirs]: Versions, policies: Readonly<Record<string, MergePolicy>> = {}): Merged {
  const ruled = Object.entries(policies).map(([pointer, policy]) => ({ at: parsePointer(pointer) ?? [], policy }));
  return mergeDocuments(base, ours, theirs, { policyAt: policyLookup(ruled) });
}

const clean = (value: Json | undefined): Merged => ({ value, conflicts: [] });

describe("fields that merge", () => {
  test.each<[string, Versions, Json | undefined]>([
    [
      "changed on each side apart",
      [
        { a: 1, b: 1 },
        { a: 2, b: 1 },
        { a: 1, b: 2 },
      ],
      { a: 2, b: 2 },
    ],
    ["changed alike", [{ a: 1 }, { a: 2 }, { a: 2 }], { a: 2 }],
    ["removed and changed apart", [{ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }], { b: 2 }],
    ["added on each side apart", [{}, { a: 1 }, { b: 2 }], { a: 1, b: 2 }],
    ["removed alike", [{ a: 1, b: 1 }, { b: 1 }, { b: 1 }], { b: 1 }],
    [
      "set to null on one side",
      [
        { a: 1, b: 1 },
        { a: null, b: 1 },
        { a: 1, b: 2 },
      ],
      { a: null, b: 2 },
    ],
    ["inside an object that both added", [{}, { a: { x: 1 } }, { a: { y: 2 } }], { a: { x: 1, y: 2 } }],
    ["an array that one side changed", [{ a: [1] }, { a: [1, 2] }, { a: [1], b: 1 }], { a: [1, 2], b: 1 }],
    ["a document removed on both sides", [{ a: 1 }, null, null], undefined],
    ["a document removed on one side", [{ a: 1 }, { a: 1 }, null], undefined],
    ["a document added on one side", [null, null, { a: 1 }], { a: 1 }],
    ["a document added alike", [null, { a: 1, b: 2 }, { b: 2, a: 1 }], { a: 1, b: 2 }],
  ])("%s", (_, versions, value) => {
    expect(merge(versions)).toEqual(clean(value));
  });

  // The door refuses this key, but a tree that stock git wrote may hold it.
  test("a member called __proto__ is not lost", () => {
    const theirs = JSON.parse('{"a": 1, "__proto__": {"b": 1}}') as JsonObject;
    const { value } = merge([{ a: 1 }, { a: 1, c: 1 }, theirs]);
    expect(JSON.stringify(value)).toContain('"__proto__":{"b":1}');
  });
});

describe("fields that conflict", () => {
  test.each<[string, Versions, FieldConflict]>([
    [
      "changed to different values",
      [{ a: 1 }, { a: 2 }, { a: 3 }],
      { pointer: "/a", kind: "modify/modify", base: 1, ours: 2, theirs: 3 },
    ],
    ["added with different values", [{}, { a: 2 }, { a: 3 }], { pointer: "/a", kind: "add/add", ours: 2, theirs: 3 }],
    ["removed by us", [{ a: 1 }, {}, { a: 3 }], { pointer: "/a", kind: "delete/modify", base: 1, theirs: 3 }],
    ["removed by them", [{ a: 1 }, { a: 2 }, {}], { pointer: "/a", kind: "delete/modify", base: 1, ours: 2 }],
    [
      "of different types",
      [{ a: 1 }, { a: "1" }, { a: 2 }],
      { pointer: "/a", kind: "type", base: 1, ours: "1", theirs: 2 },
    ],
    [
      "an object and null",
      [{ a: { x: 1 } }, { a: null }, { a: { x: 2 } }],
      { pointer: "/a", kind: "type", base: { x: 1 }, ours: null, theirs: { x: 2 } },
    ],
    [
      "arrays, whatever the positions",
      [{ a: [1, 2] }, { a: [9, 2] }, { a: [1, 8] }],
      { pointer: "/a", kind: "array", base: [1, 2], ours: [9, 2], theirs: [1, 8] },
    ],
    [
      "two objects in place of a scalar",
      [{ a: 1 }, { a: { x: 1 } }, { a: { y: 1 } }],
      { pointer: "/a", kind: "modify/modify", base: 1, ours: { x: 1 }, theirs: { y: 1 } },
    ],
    [
      "deep inside, under keys that a pointer escapes",
      [{ "a/b": { "c~": 1 } }, { "a/b": { "c~": 2 } }, { "a/b": { "c~": 3 } }],
      { pointer: "/a~1b/c~0", kind: "modify/modify", base: 1, ours: 2, theirs: 3 },
    ],
    [
      "a document removed by them",
      [{ a: 1 }, { a: 2 }, null],
      { pointer: "", kind: "delete/modify", base: { a: 1 }, ours: { a: 2 } },
    ],
    [
      "a document added on both sides, even where no field differs",
      [null, { a: 1 }, { b: 2 }],
      { pointer: "", kind: "add/add", ours: { a: 1 }, theirs: { b: 2 } },
    ],
  ])("%s", (_, versions, conflict) => {
    expect(merge(versions)).toEqual({ value: versions[1] ?? undefined, conflicts: [conflict] });
  });

  test("are all named, and do not keep the others from merging", () => {
    const merged = merge([
      { a: 1, b: { c: 1 }, d: 1, e: 1 },
      { a: 2, b: { c: 2 }, d: 2, e: 1 },
      { a: 3, b: { c: 3 }, d: 1, e: 2 },
    ]);
    expect(merged.conflicts.map(({ pointer }) => pointer)).toEqual(["/a", "/b/c"]);
    expect(merged.value).toEqual({ a: 2, b: { c: 2 }, d: 2, e: 2 });
  });

  test("in a member that every object inherits are found", () => {
    const member = (toString: Json): JsonObject => ({ toString }) as unknown as JsonObject;
    expect(merge([{}, member(1), member(2)]).conflicts).toHaveLength(1);
    expect(merge([{}, member(1), {}])).toEqual(clean(member(1)));
  });
});

describe("a conflict that is settled", () => {
  const versions = [
    { a: 1, b: 1 },
    { a: 2, b: 2 },
    { a: 3, b: 3 },
  ] as const;
  const settled = (settle: (conflict: FieldConflict) => { value: Json | undefined } | null): Merged =>
    mergeValues(...versions, { policyAt: noPolicy, settle });

  test("takes the value it is given, another than either side's too", () => {
    expect(settled(({ theirs }) => ({ value: theirs }))).toEqual(clean({ a: 3, b: 3 }));
    expect(settled(() => ({ value: 9 }))).toEqual(clean({ a: 9, b: 9 }));
  });

  test("is absent when it is given nothing", () => {
    expect(settled(() => ({ value: undefined }))).toEqual(clean({}));
  });

  test("leaves the others standing", () => {
    const { value, conflicts } = settled(({ pointer, theirs }) => (pointer === "/a" ? { value: theirs } : null));
    expect(value).toEqual({ a: 3, b: 2 });
    expect(conflicts.map(({ pointer }) => pointer)).toEqual(["/b"]);
  });

  test("may be a document that was added twice", () => {
    const way = { policyAt: noPolicy, settle: ({ ours }: FieldConflict) => ({ value: ours }) };
    expect(mergeDocuments(null, { a: 1 }, { a: 2 }, way)).toEqual(clean({ a: 1 }));
  });
});

describe("a member marked atomic", () => {
  const versions: Versions = [
    { depth: { value: 3, unit: "m" } },
    { depth: { value: 10, unit: "m" } },
    { depth: { value: 3, unit: "ft" } },
  ];

  test("is one value: a number and its unit never come from two sides", () => {
    const { conflicts } = merge(versions, { "/depth": "atomic" });
    expect(conflicts).toMatchObject([{ pointer: "/depth", kind: "modify/modify" }]);
    expect(merge(versions)).toEqual(clean({ depth: { value: 10, unit: "ft" } }));
  });

  test("may be any of many, by a star", () => {
    const wrap = (version: JsonObject | null): JsonObject => ({ sites: { north: version } });
    const { conflicts } = merge(versions.map(wrap) as unknown as Versions, { "/sites/*/depth": "atomic" });
    expect(conflicts).toMatchObject([{ pointer: "/sites/north/depth" }]);
  });
});

describe("a member marked as a set", () => {
  const sets = (base: Json, ours: Json, theirs: Json): Merged =>
    merge([{ tags: base }, { tags: ours }, { tags: theirs }], { "/tags": "set" });

  test.each<[string, Json[], Json[], Json[], Json[]]>([
    ["holds what both added: ours, then theirs", ["a"], ["a", "c"], ["a", "b"], ["a", "c", "b"]],
    ["loses what either removed", ["a", "b", "c"], ["b", "c"], ["a", "b"], ["b"]],
    ["holds once what both added", ["a"], ["a", "b"], ["b", "a"], ["a", "b"]],
    ["keeps our order", ["a", "b"], ["b", "a"], ["a", "b", "c"], ["b", "a", "c"]],
    ["tells a number from a text", [1], [1, "1"], [1, 2], [1, "1", 2]],
    ["may end empty", ["a", "b"], ["a"], ["b"], []],
  ])("%s", (_, base, ours, theirs, value) => {
    expect(sets(base, ours, theirs)).toEqual(clean({ tags: value }));
  });

  test("may be added on both sides", () => {
    expect(merge([{}, { tags: ["a"] }, { tags: ["b"] }], { "/tags": "set" })).toEqual(clean({ tags: ["a", "b"] }));
  });

  test.each<[string, Json[], Json[], Json[]]>([
    ["an object", ["a"], ["a", {}], ["a", "b"]],
    ["an array", [["a"]], [["a"], "b"], [["a"], "c"]],
    ["the same twice", ["a"], ["a", "b", "b"], ["a", "c"]],
  ])("is one value when it holds %s", (_, base, ours, theirs) => {
    expect(sets(base, ours, theirs).conflicts).toMatchObject([{ pointer: "/tags", kind: "array" }]);
  });

  test("conflicts with its removal", () => {
    const { conflicts } = merge([{ tags: ["a"] }, {}, { tags: ["a", "b"] }], { "/tags": "set" });
    expect(conflicts).toMatchObject([{ pointer: "/tags", kind: "delete/modify" }]);
  });
});

describe("an array marked by key", () => {
  const a = { id: "a", v: 1 };
  const b = { id: "b", v: 1 };
  const c = { id: "c", v: 1 };
  const keyed = (base: Json, ours: Json, theirs: Json): Merged =>
    merge([{ parts: base }, { parts: ours }, { parts: theirs }], { "/parts": { by: "id" } });

  test.each<[string, Json[], Json[], Json[], Json[]]>([
    ["merges items by their fields", [a], [{ ...a, x: 1 }], [{ ...a, v: 2 }], [{ id: "a", v: 2, x: 1 }]],
    ["holds what both added: ours, then theirs", [a], [a, c], [a, b], [a, c, b]],
    ["loses what either removed", [a, b, c], [b, c], [a, b], [b]],
    ["merges an item that both added", [], [{ id: "a", x: 1 }], [{ id: "a", y: 2 }], [{ id: "a", x: 1, y: 2 }]],
    ["follows us where we put it in another order", [a, b], [b, a], [a, b, c], [b, a, c]],
    ["follows them where they did", [a, b], [a, b, c], [b, a], [b, a, c]],
    ["follows both where they did alike", [a, b], [b, a, c], [b, a], [b, a, c]],
    ["is not merged by position", [a, b], [b], [a, { ...b, v: 2 }], [{ ...b, v: 2 }]],
    [
      "takes any scalar as a key",
      [{ id: 1 }],
      [{ id: 1 }, { id: "1" }],
      [{ id: 1, v: 2 }],
      [{ id: 1, v: 2 }, { id: "1" }],
    ],
  ])("%s", (_, base, ours, theirs, value) => {
    expect(keyed(base, ours, theirs)).toEqual(clean({ parts: value }));
  });

  test("may be added on both sides", () => {
    expect(merge([{}, { parts: [a] }, { parts: [b] }], { "/parts": { by: "id" } })).toEqual(clean({ parts: [a, b] }));
  });

  test("conflicts as a whole when both put it in different orders", () => {
    expect(keyed([a, b, c], [b, a, c], [a, c, b]).conflicts).toMatchObject([{ pointer: "/parts", kind: "array" }]);
  });

  test.each<[string, Json[]]>([
    ["without a key", [a, { v: 1 }]],
    ["with one key twice", [a, { id: "a", v: 2 }]],
    ["with a key that is an object", [a, { id: {} }]],
    ["that are scalars", [a, "b"]],
  ])("is one value when there are items %s", (_, odd) => {
    for (const [base, ours, theirs] of [
      [[a], odd, [a, c]],
      [[a], [a, c], odd],
      [odd, [a], [c]],
    ] as const) {
      expect(keyed(base, ours, theirs).conflicts).toMatchObject([{ pointer: "/parts", kind: "array" }]);
    }
  });

  test("names a conflict in an item by its place among ours", () => {
    const { conflicts } = keyed([a, b], [c, a, { ...b, v: 2 }], [a, { ...b, v: 3 }]);
    expect(conflicts).toEqual([{ pointer: "/parts/2/v", kind: "modify/modify", base: 1, ours: 2, theirs: 3 }]);
  });

  test("names conflicts in different items by different pointers, or nobody could settle them apart", () => {
    const { conflicts } = keyed([a, b], [{ ...b, v: 2 }], [{ ...a, v: 2 }]);
    expect(conflicts).toHaveLength(2);
    expect(new Set(conflicts.map(({ pointer }) => pointer)).size).toBe(2);
  });

  test("of many items merges at once", () => {
    const items = Array.from({ length: 20_000 }, (_, id): JsonObject => ({ id }));
    const begun = performance.now();
    const { conflicts } = keyed(items, [...items, { id: "ours" }], [...items, { id: "theirs" }]);
    expect(conflicts).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
