import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB, type JobRecord } from "../domain/job.ts";
import type { Authorship } from "../store/authorship.ts";
import type { Store } from "../store/store.ts";
import { enqueue } from "./create-job.ts";
import { requireCommand, requireFit } from "./fit-params.ts";
import { requireActiveTemplate, requireRow } from "./require-job.ts";
import { refuseMember } from "./refusal.ts";

/** The job that tries another one again, whose attempt may not count; without a place in the queue. */
export function anotherAttempt(store: Store, principal: string, job: JobRecord, counts = true): JobRecord {
  const { run_id: _, started_at: __, ended: ___, rank: ____, ...same } = job;
  const now = store.clock();
  return {
    ...same,
    id: store.nextRunId(now),
    created_at: new Date(now).toISOString(),
    created_by: principal,
    retry_of: job.id,
    attempt: (job.attempt ?? 1) + (counts ? 1 : 0),
  };
}

/**
 * Puts a job that has ended in the queue again, as a new one with the same params. Throws `job_not_found`,
 * `request_in_progress` for one that has not ended, `command_not_allowed`, `validation_failed` where its template is
 * archived, or its params do not fit that any more.
 */
export async function retryJob(store: Store, author: Authorship, id: string): Promise<JobRecord> {
  if (id === CUSTOM_JOB)
    refuseMember("schema", "", `"${CUSTOM_JOB}" takes new runs at any time; there is nothing to retry.`);
  const row = requireRow(store, id);
  const status = store.jobs.statusOf(row);
  if (status === "queued" || status === "running") {
    const words = `Job ${id} is ${status}; it can be tried again when it has ended, or after it is cancelled.`;
    throw new RuntreeError("request_in_progress", words, { job_id: id, status });
  }
  const job = store.jobs.read(row);
  const template = job.template_id === undefined ? null : requireActiveTemplate(store, job.template_id);
  if (template !== null && template.executor !== job.executor)
    refuseMember(
      "schema",
      "/template_id",
      `Template ${template.id} is for the executor ${template.executor} now; make a new job of it.`,
    );
  if (template !== null) requireCommand(store, template);
  await requireFit(store, template, job.params);
  return enqueue(store, author, anotherAttempt(store, author.principal, job));
}
