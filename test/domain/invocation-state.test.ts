import { expect, test } from "vitest";
import { afterSeeing, hasEnded, INVOCATION_STATES, type InvocationState } from "../../src/domain/invocation-state.ts";

/** What each state becomes when another is seen, written out. */
const AFTER: Readonly<Record<InvocationState, Readonly<Record<InvocationState, InvocationState>>>> = {
  queued: {
    queued: "queued",
    in_progress: "in_progress",
    completed: "completed",
    failed: "failed",
    cancelled: "cancelled",
  },
  in_progress: {
    queued: "in_progress",
    in_progress: "in_progress",
    completed: "completed",
    failed: "failed",
    cancelled: "cancelled",
  },
  completed: {
    queued: "completed",
    in_progress: "completed",
    completed: "completed",
    failed: "completed",
    cancelled: "completed",
  },
  failed: { queued: "failed", in_progress: "failed", completed: "failed", failed: "failed", cancelled: "failed" },
  cancelled: {
    queued: "cancelled",
    in_progress: "cancelled",
    completed: "cancelled",
    failed: "cancelled",
    cancelled: "cancelled",
  },
};

const CELLS = INVOCATION_STATES.flatMap((last) =>
  INVOCATION_STATES.map((seen) => [last, seen, AFTER[last][seen]] as const),
);

test.each(CELLS)("%s, and %s is seen: %s", (last, seen, after) => {
  expect(afterSeeing(last, seen)).toBe(after);
});

test.each(INVOCATION_STATES)("%s stands when a word is seen that says nothing", (last) => {
  expect(afterSeeing(last, null)).toBe(last);
});

test.each(INVOCATION_STATES)("%s has ended when nothing else can follow", (last) => {
  expect(hasEnded(last)).toBe(INVOCATION_STATES.every((seen) => afterSeeing(last, seen) === last));
});
