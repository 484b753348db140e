import type { Wire } from "../contract/wire.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { JobNews, News } from "../store/news.ts";
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

/** How a job whose record went before its time is told: as it was. */
function jobEvents({ job, was, status, at }: JobNews): ServerEvent[] {
  // Jobs that ended leave the tree after a while; nothing happens to them.
  if (status === null && job.ended !== undefined) return [];
  const data = {
    job_id: job.id,
    executor: job.executor,
    status: status ?? was ?? "queued",
    template_id: job.template_id ?? null,
    run_id: job.run_id ?? null,
    at: new Date(at).toISOString(),
  };
  if (status === null) return [{ type: "job.deleted", data }];
  if (was === null) return [{ type: "job.created", data }];
  return [{ type: status === was || status === "queued" ? "job.updated" : `job.${status}`, data }];
}

function queueEvents({ jobs, reorders }: News): ServerEvent[] {
  const [first] = jobs;
  if (reorders !== true || first === undefined) return [];
  const data = { job_ids: jobs.map(({ job }) => job.id), at: new Date(first.at).toISOString() };
  return [{ type: "queue.reordered", data }];
}

function templateEvent({ id, status, created_at, updated_at }: TemplateRecord): ServerEvent {
  const verb = status === "archived" ? "archived" : created_at === updated_at ? "created" : "updated";
  return { type: `template.${verb}`, data: { template_id: id, status, at: updated_at } };
}

/** What is told of news. */
export function eventsOf(news: News): ServerEvent[] {
  const { run, was, jobs, template } = news;
  return [
    ...(run === undefined ? [] : runEvents(run, was)),
    ...jobs.flatMap(jobEvents),
    ...queueEvents(news),
    ...(template === undefined ? [] : [templateEvent(template)]),
  ];
}
