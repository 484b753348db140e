import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB, type JobRecord } from "../domain/job.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { cancelRun } from "./cancel-run.ts";
import { endJob } from "./end-job.ts";
import { jobTurn, latestRecord, requireJobRecord, requireRow } from "./require-job.ts";

/**
 * Cancels a job that is queued or running. A process is ended, politely and then firmly, before this returns; open runs
 * of a job for agents are closed. One that is cancelled already is left as it is. Throws `job_not_found`,
 * `job_not_queued` for one that ended otherwise.
 */
export async function cancelJob(
  store: Store,
  author: Authorship,
  id: string,
  reason: string | undefined,
): Promise<JobRecord> {
  const message = reason ?? `cancelled by ${author.principal}`;
  if (id === CUSTOM_JOB) throw nothingToCancel(id, "always there");
  if (requireRow(store, id).executor === "external")
    return store.turns.take(jobTurn(id), async () => cancelForAgents(store, author, id, message));
  if (isCancelled(store, id)) return requireJobRecord(store, id);
  const job = await endAsCancelled(store, author, id, message);
  if (job.run_id === undefined || job.ended !== undefined) return job;
  const execution = store.executions.of(job.run_id);
  // Without an executor that knows of it, the process ended with the server that began it.
  if (execution === null) return endJob(store, id, { status: "cancelled", error: { code: "cancelled", message } });
  execution.cancel(message);
  await execution.ended;
  const now = requireJobRecord(store, id);
  if (now.ended?.status !== "cancelled") throw nothingToCancel(id, now.ended?.status ?? "running");
  return now;
}

/** Tells whether a job is cancelled already. Throws `job_not_queued` for one that ended otherwise. */
function isCancelled(store: Store, id: string): boolean {
  const status = store.jobs.statusOf(requireRow(store, id));
  if (status !== "queued" && status !== "running" && status !== "cancelled") throw nothingToCancel(id, status);
  return status === "cancelled";
}

/** Closes the open runs of a job for agents, then the job. The caller holds the job's turn. */
async function cancelForAgents(store: Store, author: Authorship, id: string, message: string): Promise<JobRecord> {
  if (isCancelled(store, id)) return requireJobRecord(store, id);
  const { ids } = store.runs.select({ job_id: id, place: "open" }, { offset: 0, limit: Infinity });
  for (const run of ids) {
    try {
      await cancelRun(store, author, run, message, () => undefined);
    } catch (error) {
      // Its agent was faster; the job may go by that.
      if (!(error instanceof RuntreeError) || error.code !== "run_closed") throw error;
    }
  }
  isCancelled(store, id);
  return endAsCancelled(store, author, id, message);
}

/** Writes that a job is cancelled; one that an executor has begun is returned as it is. */
async function endAsCancelled(store: Store, author: Authorship, id: string, message: string): Promise<JobRecord> {
  return store.ops.take(async (ahead) => {
    const job = latestRecord(ahead, id);
    if (job.run_id !== undefined || (job.executor !== "external" && job.ended !== undefined)) return job;
    const at = new Date(ahead.clock()).toISOString();
    const now: JobRecord = { ...job, ended: { status: "cancelled", at, error: { code: "cancelled", message } } };
    const text = { subject: `Cancel job ${id}`, body: [message], trailers: [["Job-Id", id]] as const };
    await commitToOps(ahead, author, { jobs: [now] }, text);
    return now;
  });
}

function nothingToCancel(id: string, status: string): RuntreeError {
  const words = `Job ${id} is ${status}; only a job that is queued or running can be cancelled.`;
  return new RuntreeError("job_not_queued", words, { job_id: id, status });
}
