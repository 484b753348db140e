import type { CommandModule } from "yargs";
import type { Wire } from "../contract/wire.ts";
import type { Json } from "../domain/json.ts";
import { parsePointer, valueAt } from "../domain/pointer.ts";
import { askingCommand } from "./command.ts";
import { shown } from "./output.ts";
import { plain } from "./plain.ts";
import { runArgument } from "./run-text.ts";

/** What became of one document, on a line each: what was at a pointer, and what is there now. */
function changeText({ op, collection, id, pointers, before, after }: Wire<"run#RunDiff">["changes"][number]): string {
  const lines = pointers.map((pointer) => {
    const path = parsePointer(pointer) ?? [];
    const [old, now] = [valueAt(before as Json | undefined, path), valueAt(after as Json | undefined, path)];
    return `  ${plain(pointer) || '""'}: ${shown(old)} → ${shown(now)}`;
  });
  return [plain(`${op} ${collection}/${id}`), ...lines].join("\n");
}

export const diffCommand: CommandModule = askingCommand(
  "diff <run>",
  "show what a run changes, each field before and after",
  runArgument,
  async (client, flags) => {
    const { body } = await client.call("runDiff", { params: { run_id: String(flags["run"]) } });
    return [body, body.changes.length === 0 ? "no changes" : body.changes.map(changeText).join("\n")];
  },
);
