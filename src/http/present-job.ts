import { requestOf } from "../actions/plan-run.ts";
import type { Wire } from "../contract/wire.ts";
import { type JobError, type JobRecord, type JobStatus, priorityName, priorityOf } from "../domain/job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { RunStatus } from "../domain/run.ts";
import { presentInvocation } from "./present-invocation.ts";
import { artifactsOf } from "../store/run-artifacts.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

type Job = Wire<"job#Job">;

/** The word that seed 004 has for a run's status (WIRE §7). */
const JOB_RUN_STATUS: Readonly<Record<RunStatus, NonNullable<Job["run"]>["status"]>> = {
  waiting: "started",
  running: "running",
  merging: "running",
  rejected: "failed",
  success: "completed",
  failed: "failed",
  cancelled: "failed",
  skipped: "skipped",
};

/** The word of an invocation's state for a job's status (WIRE §4). */
const STATE: Readonly<Record<JobStatus, string>> = {
  queued: "queued",
  running: "in_progress",
  completed: "completed",
  failed: "failed",
  skipped: "cancelled",
  cancelled: "cancelled",
};

/** The newest run of a job; null when it has none. */
function newestRun(store: Store, { id, executor, run_id }: JobRecord): RunView | null {
  if (executor !== "external") return run_id === undefined ? null : store.runs.view(run_id);
  const [newest = ""] = store.runs.select({ job_id: id }, { offset: 0, limit: 1 }).ids;
  return store.runs.view(newest);
}

/** The status of a job; of one that the index has otherwise, as rehearsals have it, by its record. */
function statusOf(store: Store, job: JobRecord): JobStatus {
  const row = store.jobs.row(job.id);
  const isKnown = row !== null && row.run === (job.run_id ?? null) && row.ended === (job.ended?.status ?? null);
  return isKnown ? store.jobs.statusOf(row) : store.jobs.statusBy(job);
}

interface RunFacts {
  readonly pid: number | null;
  readonly exit_code: number | null;
  readonly log_path: string | null;
  readonly artifacts: readonly string[];
}

/** What a run's process left, and that of one at work. */
export function runFacts(store: Store, view: RunView): RunFacts {
  const { id, exit_code = null, log_path = null, pid = null } = view.record;
  const artifacts = artifactsOf(store, view).map(({ path }) => path);
  return { pid: store.executions.of(id)?.pid ?? pid, exit_code, log_path, artifacts };
}

/** Where a job is in the queue, as members of it. */
export function placeMembers(store: Store, id: string): Pick<Job, "position" | "queue_position"> {
  const row = store.jobs.row(id);
  const place = row === null ? null : store.jobs.placeOf(row);
  return { position: place?.position ?? null, queue_position: place?.queue ?? null };
}

/** What a job says of the invocation that it is about; little of one that no Galaxy does. */
function invocationMembers(
  store: Store,
  job: JobRecord,
  run: RunView["record"] | null,
  status: JobStatus,
): Pick<Job, "dataset_id" | "workflow_name" | "invocation_id" | "state" | "galaxy_state"> {
  const invocation = run === null ? null : presentInvocation(store, run);
  if (invocation !== null) {
    const { run_id: _, job_id: __, created_at: ___, started_at: ____, finished_at: _____, ...members } = invocation;
    return members;
  }
  const { dataset_id = null, workflow_name = null } = requestOf(store, job) ?? {};
  return { dataset_id, workflow_name, invocation_id: null, state: STATE[status], galaxy_state: null };
}

/** A job as clients see it (WIRE §3). */
export function presentJob(store: Store, job: JobRecord, warnings: readonly string[] = []): Job {
  const status = statusOf(store, job);
  const newest = newestRun(store, job);
  const run = newest?.record;
  const facts = newest === null ? null : runFacts(store, newest);
  const started = job.started_at ?? run?.started_at ?? run?.created_at ?? null;
  const finished = job.ended?.at ?? run?.completed_at ?? null;
  const error: JobError | null = job.ended?.error ?? run?.error ?? null;
  const isOver = status !== "queued" && status !== "running";
  const priority = priorityOf(job.priority);
  const template = store.templates.find(job.template_id ?? "");
  return {
    job_id: job.id,
    type: job.template_id ?? null,
    template_id: job.template_id ?? null,
    template_name: template?.title ?? job.template_id ?? null,
    schedule_id: null,
    occurrence: null,
    group_id: null,
    executor: job.executor,
    title: job.title ?? null,
    params: job.params,
    priority,
    priority_name: priorityName(priority),
    ...placeMembers(store, job.id),
    status,
    retry_of: job.retry_of ?? null,
    attempt: job.attempt ?? 1,
    created_at: job.created_at,
    started_at: started,
    finished_at: isOver ? finished : null,
    pid: facts?.pid ?? job.ended?.pid ?? null,
    exit_code: job.ended?.exit_code ?? facts?.exit_code ?? null,
    error: isOver ? error : null,
    artifacts: facts?.artifacts ?? [],
    log_path: facts?.log_path ?? null,
    ...invocationMembers(store, job, run ?? null, status),
    run_id: run?.id ?? null,
    warnings,
    run:
      run === undefined || facts === null
        ? null
        : {
            run_id: run.id,
            status: JOB_RUN_STATUS[run.status],
            started_at: run.started_at ?? run.created_at,
            completed_at: run.completed_at ?? null,
            finished_at: run.completed_at ?? null,
            ...facts,
            error: run.error ?? null,
          },
  };
}

/** A template as clients see it (WIRE §3). */
export function presentTemplate(template: TemplateRecord): Wire<"template#Template"> {
  return {
    template_id: template.id,
    title: template.title ?? null,
    narrative: template.narrative ?? null,
    version: template.version ?? null,
    executor: template.executor,
    default_params: template.default_params ?? {},
    params_schema: template.params_schema ?? null,
    retries: template.retries ?? 0,
    timeout_s: template.timeout_s ?? null,
    skip_exit_code: template.skip_exit_code ?? null,
    command: template.command ?? null,
    workflow_name: template.workflow_name ?? null,
    workflow_id: template.workflow_id ?? null,
    inputs: template.inputs ?? null,
    history_name: template.history_name ?? null,
    mapping: template.mapping ?? null,
    server: template.server ?? null,
    status: template.status,
  };
}
