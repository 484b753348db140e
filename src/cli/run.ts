import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import type { JsonObject } from "../domain/json.ts";
import { readBodyFile } from "./body-file.ts";
import { askingCommand, type Flags, type Found } from "./command.ts";
import { EXIT } from "./exit.ts";
import { conflictLine, violationLine } from "./output.ts";
import { facts, table } from "./table.ts";

type Run = Wire<"run#Run">;

/** What a person wants to know of a run. */
function runText(run: Run): string {
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

const runId = (yargs: Argv): Argv =>
  yargs.positional("run", { type: "string", demandOption: true, describe: "run id" });
const bodyFlags = (yargs: Argv): Argv =>
  yargs
    .option("body", {
      type: "string",
      describe: "file with the submission, {collection: {id: document}}; - for standard input",
    })
    .option("metadata", { type: "string", describe: "file with metadata for the run, a merge patch" })
    .option("idempotency-key", { type: "string", describe: "a key that makes a repeated request harmless" });

function submissionOf(flags: Flags): { body?: JsonObject; metadata?: JsonObject } {
  return {
    ...(flags["body"] === undefined ? {} : { body: readBodyFile(String(flags["body"])) }),
    ...(flags["metadata"] === undefined ? {} : { metadata: readBodyFile(String(flags["metadata"])) }),
  };
}

function keyHeader(flags: Flags): Record<string, string> {
  return flags["idempotency-key"] === undefined ? {} : { "idempotency-key": String(flags["idempotency-key"]) };
}

const shown = (run: Run): Found => [run, runText(run)];

/** Asks for a run as it is now. */
export async function showRun(client: RuntreeClient, run_id: string): Promise<Found> {
  return shown((await client.call("getRun", { params: { run_id } })).body);
}

/** Sends the submission of the flags to a run, with more members if need be. */
function patching(more: { readonly done?: true }): (client: RuntreeClient, flags: Flags) => Promise<Found> {
  return async (client, flags) => {
    const body = { ...submissionOf(flags), ...more };
    const params = { run_id: String(flags["run"]) };
    return shown((await client.call("patchRun", { params, body, headers: keyHeader(flags) })).body);
  };
}

const subcommands: readonly CommandModule[] = [
  askingCommand(
    "start [job]",
    "open a run, optionally with a submission; --done merges it at once",
    (yargs) =>
      bodyFlags(yargs)
        .positional("job", { type: "string", default: "custom", describe: "job id" })
        .option("done", { type: "boolean", default: false, describe: "merge at once" })
        .option("run-id", { type: "string", describe: "a lower-case ULID of your own" }),
    async (client, flags) => {
      const body = {
        ...submissionOf(flags),
        done: flags["done"] === true,
        ...(flags["run-id"] === undefined ? {} : { run_id: String(flags["run-id"]) }),
      };
      return shown(
        (await client.call("startRun", { params: { job_id: String(flags["job"]) }, body, headers: keyHeader(flags) }))
          .body,
      );
    },
  ),
  askingCommand("submit <run>", "submit to an open run", (yargs) => bodyFlags(runId(yargs)), patching({})),
  askingCommand(
    "done <run>",
    "say that a run is done: the gate judges it",
    (yargs) => bodyFlags(runId(yargs)),
    patching({ done: true }),
  ),
  askingCommand("show <run>", "show a run", runId, (client, flags) => showRun(client, String(flags["run"]))),
  askingCommand("diff <run>", "show what a run changes", runId, async (client, flags) => {
    const { body } = await client.call("runDiff", { params: { run_id: String(flags["run"]) } });
    return [
      body,
      body.changes
        .map(({ op, collection, id, pointers }) => `${op} ${collection}/${id} ${pointers.join(" ")}`)
        .join("\n"),
    ];
  }),
  askingCommand("preview <run>", "ask what the gate would say now", runId, async (client, flags) => {
    const { body } = await client.call("previewRun", { params: { run_id: String(flags["run"]) } });
    const lines = [...body.violations.map(violationLine), ...body.conflicts.map(conflictLine)];
    if (!body.mergeable) process.exitCode = body.conflicts.length > 0 ? EXIT.conflict : EXIT.invalid;
    const outcome = body.mergeable ? `mergeable into ${body.main}` : "not mergeable";
    return [body, [outcome, ...lines.map((line) => `  ${line}`)].join("\n")];
  }),
  askingCommand(
    "list",
    "list runs, newest first",
    (yargs) =>
      yargs
        .option("job", { type: "string", describe: "runs of this job" })
        .option("status", { type: "string", describe: "runs in this status" })
        .option("limit", { type: "number", default: 50, describe: "how many at most" })
        .option("offset", { type: "number", default: 0, describe: "how many to skip" }),
    async (client, flags) => {
      const query = {
        job_id: flags["job"],
        status: flags["status"],
        limit: flags["limit"],
        offset: flags["offset"],
      } as Partial<QueryOf<"listRuns">>;
      const { body } = await client.call("listRuns", { params: {}, query });
      const rows = body.items.map((run) => [run.id, run.status, run.job_id, run.created_at, run.created_by]);
      return [body, rows.length === 0 ? "no runs" : table([["RUN", "STATUS", "JOB", "CREATED", "BY"], ...rows])];
    },
  ),
  askingCommand(
    "cancel <run>",
    "close a run without a merge; its work is kept",
    (yargs) => runId(yargs).option("reason", { type: "string", describe: "why" }),
    async (client, flags) => {
      const body = flags["reason"] === undefined ? {} : { reason: String(flags["reason"]) };
      return shown((await client.call("cancelRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  askingCommand(
    "revert <run>",
    "take back what a merged run did to documents, by a new run; --done merges it at once",
    (yargs) => runId(yargs).option("done", { type: "boolean", default: false, describe: "merge at once" }),
    async (client, flags) => {
      const body = { done: flags["done"] === true };
      return shown((await client.call("revertRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  askingCommand(
    "resolve <run>",
    "settle conflicts between a run and main",
    (yargs) =>
      runId(yargs).option("resolutions", {
        type: "string",
        demandOption: true,
        describe: "file with {main?, resolutions: [{collection, id, pointer, take | value}]}; - for standard input",
      }),
    async (client, flags) => {
      const body = readBodyFile(String(flags["resolutions"])) as unknown as Wire<"run#ResolveRun">;
      const { body: run } = await client.call("resolveRun", { params: { run_id: String(flags["run"]) }, body });
      return [
        run,
        `${runText({ ...run, merge: null })}\nresolved; say that it is done next: runtree run done ${run.id}`,
      ];
    },
  ),
];

export const runCommand: CommandModule = {
  command: "run",
  describe: "start, submit to, finish and look at runs",
  builder: (yargs) =>
    subcommands.reduce((all, each) => all.command(each), yargs).demandCommand(1, "Say what to do with a run."),
  handler: () => undefined,
};
