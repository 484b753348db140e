import type { InvocationRecord } from "./invocation.ts";
import type { JsonObject } from "./json.ts";
import type { Notice, Verdict, Violation } from "./verdict.ts";

export type RunStatus = "waiting" | "running" | "merging" | "rejected" | "success" | "failed" | "cancelled" | "skipped";

/** Nothing follows a closed status. */
const CLOSED: Readonly<Record<RunStatus, boolean>> = {
  waiting: false,
  running: false,
  merging: false,
  rejected: false,
  success: false,
  failed: false,
  cancelled: false,
  skipped: false,
};

/** Which status may follow which (DESIGN §3). The compiler requires every cell. */
export const TRANSITIONS: Readonly<Record<RunStatus, Readonly<Record<RunStatus, boolean>>>> = {
  waiting: {
    waiting: false,
    running: true,
    merging: true,
    rejected: false,
    success: false,
    failed: true,
    cancelled: true,
    skipped: true,
  },
  running: {
    waiting: false,
    running: false,
    merging: true,
    rejected: false,
    success: false,
    failed: true,
    cancelled: true,
    skipped: true,
  },
  merging: {
    waiting: false,
    running: false,
    merging: false,
    rejected: true,
    success: true,
    failed: false,
    cancelled: false,
    skipped: false,
  },
  rejected: {
    waiting: false,
    running: true,
    merging: true,
    rejected: false,
    success: false,
    failed: true,
    cancelled: true,
    skipped: false,
  },
  success: CLOSED,
  failed: CLOSED,
  cancelled: CLOSED,
  skipped: CLOSED,
};

export const RUN_STATUSES: readonly RunStatus[] = Object.keys(TRANSITIONS) as RunStatus[];

/** Tells whether a run in one status may go to another. */
export function mayFollow(from: RunStatus, to: RunStatus): boolean {
  return TRANSITIONS[from][to];
}

/** Tells whether nothing can follow a status. */
export function isClosed(status: RunStatus): boolean {
  return !Object.values(TRANSITIONS[status]).includes(true);
}

/** `done` is true while the gate is at work and after it merged. */
export function isDone(status: RunStatus): boolean {
  return status === "merging" || status === "success";
}

/** Who opened a run, and through which door. */
export type RunOrigin = "rest" | "push" | "executor";

/** What Git keeps of a run: `run.json` on its branch, `runs/…/<id>.json` on `main` once merged. Absent members are left out. */
export interface RunRecord {
  readonly id: string;
  readonly job_id: string;
  readonly origin: RunOrigin;
  readonly status: RunStatus;
  readonly created_by: string;
  readonly created_at: string;
  readonly started_at?: string;
  readonly updated_at: string;
  readonly completed_at?: string;
  readonly metadata: JsonObject;
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly pipeline_id?: string;
  readonly template_id?: string;
  readonly dataset_id?: string;
  readonly mode?: string;
  /** Of a run that an executor opened: who works on it, with what, and how its process ended. */
  readonly executor?: "process" | "galaxy";
  readonly params?: JsonObject;
  readonly attempt?: number;
  /** The run of the job that this one's job tries again. */
  readonly retry_of?: string;
  readonly exit_code?: number;
  readonly pid?: number;
  readonly log_path?: string;
  /** Of a run whose work Galaxy does. */
  readonly invocation?: InvocationRecord;
  /** The commit of `main` that the branch forked from or was last resolved against. */
  readonly base: string;
  /** The tip of the branch once it is closed and gone; of a pushed run the tip that the record speaks of, from the start. */
  readonly head?: string;
  /** When that tip of a pushed run was received. */
  readonly received_at?: string;
  readonly submissions: number;
  readonly validations: number;
  /** Violations of the branch as it stands, at most `MAX_LISTED`; the count is whole. */
  readonly warnings: readonly Violation[];
  readonly warning_count: number;
  readonly notices: readonly Notice[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly merge?: { readonly verdict: Verdict };
}
