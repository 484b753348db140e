import type { JobRecord, JobStatus } from "../domain/job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { RunStatus } from "../domain/run.ts";
import type { Oid } from "../git/objects.ts";
import type { RunView } from "./run-view.ts";

/** A job as it was written, with the blob of its record; of one whose record went, as it was, with null. */
export interface JobChange {
  readonly job: JobRecord;
  readonly blob: Oid | null;
}

/** What became of a job: its status before (null: it is new) and now (null: it is gone), and when, in ms since 1970. */
export interface JobNews {
  readonly job: JobRecord;
  readonly was: JobStatus | null;
  readonly status: JobStatus | null;
  readonly at: number;
}

/** What a durable write made known: a run as it is now, with the status it had before (null: it is new), jobs, a template. */
export interface News {
  readonly run?: RunView;
  readonly was: RunStatus | null;
  readonly jobs: readonly JobNews[];
  readonly template?: TemplateRecord;
  /** The order of the queue was changed by hand. */
  readonly reorders?: boolean;
}
