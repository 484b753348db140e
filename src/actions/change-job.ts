import { type JobRecord, type PriorityName, priorityOf } from "../domain/job.ts";
import { type JsonObject, sameJson } from "../domain/json.ts";
import { applyMergePatch } from "../domain/patch.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { requireFit } from "./fit-params.ts";
import { placeAt, takeQueue } from "./order-queue.ts";
import { refuseMember } from "./refusal.ts";
import { jobTurn, requireJobRecord, requirePlaced, requireQueued } from "./require-job.ts";

export interface PatchJob {
  /** Null takes it away. */
  readonly title?: string | null;
  /** A merge patch over the params. */
  readonly params?: JsonObject;
  readonly priority?: number | PriorityName;
  /** Among the queued jobs of its priority, from 0. */
  readonly position?: number;
}

/**
 * Changes a job that is queued, as one commit. Another priority puts it behind those that have it, unless a position is
 * given. Throws `job_not_found`, `job_not_queued`, `validation_failed` for params that do not fit the template.
 */
export async function patchJob(store: Store, author: Authorship, id: string, input: PatchJob): Promise<JobRecord> {
  if (input.params === undefined) return placing(store, input, async () => change(store, author, id, input));
  for (;;) {
    const { params, template_id } = requireJobRecord(store, id);
    const patched = applyMergePatch(params, input.params) as JsonObject;
    await requireFit(store, template_id === undefined ? null : store.templates.find(template_id), patched);
    const job = await placing(store, input, async () => change(store, author, id, input, { params, patched }));
    // Somebody else changed the params meanwhile: what is written has to be what was checked.
    if (job !== null) return job;
  }
}

/** Holds the queue while a job's place in it changes. */
async function placing<Result>(store: Store, input: PatchJob, work: () => Promise<Result>): Promise<Result> {
  return input.priority === undefined && input.position === undefined ? work() : takeQueue(store, work);
}

function change(store: Store, author: Authorship, id: string, input: PatchJob): Promise<JobRecord>;
function change(
  store: Store,
  author: Authorship,
  id: string,
  input: PatchJob,
  checked: { readonly params: JsonObject; readonly patched: JsonObject },
): Promise<JobRecord | null>;
async function change(
  store: Store,
  author: Authorship,
  id: string,
  input: PatchJob,
  checked?: { readonly params: JsonObject; readonly patched: JsonObject },
): Promise<JobRecord | null> {
  return store.ops.take(async (ahead) => {
    const before = requireQueued(ahead, id);
    if (checked !== undefined && !sameJson(before.params, checked.params)) return null;
    const { title = null, ...untitled } = { ...before, ...(input.title === undefined ? {} : { title: input.title }) };
    const { others, ...place } = placeOf(store, ahead, before, input);
    const job: JobRecord = {
      ...untitled,
      ...(title === null ? {} : { title }),
      ...(checked === undefined ? {} : { params: checked.patched }),
      ...place,
    };
    if (sameJson(job as unknown as JsonObject, before as unknown as JsonObject)) return job;
    const text = { subject: `${subjectOf(input)} job ${id}`, trailers: [["Job-Id", id]] as const };
    await commitToOps(
      ahead,
      author,
      { jobs: [job, ...others], reorders: input.title === undefined && checked === undefined },
      text,
    );
    return job;
  });
}

/** Where a change puts a job, and the others that change their ranks with it. */
function placeOf(
  store: Store,
  ahead: Store,
  job: JobRecord,
  input: PatchJob,
): Pick<JobRecord, "priority" | "rank"> & { readonly others: readonly JobRecord[] } {
  const { position } = input;
  const priority = input.priority === undefined ? priorityOf(job.priority) : priorityOf(input.priority);
  const others: readonly JobRecord[] = [];
  if (position !== undefined) requirePlaced(ahead, job.id, "/position");
  if (job.executor === "external") return input.priority === undefined ? { others } : { priority, others };
  if (position !== undefined) return { priority, ...placeAt(store, ahead, priority, position, job.id) };
  return priority === priorityOf(job.priority) ? { others } : { priority, rank: store.jobs.nextRank(priority), others };
}

function subjectOf({ title, params, priority, position }: PatchJob): string {
  if (title !== undefined || params !== undefined) return "Change";
  return priority === undefined && position !== undefined ? "Move" : "Prioritize";
}

/** Takes a job that is queued away from `ops`; its history stays. Throws `job_not_found`, `job_not_queued`. */
export async function deleteJob(store: Store, author: Authorship, id: string): Promise<void> {
  await store.turns.take(jobTurn(id), async () =>
    store.ops.take(async (ahead) => {
      const job = requireQueued(ahead, id);
      if (store.runs.select({ job_id: id }, { offset: 0, limit: 0 }).total > 0)
        refuseMember("schema", "", `Job ${id} has runs; cancel it instead.`);
      const text = { subject: `Delete job ${id}`, trailers: [["Job-Id", id]] as const };
      await commitToOps(ahead, author, { gone: [job] }, text);
    }),
  );
}
