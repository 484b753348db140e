import { describe, expect, test } from "vitest";
import { changedPointers, describeChange } from "../../src/domain/change.ts";
import type { Json, JsonObject } from "../../src/domain/json.ts";

describe("the pointers of a change", () => {
  const cases: readonly (readonly [string, Json, Json, readonly string[]])[] = [
    ["a scalar", { depth: 1, note: "x" }, { depth: 2, note: "x" }, ["/depth"]],
    ["a scalar inside", { env: { site: { depth: 1 } } }, { env: { site: { depth: 2 } } }, ["/env/site/depth"]],
    ["a member that came", { a: 1 }, { a: 1, b: 2 }, ["/b"]],
    ["a member that went", { a: 1, b: 2 }, { a: 1 }, ["/b"]],
    ["an object that came", {}, { env: { site: "s", soil: { ph: 7 } } }, ["/env/site", "/env/soil/ph"]],
    ["an object that went", { env: { site: "s", soil: { ph: 7 } } }, {}, ["/env/site", "/env/soil/ph"]],
    ["an empty object that came", {}, { env: {} }, ["/env"]],
    ["an empty array that went", { tags: [] }, {}, ["/tags"]],
    ["an item of an array", { tags: ["a", "b"] }, { tags: ["a", "c"] }, ["/tags/1"]],
    ["an item at the end", { tags: ["a"] }, { tags: ["a", "b"] }, ["/tags/1"]],
    ["null for a value", { note: "x" }, { note: null }, ["/note"]],
    ["null for nothing", {}, { note: null }, ["/note"]],
    ["a text for a number of the same looks", { depth: 1 }, { depth: "1" }, ["/depth"]],
    [
      "an object in place of a scalar",
      { depth: 1 },
      { depth: { value: 1, unit: "m" } },
      ["/depth", "/depth/value", "/depth/unit"],
    ],
    ["a scalar in place of an object", { depth: { value: 1 } }, { depth: 1 }, ["/depth/value", "/depth"]],
    ["an empty array in place of an empty object", { a: {} }, { a: [] }, ["/a"]],
    ["a key that a pointer escapes", { "a/b": { "c~d": 1 } }, { "a/b": { "c~d": 2 } }, ["/a~1b/c~0d"]],
    ["only the order of keys", { a: 1, b: 2 }, { b: 2, a: 1 }, []],
  ];

  test.each(cases)("%s", (_, before, after, pointers) => {
    expect(changedPointers(before, after)).toEqual(pointers);
  });

  test("an object or array that was emptied is a leaf that came", () => {
    expect(changedPointers({ tags: ["a"] }, { tags: [] })).toEqual(expect.arrayContaining(["/tags", "/tags/0"]));
  });

  test("a key that every object inherits is a key like any other", () => {
    expect(changedPointers({}, { toString: 1 } as unknown as Json)).toEqual(["/toString"]);
  });
});

describe("what became of a document", () => {
  const document: JsonObject = { id: "s-1", depth: 1 };

  test("it came, with every leaf", () => {
    expect(describeChange("samples", "s-1", null, document)).toEqual({
      collection: "samples",
      id: "s-1",
      op: "add",
      pointers: ["/id", "/depth"],
    });
  });

  test("it went, with every leaf", () => {
    expect(describeChange("samples", "s-1", document, null)).toMatchObject({
      op: "delete",
      pointers: ["/id", "/depth"],
    });
  });

  test("it changed, with the leaves that did", () => {
    const after = { id: "s-1", depth: 2 };
    expect(describeChange("samples", "s-1", document, after)).toMatchObject({ op: "modify", pointers: ["/depth"] });
  });

  test("an empty document that came or went is the root", () => {
    expect(describeChange("samples", "s-1", null, {})).toMatchObject({ op: "add", pointers: [""] });
  });

  test("in no more room than a hundred times the document: the root then stands for all of it", () => {
    const members = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`m${index}`, 0]));
    const huge = { ["k".repeat(10_000)]: members };
    expect(describeChange("samples", "s-1", null, huge)).toMatchObject({ op: "add", pointers: [""] });
  });

  test("nothing is null", () => {
    expect(describeChange("samples", "s-1", document, { depth: 1, id: "s-1" })).toBeNull();
    expect(describeChange("samples", "s-1", null, null)).toBeNull();
  });
});
