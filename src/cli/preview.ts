import type { CommandModule } from "yargs";
import { askingCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { conflictLine, violationLine } from "./output.ts";
import { runArgument } from "./run-text.ts";

export const previewCommand: CommandModule = askingCommand(
  "preview <run>",
  "ask what the gate would say of a run now; exit code 3 when it would refuse, 4 for conflicts",
  runArgument,
  async (client, flags) => {
    const { body } = await client.call("previewRun", { params: { run_id: String(flags["run"]) } });
    const lines = [...body.violations.map(violationLine), ...body.conflicts.map(conflictLine)];
    if (!body.mergeable) process.exitCode = body.conflicts.length > 0 ? EXIT.conflict : EXIT.invalid;
    const outcome = body.mergeable ? `mergeable into ${body.main}` : "not mergeable";
    return [body, [outcome, ...lines.map((line) => `  ${line}`)].join("\n")];
  },
);
