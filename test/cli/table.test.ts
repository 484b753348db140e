import { describe, expect, test } from "vitest";
import { type Job, jobTable } from "../../src/cli/job-text.ts";
import { plain } from "../../src/cli/plain.ts";
import { facts, table } from "../../src/cli/table.ts";

const ROWS = [
  ["RUN", "STATUS", "BY"],
  ["01jabcdefghjkmnpqrstvwxyz0", "success", "a person with a name that goes on"],
  ["01jabcdefghjkmnpqrstvwxyz1", "waiting", "local"],
];

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));

test("a list of jobs leaves columns out where ids would be cut for them", () => {
  const [job_id = "", , title] = ROWS[1] ?? [];
  const times = { created_at: "2026-01-01T00:00:00.000Z", started_at: "2026-01-01T00:00:01.000Z" };
  const finished_at = "2026-01-01T00:00:03.500Z";
  const job = { job_id, status: "failed", template_id: "t", priority: 50, title, ...times, finished_at, error: null };
  const [narrow, wide] = [100, null].map((width) => jobTable([job as unknown as Job], width));
  expect(narrow).toMatch(/^JOB +STATUS +TEMPLATE +PRIORITY +TITLE\n01jabcdefghjkmnpqrstvwxyz0  failed/);
  expect(wide).toMatch(/PRIORITY +CREATED +TOOK +ERROR +TITLE\n.* 2026-01-01T00:00:00.000Z +2\.5 s +- +a person/);
});

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
