import type { InvocationRequest } from "../domain/invocation.ts";
import type { JobRecord } from "../domain/job.ts";
import type { Store } from "../store/store.ts";
import { type DispatchedJob, openJobRun } from "./open-job-run.ts";
import { latestRecord } from "./require-job.ts";

/**
 * Takes a job out of the queue and opens its run, both in one transaction, before anything is started: so nothing is
 * started twice. `asksFor` says what a Galaxy is to be asked for; null for a process. Null when the job is not in the queue
 * any more. Throws what writing throws.
 */
export async function dispatchJob(
  store: Store,
  id: string,
  asksFor: (job: JobRecord) => InvocationRequest | null = () => null,
): Promise<DispatchedJob | null> {
  return store.ops.take(async (ahead) => {
    if (ahead.jobs.row(id) === null) return null;
    const waiting = latestRecord(ahead, id);
    if (waiting.run_id !== undefined || waiting.ended !== undefined) return null;
    const author = { principal: waiting.created_by, idempotency: null };
    return openJobRun(ahead, author, waiting, { subject: `Dispatch job ${id}` }, asksFor(waiting));
  });
}
