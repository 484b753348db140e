import type { Invocation, InvocationLook, InvocationMessage, JobCounts } from "../domain/workflow-server.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { noAnswer } from "./galaxy-error.ts";
import { askInvocation, type InvocationRead } from "./invocations.ts";
import { askJobsSummary, type JobsSummary } from "./jobs-summary.ts";
import { jobMeaningOf, meaningOf, stateOf } from "./states.ts";

/** How deep sub-workflows are followed, and how many invocations one look asks for. */
const MOST_DEPTH = 20;
const MOST_INVOCATIONS = 200;

/** How many messages are told. */
const MOST_MESSAGES = 50;

/** What an invocation comes to with all below it. */
interface Below {
  readonly invocation: Invocation;
  readonly jobs: JobCounts;
  readonly messages: readonly InvocationMessage[];
  readonly ended: boolean;
  readonly succeeded: boolean;
}

const NO_JOBS: JobsSummary = { populated_state: "new", jobs: {} };

/** Looks at an invocation, its jobs, and those of its sub-workflows, however deep they lie. */
export async function look(galaxy: GalaxyCalls, id: string): Promise<InvocationLook> {
  const seen = new Set([id]);
  const lookAt = async (id: string, depth: number): Promise<Below> => {
    // The summary is asked for afterwards: all steps may have been handed out only after an earlier one.
    const { has_jobs: hasJobs, ...invocation } = await askInvocation(galaxy, id);
    const children = invocation.steps.flatMap((step) => (step.invocation_id === null ? [] : [step.invocation_id]));
    const isNew = children.every((child) => !seen.has(child)) && new Set(children).size === children.length;
    for (const child of children) seen.add(child);
    if (!isNew || seen.size > MOST_INVOCATIONS || depth > MOST_DEPTH) throw tooMany(galaxy.name);
    const begun = meaningOf(invocation.galaxy_state) !== "queued";
    const [summary, ...below] = await Promise.all([
      begun ? askJobsSummary(galaxy, id) : NO_JOBS,
      ...children.map((child) => lookAt(child, depth + 1)),
    ]);
    return {
      invocation,
      jobs: below.reduce((sum, child) => plus(sum, child.jobs), summary.jobs),
      messages: [invocation.messages, ...below.map((child) => child.messages)].flat(),
      ended: hasEnded({ ...invocation, has_jobs: hasJobs }, summary, below),
      succeeded: didWell(invocation, summary, below),
    };
  };
  const { invocation, jobs, messages, ended, succeeded } = await lookAt(id, 1);
  return {
    ...invocation,
    messages: messages.slice(0, MOST_MESSAGES),
    state: stateOf(invocation.galaxy_state, ended, ended && succeeded),
    jobs,
    ended,
    succeeded: ended && succeeded,
  };
}

/**
 * Tells whether an invocation has ended: `scheduled` is not finished, and neither is `completed` while a sub-workflow
 * works; no jobs are no sign of an end as long as it is not known which there are.
 */
function hasEnded(invocation: InvocationRead, summary: JobsSummary, below: readonly Below[]): boolean {
  const meaning = meaningOf(invocation.galaxy_state);
  if (meaning !== "steps") return meaning === "failed" || meaning === "cancelled";
  const states = Object.keys(summary.jobs);
  const known = summary.populated_state === "ok" || summary.populated_state === "failed";
  const missing = states.length === 0 && (invocation.has_jobs || invocation.steps.length === 0);
  return (
    known &&
    !(missing && invocation.galaxy_state !== "completed") &&
    states.every((state) => jobMeaningOf(state) !== "live") &&
    below.every((child) => child.ended)
  );
}

/** Tells whether an invocation that has ended did all of its work. */
function didWell({ galaxy_state: state }: Invocation, summary: JobsSummary, below: readonly Below[]): boolean {
  return (
    meaningOf(state) === "steps" &&
    summary.populated_state === "ok" &&
    Object.keys(summary.jobs).every((job) => jobMeaningOf(job) === "well") &&
    below.every((child) => child.succeeded)
  );
}

function plus(left: JobCounts, right: JobCounts): JobCounts {
  const sum = new Map(Object.entries(left));
  for (const [state, number] of Object.entries(right)) sum.set(state, (sum.get(state) ?? 0) + number);
  return Object.fromEntries(sum);
}

function tooMany(server: string): Error {
  const fault = { server, call: "look", sent: true, effect: "none", reason: "too_large" } as const;
  return noAnswer(fault, new Error("sub-workflows too deep, too many, or in a circle"));
}
