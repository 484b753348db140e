import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { printData } from "./output.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

/** The flags of a command, by their names. */
export type Flags = CommonFlags & Readonly<Record<string, unknown>>;

/** What a command found: the value that --json prints, and the words for people. */
export type Found = readonly [value: unknown, text: string];

/** Adds the flags that say which page of a list is wanted. */
export function pageFlags(yargs: Argv): Argv {
  return yargs
    .option("limit", { type: "number", defaultDescription: "50", describe: "how many at most" })
    .option("offset", { type: "number", defaultDescription: "0", describe: "how many to skip" });
}

/** The page that the flags ask for. */
export function pageAsked(flags: Flags): { readonly limit?: number; readonly offset?: number } {
  return { limit: flags["limit"], offset: flags["offset"] } as { limit?: number; offset?: number };
}

/** Adds the flag that makes a request repeatable. */
export function keyFlag(yargs: Argv): Argv {
  return yargs.option("idempotency-key", {
    type: "string",
    describe: "a key that makes a repeated request harmless",
  });
}

/** The header of a request that is made with such a key. */
export function keyHeader(flags: Flags): Record<string, string> {
  return flags["idempotency-key"] === undefined ? {} : { "idempotency-key": String(flags["idempotency-key"]) };
}

/** A command that is a group of others; without any of them it says that one is wanted, or does what its default does. */
export function groupOf(
  command: string,
  describe: string,
  commands: readonly CommandModule[],
  say: string | null,
): CommandModule {
  return {
    command,
    describe,
    builder: (yargs) => {
      const group = commands.reduce((all, each) => all.command(each), yargs);
      return say === null ? group : group.demandCommand(1, say);
    },
    handler: () => undefined,
  };
}

/**
 * A command that asks a server or a repository: arguments and flags of its own, then an action whose answer is printed;
 * null where the action printed it as it came.
 */
export function askingCommand(
  command: string | readonly string[],
  describe: string,
  more: (yargs: Argv) => Argv,
  action: (client: RuntreeClient, flags: Flags) => Promise<Found | null>,
): CommandModule {
  return {
    command,
    describe,
    builder: (yargs) => targetFlags(more(yargs)),
    handler: async (given) => {
      const flags = given as unknown as Flags;
      const found = await action(clientFor(flags), flags);
      if (found !== null) printData(flags.json, ...found);
    },
  };
}
