import type { JobRecord } from "../domain/job.ts";
import { logPath } from "../domain/layout.ts";
import type { RunRecord } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import type { Authorship } from "../store/authorship.ts";
import { openedBranch, runTrailers } from "../store/branch.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { latestRecord } from "./require-job.ts";
import { firstRecord } from "./start-run.ts";

/** A job that an executor is to work on, and the run it works on. */
export interface DispatchedJob {
  readonly job: JobRecord;
  readonly run: RunView;
}

/**
 * Takes a job out of the queue and opens its run, both in one transaction, before anything is started: so nothing is
 * started twice. Null when the job is not in the queue any more. Throws what writing throws.
 */
export async function dispatchJob(store: Store, id: string): Promise<DispatchedJob | null> {
  return store.ops.take(async (ahead) => {
    if (ahead.jobs.row(id) === null) return null;
    const waiting = latestRecord(ahead, id);
    if (waiting.run_id !== undefined || waiting.ended !== undefined) return null;
    const author: Authorship = { principal: waiting.created_by, idempotency: null };
    const now = store.clock();
    const at = new Date(now).toISOString();
    const runId = store.nextRunId(now);
    const base = store.main.catchUp();
    const before = store.jobs.row(waiting.retry_of ?? "")?.run ?? null;
    const record: RunRecord = {
      ...firstRecord(author, { id: runId, job_id: id, at, base }),
      origin: "executor",
      executor: "process",
      status: "running",
      started_at: at,
      ...(waiting.template_id === undefined ? {} : { template_id: waiting.template_id }),
      params: waiting.params,
      attempt: waiting.attempt ?? 1,
      ...(before === null ? {} : { retry_of: before }),
      log_path: logPath(runId),
    };
    const opened = openedBranch(ahead, author, {
      parents: [base],
      tree: readCommit(ahead.reader(), base).tree,
      record,
      text: { subject: `Start run ${runId} of ${id}`, trailers: runTrailers(record) },
    });
    const job: JobRecord = { ...waiting, run_id: runId, started_at: at };
    const text = {
      subject: `Dispatch job ${id}`,
      trailers: [
        ["Job-Id", id],
        ["Run-Id", runId],
      ] as const,
    };
    await commitToOps(ahead, author, { jobs: [job] }, text, opened);
    return { job, run: opened.learned.run };
  });
}
