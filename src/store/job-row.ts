import { createHash } from "node:crypto";
import { type Executor, type JobEnd, type JobRecord, type JobStatus, priorityOf } from "../domain/job.ts";
import { canonicalJson } from "../domain/json.ts";
import type { QueuePlace } from "../domain/queue-order.ts";
import type { Oid } from "../git/objects.ts";

/** What is kept of a job; its record is read when it is shown. Times in ms since 1970. */
export interface JobRow extends QueuePlace {
  /** The blob of the job's record. */
  readonly blob: Oid;
  readonly executor: Executor;
  readonly template: string | null;
  /** Of a job for a Galaxy: the dataset and the workflow. */
  readonly dataset: string | null;
  readonly workflow: string | null;
  readonly run: string | null;
  readonly retryOf: string | null;
  readonly attempt: number;
  readonly started: number | null;
  readonly ended: JobEnd["status"] | null;
  readonly endedAt: number | null;
  /** The same for the same params, in whatever order and form they were written. */
  readonly paramsDigest: string;
}

/** What a list of jobs may ask for. */
export interface JobFilter {
  readonly status?: JobStatus;
  readonly template?: string;
  readonly executor?: string;
  readonly dataset?: string;
  readonly workflow?: string;
  readonly retryOf?: string;
  /** False for what no job has. */
  readonly any?: boolean;
}

/** How many jobs fit a filter in all, those on the page, whether any follow, and how many of all jobs are queued and running. */
export interface JobPage {
  readonly total: number;
  readonly rows: readonly JobRow[];
  readonly more: boolean;
  readonly queued: number;
  readonly running: number;
}

/** The id that says that two jobs have the same params. */
export function paramsDigest({ params }: Pick<JobRecord, "params">): string {
  return createHash("sha256").update(canonicalJson(params)).digest("base64url");
}

export function rowOf(record: JobRecord, blob: Oid): JobRow {
  return {
    id: record.id,
    blob,
    executor: record.executor,
    template: record.template_id ?? null,
    dataset: record.invocation?.dataset_id ?? null,
    workflow: record.invocation?.workflow_name ?? null,
    priority: priorityOf(record.priority),
    rank: record.rank ?? "",
    created: Date.parse(record.created_at) || 0,
    run: record.run_id ?? null,
    retryOf: record.retry_of ?? null,
    attempt: record.attempt ?? 1,
    started: record.started_at === undefined ? null : Date.parse(record.started_at),
    ended: record.ended?.status ?? null,
    endedAt: record.ended === undefined ? null : Date.parse(record.ended.at),
    paramsDigest: paramsDigest(record),
  };
}

/** Tells whether a job waits to be dispatched: those of agents never are. */
export function isInQueue({ executor, run, ended }: JobRow): boolean {
  return executor !== "external" && run === null && ended === null;
}

/** Tells whether an executor opened a run for a job, and it has not ended. */
export function isRunning({ executor, run, ended }: JobRow): boolean {
  return executor !== "external" && run !== null && ended === null;
}

export function byCreation(left: JobRow, right: JobRow): number {
  return left.created - right.created || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}

/** Where a row is in a sorted list, or would be. */
export function placeIn(
  rows: readonly JobRow[],
  row: JobRow,
  compare: (left: JobRow, right: JobRow) => number,
): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(rows[middle] as JobRow, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** New ones go to the end of a list; one that comes late finds its place. */
export function insert(rows: JobRow[], row: JobRow, compare: (left: JobRow, right: JobRow) => number): void {
  const last = rows.at(-1);
  if (last === undefined || compare(last, row) < 0) rows.push(row);
  else rows.splice(placeIn(rows, row, compare), 0, row);
}

export function fits(row: JobRow, status: JobStatus, filter: JobFilter): boolean {
  return (
    filter.any !== false &&
    (filter.status === undefined || filter.status === status) &&
    (filter.template === undefined || filter.template === row.template) &&
    (filter.executor === undefined || filter.executor === row.executor) &&
    (filter.dataset === undefined || filter.dataset === row.dataset) &&
    (filter.workflow === undefined || filter.workflow === row.workflow) &&
    (filter.retryOf === undefined || filter.retryOf === row.retryOf)
  );
}
