import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB, type JobRecord } from "../domain/job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { jobPath, OPS } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { blobAt, readJsonBlob } from "../store/documents.ts";
import type { JobRow } from "../store/job-row.ts";
import type { Store } from "../store/store.ts";
import { refuseMember } from "./refusal.ts";

/** The evergreen job, as old as the record. */
function customJob(store: Store): JobRecord {
  const first = store.main.history.at(0) ?? store.main.commit;
  const { committer } = readCommit(store.reader(), first);
  const created_at = new Date(committer.seconds * 1000).toISOString();
  return {
    id: CUSTOM_JOB,
    executor: "external",
    title: "Custom submissions",
    params: {},
    created_at,
    created_by: committer.name,
  };
}

function noJob(id: string, more = ""): RuntreeError {
  return new RuntreeError("job_not_found", `There is no job ${id}${more}.`, { job_id: id });
}

/** The turn of whoever makes a job, or ends it while its runs stand still. Whoever opens a run of it shares the turn. */
export function jobTurn(id: string): string {
  return `job ${id}`;
}

/** A job by id. Throws `job_not_found`. */
export function requireJobRecord(store: Store, id: string): JobRecord {
  return id === CUSTOM_JOB ? customJob(store) : store.jobs.read(requireRow(store, id));
}

/** The same for a new run, which needs no job of its own. */
export function requireJobForRun(store: Store, id: string): JobRecord {
  if (id !== CUSTOM_JOB && store.jobs.row(id) === null) throw noJob(id, `; "${CUSTOM_JOB}" always exists`);
  return requireJobRecord(store, id);
}

/** A job of the index by id, which the evergreen job is not. Throws `job_not_found`. */
export function requireRow(store: Store, id: string): JobRow {
  const row = store.jobs.row(id);
  if (row === null) throw noJob(id);
  return row;
}

/** A job as `ops` has it where this store runs ahead; null when it is gone. For work in the lane of `ops`. Throws `job_not_found` for one that is not known at all. */
export function findLatest(ahead: Store, id: string): JobRecord | null {
  const { created } = requireRow(ahead, id);
  const commit = ahead.repository.ref(OPS);
  const path = jobPath({ id, created_at: new Date(created).toISOString() });
  const read = ahead.reader();
  const blob = commit === null ? null : blobAt(read, readCommit(read, commit).tree, path);
  return blob === null ? null : (readJsonBlob(read, blob) as unknown as JobRecord);
}

/** The same for a job that is to be there. Throws `job_not_found`. */
export function latestRecord(ahead: Store, id: string): JobRecord {
  const job = findLatest(ahead, id);
  if (job === null) throw noJob(id);
  return job;
}

/** A job that waits, for agents or in the queue, where this store runs ahead. Throws `job_not_found`, `job_not_queued`. */
export function requireQueued(ahead: Store, id: string): JobRecord {
  if (id === CUSTOM_JOB) throw notQueued(id, "always there");
  const job = latestRecord(ahead, id);
  if (job.executor === "external") {
    const status = ahead.jobs.statusOf(requireRow(ahead, id));
    if (status !== "queued" || job.ended !== undefined) throw notQueued(id, job.ended?.status ?? status);
  } else if (job.run_id !== undefined || job.ended !== undefined) {
    throw notQueued(id, job.ended?.status ?? "running");
  }
  return job;
}

function notQueued(id: string, status: string): RuntreeError {
  const words = `Job ${id} is ${status}; only a job that is queued can be changed.`;
  return new RuntreeError("job_not_queued", words, { job_id: id, status });
}

/** A queued job that has a place in the queue. Throws `job_not_found`, `job_not_queued`, `validation_failed` for a job for agents. */
export function requirePlaced(ahead: Store, id: string, pointer: string): JobRecord {
  const job = requireQueued(ahead, id);
  if (job.executor === "external")
    refuseMember("schema", pointer, `Job ${id} is for agents; it has no place in the queue.`);
  return job;
}

/** A template that jobs may be made of. Throws `template_not_found`, and `validation_failed` where it is archived. */
export function requireActiveTemplate(store: Store, id: string): TemplateRecord {
  const template = requireTemplate(store, id);
  if (template.status === "archived")
    refuseMember("schema", "/template_id", `Template ${id} is archived; no new jobs are made of it.`);
  return template;
}

/** A template by id. Throws `template_not_found`. */
export function requireTemplate(store: Store, id: string): TemplateRecord {
  const template = store.templates.find(id);
  if (template !== null) return template;
  throw new RuntreeError("template_not_found", `There is no template ${id}.`, { template_id: id });
}
