import { LRUCache } from "lru-cache";
import { readableVerdict } from "../actions/readable-verdict.ts";
import type { Wire } from "../contract/wire.ts";
import { runRef } from "../domain/layout.ts";
import { isDone, type RunStatus } from "../domain/run.ts";
import type { JobRecord } from "../store/ops.ts";
import type { RunIndex } from "../store/run-index.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

/** The merge of a run as clients see it. */
function presentMerge(store: Store, view: RunView): Wire<"run#Run">["merge"] {
  const verdict = readableVerdict(store, view);
  return verdict === null ? null : { commit: verdict.main_after ?? null, verdict };
}

/** A run as clients see it (WIRE §1). */
export function presentRun(store: Store, view: RunView): Wire<"run#Run"> {
  const { record, head } = view;
  const self = `/runs/${record.id}`;
  const completed = record.completed_at ?? null;
  return {
    id: record.id,
    run_id: record.id,
    origin: record.origin,
    job_id: record.job_id,
    done: isDone(record.status),
    status: record.status,
    branch: runRef(record.id).slice("refs/heads/".length),
    head,
    base: record.base,
    created_at: record.created_at,
    started_at: record.started_at ?? null,
    updated_at: record.updated_at,
    completed_at: completed,
    finished_at: completed,
    created_by: record.created_by,
    metadata: record.metadata,
    contract_id: record.contract_id ?? null,
    pipeline_name: record.pipeline_name ?? null,
    pipeline_id: record.pipeline_id ?? null,
    template_id: record.template_id ?? null,
    params: null,
    mode: record.mode ?? null,
    executor: "external",
    invocation: null,
    warnings: record.warnings,
    notices: record.notices,
    validations: record.validations,
    submissions: record.submissions,
    merge: presentMerge(store, view),
    error: record.error ?? null,
    exit_code: null,
    pid: null,
    log_path: null,
    artifacts: [],
    retry_of: null,
    attempt: 1,
    alias: null,
    links: { self, diff: `${self}/diff`, commits: `${self}/commits`, validations: `${self}/validations` },
  };
}

/** Bytes of closed runs' JSON that are kept, for lists; a closed run never changes. */
const MOST_CLOSED = 8 * 1024 * 1024;

/** Closed runs as clients see them, by tag, for the runs of each repository. */
const CLOSED = new WeakMap<RunIndex, LRUCache<string, Buffer>>();

/** The JSON of a run as clients see it. */
export function presentedRun(store: Store, view: RunView): Buffer {
  if (view.place === "open") return jsonOf(store, view);
  let closed = CLOSED.get(store.runs);
  if (closed === undefined)
    CLOSED.set(store.runs, (closed = new LRUCache({ maxSize: MOST_CLOSED, sizeCalculation: ({ length }) => length })));
  const tag = runTag(view);
  let known = closed.get(tag);
  if (known === undefined) closed.set(tag, (known = jsonOf(store, view)));
  return known;
}

function jsonOf(store: Store, view: RunView): Buffer {
  const text = JSON.stringify(presentRun(store, view));
  // Bytes of their own: a slice of a pool would keep all of that.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** The entity tag of a run: its tip and its status. */
export function runTag({ head, record }: RunView): string {
  return `${head}.${record.status}`;
}

type JobStatus = Wire<"job#Job">["status"];
type JobRunStatus = NonNullable<Wire<"job#Job">["run"]>["status"];

/** The word that seed 004 has for a run's status (WIRE §7). */
const JOB_RUN_STATUS: Readonly<Record<RunStatus, JobRunStatus>> = {
  waiting: "started",
  running: "running",
  merging: "running",
  rejected: "failed",
  success: "completed",
  failed: "failed",
  cancelled: "failed",
  skipped: "skipped",
};

/** An external job runs while a run is open, else it follows its newest run. */
function jobStatus(open: number, newest: RunStatus | undefined): JobStatus {
  if (open > 0) return "running";
  if (newest === undefined) return "queued";
  return newest === "cancelled"
    ? "cancelled"
    : newest === "success"
      ? "completed"
      : newest === "skipped"
        ? "skipped"
        : "failed";
}

/** A job as clients see it (WIRE §3). */
export function presentJob(store: Store, job: JobRecord, warnings: readonly string[] = []): Wire<"job#Job"> {
  const [id = ""] = store.runs.select({ job_id: job.id }, { offset: 0, limit: 1 }).ids;
  const newest = store.runs.view(id)?.record;
  const open = store.runs.select({ job_id: job.id, place: "open" }, { offset: 0, limit: 0 }).total;
  const status = jobStatus(open, newest?.status);
  const started = newest?.started_at ?? newest?.created_at ?? null;
  const finished = newest?.completed_at ?? null;
  const error = newest?.error ?? null;
  return {
    job_id: job.id,
    type: null,
    template_id: null,
    template_name: null,
    schedule_id: null,
    occurrence: null,
    group_id: null,
    executor: job.executor,
    title: job.title ?? null,
    params: job.params,
    priority: 50,
    priority_name: "normal",
    position: null,
    status,
    queue_position: null,
    retry_of: null,
    attempt: 1,
    created_at: job.created_at,
    started_at: started,
    finished_at: status === "running" ? null : finished,
    pid: null,
    exit_code: null,
    error: status === "running" ? null : error,
    artifacts: [],
    log_path: null,
    dataset_id: null,
    workflow_name: null,
    run_id: newest?.id ?? null,
    invocation_id: null,
    state: null,
    galaxy_state: null,
    warnings,
    run:
      newest === undefined
        ? null
        : {
            run_id: newest.id,
            status: JOB_RUN_STATUS[newest.status],
            started_at: started,
            completed_at: finished,
            finished_at: finished,
            pid: null,
            exit_code: null,
            error,
            artifacts: [],
            log_path: null,
          },
  };
}
