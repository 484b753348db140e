import { intended, type InvocationRequest } from "../domain/invocation.ts";
import type { JobRecord } from "../domain/job.ts";
import { logPath } from "../domain/layout.ts";
import type { RunRecord } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import type { Authorship, CommitText } from "../store/authorship.ts";
import { openedBranch, runTrailers } from "../store/branch.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { firstRecord } from "./start-run.ts";

/** A job that an executor is to work on, and the run it works on. */
export interface DispatchedJob {
  readonly job: JobRecord;
  readonly run: RunView;
}

/** What only a run of one executor has. */
type ExecutorMembers = Pick<RunRecord, "executor" | "log_path" | "invocation" | "dataset_id">;

function membersOf(runId: string, invocation: InvocationRequest | null): ExecutorMembers {
  if (invocation === null) return { executor: "process", log_path: logPath(runId) };
  const { dataset_id } = invocation;
  return {
    executor: "galaxy",
    invocation: intended(invocation),
    ...(dataset_id === undefined ? {} : { dataset_id }),
  };
}

/**
 * Opens the run of a job, in one transaction with the job, which thereby leaves the queue; before anything is started or
 * invoked, so that nothing is twice. `invocation` is what a Galaxy is to be asked for; null for a process. Works in the
 * lane of `ops`. Throws what writing throws.
 */
export async function openJobRun(
  ahead: Store,
  author: Authorship,
  waiting: JobRecord,
  text: Pick<CommitText, "subject">,
  invocation: InvocationRequest | null,
): Promise<DispatchedJob> {
  const now = ahead.clock();
  const at = new Date(now).toISOString();
  const runId = ahead.nextRunId(now);
  const base = ahead.main.catchUp();
  const before = ahead.jobs.row(waiting.retry_of ?? "")?.run ?? null;
  const record: RunRecord = {
    ...firstRecord(author, { id: runId, job_id: waiting.id, at, base }),
    origin: "executor",
    status: "running",
    started_at: at,
    ...(waiting.template_id === undefined ? {} : { template_id: waiting.template_id }),
    params: waiting.params,
    attempt: waiting.attempt ?? 1,
    ...(before === null ? {} : { retry_of: before }),
    ...membersOf(runId, invocation),
  };
  const opened = openedBranch(
    ahead,
    { ...author, idempotency: null },
    {
      parents: [base],
      tree: readCommit(ahead.reader(), base).tree,
      record,
      text: { subject: `Start run ${runId} of ${waiting.id}`, trailers: runTrailers(record) },
    },
  );
  const job: JobRecord = {
    ...waiting,
    ...(invocation === null ? {} : { invocation }),
    run_id: runId,
    started_at: at,
  };
  const trailers = [
    ["Job-Id", waiting.id],
    ["Run-Id", runId],
  ] as const;
  // Galaxy is asked next, and whoever waits is answered after that.
  const early = invocation === null ? {} : ({ early: true } as const);
  await commitToOps(ahead, author, { jobs: [job] }, { ...text, trailers }, { ...opened, ...early });
  return { job, run: opened.learned.run };
}
