import type { Argv, CommandModule } from "yargs";
import type { RuntreeClient } from "../client/client.ts";
import { printData } from "./output.ts";
import { clientFor, type CommonFlags, targetFlags } from "./target.ts";

/** The flags of a command, by their names. */
export type Flags = CommonFlags & Readonly<Record<string, unknown>>;

/** What a command found: the value that --json prints, and the words for people. */
export type Found = readonly [value: unknown, text: string];

/** A command that asks a server or a repository: arguments and flags of its own, then an action whose answer is printed. */
export function askingCommand(
  command: string,
  describe: string,
  more: (yargs: Argv) => Argv,
  action: (client: RuntreeClient, flags: Flags) => Promise<Found>,
): CommandModule {
  return {
    command,
    describe,
    builder: (yargs) => targetFlags(more(yargs)),
    handler: async (given) => {
      const flags = given as unknown as Flags;
      const [value, text] = await action(clientFor(flags), flags);
      printData(flags.json, value, text);
    },
  };
}
