import type { CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { askingCommand, type Flags, type Found } from "./command.ts";
import { followFlag, requireServer, untilToldToEnd } from "./following.ts";
import { printLine, printPiece } from "./output.ts";
import { runArgument } from "./run-text.ts";
import { table } from "./table.ts";

/** Gives what a run's process printed so far, for programs; for people it is printed as it is, and null. */
export async function shownLog(client: RuntreeClient, { json }: Flags, run_id: string): Promise<Found | null> {
  const { body: log } = await client.call("getRunLog", { params: { run_id } });
  if (json) return [{ run_id, log }, log];
  printPiece(log);
  return null;
}

/** What a run's process prints, as it comes, until it ends or `signal` ends it. */
export async function openLog(
  client: RuntreeClient,
  run_id: string,
  signal: AbortSignal,
): Promise<AsyncIterable<string>> {
  return client.follow("getRunLog", signal, { params: { run_id }, query: { follow: true } });
}

/** Prints a log as it comes; with --json an object for each line of it. */
export async function printLog({ json }: Flags, pieces: AsyncIterable<string>): Promise<void> {
  let begun = "";
  for await (const piece of pieces) {
    if (!json) {
      printPiece(piece);
      continue;
    }
    const lines = `${begun}${piece}`.split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) printLine(true, { line }, line);
  }
  if (begun !== "") printLine(true, { line: begun }, begun);
}

export const logOfRunCommand: CommandModule = askingCommand(
  "log <run>",
  "print what a run's process printed",
  (yargs) => followFlag(runArgument(yargs), "go on until it has ended; with --json an object a line"),
  async (client, flags) => {
    const id = String(flags["run"]);
    if (flags["follow"] !== true) return shownLog(client, flags, id);
    requireServer(flags);
    await printLog(flags, await openLog(client, id, untilToldToEnd()));
    return null;
  },
);

export const artifactsCommand: CommandModule = askingCommand(
  "artifacts <run>",
  "list the files that a run brought along",
  runArgument,
  async (client, flags) => {
    const { body } = await client.call("listRunArtifacts", { params: { run_id: String(flags["run"]) } });
    const rows = body.items.map(({ path, size, oid }) => [path, String(size), oid]);
    return [body, rows.length === 0 ? "no files" : table([["PATH", "BYTES", "OBJECT"], ...rows])];
  },
);

export const artifactCommand: CommandModule = askingCommand(
  "artifact <run> <path>",
  "print a file that a run brought along, as it is",
  (yargs) =>
    runArgument(yargs).positional("path", { type: "string", demandOption: true, describe: "its path in that list" }),
  async (client, flags) => {
    const [run_id, path] = [String(flags["run"]), String(flags["path"])];
    const { body, bytes = Buffer.from(body) } = await client.call("getRunArtifact", { params: { run_id, path } });
    if (flags.json) return [{ run_id, path, base64: Buffer.from(bytes).toString("base64") }, ""];
    // A terminal would obey what is in it.
    if (process.stdout.isTTY) printPiece(body);
    else process.stdout.write(bytes);
    return null;
  },
);
