import type { Wire } from "../contract/wire.ts";
import type { JobRecord } from "../store/ops.ts";
import type { News } from "../store/news.ts";
import type { RunView } from "../store/run-view.ts";

/** An event as clients get it; types and data are those of `schemas/event.schema.json`. */
export type ServerEvent = Wire<"event#ServerEvent">;

function runEvents({ record, head }: RunView, was: News["was"]): ServerEvent[] {
  const { id: run_id, job_id, status, merge } = record;
  const data = { run_id, job_id, status, head, at: record.updated_at };
  const created: ServerEvent[] = was === null ? [{ type: "run.created", data }] : [];
  if (was === null && merge === undefined) return created;
  if (status === was) return [{ type: "run.updated", data }];
  // What is pushed may be judged with its first record.
  const became: ServerEvent[] = [...created, { type: `run.${status}`, data }];
  // A run that could not be judged keeps the verdict of an earlier time.
  if (merge === undefined || merge.verdict.at !== record.updated_at) return became;
  const { at, tip, outcome, checked, violation_count, conflicts } = merge.verdict;
  const verdict = { run_id, job_id, tip, at, checked, violation_count, conflict_count: conflicts.length };
  return [...became, { type: `merge.${outcome}`, data: verdict }];
}

function jobEvent({ id, executor, created_at }: JobRecord): ServerEvent {
  return { type: "job.created", data: { job_id: id, executor, at: created_at } };
}

/** What is told of news. */
export function eventsOf({ run, was, job }: News): ServerEvent[] {
  return [...(run === undefined ? [] : runEvents(run, was)), ...(job === undefined ? [] : [jobEvent(job)])];
}
