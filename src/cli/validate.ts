import type { CommandModule } from "yargs";
import type { Wire } from "../contract/wire.ts";
import { printData } from "./output.ts";
import { readBodyFile } from "./run.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

export const validateCommand: CommandModule<object, CommonFlags & { files: string[] }> = {
  command: "validate <files..>",
  describe: "check submissions against main as the gate would; nothing is written",
  builder: (yargs) =>
    targetFlags(
      yargs
        .positional("files", {
          type: "string",
          array: true,
          demandOption: true,
          describe: "files with {collection: {id: document}} or {collection: [documents]}; - for standard input",
        })
        .option("json", { type: "boolean", default: false, describe: "print JSON" }),
    ),
  handler: async (flags) => {
    const client = clientFor(flags);
    const verdicts: { file: string; verdict: NonNullable<Wire<"run#Run">["merge"]>["verdict"] | undefined }[] = [];
    for (const file of flags.files) {
      const body = { done: true, body: readBodyFile(file) };
      const answer = await client.call("startRun", { params: { job_id: "custom" }, query: { dryRun: true }, body });
      verdicts.push({ file, verdict: answer.body.merge?.verdict });
    }
    printData(
      flags.json,
      verdicts,
      verdicts.map(({ file, verdict }) => `${file}: valid, ${verdict?.checked ?? 0} documents checked`).join("\n"),
    );
  },
};
