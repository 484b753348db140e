import type { RuntreeClient } from "../client/client.ts";
import type { Flags, Found } from "./command.ts";
import { EXIT } from "./exit.ts";
import { getJob, type Job, PENDING_JOB, shownJob } from "./job-text.ts";
import { getRun } from "./run-text.ts";
import { outcomeOf, waitUntilEnded } from "./wait.ts";

/** What `--help` says of the exit code of a command that waits for a job. */
export const JOB_EXIT =
  "Exit code: 0 completed or skipped, 3 what it submitted was rejected, 4 rejected for conflicts, 1 failed otherwise, cancelled, or still open after --timeout";

/** The exit code that tells how a job ended: refused work as `run wait` has it. */
async function outcomeOfJob(client: RuntreeClient, { status, run_id }: Job): Promise<number> {
  if (status === "completed" || status === "skipped") return EXIT.ok;
  if (status !== "failed" || run_id === null) return EXIT.failed;
  return outcomeOf(await getRun(client, run_id));
}

/** Waits until a job has ended, as long as `--timeout` says, sets the exit code, and returns the job to be printed. */
export async function waitForJob(client: RuntreeClient, flags: Flags, id: string): Promise<Found> {
  const job = await waitUntilEnded(flags, `Job ${id}`, async () => getJob(client, id), PENDING_JOB);
  process.exitCode = await outcomeOfJob(client, job);
  return shownJob(job);
}
