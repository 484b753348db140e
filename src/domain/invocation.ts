import type { InvocationState } from "./invocation-state.ts";
import type { JsonObject } from "./json.ts";

/** Which workflow of which Galaxy a job asks for, and with what; a part of the job, frozen with its run. */
export interface InvocationRequest {
  /** The name of the server in the operator's configuration. */
  readonly server: string;
  readonly workflow_id?: string;
  readonly workflow_name?: string;
  /** A document of the datasets' collection. */
  readonly dataset_id?: string;
  /** Earlier invocations of the same dataset and workflow do not count any more. */
  readonly overwrite?: true;
}

/** One step of an invocation as Galaxy last told it. */
export interface InvocationStep {
  readonly order_index: number;
  readonly state: string | null;
  readonly job_id: string | null;
  readonly subworkflow_invocation_id: string | null;
}

/** An invocation as its run keeps it. Absent members are not known yet, or left out. */
export interface InvocationRecord extends InvocationRequest {
  /** What Galaxy is sent, once it is settled which of the workflow's inputs and parameters are meant. */
  readonly inputs?: JsonObject;
  readonly parameters?: JsonObject;
  /** The history of this run alone, made before anything is invoked into it. */
  readonly history_id?: string;
  readonly invocation_id?: string;
  readonly state: InvocationState;
  /** Galaxy's own word. */
  readonly galaxy_state?: string;
  /** How many of its jobs, those of sub-workflows too, are in each of Galaxy's states. */
  readonly jobs: Readonly<Record<string, number>>;
  readonly steps: readonly InvocationStep[];
  readonly messages: readonly string[];
  /** What it made, by label. */
  readonly outputs?: JsonObject;
  /** How often Galaxy was asked to invoke it. */
  readonly attempts: number;
  readonly started_at?: string;
  readonly finished_at?: string;
}

/** The name of the history that a run's invocation goes into; by it, and by nothing else, a lost one is found again. */
export function historyName(runId: string, prefix?: string): string {
  return `${prefix === undefined ? "" : `${prefix} `}runtree ${runId}`;
}

/** What an invocation is before Galaxy is asked for anything. */
export function intended(request: InvocationRequest): InvocationRecord {
  return { ...request, state: "queued", jobs: {}, steps: [], messages: [], attempts: 0 };
}

/** How an invocation is named where there are several servers, as ids are only unique on one. */
export function invocationKey({ server, invocation_id }: InvocationRecord): string | null {
  return invocation_id === undefined ? null : `${server}/${invocation_id}`;
}
