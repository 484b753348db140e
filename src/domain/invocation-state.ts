/** How far an invocation of a workflow is, in our words. The server's own word is kept beside it. */
export type InvocationState = "queued" | "in_progress" | "completed" | "failed" | "cancelled";

export const INVOCATION_STATES = ["queued", "in_progress", "completed", "failed", "cancelled"] as const;

/** States only ever move up. */
const HEIGHT: Readonly<Record<InvocationState, number>> = {
  queued: 0,
  in_progress: 1,
  completed: 2,
  failed: 2,
  cancelled: 2,
};

/** Tells whether nothing can follow a state. */
export function hasEnded(state: InvocationState): boolean {
  return HEIGHT[state] === HEIGHT.completed;
}

/**
 * The state after one was seen; null is a word of the server that says nothing to us. A state never moves back, and
 * one that has ended stays as it is.
 */
export function afterSeeing(last: InvocationState, seen: InvocationState | null): InvocationState {
  return seen !== null && HEIGHT[seen] > HEIGHT[last] ? seen : last;
}
