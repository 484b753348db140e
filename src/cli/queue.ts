import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import { askingCommand, type Flags, type Found, groupOf, keyFlag, keyHeader, pageAsked, pageFlags } from "./command.ts";
import { changes, followFlag, printingAnew, requireServer, untilToldToEnd } from "./following.ts";
import { PRIORITY_WORDS, readPriority } from "./job-flags.ts";
import { mayChangeJobs } from "./job-follow.ts";
import { jobArgument, jobCells, shownJob } from "./job-text.ts";
import { note } from "./output.ts";
import { facts, table } from "./table.ts";

type Queue = Wire<"job#Queue">;

/** The queue as a command prints it: what runs, then what waits, by its number. */
function shownQueue(queue: Queue): Found {
  const { running, items, total } = queue;
  const rows = [...running, ...items].map((job) => [String(job.queue_position ?? "-"), ...jobCells(job)]);
  const more = total > items.length ? [`${items.length} of ${total} that wait`] : [];
  const list = table([["NUMBER", "JOB", "STATUS", "TEMPLATE", "PRIORITY", "TITLE"], ...rows]);
  return [queue, rows.length === 0 ? "the queue is empty" : [list, ...more].join("\n")];
}

async function readQueue(client: RuntreeClient, flags: Flags): Promise<Found> {
  return shownQueue((await client.call("getQueue", { query: pageAsked(flags) })).body);
}

/** Prints the queue, and again whenever it changes, until a person ends it. */
async function follow(client: RuntreeClient, flags: Flags): Promise<null> {
  requireServer(flags);
  const print = printingAnew(flags.json);
  for await (const events of changes(client, untilToldToEnd())) {
    if (events.length === 0) note("following the queue; Ctrl-C ends it");
    if (mayChangeJobs(events)) print(await readQueue(client, flags));
  }
  return null;
}

/** A time in seconds, of those that the statistics have. */
function secondsText({ p50, p95, max }: Wire<"job#QueueStats">["waiting_ms"]): string {
  const [half, most, longest] = [p50, p95, max].map((ms) => (ms / 1000).toFixed(1));
  return `median ${half} s, 95 % at most ${most} s, longest ${longest} s`;
}

async function stats(client: RuntreeClient): Promise<Found> {
  const { body } = await client.call("getQueueStats");
  const rows = [
    ["queued", String(body.queued)],
    ...(body.queued === 0 ? [] : [["have waited", secondsText(body.waiting_ms)]]),
    ["running", String(body.running)],
    ...(body.running === 0 ? [] : [["have run", secondsText(body.running_ms)]]),
    ["completed in the last hour", String(body.completed_last_hour)],
    ["failed in the last hour", String(body.failed_last_hour)],
  ];
  return [body, facts(rows)];
}

/** A command that changes the place of one job. */
function changing(
  command: string,
  describe: string,
  more: (yargs: Argv) => Argv,
  change: (
    client: RuntreeClient,
    flags: Flags,
    to: { readonly params: { readonly job_id: string }; readonly headers: Record<string, string> },
  ) => Promise<{ readonly body: Wire<"job#Job"> }>,
): CommandModule {
  return askingCommand(
    command,
    describe,
    (yargs) => keyFlag(more(jobArgument(yargs))),
    async (client, flags) => {
      const to = { params: { job_id: String(flags["job"]) }, headers: keyHeader(flags) };
      return shownJob((await change(client, flags, to)).body);
    },
  );
}

const subcommands: readonly CommandModule[] = [
  askingCommand(
    ["list", "$0"],
    "list what runs, and what waits, in the order of dispatch",
    (yargs) => followFlag(pageFlags(yargs), "print it again when it changes; with --json an object a line"),
    async (client, flags) => (flags["follow"] === true ? follow(client, flags) : readQueue(client, flags)),
  ),
  askingCommand("stats", "count what waits, runs and ended, and for how long", (yargs) => yargs, stats),
  askingCommand(
    "reorder <jobs..>",
    "put some jobs first, in this order, within their priorities",
    (yargs) =>
      yargs.positional("jobs", { type: "string", array: true, demandOption: true, describe: "ids of queued jobs" }),
    async (client, flags) => {
      const job_ids = flags["jobs"] as readonly string[];
      return shownQueue((await client.call("reorderQueue", { body: { job_ids } })).body);
    },
  ),
  changing(
    "move <job> <position>",
    "move a queued job among those of its priority",
    (yargs) => yargs.positional("position", { type: "number", demandOption: true, describe: "its place, from 0" }),
    async (client, { position }, to) => client.call("moveJob", { ...to, body: { position: Number(position) } }),
  ),
  changing(
    "priority <job> <priority>",
    "give a queued job another priority, behind those that have it",
    (yargs) => yargs.positional("priority", { type: "string", demandOption: true, describe: PRIORITY_WORDS }),
    async (client, { priority }, to) =>
      client.call("prioritizeJob", { ...to, body: { priority: readPriority(String(priority)) } }),
  ),
];

export const queueCommand: CommandModule = groupOf(
  "queue",
  "look at the queue of jobs, and put it in another order",
  subcommands,
  null,
);
