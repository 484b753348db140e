import type { Argv, CommandModule } from "yargs";
import { RuntreeError } from "../domain/errors.ts";
import { askingCommand, type Flags } from "./command.ts";
import { EXIT } from "./exit.ts";
import { getRun, type Run, runArgument, shownRun } from "./run-text.ts";
import { waitFor } from "./waiting.ts";

/** The exit code that tells how a run ended. */
export function outcomeOf({ status, merge }: Run): number {
  if (status === "success") return EXIT.ok;
  if (status !== "rejected") return EXIT.failed;
  return (merge?.verdict.conflicts.length ?? 0) > 0 ? EXIT.conflict : EXIT.invalid;
}

/** Longer than this (s) a timer cannot wait. */
const LONGEST_S = 2_000_000;

/** Adds the flag that says how long to wait. */
export function timeoutFlag(yargs: Argv): Argv {
  return yargs.option("timeout", { type: "number", describe: "seconds to wait at most" });
}

/**
 * Looks at something again and again while it is pending, for as long as `--timeout` says. Throws `request_timeout`, and
 * `bad_request` for a time that is none.
 */
export async function waitUntilEnded<Thing extends { readonly status: string }>(
  flags: Flags,
  name: string,
  look: () => Promise<Thing>,
  pending: ReadonlySet<string>,
): Promise<Thing> {
  const seconds = flags["timeout"] === undefined ? null : Number(flags["timeout"]);
  if (seconds !== null && !(seconds >= 0 && seconds <= LONGEST_S))
    throw new RuntreeError("bad_request", `--timeout is a number of seconds from 0 to ${LONGEST_S}.`);
  let last = "open";
  const lookAgain = async (): Promise<Thing | null> => {
    const thing = await look();
    last = thing.status;
    return pending.has(last) ? null : thing;
  };
  const signal = seconds === null ? new AbortController().signal : AbortSignal.timeout(seconds * 1000);
  const ended = await waitFor(lookAgain, signal);
  if (ended !== null) return ended;
  throw new RuntreeError("request_timeout", `${name} is still ${last} after ${seconds} s; wait again for it.`);
}

const PENDING: ReadonlySet<string> = new Set(["waiting", "running", "merging"]);

export const waitCommand: CommandModule = askingCommand(
  "wait <run>",
  "wait until a run is judged or closed; the exit code tells how it ended",
  (yargs) =>
    timeoutFlag(runArgument(yargs)).epilogue(
      "Exit code: 0 merged, 3 rejected, 4 rejected for conflicts, 1 closed without a merge or still open after --timeout",
    ),
  async (client, flags) => {
    const id = String(flags["run"]);
    const run = await waitUntilEnded(flags, `Run ${id}`, async () => getRun(client, id), PENDING);
    process.exitCode = outcomeOf(run);
    return shownRun(run);
  },
);
