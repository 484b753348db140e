import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";
import { printData, table } from "./output.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

type DocumentFlags = CommonFlags & { readonly document: string; readonly at?: string | undefined };

interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

/** Reads `collection/id`. Throws `bad_request`. */
function nameOf(document: string): DocumentName {
  const slash = document.indexOf("/");
  if (slash < 1) throw new RuntreeError("bad_request", `Name a document as collection/id, not "${document}".`);
  return { collection: document.slice(0, slash), id: document.slice(slash + 1) };
}

/** A command about one document, whose answer is printed. */
function documentCommand(
  name: string,
  describe: string,
  action: (client: RuntreeClient, name: DocumentName, flags: DocumentFlags) => Promise<readonly [unknown, string]>,
  more: (yargs: Argv) => Argv = (yargs) => yargs,
): CommandModule<object, DocumentFlags> {
  return {
    command: `${name} <document>`,
    describe,
    builder: (yargs) =>
      targetFlags(
        more(yargs)
          .positional("document", { type: "string", demandOption: true, describe: "collection/id" })
          .option("json", { type: "boolean", default: false, describe: "print JSON" }),
      ) as unknown as Argv<DocumentFlags>,
    handler: async (flags) => {
      const [value, text] = await action(clientFor(flags), nameOf(flags.document), flags);
      printData(flags.json, value, text);
    },
  };
}

const short = (commit: string): string => commit.slice(0, 12);

export const showCommand: CommandModule<object, DocumentFlags> = documentCommand(
  "show",
  "print a document of main, or as it was; --json adds its entity tag and commit",
  async (client, params, { at }) => {
    const { body, headers } = await client.call("getDocument", { params, query: at === undefined ? {} : { at } });
    const about = { commit: headers["runtree-commit"], etag: headers["etag"]?.replaceAll('"', "") };
    return [{ ...about, document: body }, canonicalJson(body)];
  },
  (yargs) => yargs.option("at", { type: "string", describe: "a commit, a tag, a time, or run:<id>" }),
);

export const logCommand: CommandModule<object, DocumentFlags> = documentCommand(
  "log",
  "list the merges that changed a document, newest first",
  async (client, params) => {
    const { body } = await client.call("documentHistory", { params });
    const rows = body.items.map(({ commit, at, author, run_id, changes }) => [
      short(commit),
      at,
      author,
      run_id ?? "-",
      changes.map(({ op, pointers }) => `${op} ${pointers.join(" ")}`).join("; "),
    ]);
    return [body, table([["COMMIT", "AT", "BY", "RUN", "CHANGE"], ...rows])];
  },
);

export const blameCommand: CommandModule<object, DocumentFlags> = documentCommand(
  "blame",
  "tell for each field of a document which run changed it last",
  async (client, params) => {
    const { body } = await client.call("documentBlame", { params });
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
