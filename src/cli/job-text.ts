import type { Argv } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import { CUSTOM_JOB } from "../domain/job.ts";
import type { Found } from "./command.ts";
import { conflictLine, violationLine } from "./output.ts";
import { getRun, type Run } from "./run-text.ts";
import { facts, table, terminalWidth } from "./table.ts";

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

/** Where a job stands that has ended: its run as it is now where the gate refused it, and the jobs that try it again. */
export interface Standing {
  readonly run: Run | null;
  readonly again: readonly Job[];
}

const NOT_LOOKED: Standing = { run: null, again: [] };

/** What became of a run since the gate refused it. */
const SINCE: Partial<Record<Run["status"], string>> = {
  success: "success, merged since",
  rejected: "rejected, can be mended",
  cancelled: "cancelled since",
  failed: "failed since",
  skipped: "skipped since",
};

/** How many violations and conflicts of a refused run are shown with its job. */
const FIRST_FOUND = 5;

/** What is wrong with a refused run, and what to do about it. */
function mending({ id, status, merge }: Run): string[] {
  if (status !== "rejected") return [];
  const { violations = [], violation_count = 0, conflicts = [] } = merge?.verdict ?? {};
  const found = [...violations.map(violationLine), ...conflicts.map(conflictLine)];
  const more = violation_count + conflicts.length - Math.min(found.length, FIRST_FOUND);
  return [
    ...found.slice(0, FIRST_FOUND).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more: runtree run show ${id}`] : []),
    `look at it:  runtree run show ${id}`,
    conflicts.length > 0
      ? `settle it:   runtree run resolve ${id} --resolutions FILE`
      : `mend it:     runtree run submit ${id} --body FILE`,
    `go on:       runtree run done ${id}`,
  ];
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
export function jobText(job: Job, { run, again }: Standing = NOT_LOOKED): string {
  const place = job.queue_position === null ? "" : `, number ${job.queue_position} of the queue`;
  const lines = facts([
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
    ...row("run", run === null ? job.run_id : `${run.id}: ${SINCE[run.status] ?? run.status}`),
    ...invocationRows(job),
    ...(job.retry_of === null ? [] : [["attempt", `${job.attempt}, tries ${job.retry_of} again`]]),
    ...again.map(({ job_id, status }) => ["tried again", `as ${job_id}, ${status}`]),
    ...row("exit code", job.exit_code),
    ...(job.error === null ? [] : [["error", `${job.error.code}: ${job.error.message}`]]),
    ...job.artifacts.map((path) => ["brought", path]),
    ...job.warnings.map((warning) => ["warning", warning]),
  ]);
  return run === null ? lines : [lines, ...mending(run)].join("\n");
}

/** A job as a command prints it. */
export function shownJob(job: Job, standing?: Standing): Found {
  return [job, jobText(job, standing)];
}

/** The same with where it stands now, which the client is asked for. */
export async function shownStanding(client: RuntreeClient, job: Job): Promise<Found> {
  if (PENDING_JOB.has(job.status) || job.job_id === CUSTOM_JOB) return shownJob(job);
  const run = isRefused(job) && job.run_id !== null ? await getRun(client, job.run_id) : null;
  return shownJob(job, { run, again: await retriesOf(client, job) });
}

/** Tells whether the gate refused what a job submitted; its run may have been mended since. */
export function isRefused({ error }: Job): boolean {
  return error?.code === "gate_rejected";
}

/** The jobs that try a job again, in the order in which they were made. */
async function retriesOf(client: RuntreeClient, { job_id }: Job): Promise<readonly Job[]> {
  const { body } = await client.call("listJobs", { query: { retry_of: job_id } });
  return [...body.items].reverse();
}

/** The job that tries a job again without having been asked for; null when there is none. It is made when the other one ends. */
export async function automaticRetry(client: RuntreeClient, job: Job): Promise<Job | null> {
  if (job.status !== "failed" || isRefused(job)) return null;
  return (await retriesOf(client, job)).find(({ created_at }) => created_at === job.finished_at) ?? null;
}

/** A job that is not there any more, by what was told of it last. */
export type GoneJob = Pick<Job, "job_id" | "template_id" | "executor"> & { readonly status: "deleted" };

/** What a job is listed with. */
export function jobCells(job: Job | GoneJob): string[] {
  const [priority, title] = job.status === "deleted" ? ["-", ""] : [String(job.priority), job.title ?? ""];
  return [job.job_id, job.status, job.template_id ?? "-", priority, title];
}

/** How long a job that ended took, in seconds. */
function took({ started_at, finished_at }: Job): string {
  if (started_at === null || finished_at === null) return "-";
  return `${((Date.parse(finished_at) - Date.parse(started_at)) / 1000).toFixed(1)} s`;
}

/** A list of jobs is this wide, as a rule, with all its columns; ids that are cut are of no use. */
const WIDE = 120;

/** Jobs in columns; a narrow terminal gets fewer. */
export function jobTable(jobs: readonly Job[], width: number | null = terminalWidth()): string {
  if (jobs.length === 0) return "no jobs";
  const more = (title: string, cells: readonly string[]): string[] =>
    width !== null && width < WIDE ? [title] : [...cells, title];
  const lines = jobs.map((job) => {
    const cells = jobCells(job);
    const title = cells.pop() ?? "";
    return [...cells, ...more(title, [job.created_at, took(job), job.error?.code ?? "-"])];
  });
  return table(
    [["JOB", "STATUS", "TEMPLATE", "PRIORITY", ...more("TITLE", ["CREATED", "TOOK", "ERROR"])], ...lines],
    width,
  );
}

/** Asks for a job as it is now. */
export async function getJob(client: RuntreeClient, job_id: string): Promise<Job> {
  return (await client.call("getJob", { params: { job_id } })).body;
}

/** The positional argument that names a job. */
export function jobArgument(yargs: Argv): Argv {
  return yargs.positional("job", { type: "string", demandOption: true, describe: "job id" });
}
