import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { counted } from "../domain/verdict.ts";
import type { Flags, Found } from "./command.ts";
import { changes, printingAnew, requireServer, untilToldToEnd } from "./following.ts";
import { countsText, type Job, stateText } from "./job-text.ts";
import { note, printData } from "./output.ts";
import { facts, table } from "./table.ts";
import { clientFor, targetFlags, targetOf } from "./target.ts";

async function readStatus(client: RuntreeClient, flags: Flags): Promise<readonly [value: object, text: string]> {
  const { body: readiness } = await client.call("getReadiness", { params: {} });
  const { body: collections } = await client.call("listCollections", { params: {} });
  const { body: runs } = await client.call("listRuns", { params: {}, query: { limit: 10 } });
  const target = targetOf(flags);
  const rows = [
    "url" in target ? ["server", target.url] : ["data", `${target.data}, read directly`],
    ["main", readiness.main ?? "absent"],
    ["open runs", String(readiness.open_runs)],
    ["runs", String(runs.total)],
    ...collections.items.map(({ name, documents }) => [name, counted(documents, "document")]),
  ];
  return [{ target, ...readiness, collections: collections.items, runs: runs.total }, facts(rows)];
}

/** How many jobs are shown of those that run, and of those that wait. */
const MOST_JOBS = 100;

/** What is watched of an open job; not when Galaxy was last asked, which changes for ever. */
function watched(job: Job): object {
  const { job_id, status, executor, template_id, title, queue_position, run_id } = job;
  const { dataset_id, workflow_name, invocation_id, state, galaxy_state, jobs = {}, messages = [] } = job;
  const place = { job_id, status, executor, template_id, title, queue_position, run_id };
  return { ...place, dataset_id, workflow_name, invocation_id, state, galaxy_state, jobs, messages };
}

function openCells(job: Job): string[] {
  const { job_id, executor, status, queue_position: place } = job;
  const where = place === null ? status : `${status} (${place})`;
  const what = job.workflow_name ?? job.template_id ?? job.title ?? "-";
  const state = executor === "galaxy" ? stateText(job) : null;
  return [job_id, executor, where, what, job.dataset_id ?? "-", state ?? "-", countsText(job.jobs) || "-"];
}

/** The status, and the jobs that are open with what is known of their invocations. */
async function readWatched(client: RuntreeClient, flags: Flags): Promise<Found> {
  const [value, text] = await readStatus(client, flags);
  const open = async (status: string): Promise<{ readonly items: readonly Job[]; readonly total?: number }> =>
    (await client.call("listJobs", { query: { status, limit: MOST_JOBS } })).body;
  const [running, queued] = [await open("running"), await open("queued")];
  const jobs = [...running.items, ...queued.items];
  const more = (running.total ?? 0) + (queued.total ?? 0) - jobs.length;
  const heading = ["JOB", "EXECUTOR", "STATUS", "WHAT", "DATASET", "STATE", "JOBS"];
  const list = jobs.length === 0 ? "no open jobs" : table([heading, ...jobs.map(openCells)]);
  return [
    { ...value, jobs: jobs.map(watched), more_jobs: more },
    [text, list, ...(more > 0 ? [`and ${counted(more, "more job")}`] : [])].join("\n"),
  ];
}

/** Prints all of it, and again whenever something changes, until a person ends it. */
async function watch(client: RuntreeClient, flags: Flags): Promise<void> {
  requireServer(flags, "--watch");
  const print = printingAnew(flags.json);
  for await (const events of changes(client, untilToldToEnd())) {
    if (events.length === 0) note("watching; Ctrl-C ends it");
    print(await readWatched(client, flags));
  }
}

export const statusCommand: CommandModule = {
  command: "status",
  describe: "show which server or repository this is, and what it holds",
  builder: (yargs: Argv) =>
    targetFlags(yargs).option("watch", {
      type: "boolean",
      describe:
        "show open jobs and invocations, too, and all of it again when something changes; with --json an object a line",
    }),
  handler: async (given) => {
    const flags = given as unknown as Flags;
    const client = clientFor(flags);
    if (flags["watch"] === true) await watch(client, flags);
    else printData(flags.json, ...(await readStatus(client, flags)));
  },
};
