import { cancelOf, type Invocation, isThere, stateOf } from "./invocations.ts";
import { jobState } from "./timeline.ts";
import { type JobState, stamp, type Wire } from "./wire.ts";

type StepSummary =
  | Wire["InvocationStepJobsResponseStepModel"]
  | Wire["InvocationStepJobsResponseJobModel"]
  | Wire["InvocationStepJobsResponseCollectionJobsModel"];

/** The states of the jobs of an invocation, by their steps; those of sub-workflows are not among them. */
function* jobsOf(invocation: Invocation, now: number): Generator<readonly [jobId: string, state: JobState]> {
  for (const [at, { job }] of invocation.timeline.steps.entries()) {
    const id = invocation.steps[at]?.jobId ?? null;
    const state = job === null ? null : jobState(job, cancelOf(invocation), now);
    if (id !== null && state !== null) yield [id, state];
  }
}

function count(states: Record<string, number>, state: JobState): void {
  states[state] = (states[state] ?? 0) + 1;
}

function populatedState(invocation: Invocation, now: number): JobState {
  const state = stateOf(invocation, now);
  if (state === "scheduled" || state === "completed") return "ok";
  return state === "failed" || state === "cancelled" ? "failed" : "new";
}

/** How many jobs of an invocation are in which state, without those of sub-workflows. */
export function summarizeJobs(invocation: Invocation, now: number): Wire["InvocationJobsResponse"] {
  const states: Record<string, number> = {};
  for (const [, state] of jobsOf(invocation, now)) count(states, state);
  return { id: invocation.id, model: "WorkflowInvocation", populated_state: populatedState(invocation, now), states };
}

/** The same step by step; only steps with jobs are there. */
export function summarizeSteps(invocation: Invocation, now: number): StepSummary[] {
  return [...jobsOf(invocation, now)].map(([id, state]) => ({
    id,
    model: "Job",
    populated_state: state,
    states: { [state]: 1 },
  }));
}

function countAll(invocation: Invocation, now: number, states: Record<string, number>): Record<string, number> {
  for (const [, state] of jobsOf(invocation, now)) count(states, state);
  for (const { inner } of invocation.steps) if (inner !== null && isThere(inner, now)) countAll(inner, now, states);
  return states;
}

/** What is known of an invocation that is `completed`, with the jobs of sub-workflows; null before. */
export function shownCompletion(
  invocation: Invocation,
  now: number,
): Wire["WorkflowInvocationCompletionResponse"] | null {
  if (stateOf(invocation, now) !== "completed") return null;
  const { completed } = invocation.timeline;
  return { completion_time: stamp(completed), hooks_executed: [], job_state_summary: countAll(invocation, now, {}) };
}
