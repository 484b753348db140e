import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { Found } from "./command.ts";
import { type DocumentName, nameOf, short } from "./document.ts";
import { untilToldToEnd } from "./following.ts";
import { followMerges } from "./merges.ts";
import { note, printData, printLine } from "./output.ts";
import type { Run } from "./run-text.ts";
import { table } from "./table.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

/** How many merges are listed unless told. */
const FEW = 50;

/** What a merge is told with. */
function mergeCells({ merge, completed_at, created_by, id, job_id }: Run): string[] {
  return [short(merge?.commit ?? ""), completed_at ?? "", created_by, id, job_id];
}

async function logOfMain(client: RuntreeClient, limit: number): Promise<Found> {
  const { body } = await client.call("listRuns", { params: {}, query: { status: "success", limit } });
  const rows = body.items.map(mergeCells);
  return [body, rows.length === 0 ? "no merges yet" : table([["COMMIT", "AT", "BY", "RUN", "JOB"], ...rows])];
}

async function logOfDocument(client: RuntreeClient, name: DocumentName, limit: number | undefined): Promise<Found> {
  const { body } = await client.call("documentHistory", { params: { ...name } });
  const items = body.items.slice(0, limit);
  const rows = items.map(({ commit, at, author, run_id, changes }) => [
    short(commit),
    at,
    author,
    run_id ?? "-",
    changes.map(({ op, pointers }) => `${op} ${pointers.join(" ")}`).join("; "),
  ]);
  return [{ items }, table([["COMMIT", "AT", "BY", "RUN", "CHANGE"], ...rows])];
}

/** Prints merges as they come, until a person ends it or nobody reads any more. */
async function follow(client: RuntreeClient, json: boolean): Promise<void> {
  const begun = (): void => note("following the merges into main; Ctrl-C ends it");
  for await (const run of followMerges(client, untilToldToEnd(), begun))
    printLine(json, run, mergeCells(run).join("  "));
}

type LogFlags = CommonFlags & { document?: string; limit?: number; follow: boolean };

export const logCommand: CommandModule<object, LogFlags> = {
  command: "log [document]",
  describe: "list the merges into main, or those that changed a document",
  builder: (yargs) =>
    targetFlags(
      yargs
        .positional("document", {
          type: "string",
          describe: "collection/id, newest merge first; without it all merges, those of runs begun last first",
        })
        .option("limit", { type: "number", describe: `how many at most (default ${FEW}; of a document all)` })
        .option("follow", {
          type: "boolean",
          default: false,
          describe: "print merges into main as they come; with --json an object a line",
        }),
    ) as unknown as Argv<LogFlags>,
  handler: async (flags) => {
    const { document, limit, json } = flags;
    if (limit !== undefined && limit < 1) throw new RuntreeError("bad_request", "--limit is at least 1.");
    const client = clientFor(flags);
    if (flags.follow) {
      if (document !== undefined || limit !== undefined)
        throw new RuntreeError("bad_request", "--follow tells every merge into main as it comes; leave out the rest.");
      await follow(client, json);
      return;
    }
    const [value, text] = await (document === undefined
      ? logOfMain(client, limit ?? FEW)
      : logOfDocument(client, nameOf(document), limit));
    printData(json, value, text);
  },
};
