import { describe, expect, test } from "vitest";
import { RuntreeError } from "../../src/domain/errors.ts";
import type { Json, JsonObject } from "../../src/domain/json.ts";
import { applyJsonPatch } from "../../src/domain/json-patch.ts";
import { readJsonPatch, type SentOperation } from "../../src/domain/json-patch-door.ts";
import type { Violation } from "../../src/domain/verdict.ts";

type Documents = Readonly<Record<string, JsonObject>>;

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** What a patch makes of the documents of the collection `c`; an absent one is left out. */
function patched(documents: Documents, sent: readonly SentOperation[]): Documents {
  const { operations, violations } = readJsonPatch(sent);
  expect(violations).toEqual([]);
  const after: Record<string, JsonObject> = { ...documents };
  const edits = applyJsonPatch(operations, (collection, id) => {
    const document = collection === "c" && Object.hasOwn(documents, id) ? documents[id] : undefined;
    return document === undefined ? null : copy(document);
  });
  for (const edit of edits) {
    if (edit.kind === "delete") delete after[edit.id];
    else if (edit.kind === "replace")
      after[edit.collection === "c" ? edit.id : `${edit.collection}/${edit.id}`] = edit.document;
    else throw new Error("a JSON Patch makes whole documents");
  }
  return after;
}

/** What a patch of a document makes of it; paths are inside the document. */
function patchedOne(document: JsonObject, sent: readonly SentOperation[]): Json | undefined {
  const inside = sent.map((operation) => ({
    ...operation,
    path: `/c/a${operation.path}`,
    ...(operation.from === undefined ? {} : { from: `/c/a${operation.from}` }),
  }));
  return patched({ a: document }, inside)["a"];
}

function refusalOf(work: () => unknown): readonly Violation[] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    expect(error.code).toBe("validation_failed");
    return error.data["errors"] as readonly Violation[];
  }
  throw new Error("it was not refused");
}

const refusedAt = (work: () => unknown): unknown => refusalOf(work).map(({ code, pointer }) => [code, pointer]);

describe("inside a document, an operation does what RFC 6902 says", () => {
  test.each<[string, JsonObject, SentOperation[], Json]>([
    ["adds a member", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { baz: "qux", foo: "bar" }],
    ["adds over a member", { foo: "bar" }, [{ op: "add", path: "/foo", value: null }], { foo: null }],
    ["adds an item", { l: ["a", "c"] }, [{ op: "add", path: "/l/1", value: "b" }], { l: ["a", "b", "c"] }],
    ["adds behind the last item", { l: ["a"] }, [{ op: "add", path: "/l/1", value: "b" }], { l: ["a", "b"] }],
    ["adds to the end", { l: ["a"] }, [{ op: "add", path: "/l/-", value: ["b"] }], { l: ["a", ["b"]] }],
    ["removes a member", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
    ["removes a null", { a: null, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
    ["removes an item", { l: [1, 2, 3] }, [{ op: "remove", path: "/l/1" }], { l: [1, 3] }],
    ["replaces a value", { a: { b: 1 } }, [{ op: "replace", path: "/a", value: 2 }], { a: 2 }],
    ["replaces an item", { l: [1, 2] }, [{ op: "replace", path: "/l/0", value: null }], { l: [null, 2] }],
    ["moves a value", { a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
    ["moves an item", { l: [1, 2, 3] }, [{ op: "move", from: "/l/0", path: "/l/2" }], { l: [2, 3, 1] }],
    ["moves an item to the end", { l: [1, 2, 3] }, [{ op: "move", from: "/l/0", path: "/l/-" }], { l: [2, 3, 1] }],
    ["moves a value to where it is", { a: 1 }, [{ op: "move", from: "/a", path: "/a" }], { a: 1 }],
    [
      "moves an item into one behind it, counted when it is gone",
      { l: [1, null, { x: 1 }] },
      [{ op: "move", from: "/l/0", path: "/l/1/y" }],
      { l: [null, { x: 1, y: 1 }] },
    ],
    [
      "moves an item into one before it",
      { l: [{ x: 1 }, 1] },
      [{ op: "move", from: "/l/1", path: "/l/0/y" }],
      { l: [{ x: 1, y: 1 }] },
    ],
    [
      "copies a value, and later changes of the one are none of the other",
      { a: { b: [1] } },
      [
        { op: "copy", from: "/a", path: "/c" },
        { op: "add", path: "/c/b/-", value: 2 },
      ],
      { a: { b: [1] }, c: { b: [1, 2] } },
    ],
    [
      "copies a value into itself",
      { a: { b: 1 } },
      [{ op: "copy", from: "/a", path: "/a/c" }],
      { a: { b: 1, c: { b: 1 } } },
    ],
    [
      "tests a value, whatever the order of its members",
      { a: { x: 1, y: [null, "2"] } },
      [{ op: "test", path: "/a", value: { y: [null, "2"], x: 1 } }],
      { a: { x: 1, y: [null, "2"] } },
    ],
    [
      "finds members by their escaped names",
      { "a/b": 1, "m~n": 2, "~1": 3, "": 4 },
      [
        { op: "test", path: "/a~1b", value: 1 },
        { op: "test", path: "/m~0n", value: 2 },
        { op: "test", path: "/~01", value: 3 },
        { op: "replace", path: "/", value: 5 },
      ],
      { "a/b": 1, "m~n": 2, "~1": 3, "": 5 },
    ],
    [
      "takes numbers in an object for names",
      { a: { "0": 1, "-": 2 } },
      [
        { op: "remove", path: "/a/0" },
        { op: "add", path: "/a/01", value: 3 },
        { op: "replace", path: "/a/-", value: 4 },
      ],
      { a: { "01": 3, "-": 4 } },
    ],
    [
      "sets and removes members that every object inherits",
      { hasOwnProperty: 1, o: { hasOwnProperty: 1 } },
      [
        { op: "test", path: "/o", value: { hasOwnProperty: 1 } },
        { op: "add", path: "/toString", value: { valueOf: 1 } },
        { op: "remove", path: "/hasOwnProperty" },
      ],
      { toString: { valueOf: 1 }, o: { hasOwnProperty: 1 } } as unknown as Json,
    ],
    ["does nothing", { a: 1 }, [], { a: 1 }],
  ])("%s", (_, document, operations, result) => {
    expect(patchedOne({ id: "a", ...document }, operations)).toEqual({ id: "a", ...(result as JsonObject) });
  });

  test("and what it added is not what was sent", () => {
    const value = { list: [1] };
    patchedOne({}, [
      { op: "add", path: "/a", value },
      { op: "add", path: "/a/list/-", value: 2 },
    ]);
    expect(value).toEqual({ list: [1] });
  });
});

describe("inside a document, refused with a pointer to the operation", () => {
  const document = { id: "a", text: "abc", n: null, l: [1, 2], o: { p: 1 } };
  test.each<[string, SentOperation, string]>([
    ["a test of something else", { op: "test", path: "/text", value: "abd" }, ""],
    ["a test for text of a number", { op: "test", path: "/l/0", value: "1" }, ""],
    ["a test for null of nothing", { op: "test", path: "/x", value: null }, "/path"],
    ["a test of something that all objects inherit", { op: "test", path: "/toString", value: null }, "/path"],
    ["removing nothing", { op: "remove", path: "/x" }, "/path"],
    ["removing behind the end", { op: "remove", path: "/l/2" }, "/path"],
    ["removing the end", { op: "remove", path: "/l/-" }, "/path"],
    ["removing what is inherited", { op: "remove", path: "/toString" }, "/path"],
    ["replacing nothing", { op: "replace", path: "/x", value: 1 }, "/path"],
    ["replacing the end", { op: "replace", path: "/l/-", value: 1 }, "/path"],
    ["an index with a leading zero", { op: "replace", path: "/l/00", value: 1 }, "/path"],
    ["an index with a sign", { op: "add", path: "/l/+1", value: 1 }, "/path"],
    ["an index of letters", { op: "add", path: "/l/length", value: 1 }, "/path"],
    ["an index without end", { op: "add", path: `/l/${"9".repeat(400)}`, value: 1 }, "/path"],
    ["adding beyond the end", { op: "add", path: "/l/3", value: 1 }, "/path"],
    ["adding to nothing", { op: "add", path: "/x/y", value: 1 }, "/path"],
    ["adding to null", { op: "add", path: "/n/y", value: 1 }, "/path"],
    ["adding to a text", { op: "add", path: "/text/3", value: "d" }, "/path"],
    ["copying a letter of a text", { op: "copy", from: "/text/0", path: "/x" }, "/from"],
    ["copying the length of an array", { op: "copy", from: "/l/length", path: "/x" }, "/from"],
    ["copying nothing", { op: "copy", from: "/x", path: "/y" }, "/from"],
    ["copying to nowhere", { op: "copy", from: "/o", path: "/x/y" }, "/path"],
    ["moving nothing", { op: "move", from: "/x", path: "/y" }, "/from"],
    ["moving to nowhere", { op: "move", from: "/o", path: "/x/y" }, "/path"],
    ["moving into itself", { op: "move", from: "/o", path: "/o/p/q" }, "/path"],
    ["moving an item beyond the end that is then", { op: "move", from: "/l/0", path: "/l/2" }, "/path"],
  ])("%s", (_, operation, member) => {
    const first: SentOperation = { op: "test", path: "/id", value: "a" };
    expect(refusedAt(() => patchedOne(document, [first, operation]))).toEqual([["schema", `/1${member}`]]);
  });
});

describe("whole documents", () => {
  const documents: Documents = { a: { id: "a", x: 1 }, b: { id: "b", x: 2 } };

  test("are made with their key as id where they have none, replaced, and taken away", () => {
    expect(
      patched(documents, [
        { op: "add", path: "/c/n", value: { x: 3 } },
        { op: "replace", path: "/c/a", value: { y: null } },
        { op: "remove", path: "/c/b" },
        { op: "add", path: "/d/n", value: { id: "m" } },
      ]),
    ).toEqual({ n: { id: "n", x: 3 }, a: { y: null }, "d/n": { id: "m" } });
  });

  test("are moved and copied, also between collections, with the id that they have", () => {
    expect(
      patched(documents, [
        { op: "move", from: "/c/a", path: "/c/z" },
        { op: "copy", from: "/c/z", path: "/d/z" },
        { op: "replace", path: "/d/z/id", value: "z" },
        { op: "copy", from: "/c/b/x", path: "/c/z/y" },
      ]),
    ).toEqual({ b: documents["b"], z: { id: "a", x: 1, y: 2 }, "d/z": { id: "z", x: 1 } });
  });

  test("that come and go again leave nothing", () => {
    expect(
      patched(documents, [
        { op: "add", path: "/c/n", value: {} },
        { op: "remove", path: "/c/n" },
        { op: "copy", from: "/c/a", path: "/d/a" },
        { op: "remove", path: "/d/a" },
      ]),
    ).toEqual(documents);
  });

  test("may be called like what every object inherits, and are not there before", () => {
    expect(patched({}, [{ op: "add", path: "/c/toString", value: {} }])["toString"]).toEqual({ id: "toString" });
    expect(refusedAt(() => patched({}, [{ op: "remove", path: "/c/hasOwnProperty" }]))).toEqual([
      ["schema", "/0/path"],
    ]);
  });

  test("are asked for once each, and only those that are named", () => {
    const asked: string[] = [];
    const { operations } = readJsonPatch([
      { op: "test", path: "/c/a/x", value: 1 },
      { op: "copy", from: "/c/b/x", path: "/c/a/x" },
      { op: "replace", path: "/c/a/x", value: 1 },
    ]);
    const edits = applyJsonPatch(operations, (collection, id) => {
      asked.push(`${collection}/${id}`);
      return copy(documents[id] ?? null);
    });
    expect(asked).toEqual(["c/a", "c/b"]);
    expect(edits.map(({ id }) => id)).toEqual(["a"]);
  });

  test.each<[string, SentOperation[], string]>([
    ["that are not there", [{ op: "remove", path: "/c/x" }], "/0/path"],
    ["that are not there, to replace", [{ op: "replace", path: "/c/x", value: {} }], "/0/path"],
    ["that are not there, inside", [{ op: "add", path: "/c/x/y", value: {} }], "/0/path"],
    ["made of a number that is copied", [{ op: "copy", from: "/c/a/x", path: "/c/y" }], "/0/from"],
    ["made of a number that is moved", [{ op: "move", from: "/c/a/x", path: "/c/a" }], "/0/from"],
    ["moved into themselves", [{ op: "move", from: "/c/a", path: "/c/a/x/y" }], "/0/path"],
  ])("%s are refused", (_, operations, pointer) => {
    expect(refusedAt(() => patched(documents, operations))).toEqual([["schema", pointer]]);
  });
});

describe("at the door", () => {
  const refused = (operation: SentOperation): unknown =>
    readJsonPatch([{ op: "remove", path: "/c/a" }, operation]).violations.map(({ code, pointer }) => [code, pointer]);

  test.each<[string, string, string]>([
    ["the root", "", "schema"],
    ["a whole collection", "/c", "schema"],
    ["what is no pointer", "c/a", "schema"],
    ["a pointer with a bad escape", "/c/a~2", "schema"],
    ["a bad collection name", "/Samples/a", "bad_id"],
    ["a path that goes up", "/../a", "bad_id"],
    ["a bad id", "/c/..", "bad_id"],
    ["an empty id", "/c/", "bad_id"],
    ["a hostile key", "/c/a/__proto__/x", "hostile_key"],
    ["a hostile id", "/c/constructor", "hostile_key"],
    ["a hostile collection", "/constructor/prototype", "hostile_key"],
    ["a key that is too long", `/c/a/${"k".repeat(1001)}`, "too_large"],
  ])("%s is refused as path and as from", (_, pointer, code) => {
    for (const op of ["add", "test", "replace"] as const)
      expect(refused({ op, path: pointer, value: {} })).toEqual([[code, "/1/path"]]);
    expect(refused({ op: "remove", path: pointer })).toEqual([[code, "/1/path"]]);
    for (const op of ["move", "copy"] as const) {
      expect(refused({ op, path: pointer, from: "/c/a" })).toEqual([[code, "/1/path"]]);
      expect(refused({ op, path: "/c/a", from: pointer })).toEqual([[code, "/1/from"]]);
    }
  });

  test("a document that is none is refused", () => {
    for (const value of [null, 1, "x", [{}]])
      for (const op of ["add", "replace"] as const)
        expect(refused({ op, path: "/c/a", value })).toEqual([["schema", "/1/value"]]);
    expect(refused({ op: "test", path: "/c/a", value: null })).toEqual([]);
  });

  test("everything that is wrong is told at once, up to a hundred", () => {
    const many = Array.from({ length: 200 }, (): SentOperation => ({ op: "remove", path: "/" }));
    expect(readJsonPatch(many).violations).toHaveLength(100);
  });
});

describe("growth", () => {
  const nested = (depth: number): Json => (depth === 0 ? 1 : { a: nested(depth - 1) });

  test("by copies of copies ends at the size of a request, whatever is removed again", () => {
    const doubling = Array.from({ length: 40 }, (): SentOperation => ({ op: "copy", from: "/l", path: "/l/-" }));
    expect(refusalOf(() => patchedOne({ l: ["x".repeat(1000)] }, doubling))).toMatchObject([{ code: "too_large" }]);
    const again = Array.from({ length: 2000 }, (): SentOperation[] => [
      { op: "copy", from: "/t", path: "/u" },
      { op: "remove", path: "/u" },
    ]).flat();
    expect(refusalOf(() => patchedOne({ t: "x".repeat(1000) }, again))).toMatchObject([{ code: "too_large" }]);
  });

  test("in depth ends where a submission could not hold it any more", () => {
    const deepest = { id: "a", a: nested(60) } as JsonObject;
    expect(patched({ a: deepest }, [{ op: "copy", from: "/c/a", path: "/c/b" }])["b"]).toEqual(deepest);
    for (const operation of [
      { op: "add", path: "/b", value: nested(61) },
      { op: "copy", from: "/a", path: "/o/a" },
      { op: "move", from: "/a", path: "/o/a" },
      { op: "add", path: `/a${"/a".repeat(59)}`, value: [[]] },
    ] as SentOperation[])
      expect(refusedAt(() => patchedOne({ ...deepest, o: {} }, [operation]))).toEqual([["too_large", "/0/path"]]);
    const within = Array.from({ length: 20 }, (): SentOperation => ({ op: "copy", from: "/a", path: "/a/a/a/b" }));
    expect(refusalOf(() => patchedOne({ a: nested(10) } as JsonObject, within))).toMatchObject([{ code: "too_large" }]);
  });

  test("and long patches, large documents and large tests take no time worth speaking of", () => {
    const list = Array.from({ length: 100_000 }, (_, index) => index);
    const started = performance.now();
    const inserts = Array.from({ length: 20_000 }, (): SentOperation => ({ op: "add", path: "/l/1", value: 1 }));
    patchedOne({ l: list }, [{ op: "test", path: "/l", value: list }, ...inserts]);
    expect(refusedAt(() => patchedOne({ l: list }, [{ op: "test", path: "/l", value: list.toReversed() }]))).toEqual([
      ["schema", "/0"],
    ]);
    const moves = Array.from({ length: 10_000 }, (): SentOperation[] => [
      { op: "move", from: "/l", path: "/o/l" },
      { op: "move", from: "/o/l", path: "/l" },
    ]).flat();
    expect(refusalOf(() => patchedOne({ l: list, o: {} }, moves))).toMatchObject([{ code: "too_large" }]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("and an array is not pushed along again and again", () => {
    const longest = { l: Array.from({ length: 500_000 }, () => 1) };
    for (const operations of [
      Array.from({ length: 20_000 }, (): SentOperation => ({ op: "add", path: "/l/1", value: 1 })),
      Array.from({ length: 20_000 }, (): SentOperation => ({ op: "move", from: "/l/0", path: "/l/1" })),
    ])
      expect(refusalOf(() => patchedOne(longest, operations))).toMatchObject([{ code: "too_large" }]);
  });
});
