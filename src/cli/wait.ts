import type { CommandModule } from "yargs";
import { RuntreeError } from "../domain/errors.ts";
import { askingCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { getRun, type Run, runArgument, shownRun } from "./run-text.ts";
import { waitFor } from "./waiting.ts";

/** The exit code that tells how a run ended. */
function outcomeOf({ status, merge }: Run): number {
  if (status === "success") return EXIT.ok;
  if (status !== "rejected") return EXIT.failed;
  return (merge?.verdict.conflicts.length ?? 0) > 0 ? EXIT.conflict : EXIT.invalid;
}

export const waitCommand: CommandModule = askingCommand(
  "wait <run>",
  "wait until a run is judged or closed; the exit code tells how it ended",
  (yargs) =>
    runArgument(yargs)
      .option("timeout", { type: "number", describe: "seconds to wait at most" })
      .epilogue(
        "Exit code: 0 merged, 3 rejected, 4 rejected for conflicts, 1 closed without a merge or still open after --timeout",
      ),
  async (client, flags) => {
    const seconds = flags["timeout"] === undefined ? null : Number(flags["timeout"]);
    if (seconds !== null && !(seconds >= 0 && seconds <= LONGEST_S))
      throw new RuntreeError("bad_request", `--timeout is a number of seconds from 0 to ${LONGEST_S}.`);
    const id = String(flags["run"]);
    const pending: ReadonlySet<string> = new Set(["waiting", "running", "merging"]);
    let last = "open";
    const look = async (): Promise<Run | null> => {
      const run = await getRun(client, id);
      last = run.status;
      return pending.has(run.status) ? null : run;
    };
    const signal = seconds === null ? new AbortController().signal : AbortSignal.timeout(seconds * 1000);
    const run = await waitFor(look, signal);
    if (run === null) {
      throw new RuntreeError("request_timeout", `Run ${id} is still ${last} after ${seconds} s; wait again for it.`);
    }
    process.exitCode = outcomeOf(run);
    return shownRun(run);
  },
);

/** Longer than this (s) a timer cannot wait. */
const LONGEST_S = 2_000_000;
