import { CUSTOM_JOB, type JobRecord, type PriorityName, priorityOf } from "../domain/job.ts";
import { withDefaults } from "../domain/job-template.ts";
import type { JsonObject } from "../domain/json.ts";
import type { Authorship, CommitText } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { requireCommand, requireFit } from "./fit-params.ts";
import { placeAt, takeQueue } from "./order-queue.ts";
import { refuseMember } from "./refusal.ts";
import { jobTurn, requireActiveTemplate } from "./require-job.ts";

/** Ids that name routes or the evergreen job. */
const RESERVED: ReadonlySet<string> = new Set([CUSTOM_JOB, "batch", "monitor"]);

/** Stands in addresses and in git as it is. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,159}$/;

export interface CreateJob {
  readonly job_id?: string;
  /** The template that the job is of; without one it is a job for agents. */
  readonly template_id?: string;
  readonly title?: string;
  readonly params?: JsonObject;
  readonly priority?: number | PriorityName;
  /** Its place among the queued jobs of its priority, from 0; by default behind them. */
  readonly position?: number;
}

/** Refuses what cannot be the id of a job or a template. Throws `validation_failed`. */
export function requireName(member: string, id: string, what: string): void {
  if (NAME.test(id)) return;
  const words = `"${id.slice(0, 160)}" cannot be ${what}: letters, digits and "._:-", a letter or digit first, at most 160.`;
  refuseMember("bad_id", `/${member}`, words);
}

/**
 * Puts a job of a template in the queue, or registers one for agents; on `ops`, as one commit. Throws `template_not_found`,
 * `command_not_allowed`, `validation_failed` for an id that is reserved, taken or not one, a template that is archived,
 * and params that do not fit it.
 */
export async function createJob(store: Store, author: Authorship, input: CreateJob): Promise<JobRecord> {
  const now = store.clock();
  const id = input.job_id ?? store.nextRunId(now);
  requireName("job_id", id, "a job's id");
  if (RESERVED.has(id)) refuseMember("bad_id", "/job_id", `"${id}" is reserved.`);
  const template = input.template_id === undefined ? null : requireActiveTemplate(store, input.template_id);
  if (template !== null) requireCommand(store, template);
  const params = withDefaults(template?.default_params, input.params);
  await requireFit(store, template, params);
  const executor = template?.executor ?? "external";
  if (executor === "external" && input.position !== undefined)
    refuseMember("schema", "/position", "A job for agents has no place in the queue.");
  const job: JobRecord = {
    id,
    executor,
    ...(template === null ? {} : { template_id: template.id }),
    ...(input.title === undefined ? {} : { title: input.title }),
    params,
    ...(executor === "external" && input.priority === undefined ? {} : { priority: priorityOf(input.priority) }),
    created_at: new Date(now).toISOString(),
    created_by: author.principal,
  };
  if (input.job_id === undefined) return enqueue(store, author, job, input.position);
  return store.turns.take(jobTurn(id), async () => {
    if (store.jobs.row(id) !== null) refuseMember("duplicate", "/job_id", `There is a job ${id} already.`);
    return enqueue(store, author, job, input.position);
  });
}

/** Writes a new job, in the queue at a place among those of its priority (undefined: behind them) unless it is for agents. */
export async function enqueue(store: Store, author: Authorship, job: JobRecord, position?: number): Promise<JobRecord> {
  if (position === undefined || job.executor === "external") {
    const last = placedLast(store, job);
    await store.ops.take(async (ahead) => commitToOps(ahead, author, { jobs: [last] }, enqueuedText(job)));
    return last;
  }
  return takeQueue(store, async () =>
    store.ops.take(async (ahead) => {
      const { rank, others } = placeAt(store, ahead, priorityOf(job.priority), position, job.id);
      const placed: JobRecord = { ...job, rank };
      await commitToOps(ahead, author, { jobs: [placed, ...others] }, enqueuedText(job));
      return placed;
    }),
  );
}

/** A job with a rank behind all others of its priority; one for agents as it is. */
export function placedLast(store: Store, job: JobRecord): JobRecord {
  return job.executor === "external" ? job : { ...job, rank: store.jobs.nextRank(priorityOf(job.priority)) };
}

/** What the commit says that brings a new job. */
export function enqueuedText({ id, executor, template_id, retry_of }: JobRecord): CommitText {
  return {
    subject: `${executor === "external" ? "Create" : "Enqueue"} job ${id}`,
    body: [
      ...(template_id === undefined ? [] : [`template ${template_id}`]),
      ...(retry_of === undefined ? [] : [`tries job ${retry_of} again`]),
    ],
    trailers: [["Job-Id", id]],
  };
}
