import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB, JOB_STATUSES } from "../domain/job.ts";
import { RUN_STATUSES } from "../domain/run.ts";
import { askingCommand, type Flags, type Found, groupOf, keyFlag, keyHeader, pageAsked, pageFlags } from "./command.ts";
import { followFlag } from "./following.ts";
import { archivedTemplate, hinted, refusedParams, unknownTemplate } from "./hint.ts";
import { jobFlags, jobMembers, requireMembers, takenAway, withoutFlag } from "./job-flags.ts";
import { followJob, followJobs } from "./job-follow.ts";
import { logOfJobCommand } from "./job-log.ts";
import {
  EXECUTORS,
  getJob,
  type Job,
  jobArgument,
  jobTable,
  PENDING_JOB,
  row,
  shownJob,
  shownStanding,
  WHO_WORKS,
} from "./job-text.ts";
import { JOB_EXIT, waitForJob } from "./job-wait.ts";
import { note } from "./output.ts";
import { shownRuns } from "./run-text.ts";
import { facts } from "./table.ts";
import { targetOf } from "./target.ts";
import { timeoutFlag } from "./wait.ts";

const idOf = (flags: Flags): string => String(flags["job"]);

/** Says of a job that was put in a queue which nobody works on. */
function shownQueued(flags: Flags, job: Job): Found {
  if ("data" in targetOf(flags) && job.executor !== "external")
    note("no server works on this directory now; the job waits until one is started there");
  return shownJob(job);
}

async function create(client: RuntreeClient, flags: Flags): Promise<Found> {
  const { template, external, id } = flags as Flags & { template?: string; external?: boolean; id?: string };
  if ((template === undefined) === (external !== true))
    throw new RuntreeError("bad_request", "Name the template of the job, or give --external for a job that agents do.");
  if (template !== undefined && id !== undefined)
    throw new RuntreeError("bad_request", "--id is for jobs that agents do; a job of a template is given its id.");
  const kind = template === undefined ? { executor: "external" } : { template_id: template };
  const body = { ...kind, ...(id === undefined ? {} : { job_id: id }), ...jobMembers(flags) } as Wire<"job#CreateJob">;
  const asked = client.call("createJob", { body, headers: keyHeader(flags) });
  if (template === undefined) return shownQueued(flags, (await asked).body);
  const hints = [unknownTemplate(client, template), archivedTemplate(() => template), refusedParams];
  return shownQueued(flags, (await hinted(asked, ...hints)).body);
}

async function edit(client: RuntreeClient, flags: Flags): Promise<Found> {
  const without = Object.fromEntries(takenAway(flags).map((name) => [name, null]));
  const body = requireMembers({ ...jobMembers(flags), ...without }) as Wire<"job#PatchJob">;
  const params = { job_id: idOf(flags) };
  const asked = client.call("patchJob", { params, body, headers: keyHeader(flags) });
  return shownJob((await hinted(asked, refusedParams)).body);
}

async function list(client: RuntreeClient, flags: Flags): Promise<Found | null> {
  const { status, template, executor } = flags;
  if (flags["follow"] === true) return followJobs(client, flags);
  const query = { status, template_id: template, executor, ...pageAsked(flags) } as Partial<QueryOf<"listJobs">>;
  const { body } = await client.call("listJobs", { query });
  return [body, jobTable(body.items)];
}

function duplicateText({
  signal,
  similarity_score,
  duplicate_of,
  artifact_path,
  message,
}: Wire<"job#DedupCheck">): string {
  return facts([
    ["signal", signal],
    ["similarity", String(similarity_score)],
    ...row("same as", duplicate_of?.job_id ?? null),
    ...row("its run", duplicate_of?.run_id ?? null),
    ...row("brought", artifact_path),
    ["message", message],
  ]);
}

const subcommands: readonly CommandModule[] = [
  askingCommand(
    "create [template]",
    "put a job of a template in the queue, or register one for agents",
    (yargs) =>
      keyFlag(
        jobFlags(yargs, "its params, which go over the template's")
          .positional("template", { type: "string", describe: "what it is a job of" })
          .option("external", { type: "boolean", describe: "a job that agents do" })
          .option("id", { type: "string", describe: "the id of a job that agents do (default: one is made)" }),
      ),
    create,
  ),
  askingCommand(
    "list",
    "list jobs, newest first",
    (yargs) =>
      followFlag(pageFlags(yargs), "print each job when it changes, from now on; with --json an object a line")
        .option("status", { type: "string", choices: JOB_STATUSES, describe: "jobs in this status" })
        .option("template", { type: "string", describe: "jobs of this template" })
        .option("executor", {
          type: "string",
          choices: EXECUTORS,
          describe: `jobs whose work is done ${WHO_WORKS}`,
        })
        .conflicts("follow", ["limit", "offset"]),
    list,
  ),
  askingCommand(
    "show <job>",
    "show a job",
    (yargs) =>
      followFlag(
        jobArgument(yargs),
        "print it again when it changes, until it has ended; with --json an object a line",
      ),
    async (client, flags) =>
      flags["follow"] === true
        ? followJob(client, flags, idOf(flags))
        : shownStanding(client, await getJob(client, idOf(flags))),
  ),
  askingCommand(
    "monitor [job]",
    "read a job as its process and its runs have it now; or all that run",
    (yargs) => yargs.positional("job", { type: "string", describe: "job id" }),
    async (client, flags) => {
      if (flags["job"] !== undefined)
        return shownJob((await client.call("monitorJob", { params: { job_id: idOf(flags) } })).body);
      const { body } = await client.call("monitorJobs");
      return [body, jobTable(body.items)];
    },
  ),
  askingCommand(
    "wait <job>",
    "wait until a job has ended; the exit code tells how",
    (yargs) =>
      timeoutFlag(jobArgument(yargs)).epilogue(
        `A job that is tried again by itself is waited for to its last attempt, which is what is printed. ${JOB_EXIT}`,
      ),
    async (client, flags) => waitForJob(client, flags, idOf(flags)),
  ),
  logOfJobCommand,
  askingCommand(
    "runs <job>",
    "list the runs of a job and of those that try it again, newest first",
    (yargs) =>
      pageFlags(jobArgument(yargs)).option("status", {
        type: "string",
        choices: RUN_STATUSES,
        describe: "runs in this status",
      }),
    async (client, flags) => {
      const query = { status: flags["status"], ...pageAsked(flags) } as Partial<QueryOf<"listJobRuns">>;
      return shownRuns((await client.call("listJobRuns", { params: { job_id: idOf(flags) }, query })).body);
    },
  ),
  askingCommand(
    "check <job>",
    "look for another job of the same template with the same params",
    jobArgument,
    async (client, flags) => {
      const { body } = await client.call("dedupCheck", { params: { job_id: idOf(flags) } });
      return [body, duplicateText(body)];
    },
  ),
  askingCommand(
    "edit <job>",
    "change a job that is queued",
    (yargs) => withoutFlag(keyFlag(jobFlags(jobArgument(yargs), "a merge patch over its params")), ["title"]),
    edit,
  ),
  askingCommand(
    "cancel <job>",
    "cancel a job that is queued or running: its process is ended, its open runs are closed",
    (yargs) => keyFlag(jobArgument(yargs).option("reason", { type: "string", describe: "why" })),
    async (client, flags) => {
      const body = flags["reason"] === undefined ? {} : { reason: String(flags["reason"]) };
      const params = { job_id: idOf(flags) };
      return shownJob((await client.call("cancelJob", { params, body, headers: keyHeader(flags) })).body);
    },
  ),
  askingCommand(
    "retry <job>",
    "put a job that has ended in the queue again, as a new job",
    (yargs: Argv) => keyFlag(jobArgument(yargs)),
    async (client, flags) => {
      const params = { job_id: idOf(flags) };
      const asked = client.call("retryJob", { params, body: {}, headers: keyHeader(flags) });
      const template = async (): Promise<string | null> => (await getJob(client, idOf(flags))).template_id;
      return shownQueued(flags, (await hinted(asked, archivedTemplate(template))).body);
    },
  ),
  askingCommand(
    "delete <job>",
    "take a job that is queued away; its history stays",
    jobArgument,
    async (client, flags) => {
      const job_id = idOf(flags);
      await hinted(client.call("deleteJob", { params: { job_id } }), async (error) => {
        if (!hasCode(error, "job_not_queued") || job_id === CUSTOM_JOB) return null;
        return PENDING_JOB.has((await getJob(client, job_id)).status)
          ? `End it with \`runtree job cancel ${job_id}\`.`
          : "It has ended, and is taken away when the retention of the server is over (retention.jobs_days, 30 unless told).";
      });
      return [{ job_id, deleted: true }, `deleted ${job_id}`];
    },
  ),
];

export const jobCommand: CommandModule = groupOf(
  "job",
  "put jobs in the queue, look at them, wait for them and change them",
  subcommands,
  "Say what to do with a job.",
);
