import type { Argv } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import type { Found } from "./command.ts";
import { facts, table } from "./table.ts";

export type Job = Wire<"job#Job">;

/** Statuses of a job that has not ended. */
export const PENDING_JOB: ReadonlySet<string> = new Set(["queued", "running"]);

/** Who may do the work of a job. */
export const EXECUTORS = ["external", "process", "galaxy"] as const;

/** Who they are, for help. */
export const WHO_WORKS = "by agents, processes of the server, or a Galaxy";

/** A value as JSON, on one row; none where it is empty. */
export function jsonRow(name: string, value: object | boolean | null): string[][] {
  const isEmpty = value === null || (typeof value === "object" && Object.keys(value).length === 0);
  return isEmpty ? [] : [[name, JSON.stringify(value)]];
}

/** A fact on one row; none where it is not known. */
export function row(name: string, value: string | number | null): string[][] {
  return value === null ? [] : [[name, String(value)]];
}

/** Numbers of jobs in Galaxy by their states, on one line. */
export function countsText(jobs: Readonly<Record<string, number>> = {}): string {
  return Object.entries(jobs)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
}

/** How far an invocation is, with Galaxy's own word where it said one. */
export function stateText({ state, galaxy_state: word }: Job): string | null {
  return word === null ? state : `${state} (${word})`;
}

/** What there is to tell of the invocation of a workflow; nothing for another job. */
function invocationRows(job: Job): string[][] {
  if (job.executor !== "galaxy") return [];
  const { server, jobs = {}, messages = [] } = job;
  return [
    ...row("dataset", job.dataset_id),
    ...row("workflow", job.workflow_name),
    ...row("galaxy", server ?? null),
    ...row("invocation", job.invocation_id),
    ...row("state", stateText(job)),
    ...row("its jobs", Object.keys(jobs).length === 0 ? null : countsText(jobs)),
    ...messages.map((message) => ["message", message]),
    ...row("superseded by", job.superseded_by ?? null),
  ];
}

/** What a person wants to know of a job. */
export function jobText(job: Job): string {
  const place = job.queue_position === null ? "" : `, number ${job.queue_position} of the queue`;
  return facts([
    ["job", job.job_id],
    ...row("title", job.title),
    ...row("template", job.template_id),
    ["executor", job.executor],
    ["status", `${job.status}${place}`],
    ["priority", `${job.priority} (${job.priority_name})`],
    ...jsonRow("params", job.params),
    ["created", job.created_at],
    ...row("started", job.started_at),
    ...row("finished", job.finished_at),
    ...row("run", job.run_id),
    ...invocationRows(job),
    ...(job.retry_of === null ? [] : [["attempt", `${job.attempt}, tries ${job.retry_of} again`]]),
    ...row("exit code", job.exit_code),
    ...(job.error === null ? [] : [["error", `${job.error.code}: ${job.error.message}`]]),
    ...job.artifacts.map((path) => ["brought", path]),
    ...job.warnings.map((warning) => ["warning", warning]),
  ]);
}

/** A job as a command prints it. */
export function shownJob(job: Job): Found {
  return [job, jobText(job)];
}

/** A job that is not there any more, by what was told of it last. */
export type GoneJob = Pick<Job, "job_id" | "template_id" | "executor"> & { readonly status: "deleted" };

/** What a job is listed with. */
export function jobCells(job: Job | GoneJob): string[] {
  const [priority, title] = job.status === "deleted" ? ["-", ""] : [String(job.priority), job.title ?? ""];
  return [job.job_id, job.status, job.template_id ?? "-", priority, title];
}

/** Jobs in columns. */
export function jobTable(jobs: readonly Job[]): string {
  if (jobs.length === 0) return "no jobs";
  return table([["JOB", "STATUS", "TEMPLATE", "PRIORITY", "TITLE"], ...jobs.map(jobCells)]);
}

/** Asks for a job as it is now. */
export async function getJob(client: RuntreeClient, job_id: string): Promise<Job> {
  return (await client.call("getJob", { params: { job_id } })).body;
}

/** The positional argument that names a job. */
export function jobArgument(yargs: Argv): Argv {
  return yargs.positional("job", { type: "string", demandOption: true, describe: "job id" });
}
