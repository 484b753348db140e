import { readFileSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { RuntreeError } from "../domain/errors.ts";
import { isObject, type Json, type JsonObject } from "../domain/json.ts";
import { EXIT } from "./exit.ts";
import { conflictLine, printData, table, violationLine } from "./output.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

type Run = Wire<"run#Run">;

/** What `main` makes of a `-` on the command line, which yargs would pass over. */
export const STANDARD_INPUT = "standard input";

/** Reads a submission's body: a file, or standard input for `-`. Throws `malformed_json`, `not_found`. */
export function readBodyFile(path: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(path === STANDARD_INPUT ? 0 : path, "utf8");
  } catch (error) {
    throw new RuntreeError("not_found", `${path} cannot be read.`, { path }, error);
  }
  try {
    const value = JSON.parse(text) as Json;
    if (isObject(value)) return value;
  } catch (error) {
    throw new RuntreeError(
      "malformed_json",
      `${path} is not JSON: ${error instanceof Error ? error.message : ""}`,
      { path },
      error,
    );
  }
  throw new RuntreeError("malformed_json", `${path} does not hold a JSON object.`, { path });
}

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
    table(rows),
    ...run.warnings.map((warning) => `  ${violationLine(warning)}`),
    ...conflicts.map((conflict) => `  ${conflictLine(conflict)}`),
  ].join("\n");
}

type Flags = CommonFlags & Readonly<Record<string, unknown>>;
type Action = (client: RuntreeClient, flags: Flags) => Promise<readonly [unknown, string]>;

/** One subcommand: positional arguments and flags of its own, then one call whose answer is printed. */
function subcommand(command: string, describe: string, more: (yargs: Argv) => Argv, action: Action): CommandModule {
  return {
    command,
    describe,
    builder: (yargs) =>
      targetFlags(more(yargs).option("json", { type: "boolean", default: false, describe: "print JSON" })),
    handler: async (flags) => {
      const known = flags as unknown as Flags;
      const [value, text] = await action(clientFor(known), known);
      printData(known.json, value, text);
    },
  };
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

const shown = (run: Run): readonly [unknown, string] => [run, runText(run)];

/** Sends the submission of the flags to a run, with more members if need be. */
function patching(more: { readonly done?: true }): Action {
  return async (client, flags) => {
    const body = { ...submissionOf(flags), ...more };
    const params = { run_id: String(flags["run"]) };
    return shown((await client.call("patchRun", { params, body, headers: keyHeader(flags) })).body);
  };
}

const subcommands: readonly CommandModule[] = [
  subcommand(
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
  subcommand("submit <run>", "submit to an open run", (yargs) => bodyFlags(runId(yargs)), patching({})),
  subcommand(
    "done <run>",
    "say that a run is done: the gate judges it",
    (yargs) => bodyFlags(runId(yargs)),
    patching({ done: true }),
  ),
  subcommand("show <run>", "show a run", runId, async (client, flags) =>
    shown((await client.call("getRun", { params: { run_id: String(flags["run"]) } })).body),
  ),
  subcommand("diff <run>", "show what a run changes", runId, async (client, flags) => {
    const { body } = await client.call("runDiff", { params: { run_id: String(flags["run"]) } });
    return [
      body,
      body.changes
        .map(({ op, collection, id, pointers }) => `${op} ${collection}/${id} ${pointers.join(" ")}`)
        .join("\n"),
    ];
  }),
  subcommand("preview <run>", "ask what the gate would say now", runId, async (client, flags) => {
    const { body } = await client.call("previewRun", { params: { run_id: String(flags["run"]) } });
    const lines = [...body.violations.map(violationLine), ...body.conflicts.map(conflictLine)];
    if (!body.mergeable) process.exitCode = body.conflicts.length > 0 ? EXIT.conflict : EXIT.invalid;
    const outcome = body.mergeable ? `mergeable into ${body.main}` : "not mergeable";
    return [body, [outcome, ...lines.map((line) => `  ${line}`)].join("\n")];
  }),
  subcommand(
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
  subcommand(
    "cancel <run>",
    "close a run without a merge; its work is kept",
    (yargs) => runId(yargs).option("reason", { type: "string", describe: "why" }),
    async (client, flags) => {
      const body = flags["reason"] === undefined ? {} : { reason: String(flags["reason"]) };
      return shown((await client.call("cancelRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  subcommand(
    "revert <run>",
    "take back what a merged run did to documents, by a new run; --done merges it at once",
    (yargs) => runId(yargs).option("done", { type: "boolean", default: false, describe: "merge at once" }),
    async (client, flags) => {
      const body = { done: flags["done"] === true };
      return shown((await client.call("revertRun", { params: { run_id: String(flags["run"]) }, body })).body);
    },
  ),
  subcommand(
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
    subcommands
      .reduce((all, each) => all.command(each), yargs)
      .demandCommand(1, "Say what to do with a run; --help lists it."),
  handler: () => undefined,
};
