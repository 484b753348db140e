import { describe, expect, test } from "vitest";
import { noPolicy, policyLookup } from "../../src/domain/configuration.ts";
import type { JsonObject } from "../../src/domain/json.ts";
import { mergeMarked } from "../../src/domain/marked-merge.ts";

const NAMES = ["this branch", "the other"] as const;
const merged = (base: JsonObject | null, ours: JsonObject, theirs: JsonObject): string =>
  mergeMarked(base, ours, theirs, noPolicy, NAMES).text;

describe("a merge with marks", () => {
  test("has marks around the lines that conflict, and nothing else", () => {
    const text = merged({ a: 1, depth: 3, z: [1] }, { a: 2, depth: 4, z: [1] }, { a: 1, depth: 5, z: [1], name: "x" });
    expect(text).toBe(
      [
        "{",
        '  "a": 2,',
        "<<<<<<< this branch",
        '  "depth": 4,',
        "=======",
        '  "depth": 5,',
        ">>>>>>> the other",
        '  "name": "x",',
        '  "z": [',
        "    1",
        "  ]",
        "}",
        "",
      ].join("\n"),
    );
  });

  test("takes the comma before a member that one side has no more into the marks", () => {
    const text = merged({ a: 1, z: 1 }, { a: 1 }, { a: 1, z: 2 });
    expect(text).toBe(
      ["{", "<<<<<<< this branch", '  "a": 1', "=======", '  "a": 1,', '  "z": 2', ">>>>>>> the other", "}", ""].join(
        "\n",
      ),
    );
  });

  test("shows a value that is one value as a whole", () => {
    const policyAt = policyLookup([{ at: ["depth"], policy: "atomic" }]);
    const depth = (value: number, unit: string): JsonObject => ({ depth: { value, unit } });
    const { text, conflicts } = mergeMarked(depth(3, "m"), depth(4, "m"), depth(3, "ft"), policyAt, NAMES);
    expect(conflicts.map(({ pointer, kind }) => [pointer, kind])).toEqual([["/depth", "modify/modify"]]);
    expect(text.split("\n").filter((line) => line.includes('"depth": {'))).toHaveLength(2);
  });

  test("of a document that both sides added, marks whatever differs: nothing of the two fuses", () => {
    const { text, conflicts } = mergeMarked(
      null,
      { id: "a", depth: { unit: "m", value: 3 } },
      { id: "a", depth: { unit: "m", value: 4 }, name: "b" },
      noPolicy,
      NAMES,
    );
    expect(conflicts.map(({ pointer, kind }) => [pointer, kind])).toEqual([["", "add/add"]]);
    expect(text).toBe(
      [
        "{",
        '  "depth": {',
        '    "unit": "m",',
        "<<<<<<< this branch",
        '    "value": 3',
        "=======",
        '    "value": 4',
        ">>>>>>> the other",
        "  },",
        "<<<<<<< this branch",
        '  "id": "a"',
        "=======",
        '  "id": "a",',
        '  "name": "b"',
        ">>>>>>> the other",
        "}",
        "",
      ].join("\n"),
    );
  });
});
