import type { RuntreeClient } from "../client/client.ts";
import type { ServerEvent } from "../client/server-events.ts";
import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB } from "../domain/job.ts";
import type { Flags } from "./command.ts";
import { changes, followList, printingAnew, requireServer, untilToldToEnd } from "./following.ts";
import { getJob, type GoneJob, type Job, jobCells, PENDING_JOB, shownStanding } from "./job-text.ts";

/** Tells whether a job, or its place in the queue, may be another after events; so it may be before the first of them. */
export function mayChangeJobs(events: readonly ServerEvent[]): boolean {
  return events.length === 0 || events.some((event) => jobIn(event) !== null);
}

/** The id of the job that an event is about; null for another event. How jobs of agents get on is told by their runs. */
function jobIn({ data }: ServerEvent): string | null {
  return "job_id" in data ? data.job_id : null;
}

async function readTold(client: RuntreeClient, job_id: string, { data }: ServerEvent): Promise<Job | GoneJob> {
  try {
    return await getJob(client, job_id);
  } catch (error) {
    if (!(error instanceof RuntreeError) || error.code !== "job_not_found") throw error;
    const { template_id = null, executor = "process" } = data as Partial<Job>;
    return { job_id, template_id, executor, status: "deleted" };
  }
}

/** Prints a line for each job when it changes, those that the flags ask for, until a person ends it. */
export async function followJobs(client: RuntreeClient, flags: Flags): Promise<null> {
  const { status, template, executor } = flags;
  const isAsked = (asked: unknown, value: string | null): boolean => asked === undefined || asked === value;
  return followList<Job | GoneJob>(client, flags, {
    name: "the jobs",
    idIn: jobIn,
    read: async (id, event) => readTold(client, id, event),
    fits: (job) =>
      job.job_id !== CUSTOM_JOB &&
      isAsked(status, job.status) &&
      isAsked(template, job.template_id) &&
      isAsked(executor, job.executor),
    cells: jobCells,
  });
}

/** Prints a job as it is, and again whenever it changes, until it has ended or a person ends it. */
export async function followJob(client: RuntreeClient, flags: Flags, id: string): Promise<null> {
  requireServer(flags);
  const print = printingAnew(flags.json);
  for await (const events of changes(client, untilToldToEnd())) {
    if (!mayChangeJobs(events)) continue;
    const job = await getJob(client, id);
    print(await shownStanding(client, job));
    if (!PENDING_JOB.has(job.status)) return null;
  }
  return null;
}
