import { cancelOf, type Invocation, type InvocationStep, isThere, stateOf } from "./invocations.ts";
import { jobState } from "./timeline.ts";
import { type JobState, stamp, type Wire } from "./wire.ts";

type StepSummary =
  | Wire["InvocationStepJobsResponseStepModel"]
  | Wire["InvocationStepJobsResponseJobModel"]
  | Wire["InvocationStepJobsResponseCollectionJobsModel"];

/** The jobs of a step, which are all in one state. */
interface StepJobs {
  readonly step: InvocationStep;
  readonly state: JobState;
}

/** The steps of an invocation that have jobs; those of sub-workflows are not among them. */
function* stepsWithJobs(invocation: Invocation, now: number): Generator<StepJobs> {
  for (const [at, { job }] of invocation.timeline.steps.entries()) {
    const step = invocation.steps[at];
    const state = job === null ? null : jobState(job, cancelOf(invocation), now);
    if (step !== undefined && state !== null) yield { step, state };
  }
}

function countJobs(invocation: Invocation, now: number, states: Record<string, number>): Record<string, number> {
  for (const { step, state } of stepsWithJobs(invocation, now))
    states[state] = (states[state] ?? 0) + step.jobIds.length;
  return states;
}

function populatedState(invocation: Invocation, now: number): JobState {
  const state = stateOf(invocation, now);
  if (state === "scheduled" || state === "completed") return "ok";
  return state === "failed" || state === "cancelled" ? "failed" : "new";
}

/** How many jobs of an invocation are in which state, without those of sub-workflows. */
export function summarizeJobs(invocation: Invocation, now: number): Wire["InvocationJobsResponse"] {
  const [states, populated_state] = [countJobs(invocation, now, {}), populatedState(invocation, now)];
  return { id: invocation.id, model: "WorkflowInvocation", populated_state, states };
}

/** The same step by step; only steps with jobs are there. */
export function summarizeSteps(invocation: Invocation, now: number): StepSummary[] {
  return [...stepsWithJobs(invocation, now)].map(({ step, state }): StepSummary => {
    const common = { populated_state: "ok", states: { [state]: step.jobIds.length } } as const;
    return step.collectionId === null
      ? { id: step.jobIds[0] ?? "", model: "Job", ...common }
      : { id: step.collectionId, model: "ImplicitCollectionJobs", ...common };
  });
}

function countAll(invocation: Invocation, now: number, states: Record<string, number>): Record<string, number> {
  countJobs(invocation, now, states);
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
