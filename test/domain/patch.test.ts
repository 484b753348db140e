import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/domain/json.ts";
import { applyEdit, applyMergePatch, readSubmission } from "../../src/domain/patch.ts";

describe("a merge patch", () => {
  /** RFC 7396, appendix A: original, patch, result. */
  const VECTORS: readonly (readonly [Json, Json, Json])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];

  test.each(VECTORS)("on %j, %j makes %j", (target, patch, result) => {
    expect(applyMergePatch(target, patch)).toEqual(result);
  });

  test("on nothing makes what it says, without its nulls", () => {
    expect(applyMergePatch(undefined, { a: { b: null, c: 1 }, d: null })).toEqual({ a: { c: 1 } });
    expect(applyMergePatch(undefined, [null])).toEqual([null]);
  });

  test("works on a document with a member called hasOwnProperty, and sets and removes one", () => {
    const target = { hasOwnProperty: "own", list: [{ hasOwnProperty: 1 }], other: "hasOwnProperty" };
    expect(applyMergePatch(target, { other: null })).toEqual({ hasOwnProperty: "own", list: [{ hasOwnProperty: 1 }] });
    expect(applyMergePatch(target, { hasOwnProperty: { a: 1 } })).toEqual({ ...target, hasOwnProperty: { a: 1 } });
    expect(applyMergePatch(target, { hasOwnProperty: null })).toEqual({ list: target.list, other: target.other });
    expect(applyMergePatch({}, { x: { hasOwnProperty: { hasOwnProperty: 1 } } })).toEqual({
      x: { hasOwnProperty: { hasOwnProperty: 1 } },
    });
  });

  test("sets and removes members that every object inherits", () => {
    const patch = { toString: { a: 1 }, valueOf: 2, toJSON: "x" } as unknown as Json;
    expect(applyMergePatch({}, patch)).toEqual(patch);
    expect(applyMergePatch(patch, { toString: null, valueOf: null, toJSON: null } as unknown as Json)).toEqual({});
  });
});

describe("the body of a submission", () => {
  const edits = (body: Json): unknown => {
    const read = readSubmission(body, ["body"]);
    expect(read.violations).toEqual([]);
    return read.edits;
  };
  const violations = (body: Json): unknown =>
    readSubmission(body, ["body"]).violations.map(({ code, pointer }) => [code, pointer]);

  test("patches, deletes and replaces documents in any number of collections", () => {
    expect(
      edits({
        "@type": "nmdc:Database",
        biosample_set: { "bsm-1": { depth: 3, note: null }, "bsm-2": null, "bsm-3": {} },
        study_set: [{ id: "sty-1", title: null }, { id: "sty-2" }],
        empty_set: [],
      }),
    ).toEqual([
      { collection: "biosample_set", id: "bsm-1", kind: "patch", patch: { depth: 3, note: null } },
      { collection: "biosample_set", id: "bsm-2", kind: "delete" },
      { collection: "biosample_set", id: "bsm-3", kind: "patch", patch: {} },
      { collection: "study_set", id: "sty-1", kind: "replace", document: { id: "sty-1", title: null } },
      { collection: "study_set", id: "sty-2", kind: "replace", document: { id: "sty-2" } },
    ]);
    expect(edits({})).toEqual([]);
  });

  test.each<[string, Json, string, string]>([
    ["that is no object", [], "schema", "/body"],
    ["that is null", null, "schema", "/body"],
    ["with a collection set to null", { samples: null }, "schema", "/body/samples"],
    ["with a collection that is a text", { samples: "x" }, "schema", "/body/samples"],
    ["with a bad collection name", { Samples: {} }, "bad_id", "/body/Samples"],
    ["with a name that a pointer escapes", { "a/b": {} }, "bad_id", "/body/a~1b"],
    ["with @type inside a collection", { samples: { "@type": "x" } }, "schema", "/body/samples/@type"],
    ["with a bad id", { samples: { "..": {} } }, "bad_id", "/body/samples/.."],
    ["with a bad id to delete", { samples: { "a.lock": null } }, "bad_id", "/body/samples/a.lock"],
    ["with a document that is a text", { samples: { "s-1": "x" } }, "schema", "/body/samples/s-1"],
    ["with a document that is an array", { samples: { "s-1": [] } }, "schema", "/body/samples/s-1"],
    ["with an item without an id", { samples: [{}] }, "schema", "/body/samples/0/id"],
    ["with an item whose id is a number", { samples: [{ id: 1 }] }, "schema", "/body/samples/0/id"],
    ["with an item that is null", { samples: [{ id: "s-1" }, null] }, "schema", "/body/samples/1"],
    ["with an item whose id is bad", { samples: [{ id: "" }] }, "bad_id", "/body/samples/0/id"],
    ["with one id twice", { samples: [{ id: "s-1" }, { id: "s-1" }] }, "bad_id", "/body/samples/1/id"],
  ])("%s is refused with its place", (_, body, code, pointer) => {
    expect(violations(body)).toEqual([[code, pointer]]);
  });

  test("is refused for everything that is wrong with it, at once", () => {
    expect(violations({ Samples: {}, samples: [{}, { id: "." }], studies: null })).toHaveLength(4);
  });
});

describe("an edit", () => {
  const edit = { collection: "samples", id: "s-1" };
  const before: JsonObject = { id: "s-1", depth: 1, note: "x" };

  test("by merge patch changes a document and keeps what it does not name", () => {
    expect(applyEdit(before, { ...edit, kind: "patch", patch: { depth: 2, note: null } })).toEqual({
      id: "s-1",
      depth: 2,
    });
  });

  test("by merge patch makes a document, with its id where it has none", () => {
    expect(applyEdit(null, { ...edit, kind: "patch", patch: { depth: 2, note: null } })).toEqual({
      id: "s-1",
      depth: 2,
    });
    expect(applyEdit(null, { ...edit, kind: "patch", patch: {} })).toEqual({ id: "s-1" });
    expect(applyEdit(null, { ...edit, kind: "patch", patch: { id: "other" } })).toEqual({ id: "other" });
  });

  test("by merge patch gives no id back to a document that loses its own", () => {
    expect(applyEdit(before, { ...edit, kind: "patch", patch: { id: null } })).toEqual({ depth: 1, note: "x" });
  });

  test("by a whole document replaces it, nulls included", () => {
    expect(applyEdit(before, { ...edit, kind: "replace", document: { id: "s-1", a: null } })).toEqual({
      id: "s-1",
      a: null,
    });
  });

  test("deletes a document, or one that is not there", () => {
    expect(applyEdit(before, { ...edit, kind: "delete" })).toBeNull();
    expect(applyEdit(null, { ...edit, kind: "delete" })).toBeNull();
  });
});
