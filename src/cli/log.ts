import type { CommandModule } from "yargs";
import { askingCommand } from "./command.ts";
import { documentArgument, nameOf, short } from "./document.ts";
import { table } from "./table.ts";

export const logCommand: CommandModule = askingCommand(
  "log <document>",
  "list the merges that changed a document, newest first",
  documentArgument,
  async (client, flags) => {
    const { body } = await client.call("documentHistory", { params: { ...nameOf(String(flags["document"])) } });
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
