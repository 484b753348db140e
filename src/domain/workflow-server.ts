import type { RuntreeError } from "./errors.ts";
import type { InvocationState } from "./invocation-state.ts";
import type { Json, JsonObject } from "./json.ts";

/** A workflow as lists have it. Names are not unique. */
export interface WorkflowName {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly updated_at: string | null;
}

/** What a workflow asks for when it is invoked. */
export interface WorkflowInput {
  /** The place of its step, from 0, as text: the key of `inputs`. */
  readonly index: string;
  readonly label: string | null;
  /** Whether the workflow runs without it: it is optional, or has a default. */
  readonly optional: boolean;
  /** `dataset`, `collection`, or what kind of value: `text`, `integer`, … */
  readonly type: string;
}

export interface Workflow extends WorkflowName {
  readonly version: number | null;
  /** By index, ascending. */
  readonly inputs: readonly WorkflowInput[];
}

export interface History {
  readonly id: string;
  readonly name: string;
  readonly updated_at: string | null;
}

/** What is sent to invoke a workflow. */
export interface InvokeRequest {
  readonly history_id: string;
  /** By the index of the input: a reference such as `{src: "hda", id}`, or a value. */
  readonly inputs: JsonObject;
  /** By the index of the step, and the name of the tool's parameter. */
  readonly parameters?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  /** The workflow's id is that of one of its versions, as an invocation names it. */
  readonly instance?: boolean;
  readonly use_cached_job?: boolean;
}

/** An invocation as lists have it, and as invoking answers. */
export interface InvocationName {
  readonly id: string;
  readonly galaxy_state: string;
  /** The id of one version of the workflow, not the one it was invoked by. */
  readonly workflow_id: string;
  readonly history_id: string;
  readonly created_at: string | null;
  readonly updated_at: string | null;
}

export interface InvocationStep {
  readonly index: number;
  readonly label: string | null;
  readonly galaxy_state: string | null;
  readonly job_id: string | null;
  /** The invocation of the sub-workflow that this step is. */
  readonly invocation_id: string | null;
}

/** What the server says about an invocation, such as why it failed. */
export interface InvocationMessage {
  readonly invocation_id: string;
  readonly reason: string;
  readonly details: string | null;
  readonly step: number | null;
  readonly job_id: string | null;
}

/** Something that an invocation made: a dataset (`hda`) or a collection of them (`hdca`). */
export interface InvocationOutput {
  readonly name: string;
  readonly src: "hda" | "hdca";
  readonly id: string;
}

export interface Invocation extends InvocationName {
  readonly steps: readonly InvocationStep[];
  readonly messages: readonly InvocationMessage[];
  readonly outputs: readonly InvocationOutput[];
}

/** How many jobs are in which state, by the server's word. */
export type JobCounts = Readonly<Record<string, number>>;

/** An invocation together with the jobs and messages of all its sub-workflows. */
export interface InvocationLook extends Invocation {
  /** Null where the server's word says nothing to us: the last state stands. */
  readonly state: InvocationState | null;
  readonly jobs: JobCounts;
  readonly ended: boolean;
  /** It ended, and every job did its work. */
  readonly succeeded: boolean;
}

export interface Dataset {
  readonly id: string;
  readonly name: string | null;
  readonly galaxy_state: string;
  readonly extension: string | null;
}

/**
 * A server that runs workflows. Every call throws `galaxy_error` or `galaxy_timeout`, with a WorkflowServerFault as
 * its data. Calls that only read are tried again by themselves; the others are made once.
 */
export interface WorkflowServer {
  readonly name: string;
  /** Until when (ms since 1970) it is not asked; a time that has passed when it may be. */
  readonly restsUntil: number;
  version(): Promise<string>;
  /** All workflows of exactly this name. */
  workflowsNamed(name: string): Promise<readonly WorkflowName[]>;
  /** A workflow. Where the server has just listed it as changed last at some time, it may be one that is remembered from then on. */
  workflow(id: string, listedAt?: string | null): Promise<Workflow>;
  createHistory(name: string): Promise<History>;
  /** All histories of exactly this name. */
  historiesNamed(name: string): Promise<readonly History[]>;
  invoke(workflowId: string, request: InvokeRequest): Promise<InvocationName>;
  /** The oldest first; those of sub-workflows left out. */
  invocationsIn(historyId: string): Promise<readonly InvocationName[]>;
  invocation(id: string): Promise<Invocation>;
  look(id: string): Promise<InvocationLook>;
  /** Asks the server to cancel; it may take its time. */
  cancel(id: string): Promise<InvocationName>;
  dataset(id: string): Promise<Dataset>;
}

/** Why a call to a server of workflows failed: the `data` of `galaxy_error` and `galaxy_timeout`. */
export interface WorkflowServerFault {
  readonly server: string;
  /** What was asked, such as `invoke`. */
  readonly call: string;
  /**
   * `refused`: it answered with a status of error. `unreachable`: no connection. `resting`: it is not asked now.
   * `timeout`, `broken`, `unreadable`, `too_large`: it was asked, and no answer is known. `closed`: we are stopping.
   */
  readonly reason: "refused" | "unreachable" | "resting" | "timeout" | "broken" | "unreadable" | "too_large" | "closed";
  /** Whether the request, or a part of it, may have reached the server. */
  readonly sent: boolean;
  /** Whether the server may have done what was asked. `none` also for whatever only reads. */
  readonly effect: "none" | "unknown";
  readonly status?: number;
  readonly err_code?: number;
  readonly err_msg?: string;
  /** When it may be asked again, where that is known. */
  readonly retry_after_ms?: number;
}

/** The fault that an error of a server of workflows tells; null for any other error. */
export function workflowServerFault(error: unknown): WorkflowServerFault | null {
  const { code, data } = (error ?? {}) as Partial<RuntreeError>;
  return code === "galaxy_error" || code === "galaxy_timeout" ? (data as unknown as WorkflowServerFault) : null;
}

/** Tells whether a server refused for good what it was asked for: not because it is busy, or away. */
export function isRefused({ reason, status = 0 }: WorkflowServerFault): boolean {
  return reason === "refused" && status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** Tells whether a server refuses one thing, and not all: it is over, not ours, or not there. */
export function isOneRefused({ reason, status = 0 }: WorkflowServerFault): boolean {
  return reason === "refused" && (status === 400 || status === 403 || status === 404);
}

/** The calls that look for what an earlier try made. */
const LOOKS: ReadonlySet<string> = new Set(["list_histories", "list_invocations"]);

/** Tells whether a server refused the work itself for good. A look that it refuses says nothing of what it does for us. */
export function isWorkRefused(fault: WorkflowServerFault): boolean {
  return isRefused(fault) && !LOOKS.has(fault.call);
}
