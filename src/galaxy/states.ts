import type { InvocationState } from "../domain/invocation-state.ts";

/**
 * What a state of an invocation means here. `steps`: all its steps were handed out, and what became of them is told by
 * jobs and sub-workflows; so it is with `completed`, which a server may say before the sub-workflows have ended.
 */
type Meaning = "queued" | "in_progress" | "steps" | "failed" | "cancelled" | "kept";

export const INVOCATION_WORDS = {
  new: "queued",
  requires_materialization: "queued",
  ready: "in_progress",
  scheduled: "steps",
  completed: "steps",
  cancelling: "kept",
  cancelled: "cancelled",
  failed: "failed",
} as const satisfies Readonly<Record<string, Meaning>>;

/** What a state of a job means here. */
export const JOB_WORDS = {
  new: "live",
  resubmitted: "live",
  upload: "live",
  waiting: "live",
  queued: "live",
  running: "live",
  stop: "live",
  deleting: "live",
  ok: "well",
  skipped: "well",
  error: "badly",
  failed: "badly",
  paused: "badly",
  deleted: "badly",
  stopped: "badly",
} as const satisfies Readonly<Record<string, "live" | "well" | "badly">>;

/** A word that is not known says nothing, and has not ended. */
export function meaningOf(galaxyState: string): Meaning {
  return Object.hasOwn(INVOCATION_WORDS, galaxyState)
    ? INVOCATION_WORDS[galaxyState as keyof typeof INVOCATION_WORDS]
    : "kept";
}

export function jobMeaningOf(galaxyState: string): "live" | "well" | "badly" {
  return Object.hasOwn(JOB_WORDS, galaxyState) ? JOB_WORDS[galaxyState as keyof typeof JOB_WORDS] : "live";
}

/** Our state for an invocation; null where the last one stands. */
export function stateOf(galaxyState: string, ended: boolean, succeeded: boolean): InvocationState | null {
  const meaning = meaningOf(galaxyState);
  if (meaning === "steps") return ended ? (succeeded ? "completed" : "failed") : "in_progress";
  return meaning === "kept" ? null : meaning;
}
