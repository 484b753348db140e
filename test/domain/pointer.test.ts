import { describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import {
  formatPointer,
  keysOf,
  matchesPattern,
  memberOf,
  parsePointer,
  selectAll,
  valueAt,
} from "../../src/domain/pointer.ts";

/** The document of RFC 6901 §5, with the value each of its pointers names. */
const DOCUMENT: Json = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};
const NAMED: readonly (readonly [string, Json])[] = [
  ["", DOCUMENT],
  ["/foo", ["bar", "baz"]],
  ["/foo/0", "bar"],
  ["/", 0],
  ["/a~1b", 1],
  ["/c%d", 2],
  ["/e^f", 3],
  ["/g|h", 4],
  ["/i\\j", 5],
  ['/k"l', 6],
  ["/ ", 7],
  ["/m~0n", 8],
];

describe("a JSON Pointer", () => {
  test.each(NAMED)("%j names what RFC 6901 says, and is written back as it was", (pointer, value) => {
    const path = parsePointer(pointer) ?? ["no pointer"];
    expect(valueAt(DOCUMENT, path)).toEqual(value);
    expect(formatPointer(path)).toBe(pointer);
  });

  test.each([[["~1"]], [["~0", "/"]], [["", ""]], [["~", "~~01/"]], [["é", "😀"]], [[]]])("%j survives", (path) => {
    expect(parsePointer(formatPointer(path))).toEqual(path);
  });

  test.each(["foo", "#/foo", "/~", "/~2", "/a~", "0"])("%j is none", (text) => {
    expect(parsePointer(text)).toBeNull();
  });
});

describe("a member", () => {
  test.each(["toString", "constructor", "__proto__", "length", "b"])(
    "%s is absent when the value does not own it",
    (key) => {
      expect(memberOf({ a: 1 }, key)).toBeUndefined();
      expect(memberOf([1, 2], key)).toBeUndefined();
      expect(memberOf("text", key)).toBeUndefined();
    },
  );

  test.each(["-1", "01", "1.0", "-", "2", "1e0", " 1"])("an array has none under %j", (key) => {
    expect(memberOf([1, 2], key)).toBeUndefined();
  });

  test("null is a value, and nothing is below it", () => {
    expect(valueAt({ a: null }, ["a"])).toBeNull();
    expect(valueAt({ a: null }, ["a", "b"])).toBeUndefined();
    expect(valueAt(undefined, [])).toBeUndefined();
  });

  test("keys are those of objects and the indices of arrays", () => {
    expect(keysOf({ b: 1, a: 2 })).toEqual(["b", "a"]);
    expect(keysOf([7, 8])).toEqual(["0", "1"]);
    for (const none of ["text", 3, null, undefined]) expect(keysOf(none)).toEqual([]);
  });
});

describe("a pattern", () => {
  const document: Json = { studies: ["s-1", "s-2"], parts: [{ of: "s-3" }, {}, { of: null }], "*": 1 };

  test("names every value, one level of any key or index a star", () => {
    expect(selectAll(document, ["studies", "*"])).toEqual([
      { path: ["studies", "0"], value: "s-1" },
      { path: ["studies", "1"], value: "s-2" },
    ]);
    expect(selectAll(document, ["parts", "*", "of"])).toEqual([
      { path: ["parts", "0", "of"], value: "s-3" },
      { path: ["parts", "2", "of"], value: null },
    ]);
    expect(selectAll(document, ["*"]).map(({ path }) => path)).toEqual([["studies"], ["parts"], ["*"]]);
    expect(selectAll(document, ["absent", "*"])).toEqual([]);
    expect(selectAll(document, [])).toEqual([{ path: [], value: document }]);
    expect(selectAll(undefined, [])).toEqual([]);
  });

  test("matches the paths it names: as long as itself, and equal where there is no star", () => {
    expect(matchesPattern(["parts", "0", "of"], ["parts", "*", "of"])).toBe(true);
    expect(matchesPattern(["parts", "0"], ["parts", "*", "of"])).toBe(false);
    expect(matchesPattern(["parts", "0", "of", "x"], ["parts", "*", "of"])).toBe(false);
    expect(matchesPattern(["parts", "0", "at"], ["parts", "*", "of"])).toBe(false);
    expect(matchesPattern([], [])).toBe(true);
  });
});
