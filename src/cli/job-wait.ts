import fs from "node:fs";
import type { RuntreeClient } from "../client/client.ts";
import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB } from "../domain/job.ts";
import { isServed } from "../store/data-lock.ts";
import type { Flags, Found } from "./command.ts";
import { EXIT } from "./exit.ts";
import { automaticRetry, getJob, isRefused, type Job, PENDING_JOB, shownStanding } from "./job-text.ts";
import { note } from "./output.ts";
import { getRun } from "./run-text.ts";
import { targetOf } from "./target.ts";
import { outcomeOf, waitUntilEnded } from "./wait.ts";

/** What `--help` says of the exit code of a command that waits for a job. */
export const JOB_EXIT =
  "Exit code: 0 completed or skipped, 3 what it submitted was rejected (also when its run was mended since), 4 rejected for conflicts, 1 failed otherwise, cancelled, or still open after --timeout";

/** The exit code that tells how a job ended: refused work as `run wait` has it, also when its run was mended since. */
async function outcomeOfJob(client: RuntreeClient, job: Job): Promise<number> {
  const { status, run_id } = job;
  if (status === "completed" || status === "skipped") return EXIT.ok;
  if (status !== "failed" || run_id === null) return EXIT.failed;
  const run = await getRun(client, run_id);
  if (run.status === "rejected") return outcomeOf(run);
  return isRefused(job) ? EXIT.invalid : EXIT.failed;
}

/** Says of a job that is waited for in a directory where nobody is that could do its work. */
function noteUnserved(flags: Flags, { executor, status }: Job): void {
  const target = targetOf(flags);
  if (!("data" in target) || executor === "external" || !PENDING_JOB.has(status) || isServed(fs, target.data)) return;
  note(`nobody works on ${target.data} now; the job waits until a server is started there`);
}

/**
 * Waits until a job has ended, and those that try it again by themselves, as long as `--timeout` says; sets the exit code,
 * and returns the last of them to be printed. Throws `validation_failed` for the evergreen job.
 */
export async function waitForJob(client: RuntreeClient, flags: Flags, jobId: string): Promise<Found> {
  let id = jobId;
  if (id === CUSTOM_JOB) {
    const words = `Job ${CUSTOM_JOB} never ends; wait for one of its runs: runtree run wait.`;
    throw new RuntreeError("validation_failed", words, { job_id: id });
  }
  let isFirst = true;
  const look = async (): Promise<Job> => {
    const job = await getJob(client, id);
    if (isFirst) noteUnserved(flags, job);
    isFirst = false;
    const again = PENDING_JOB.has(job.status) ? null : await automaticRetry(client, job);
    if (again === null) return job;
    note(`job ${id} failed (${job.error?.code}), and is tried again as ${again.job_id}`);
    id = again.job_id;
    return look();
  };
  const job = await waitUntilEnded(flags, `Job ${id}`, look, PENDING_JOB);
  process.exitCode = await outcomeOfJob(client, job);
  return shownStanding(client, job);
}
