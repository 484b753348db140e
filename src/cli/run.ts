import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { RUN_STATUSES } from "../domain/run.ts";
import type { JsonObject } from "../domain/json.ts";
import { readBodyFile } from "./body-file.ts";
import { askingCommand, type Flags, type Found, groupOf, keyFlag, keyHeader, pageAsked, pageFlags } from "./command.ts";
import { diffCommand } from "./diff.ts";
import { previewCommand } from "./preview.ts";
import { artifactCommand, artifactsCommand, logOfRunCommand } from "./run-log.ts";
import { runArgument, runText, shownRun, shownRuns, showRun } from "./run-text.ts";
import { waitCommand } from "./wait.ts";

const bodyFlags = (yargs: Argv): Argv =>
  keyFlag(
    yargs
      .option("body", {
        type: "string",
        describe: "file with the submission, {collection: {id: document}}; - for standard input",
      })
      .option("metadata", { type: "string", describe: "file with metadata for the run, a merge patch" }),
  );

function submissionOf(flags: Flags): { body?: JsonObject; metadata?: JsonObject } {
  return {
    ...(flags["body"] === undefined ? {} : { body: readBodyFile(String(flags["body"])) }),
    ...(flags["metadata"] === undefined ? {} : { metadata: readBodyFile(String(flags["metadata"])) }),
  };
}

/** Sends the submission of the flags to a run, with more members if need be. */
function patching(more: { readonly done?: true }): (client: RuntreeClient, flags: Flags) => Promise<Found> {
  return async (client, flags) => {
    const body = { ...submissionOf(flags), ...more };
    const params = { run_id: String(flags["run"]) };
    return shownRun((await client.call("patchRun", { params, body, headers: keyHeader(flags) })).body);
  };
}

/** A command of its own as one of a group, where the help does not list it twice. */
function inGroup(command: CommandModule): CommandModule {
  return { ...command, describe: false };
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
      return shownRun(
        (await client.call("startRun", { params: { job_id: String(flags["job"]) }, body, headers: keyHeader(flags) }))
          .body,
      );
    },
  ),
  askingCommand("submit <run>", "submit to an open run", (yargs) => bodyFlags(runArgument(yargs)), patching({})),
  askingCommand(
    "done <run>",
    "say that a run is done: the gate judges it",
    (yargs) => bodyFlags(runArgument(yargs)),
    patching({ done: true }),
  ),
  askingCommand("show <run>", "show a run", runArgument, (client, flags) => showRun(client, String(flags["run"]))),
  waitCommand,
  logOfRunCommand,
  artifactsCommand,
  artifactCommand,
  inGroup(diffCommand),
  inGroup(previewCommand),
  askingCommand(
    "list",
    "list runs, newest first",
    (yargs) =>
      pageFlags(yargs)
        .option("job", { type: "string", describe: "runs of this job" })
        .option("status", { type: "string", choices: RUN_STATUSES, describe: "runs in this status" })
        .option("contract-id", { type: "string", describe: "runs under this contract" })
        .option("pipeline-name", { type: "string", describe: "runs of this pipeline" })
        .option("since", { type: "string", describe: "runs started (or else created) at this time or later" })
        .option("until", { type: "string", describe: "runs started (or else created) at this time or earlier" })
        .option("has-warnings", {
          type: "boolean",
          describe: "runs with warnings or notices, --no-has-warnings without",
        }),
    async (client, flags) => {
      const query = {
        job_id: flags["job"],
        status: flags["status"],
        contract_id: flags["contract-id"],
        pipeline_name: flags["pipeline-name"],
        start_date: flags["since"],
        end_date: flags["until"],
        has_warnings: flags["has-warnings"],
        ...pageAsked(flags),
      } as Partial<QueryOf<"listRuns">>;
      return shownRuns((await client.call("listRuns", { params: {}, query })).body);
    },
  ),
  askingCommand(
    "cancel <run>",
    "close a run without a merge; its work is kept",
    (yargs) => runArgument(yargs).option("reason", { type: "string", describe: "why" }),
    async (client, flags) => {
      const body = flags["reason"] === undefined ? {} : { reason: String(flags["reason"]) };
      return shownRun((await client.call("cancelRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  askingCommand(
    "revert <run>",
    "take back what a merged run did to documents, by a new run; --done merges it at once",
    (yargs) => runArgument(yargs).option("done", { type: "boolean", default: false, describe: "merge at once" }),
    async (client, flags) => {
      const body = { done: flags["done"] === true };
      return shownRun((await client.call("revertRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  askingCommand(
    "resolve <run>",
    "settle conflicts between a run and main",
    (yargs) =>
      runArgument(yargs).option("resolutions", {
        type: "string",
        demandOption: true,
        describe:
          "file with {main?, resolutions: [{collection, id, pointer, take: ours (main) | theirs (the run) | base, or value}]}; - for standard input",
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

export const runCommand: CommandModule = groupOf(
  "run",
  "start, submit to, finish and look at runs",
  subcommands,
  "Say what to do with a run.",
);
