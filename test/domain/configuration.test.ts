import { expect, test } from "vitest";
import { policyLookup, uniqueText } from "../../src/domain/configuration.ts";
import type { Json } from "../../src/domain/json.ts";

test("the first policy whose pattern matches holds", () => {
  const policyAt = policyLookup([
    { at: ["tags"], policy: "set" },
    { at: ["*"], policy: "atomic" },
    { at: ["parts", "*", "steps"], policy: { by: "name" } },
  ]);
  expect(policyAt(["tags"])).toBe("set");
  expect(policyAt(["depth"])).toBe("atomic");
  expect(policyAt(["parts", "3", "steps"])).toEqual({ by: "name" });
  expect(policyAt(["parts", "3"])).toBeUndefined();
  expect(policyAt([])).toBeUndefined();
  expect(policyLookup([])(["tags"])).toBeUndefined();
});

test("uniqueness tells a number from a text, and does not concern null, objects and arrays", () => {
  const values: readonly Json[] = [1, "1", true, "true", "", 0, false];
  expect(new Set(values.map(uniqueText)).size).toBe(values.length);
  expect([null, {}, [], ["a"]].map(uniqueText)).toEqual([null, null, null, null]);
});
