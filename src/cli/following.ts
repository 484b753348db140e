import type { Argv } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { eventsIn, type ServerEvent } from "../client/server-events.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { Flags, Found } from "./command.ts";
import { note, printData, printLine } from "./output.ts";
import { type CommonFlags, targetOf } from "./target.ts";

/** Adds the flag that goes on printing. */
export function followFlag(yargs: Argv, describe: string): Argv {
  // Without a default, so that yargs can tell whether it is given.
  return yargs.option("follow", { type: "boolean", describe });
}

/** Is aborted when a person ends what goes on, or nobody reads its output any more. */
export function untilToldToEnd(): AbortSignal {
  const ending = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort());
  process.stdout.once("error", () => ending.abort());
  return ending.signal;
}

/** Refuses to follow where there is no server that would tell. Throws `bad_request`. */
export function requireServer(flags: CommonFlags, name = "--follow"): void {
  if ("url" in targetOf(flags)) return;
  const words = `${name} is told by a server; ask the one that serves this directory, with --url in place of --data.`;
  throw new RuntreeError("bad_request", words);
}

/**
 * What a server tells from now on, as it comes together, until `signal` ends it; first nothing, when none will be missed
 * any more. Throws `unreachable` when the server ends it.
 */
export async function* changes(client: RuntreeClient, signal: AbortSignal): AsyncGenerator<readonly ServerEvent[]> {
  const pieces = await client.follow("followEvents", signal);
  yield [];
  yield* eventsIn(pieces);
  if (!signal.aborted)
    throw new RuntreeError(
      "unreachable",
      "The server ended what it told; it was stopped, or does not take this key any more.",
    );
}

/** Prints something whenever it is not as it was printed last; with --json an object a line. */
export function printingAnew(json: boolean): (found: Found) => void {
  let last: string | null = null;
  return ([value, text]) => {
    const now = json ? JSON.stringify(value) : text;
    if (now === last) return;
    if (json) printLine(true, value, "");
    else printData(false, value, last === null ? text : `\n${text}`);
    last = now;
  };
}

/** A list whose items are told of by events. */
export interface FollowedList<Item> {
  /** What it is a list of. */
  readonly name: string;
  /** The id of the item that an event is about; null for another event. */
  readonly idIn: (event: ServerEvent) => string | null;
  /** The item after an event. */
  readonly read: (id: string, event: ServerEvent) => Promise<Item>;
  /** Tells whether an item belongs to the list. */
  readonly fits: (item: Item) => boolean;
  /** What it is told with. */
  readonly cells: (item: Item) => readonly string[];
}

/** How many items are remembered as they were printed last. */
const MOST_REMEMBERED = 10_000;

/** Prints a line for each item of a list when it changes, until a person ends it. Throws `bad_request` without a server. */
export async function followList<Item>(
  client: RuntreeClient,
  flags: Flags,
  { name, idIn, read, fits, cells }: FollowedList<Item>,
): Promise<null> {
  requireServer(flags);
  const printed = new Map<string, string>();
  const begun = (): void => note(`following ${name}; Ctrl-C ends it`);
  for await (const events of changes(client, untilToldToEnd())) {
    if (events.length === 0) begun();
    // Of several events the item is printed once, as it then is.
    const last = new Map(events.map((event) => [idIn(event), event]));
    for (const [id, event] of last) {
      if (id === null) continue;
      const item = await read(id, event);
      const line = cells(item).join("  ").trimEnd();
      const now = flags.json ? JSON.stringify(item) : line;
      if (!fits(item) || printed.get(id) === now) continue;
      if (printed.size >= MOST_REMEMBERED) printed.clear();
      printed.set(id, now);
      printLine(flags.json, item, `${"at" in event.data ? event.data.at : ""}  ${line}`);
    }
  }
  return null;
}
