import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";
import { isRunId } from "../domain/run-id.ts";
import { askingCommand, type Found } from "./command.ts";
import { showRun } from "./run-text.ts";
import { table } from "./table.ts";

/** Names a document. */
export interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

/** Reads `collection/id`. Throws `bad_request`. */
export function nameOf(document: string): DocumentName {
  const slash = document.indexOf("/");
  if (slash < 1) throw new RuntreeError("bad_request", `Name a document as collection/id, not "${document}".`);
  return { collection: document.slice(0, slash), id: document.slice(slash + 1) };
}

/** The positional argument that names a document. */
export function documentArgument(yargs: Argv): Argv {
  return yargs.positional("document", { type: "string", demandOption: true, describe: "collection/id" });
}

/** A commit's id as people read it. */
export function short(commit: string): string {
  return commit.slice(0, 12);
}

async function showDocument(client: RuntreeClient, params: DocumentName, at: string | undefined): Promise<Found> {
  const { body, headers } = await client.call("getDocument", { params, query: at === undefined ? {} : { at } });
  const about = { commit: headers["runtree-commit"], etag: headers["etag"]?.replaceAll('"', "") };
  return [{ ...about, document: body }, canonicalJson(body)];
}

export const showCommand: CommandModule = askingCommand(
  "show <what>",
  "print a document as it is or was, or a run; --json adds a document's entity tag and commit",
  (yargs) =>
    yargs
      .positional("what", { type: "string", demandOption: true, describe: "collection/id, or the id of a run" })
      .option("at", { type: "string", describe: "a document as it was: a commit, a tag, a time, or run:<id>" }),
  async (client, flags) => {
    const what = String(flags["what"]);
    const at = flags["at"] === undefined ? undefined : String(flags["at"]);
    if (what.includes("/")) return showDocument(client, nameOf(what), at);
    if (!isRunId(what))
      throw new RuntreeError("bad_request", `Name a document as collection/id, or a run by its id, not "${what}".`);
    if (at === undefined) return showRun(client, what);
    throw new RuntreeError("bad_request", "--at is for documents; a run is shown as it is.");
  },
);

export const blameCommand: CommandModule = askingCommand(
  "blame <document>",
  "tell for each field of a document which run changed it last",
  documentArgument,
  async (client, flags) => {
    const { body } = await client.call("documentBlame", { params: { ...nameOf(String(flags["document"])) } });
    const rows = Object.entries(body.blame).map(([pointer, { commit, at, author, run_id }]) => [
      pointer,
      short(commit),
      at,
      author,
      run_id ?? "-",
    ]);
    return [body, table([["POINTER", "COMMIT", "AT", "BY", "RUN"], ...rows])];
  },
);
