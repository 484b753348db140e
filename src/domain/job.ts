import type { InvocationRequest } from "./invocation.ts";
import type { JsonObject } from "./json.ts";
import type { RunStatus } from "./run.ts";

/** The job that always exists, for submissions that belong to no other. */
export const CUSTOM_JOB = "custom";

export type JobStatus = "queued" | "running" | "completed" | "failed" | "skipped" | "cancelled";

export const JOB_STATUSES = ["queued", "running", "completed", "failed", "skipped", "cancelled"] as const;

/** Who does a job's work: agents, a command of the operator's configuration, or a Galaxy. */
export type Executor = "external" | "process" | "galaxy";

/** A code and words that say what went wrong. */
export interface JobError {
  readonly code: string;
  readonly message: string;
}

/** How a job ended, for good. */
export interface JobEnd {
  readonly status: Exclude<JobStatus, "queued" | "running">;
  readonly at: string;
  readonly exit_code?: number;
  readonly pid?: number;
  readonly error?: JobError;
}

/** A job as `ops` keeps it. Whether an external job runs, and how it ended, is read from its runs. Absent members are left out. */
export interface JobRecord {
  readonly id: string;
  readonly executor: Executor;
  readonly template_id?: string;
  readonly title?: string;
  /** With the template's `default_params` below them; frozen once there is a run. */
  readonly params: JsonObject;
  /** Of a job for Galaxy that was asked for without a template. */
  readonly invocation?: InvocationRequest;
  readonly priority?: number;
  /** Its place among the queued jobs of its priority (`queue-order.ts`). */
  readonly rank?: string;
  readonly created_at: string;
  readonly created_by: string;
  /** The job that this one tries again. */
  readonly retry_of?: string;
  /** Counted from 1 over a chain of retries. */
  readonly attempt?: number;
  /** The run that its executor opened, and when. */
  readonly run_id?: string;
  readonly started_at?: string;
  readonly ended?: JobEnd;
}

/** How many attempts are made without a person asking, in a chain of retries. */
export const MOST_ATTEMPTS = 3;

/** The words for priorities (WIRE §3). */
export const PRIORITIES = { low: 25, normal: 50, high: 75, immediate: 100 } as const;

export type PriorityName = keyof typeof PRIORITIES;

/** The number of a priority, given as a number or a word. */
export function priorityOf(given: number | PriorityName | undefined): number {
  return typeof given === "number" ? given : PRIORITIES[given ?? "normal"];
}

/** The word for a priority: the highest that is not above it, `low` below all. */
export function priorityName(priority: number): PriorityName {
  const names = Object.keys(PRIORITIES) as PriorityName[];
  return names.findLast((name) => PRIORITIES[name] <= priority) ?? "low";
}

/** What a closed or refused run makes of the job that an executor opened it for. */
export const ENDED_BY: Readonly<Record<RunStatus, JobEnd["status"] | null>> = {
  waiting: null,
  running: null,
  merging: null,
  rejected: "failed",
  success: "completed",
  failed: "failed",
  cancelled: "cancelled",
  skipped: "skipped",
};
