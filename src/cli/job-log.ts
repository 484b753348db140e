import type { CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { RuntreeError } from "../domain/errors.ts";
import { askingCommand, type Flags } from "./command.ts";
import { followFlag, requireServer, untilToldToEnd } from "./following.ts";
import { getJob, type Job, jobArgument, PENDING_JOB } from "./job-text.ts";
import { openLog, printLog, shownLog } from "./run-log.ts";
import { waitFor } from "./waiting.ts";

function noLog(id: string, status: string): RuntreeError {
  const words = `Job ${id} has no log: it is ${status}, and no process worked on it.`;
  return new RuntreeError("not_found", words, { job_id: id });
}

/**
 * Waits until a job whose log came to an end has ended itself, which it soon has. Throws `unreachable` where the log ended
 * because its server does.
 */
async function requireWhole(client: RuntreeClient, id: string, signal: AbortSignal): Promise<void> {
  const look = async (): Promise<Job | null> => {
    const job = await getJob(client, id);
    return PENDING_JOB.has(job.status) ? null : job;
  };
  const ended = await waitFor(look, signal);
  if (ended?.error?.code !== "interrupted") return;
  throw new RuntreeError("unreachable", `The log of job ${id} ends early. ${ended.error.message}`, { job_id: id });
}

/** Prints what a job's process prints, from when it begins until it has ended. */
async function follow(client: RuntreeClient, flags: Flags, id: string): Promise<null> {
  requireServer(flags);
  const signal = untilToldToEnd();
  const open = async (): Promise<AsyncIterable<string> | null> => {
    const { run_id, status, executor } = await getJob(client, id);
    const mayBegin = executor === "process" && PENDING_JOB.has(status);
    if (run_id === null && !mayBegin) throw noLog(id, status);
    if (run_id === null) return null;
    try {
      return await openLog(client, run_id, signal);
    } catch (error) {
      // The process of a job that runs may not have begun yet.
      if (mayBegin && error instanceof RuntreeError && error.code === "not_found") return null;
      throw error;
    }
  };
  const log = await waitFor(open, signal);
  if (log === null) return null;
  await printLog(flags, log);
  await requireWhole(client, id, signal);
  return null;
}

export const logOfJobCommand: CommandModule = askingCommand(
  "log <job>",
  "print what a job's process printed",
  (yargs) =>
    followFlag(jobArgument(yargs), "wait for it to begin, and go on until it has ended; with --json an object a line"),
  async (client, flags) => {
    const id = String(flags["job"]);
    if (flags["follow"] === true) return follow(client, flags, id);
    const { run_id, status } = await getJob(client, id);
    if (run_id === null) throw noLog(id, status);
    return shownLog(client, flags, run_id);
  },
);
