import { expect, test } from "vitest";
import { isClosed, isDone, mayFollow, RUN_STATUSES, type RunStatus } from "../../src/domain/run.ts";

/** The table of the design, written out again: what may follow each status. */
const NEXT: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  waiting: ["running", "merging", "failed", "cancelled", "skipped"],
  running: ["merging", "failed", "cancelled", "skipped"],
  merging: ["success", "rejected"],
  rejected: ["running", "merging", "failed", "cancelled"],
  success: [],
  failed: [],
  cancelled: [],
  skipped: [],
};
const ALL = Object.keys(NEXT) as RunStatus[];
const CELLS = ALL.flatMap((from) => ALL.map((to) => [from, NEXT[from].includes(to) ? "may" : "must not", to] as const));

test("there are eight statuses", () => {
  expect([...RUN_STATUSES].sort()).toEqual([...ALL].sort());
});

test.each(CELLS)("%s %s become %s", (from, verb, to) => {
  expect(mayFollow(from, to)).toBe(verb === "may");
});

test.each(ALL)("%s is closed when nothing can follow it, and only then", (status) => {
  expect(isClosed(status)).toBe(["success", "failed", "cancelled", "skipped"].includes(status));
});

test.each(ALL)("%s is done when the gate is at work or has merged, and only then", (status) => {
  expect(isDone(status)).toBe(["merging", "success"].includes(status));
});
