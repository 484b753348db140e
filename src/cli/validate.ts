import type { Argv, CommandModule } from "yargs";
import type { Wire } from "../contract/wire.ts";
import type { RuntreeClient } from "../client/client.ts";
import { hasCode } from "../domain/errors.ts";
import { counted } from "../domain/verdict.ts";
import { EXIT } from "./exit.ts";
import { conflictLine, printData, violationLine } from "./output.ts";
import { readBodyFile } from "./body-file.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

export const validateCommand: CommandModule<object, CommonFlags & { files: string[] }> = {
  command: "validate <files..>",
  describe: "check submissions against main as the gate would; nothing is written",
  builder: (yargs) =>
    targetFlags(
      yargs.positional("files", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "files with {collection: {id: document}} or {collection: [documents]}; - for standard input",
      }),
    ) as unknown as Argv<CommonFlags & { files: string[] }>,
  handler: async (flags) => {
    const client = clientFor(flags);
    const verdicts: FileVerdict[] = [];
    for (const file of flags.files) verdicts.push(await verdictOf(client, file));
    printData(flags.json, verdicts, verdicts.map(verdictText).join("\n"));
    const [first] = verdicts.flatMap(({ refused }) => (refused === undefined ? [] : [refused]));
    if (first !== undefined) process.exitCode = first.code === "merge_conflict" ? EXIT.conflict : EXIT.invalid;
  },
};

interface FileVerdict {
  readonly file: string;
  readonly checked?: number;
  readonly refused?: Wire<"problem#Problem">;
}

/** What the gate would say of one file. Throws what is not a verdict: no server, no file, not JSON. */
async function verdictOf(client: RuntreeClient, file: string): Promise<FileVerdict> {
  const body = { done: true, body: readBodyFile(file) };
  try {
    const answer = await client.call("startRun", { params: { job_id: "custom" }, query: { dryRun: true }, body });
    return { file, checked: answer.body.merge?.verdict.checked ?? 0 };
  } catch (error) {
    const judged = hasCode(error, "validation_failed") || hasCode(error, "merge_conflict");
    if (!judged) throw error;
    // There is no run: it was a rehearsal.
    const { run: _, ...refused } = error.data["problem"] as Wire<"problem#Problem">;
    return { file, refused };
  }
}

function verdictText({ file, checked, refused }: FileVerdict): string {
  if (refused === undefined)
    return `${file}: valid, ${checked === 0 ? "changes nothing on main" : `${counted(checked ?? 0, "document")} checked`}`;
  const lines = [...(refused.errors ?? []).map(violationLine), ...(refused.conflicts ?? []).map(conflictLine)];
  return [`${file}: refused`, ...lines.map((line) => `  ${line}`)].join("\n");
}
