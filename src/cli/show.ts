import type { CommandModule } from "yargs";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";
import { printData } from "./output.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

export const showCommand: CommandModule<object, CommonFlags & { document: string; at: string | undefined }> = {
  command: "show <document>",
  describe: "print a document of main, or as it was",
  builder: (yargs) =>
    targetFlags(
      yargs
        .positional("document", { type: "string", demandOption: true, describe: "collection/id" })
        .option("at", { type: "string", describe: "a commit, a tag, a time, or run:<id>" })
        .option("json", { type: "boolean", default: false, describe: "print it with its entity tag and commit" }),
    ),
  handler: async (flags) => {
    const slash = flags.document.indexOf("/");
    if (slash < 1) throw new RuntreeError("bad_request", `Name a document as collection/id, not "${flags.document}".`);
    const params = { collection: flags.document.slice(0, slash), id: flags.document.slice(slash + 1) };
    const { body, headers } = await clientFor(flags).call("getDocument", {
      params,
      query: flags.at === undefined ? {} : { at: flags.at },
    });
    const about = { commit: headers["runtree-commit"], etag: headers["etag"]?.replaceAll('"', "") };
    printData(flags.json, { ...about, document: body }, canonicalJson(body));
  },
};
