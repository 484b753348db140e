import { describe, expect, test } from "vitest";
import { plain } from "../../src/cli/plain.ts";
import { facts, table } from "../../src/cli/table.ts";

const ROWS = [
  ["RUN", "STATUS", "BY"],
  ["01jabcdefghjkmnpqrstvwxyz0", "success", "a person with a name that goes on"],
  ["01jabcdefghjkmnpqrstvwxyz1", "waiting", "local"],
];

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));

describe("a list", () => {
  test("is as wide as it is where nobody has to read it on a terminal", () => {
    expect(table(ROWS, null).split("\n")[1]).toBe(
      "01jabcdefghjkmnpqrstvwxyz0  success  a person with a name that goes on",
    );
  });

  test("is cut at its last column first, then at whichever is widest, to what the terminal has", () => {
    expect(table(ROWS, 60).split("\n")).toEqual([
      "RUN                         STATUS   BY",
      "01jabcdefghjkmnpqrstvwxyz0  success  a person with a name t…",
      "01jabcdefghjkmnpqrstvwxyz1  waiting  local",
    ]);
    expect(table(ROWS, 30).split("\n")).toEqual([
      "RUN          STATUS   BY",
      "01jabcdefg…  success  a perso…",
      "01jabcdefg…  waiting  local",
    ]);
    for (let width = 29; width < 100; width++) expect(widest(table(ROWS, width))).toBeLessThanOrEqual(width);
    expect(table(ROWS, 1)).toContain("…");
    expect(table([], 10)).toBe("");
  });

  test("of facts is never cut", () => {
    expect(facts([["error", "x".repeat(500)]])).toBe(`error  ${"x".repeat(500)}`);
  });
});

describe("what other people wrote", () => {
  test.each([
    ["an escape sequence", "\u001b[2J\u001b]0;title\u0007", "\\u001b[2J\\u001b]0;title\\u0007"],
    ["the same in one byte", "\u009b2J", "\\u009b2J"],
    ["lines and tabs", "a\nb\tc\r", "a\\nb\\u0009c\\u000d"],
    ["text that runs the other way", "\u202etxt.exe", "\\u202etxt.exe"],
    ["ordinary text of any kind", "é 😀 “quoted” 中", "é 😀 “quoted” 中"],
  ])("%s is shown, not obeyed", (_, value, shown) => {
    expect(plain(value)).toBe(shown);
    expect(table([["A"], [value]], null)).toBe(`A\n${shown}`);
  });
});
