import { isObject, type Json } from "../domain/json.ts";
import type { Histories } from "./histories.ts";
import { decodable, type Ids } from "./ids.ts";
import { type Asked, understandInvoke } from "./invoke-payload.ts";
import { notFound, uncoded } from "./refused.ts";
import { type Cancelled, type Course, type Given, invocationState, planTimeline, type Timeline } from "./timeline.ts";
import type { InvocationState } from "./wire.ts";
import type { StoredWorkflow } from "./workflows.ts";

/** An invocation, or the invocation of a sub-workflow in one. */
export interface Invocation {
  readonly id: string;
  readonly uuid: string;
  readonly workflow: StoredWorkflow;
  readonly historyId: string;
  readonly asked: Asked;
  readonly timeline: Timeline;
  /** In the order of the workflow's steps. */
  readonly steps: readonly InvocationStep[];
  /** The invocation that this one is a step of. */
  readonly outer: Invocation | null;
  cancelled: Cancelled | null;
}

export interface InvocationStep {
  readonly id: string;
  readonly jobIds: readonly string[];
  /** Of the collection that its jobs make together; null where there is one job, or none. */
  readonly collectionId: string | null;
  readonly outputId: string | null;
  readonly inner: Invocation | null;
}

/** The cancel of an invocation; that of one is that of all in it. */
export function cancelOf({ cancelled, outer }: Invocation): Cancelled | null {
  return cancelled ?? (outer === null ? null : cancelOf(outer));
}

/** Tells whether an invocation is there at a moment; one in another comes with its step, unless that is cancelled first. */
export function isThere(invocation: Invocation, now: number): boolean {
  const { made } = invocation.timeline;
  const cancelled = invocation.outer === null ? null : cancelOf(invocation.outer);
  return made <= now && (cancelled === null || cancelled.asked >= made);
}

const TERMINAL: ReadonlySet<InvocationState> = new Set<InvocationState>(["cancelled", "failed", "completed"]);

/** The state of an invocation at a moment. */
export function stateOf(invocation: Invocation, now: number): InvocationState {
  return invocationState(invocation.timeline, cancelOf(invocation), now);
}

/** What a list may be asked for. */
export interface Listed {
  readonly historyId: string | null;
  readonly workflowId: string | null;
  readonly nested: boolean;
  readonly ended: boolean;
}

/** How many datasets every collection holds. */
const COLLECTION_SIZE = 2;

/** The inputs that are collections: what takes one has a job for each of its datasets. */
function collectionsOf({ inputs }: Asked): Map<number, Given> {
  const collection = { at: 0, well: true, paused: false, copies: COLLECTION_SIZE };
  return new Map(
    [...inputs].flatMap(([index, value]) => (isObject(value) && value["src"] === "hdca" ? [[index, collection]] : [])),
  );
}

/** The invocations of a stand-in. */
export class Invocations {
  readonly #ids: Ids;
  readonly #histories: Histories;
  readonly #course: Course;
  readonly #all = new Map<string, Invocation>();
  readonly #byHistory = new Map<string, Invocation[]>();

  constructor(ids: Ids, histories: Histories, course: Course) {
    this.#ids = ids;
    this.#histories = histories;
    this.#course = course;
  }

  #keep(parts: Pick<Invocation, "workflow" | "historyId" | "asked" | "timeline" | "outer">): Invocation {
    const steps: InvocationStep[] = [];
    const invocation = { id: this.#ids.next(), uuid: this.#ids.uuid(), ...parts, steps, cancelled: null };
    this.#all.set(invocation.id, invocation);
    const neighbours = this.#byHistory.get(parts.historyId) ?? [];
    this.#byHistory.set(parts.historyId, neighbours);
    neighbours.push(invocation);
    for (const { step, job, copies, inner } of parts.timeline.steps) {
      const workflow = parts.workflow.inner.get(step.index);
      const under = { historyId: parts.historyId, asked: parts.asked, outer: invocation };
      steps.push({
        id: this.#ids.next(),
        jobIds: Array.from({ length: job === null ? 0 : (copies ?? 1) }, () => this.#ids.next()),
        collectionId: job === null || copies === null ? null : this.#ids.next(),
        outputId: job === null ? null : this.#ids.next(),
        inner: inner === null || workflow === undefined ? null : this.#keep({ workflow, timeline: inner, ...under }),
      });
    }
    return invocation;
  }

  /** Invokes a workflow as a body asks: an invocation, or as many as a batch has. */
  invoke(workflow: StoredWorkflow, body: Json | undefined, now: number): Invocation[] {
    return understandInvoke(workflow, body).map((asked) => {
      const { target } = asked;
      const history = "id" in target ? this.#histories.get(target.id) : this.#histories.create(target.name, now);
      const timeline = planTimeline(workflow.file, now, this.#course, collectionsOf(asked));
      return this.#keep({ workflow, historyId: history.id, asked, timeline, outer: null });
    });
  }

  /** The invocation of an id; refuses one that is not there, or is not there yet. */
  get(id: string, now: number): Invocation {
    const invocation = this.#all.get(decodable(id));
    if (invocation === undefined || !isThere(invocation, now)) throw notFound("WorkflowInvocation not found.");
    return invocation;
  }

  /** What a list holds, the newest first. */
  list({ historyId, workflowId, nested, ended }: Listed, now: number): Invocation[] {
    const among =
      historyId === null ? [...this.#all.values()] : (this.#byHistory.get(decodable(historyId)) ?? []).slice();
    const listed = among.filter((each) => {
      if (!isThere(each, now) || (each.outer !== null && !nested)) return false;
      if (workflowId !== null && each.workflow.id !== decodable(workflowId)) return false;
      return ended || !TERMINAL.has(stateOf(each, now));
    });
    return listed.reverse();
  }

  /** Begins to cancel an invocation; one that is being cancelled stays as it is. */
  cancel(id: string, now: number): Invocation {
    const invocation = this.get(id, now);
    const state = stateOf(invocation, now);
    if (state === "completed" || state === "failed") throw uncoded("Cannot cancel an inactive workflow invocation.");
    if (cancelOf(invocation) === null) invocation.cancelled = { asked: now, done: now + this.#course.pace.cancelling };
    return invocation;
  }
}
