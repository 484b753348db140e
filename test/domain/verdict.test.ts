import { expect, test } from "vitest";
import { doorViolation, listed } from "../../src/domain/verdict.ts";

test("a hundred violations are listed at most, and all are counted", () => {
  const many = Array.from({ length: 101 }, (_, index) => doorViolation("schema", `/${index}`, "wrong"));
  expect(listed(many)).toEqual({ violations: many.slice(0, 100), violation_count: 101 });
  expect(listed(many.slice(0, 100))).toEqual({ violations: many.slice(0, 100), violation_count: 100 });
  expect(listed([])).toEqual({ violations: [], violation_count: 0 });
});
