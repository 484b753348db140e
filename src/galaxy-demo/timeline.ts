import type { Pace } from "./pace.ts";
import type { Step, WorkflowFile } from "./workflow-file.ts";
import type { InvocationState, JobState } from "./wire.ts";

/** When a job changes. What never happens is at Infinity. */
export interface JobTimes {
  readonly made: number;
  readonly queued: number;
  readonly running: number;
  readonly ended: number;
  readonly end: JobState;
}

export interface StepTimes {
  readonly step: Step;
  /** When it is handed out; Infinity behind a pause that nobody ends. */
  readonly handed: number;
  readonly job: JobTimes | null;
  /** How many such jobs it has; null: one, and no collection of jobs around it. */
  readonly copies: number | null;
  /** The invocation of its sub-workflow. */
  readonly inner: Timeline | null;
}

/** When an invocation changes; known as soon as it is made, as nothing but a cancel can alter it. */
export interface Timeline {
  readonly made: number;
  readonly materializing: number;
  readonly ready: number;
  readonly scheduled: number;
  readonly failed: number;
  /** When the last job ended, those of sub-workflows included. */
  readonly ended: number;
  readonly completed: number;
  readonly steps: readonly StepTimes[];
}

/** What a timeline is made for. */
export interface Course {
  readonly pace: Pace;
  /** Whether this Galaxy has `completed` (26.0). */
  readonly completes: boolean;
  /** How the job of a step ends; a state that no job ends in is where it stays. */
  readonly endOf: (workflow: WorkflowFile, step: Step) => JobState;
  /** Tells whether invoking a workflow fails while its steps are handed out. */
  readonly fails: (workflow: WorkflowFile) => boolean;
}

/** When what a step gives out is there. */
export interface Given {
  readonly at: number;
  readonly well: boolean;
  /** Whether it waits for a pause to end. */
  readonly paused: boolean;
  /** How many datasets a collection of them holds; null for a dataset. */
  readonly copies: number | null;
}

const ENDS: ReadonlySet<JobState> = new Set<JobState>([
  "ok",
  "error",
  "failed",
  "paused",
  "deleted",
  "stopped",
  "skipped",
]);

/** Tells whether a job in a state has ended. */
export function isEnd(state: JobState): boolean {
  return ENDS.has(state);
}

/** Whether what waits for a job may go on; one that never ends keeps it waiting. */
function endsWell(job: JobTimes): boolean {
  return job.end === "ok" || job.end === "skipped" || job.ended === Infinity;
}

function wentWell(timeline: Timeline): boolean {
  return timeline.steps.every(
    ({ job, inner }) => (job === null || endsWell(job)) && (inner === null || wentWell(inner)),
  );
}

function jobTimes(made: number, inputs: Given, end: JobState, pace: Pace): JobTimes {
  const never = { queued: Infinity, running: Infinity };
  // As Galaxy does with jobs whose inputs failed.
  if (!inputs.well) return { made, ...never, ended: Math.max(made, inputs.at), end: "paused" };
  const queued = Math.max(made, inputs.at);
  if (end === "skipped") return { made, ...never, ended: queued, end };
  const running = end === "queued" ? Infinity : queued + pace.queued;
  return { made, queued, running, ended: isEnd(end) ? running + pace.running : Infinity, end };
}

function together(all: readonly Given[], from: number): Given {
  return {
    at: Math.max(from, ...all.map(({ at }) => at)),
    well: all.every(({ well }) => well),
    paused: all.some(({ paused }) => paused),
    copies: all.find(({ copies }) => copies !== null)?.copies ?? null,
  };
}

/** Everything that will happen to an invocation made at a moment; `outer` is when what feeds its inputs is there. */
export function planTimeline(
  workflow: WorkflowFile,
  made: number,
  course: Course,
  outer: ReadonlyMap<number, Given> = new Map(),
  depth = 0,
): Timeline {
  const { pace } = course;
  const materializing = made + pace.new;
  const ready = materializing + pace.materialize;
  const handed = ready + pace.ready / 2;
  const fails = course.fails(workflow);
  const given = new Map<number, Given>();
  const givenTo = (step: Step): Given =>
    together(
      step.sources.flatMap((source) => given.get(source.step) ?? []),
      handed,
    );
  const planStep = (step: Step): StepTimes => {
    const inputs = givenTo(step);
    if (inputs.paused || fails) {
      given.set(step.index, inputs);
      return { step, handed: Infinity, job: null, copies: null, inner: null };
    }
    if (step.type === "tool") {
      const job = jobTimes(handed, inputs, course.endOf(workflow, step), pace);
      const { copies } = inputs;
      given.set(step.index, { at: job.ended, well: endsWell(job), paused: false, copies });
      return { step, handed, job, copies, inner: null };
    }
    if (step.type === "subworkflow" && step.inner !== null) {
      const feeds = step.sources.flatMap(({ step: from, inner }): [number, Given][] => {
        const fed = given.get(from);
        return inner === null || fed === undefined ? [] : [[inner, fed]];
      });
      const inner = planTimeline(step.inner, handed, course, new Map(feeds), depth + 1);
      const { copies } = inputs;
      given.set(step.index, { at: inner.ended, well: wentWell(inner), paused: inner.scheduled === Infinity, copies });
      return { step, handed, job: null, copies: null, inner };
    }
    const fed = outer.get(step.index) ?? { at: handed, well: true, paused: false, copies: null };
    given.set(step.index, step.type === "pause" ? { ...inputs, paused: true } : fed);
    return { step, handed, job: null, copies: null, inner: null };
  };
  const steps = workflow.steps.map(planStep);
  const paused = [...given.values()].some((each) => each.paused);
  const scheduled = paused || fails ? Infinity : ready + pace.ready;
  const ended = Math.max(scheduled, ...steps.map(({ job, inner }) => job?.ended ?? inner?.ended ?? 0));
  return {
    made,
    materializing,
    ready,
    scheduled,
    failed: fails ? handed : Infinity,
    ended,
    // The monitor comes to the outermost first, so that a parent is completed before what is in it.
    completed: course.completes ? ended + pace.monitor * (depth + 1) : Infinity,
    steps,
  };
}

/** A cancel, and when it is through; null where nobody cancelled. */
export interface Cancelled {
  readonly asked: number;
  readonly done: number;
}

/** The state of an invocation at a moment. */
export function invocationState(timeline: Timeline, cancelled: Cancelled | null, now: number): InvocationState {
  if (cancelled !== null) return now >= cancelled.done ? "cancelled" : "cancelling";
  if (now >= timeline.failed) return "failed";
  if (now >= timeline.completed) return "completed";
  if (now >= timeline.scheduled) return "scheduled";
  if (now >= timeline.ready) return "ready";
  return now >= timeline.materializing ? "requires_materialization" : "new";
}

/** The state of a job at a moment; null while it is not made. */
export function jobState(job: JobTimes, cancelled: Cancelled | null, now: number): JobState | null {
  if (now < job.made || (cancelled !== null && cancelled.asked < job.made)) return null;
  if (cancelled !== null && cancelled.asked < job.ended) return now >= cancelled.done ? "deleted" : "deleting";
  if (now >= job.ended) return job.end;
  if (now >= job.running) return "running";
  return now >= job.queued ? "queued" : "new";
}

/** When an invocation or one of its steps changed last before a moment. */
export function lastChange(moments: readonly number[], now: number): number {
  return Math.max(...moments.filter((moment) => moment <= now));
}
