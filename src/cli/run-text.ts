import type { Argv } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { Wire } from "../contract/wire.ts";
import type { Found } from "./command.ts";
import { conflictLine, violationLine } from "./output.ts";
import { facts, table } from "./table.ts";

export type Run = Wire<"run#Run">;

/** What a person wants to know of a run. */
export function runText(run: Run): string {
  const rows = [
    ["run", run.id],
    ["job", run.job_id],
    ["status", run.status],
    ["created", `${run.created_at} by ${run.created_by}`],
    ["branch", run.completed_at === null ? run.branch : "closed"],
    ["head", run.head],
    ...(run.merge?.commit == null ? [] : [["merged", run.merge.commit]]),
    ...(run.error === null ? [] : [["error", `${run.error.code}: ${run.error.message}`]]),
  ];
  const conflicts = run.status === "rejected" ? (run.merge?.verdict.conflicts ?? []) : [];
  return [
    facts(rows),
    ...run.warnings.map((warning) => `  ${violationLine(warning)}`),
    ...conflicts.map((conflict) => `  ${conflictLine(conflict)}`),
  ].join("\n");
}

/** A run as a command prints it. */
export function shownRun(run: Run): Found {
  return [run, runText(run)];
}

/** A list of runs as a command prints it. */
export function shownRuns(list: { readonly items: readonly Run[] }): Found {
  const rows = list.items.map(({ id, status, job_id, created_at, created_by }) => [
    id,
    status,
    job_id,
    created_at,
    created_by,
  ]);
  return [list, rows.length === 0 ? "no runs" : table([["RUN", "STATUS", "JOB", "CREATED", "BY"], ...rows])];
}

/** Asks for a run as it is now. */
export async function getRun(client: RuntreeClient, run_id: string): Promise<Run> {
  return (await client.call("getRun", { params: { run_id } })).body;
}

/** Asks for a run, to print it. */
export async function showRun(client: RuntreeClient, id: string): Promise<Found> {
  return shownRun(await getRun(client, id));
}

/** The positional argument that names a run. */
export function runArgument(yargs: Argv): Argv {
  return yargs.positional("run", { type: "string", demandOption: true, describe: "run id" });
}
