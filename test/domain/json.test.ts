import { describe, expect, test } from "vitest";
import { canonicalJson, type Json, sameJson } from "../../src/domain/json.ts";

describe("the canonical text", () => {
  test("has sorted keys, two spaces, LF and a final newline", () => {
    const value = { b: [1, { d: null, c: "é" }], a: {}, "10": [], "9": true, B: -0.5 };
    expect(canonicalJson(value)).toBe(`{
  "10": [],
  "9": true,
  "B": -0.5,
  "a": {},
  "b": [
    1,
    {
      "c": "é",
      "d": null
    }
  ]
}
`);
  });

  test("sorts keys by UTF-16 unit, where a character of two units comes before U+E000", () => {
    const keys = ["", "\u0000", "Z", "a", "a\u0301", "b", "é", "😀", "\ue000", "\uffff"];
    const value = Object.fromEntries(keys.toReversed().map((key) => [key, 0]));
    expect(canonicalJson(value)).toBe(`{\n${keys.map((key) => `  ${JSON.stringify(key)}: 0`).join(",\n")}\n}\n`);
  });

  test.each<[Json, string]>([
    [null, "null\n"],
    ["a\nb\u2028", '"a\\nb\u2028"\n'],
    [1e21, "1e+21\n"],
    [-0, "0\n"],
    [[], "[]\n"],
    [{}, "{}\n"],
  ])("of %j is %j", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("holds members that JavaScript gives a meaning of its own", () => {
    const text = '{\n  "__proto__": 1,\n  "constructor": 2,\n  "toJSON": 3\n}\n';
    expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
  });
});

describe("the same JSON", () => {
  test.each<[Json | undefined, Json | undefined]>([
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [[{ a: [] }], [{ a: [] }]],
    [0, -0],
    [undefined, undefined],
  ])("%j and %j", (left, right) => {
    expect(sameJson(left, right)).toBe(true);
  });

  test.each<[Json | undefined, Json | undefined]>([
    [
      [1, 2],
      [2, 1],
    ],
    [[1], [1, 1]],
    [[], {}],
    [{ "0": 1 }, [1]],
    [1, "1"],
    [null, undefined],
    [null, {}],
    [false, 0],
    [{ a: 1 }, { a: 1, b: 1 }],
    [{ a: 1 }, { b: 1 }],
    [{}, { toString: 1 } as unknown as Json],
    [{ valueOf: 1 } as unknown as Json, { a: 1 }],
    [JSON.parse('{"__proto__":{}}') as Json, { a: {} }],
  ])("are not %j and %j", (left, right) => {
    expect(sameJson(left, right)).toBe(false);
    expect(sameJson(right, left)).toBe(false);
  });
});
